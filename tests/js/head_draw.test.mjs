// The geometry of the head view: columns at every width, and the line under the mouse.
import test from "node:test";
import assert from "node:assert/strict";
import { layoutFor, lineAt, yOf, ROW } from "../../attnlib/views/head/draw.js";

test("columns fit from a phone to a wide screen", () => {
  for (const width of [220, 300, 360, 700, 1600]) {
    for (const label of [5, 60, 4000]) {
      const l = layoutFor(width, label);
      assert.ok(l.gutter > 0 && l.left < l.right, `${width} ${label}`);
      assert.ok(l.right - l.left >= width * 0.12, "room for lines");
      assert.equal(l.right + l.column + l.gutter, width);
    }
  }
});

function scene(queries, keys, entries, top = 0) {
  const w = new Float32Array(2 * queries * keys);
  for (const [h, q, k, v] of entries) w[(h * queries + q) * keys + k] = v;
  const at = (n) => Int32Array.from({ length: n }, (_, i) => i);
  return {
    top,
    height: 600,
    layout: { left: 100, right: 300 },
    on: [0, 1],
    attention: { heads: 2, queries, keys, w },
    keys: [...at(keys)],
    queryAt: at(queries),
    keyAt: at(keys),
  };
}
const shown = (_h, _q, _k, v) => v > 0;

test("the line under the mouse is found, anywhere along it", () => {
  const s = scene(10, 12, [[1, 2, 9, 0.5]]);
  for (const t of [0.05, 0.3, 0.5, 0.9]) {
    const y = yOf(s, 2) + t * (yOf(s, 9) - yOf(s, 2));
    const found = lineAt(s, 100 + 200 * t, y + 1, shown);
    assert.deepEqual([found.head, found.query, found.key], [1, 2, 9]);
    assert.equal(lineAt(s, 100 + 200 * t, y + 3 * ROW, shown), null);
  }
});

test("of several lines the strongest one is named, hidden ones never", () => {
  const s = scene(4, 4, [
    [0, 1, 1, 0.2],
    [1, 1, 1, 0.7],
    [0, 0, 2, 0.9],
  ]);
  assert.equal(lineAt(s, 150, yOf(s, 1), (_h, q, _k, v) => v > 0 && q === 1).head, 1);
  assert.equal(lineAt(s, 150, yOf(s, 1), (_h, _q, _k, v) => v > 0 && v < 0.5).weight.toFixed(1), "0.2");
});

test("scrolling moves the lines", () => {
  const s = scene(30, 30, [[0, 20, 20, 1]], 300);
  assert.deepEqual(lineAt(s, 200, 20 * ROW + 6 + ROW / 2 - 300, shown)?.query, 20);
});
