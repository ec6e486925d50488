// The matrix view's arithmetic: values, colours, sizes, the cell under a point, words about it.
import test from "node:test";
import assert from "node:assert/strict";
import {
  valuesOf,
  presentOf,
  shareOfColor,
  pixelsOf,
  rampOf,
  layoutOf,
  cellAt,
  moveCell,
  sayCell,
  labelOn,
} from "../../attnlib/views/matrix/shown.js";
import { rgbOf } from "../../attnlib/views/shared/colors.js";
import { shorten } from "../../attnlib/views/shared/canvas.js";

const light = { background: "#ffffff", accent: "#0b63b0", dark: false };
const row = {
  labels: ["The", "really", "old", "She → He"],
  a: ["The", null, "old", "She"],
  b: ["The", "really", null, "He"],
};
const steps = (...numbers) => Uint16Array.from(numbers, (v) => Math.round(v * 65535));

test("the difference is B − A, its scale the largest but not below a floor", () => {
  const { diff, scale } = valuesOf({ a: steps(0.2, 0.8), b: steps(0.7, 0.3) });
  assert.ok(Math.abs(diff[0] - 0.5) < 1e-4 && Math.abs(diff[1] + 0.5) < 1e-4 && Math.abs(scale - 0.5) < 1e-4);
  assert.equal(valuesOf({ a: steps(0.2), b: steps(0.21) }).scale, 0.1);
  assert.deepEqual([valuesOf({ a: steps(1) }).diff, valuesOf({ a: steps(1) }).scale], [null, 1]);
});

test("a row of the difference is there where both prompts have it", () => {
  assert.deepEqual(presentOf(row, "a"), [true, false, true, true]);
  assert.deepEqual(presentOf(row, "b"), [true, true, false, true]);
  assert.deepEqual(presentOf(row, "diff"), [true, false, false, true]);
  assert.deepEqual(presentOf({ labels: ["x"] }, "a"), [true]);
});

test("pixels carry the sign's colour, and nothing where there is nothing to compare", () => {
  const values = valuesOf({ a: steps(0, 0.5, 0, 0), b: steps(0.5, 0, 0, 0) });
  const pixels = pixelsOf(values, "diff", 2, [true, false], light);
  assert.deepEqual([...pixels.slice(0, 4)], [...rgbOf("#c25400"), 255]);
  assert.deepEqual([...pixels.slice(4, 8)], [...rgbOf("#0b5fb8"), 255]);
  assert.deepEqual([...pixels.slice(8)], Array(8).fill(0));
});

test("swapping A and B swaps the colours of the difference", () => {
  const [one, other] = [
    { a: steps(0.1, 0.4), b: steps(0.3, 0) },
    { a: steps(0.3, 0), b: steps(0.1, 0.4) },
  ];
  const theme = { ...light };
  const [p, q] = [one, other].map((arrays) => pixelsOf(valuesOf(arrays), "diff", 2, [true], theme));
  assert.notDeepEqual([...p.slice(0, 4)], [...q.slice(0, 4)]);
  assert.ok(p[0] > p[2] && p[4] < p[6] && q[0] < q[2] && q[4] > q[6]);
});

test("the legend shows the colours that the pixels have", () => {
  const values = valuesOf({ a: steps(0, 0.1, 0.5, 1) });
  const pixels = pixelsOf(values, "a", 4, [true], light);
  const ramp = rampOf("a", 1, light).map(rgbOf);
  for (const [cell, place] of [
    [0, 0],
    [1, 1],
    [2, 5],
    [3, 10],
  ])
    ramp[place].forEach((v, c) => assert.ok(Math.abs(v - pixels[4 * cell + c]) <= 3));
  assert.deepEqual(rgbOf(rampOf("diff", 0.4, light)[5]), [255, 255, 255]);
  assert.equal(shareOfColor(0.2, "diff", 0.4), 0.5);
});

test("cells fit the width, from 24 pixels down to 2", () => {
  assert.equal(layoutOf(1168, 9, 9, 60).cell, 24);
  const middle = layoutOf(600, 40, 40, 60);
  assert.ok(middle.cell >= 12 && middle.width <= 600 && middle.every === 1);
  const large = layoutOf(1168, 512, 512, 60);
  assert.ok(large.cell === 2 && large.every * large.cell >= 13);
  assert.ok(layoutOf(328, 512, 512, 300).left < 110, "labels leave room");
});

test("a point is a cell, also scrolled, and not over the labels", () => {
  const layout = { cell: 10, left: 50, top: 40 };
  assert.deepEqual(cellAt(layout, [5, 6], [50, 40], [0, 0]), [0, 0]);
  assert.deepEqual(cellAt(layout, [5, 6], [69, 41], [30, 20]), [2, 4]);
  for (const point of [
    [49, 60],
    [60, 39],
    [111, 60],
    [60, 91],
  ])
    assert.equal(cellAt(layout, [5, 6], point, [0, 0]), null);
});

test("keys move through the cells and stop at the edges", () => {
  const size = [3, 4];
  assert.deepEqual(moveCell(null, size, "ArrowDown"), [0, 0]);
  assert.deepEqual(moveCell([0, 0], size, "ArrowDown"), [1, 0]);
  assert.deepEqual(moveCell([2, 3], size, "ArrowRight"), [2, 3]);
  assert.deepEqual(moveCell([1, 2], size, "Home"), [1, 0]);
  assert.deepEqual(moveCell([1, 2], size, "End"), [1, 3]);
  assert.deepEqual(moveCell([1, 2], size, "End", true), [2, 3]);
  assert.equal(moveCell([1, 2], size, "x"), null);
});

test("a cell in words, of a text and of a pair", () => {
  const one = { queries: { labels: [" She", " doctor"] }, keys: null };
  assert.equal(sayCell(one, valuesOf({ a: steps(0.5, 0.25, 0, 1) }), [0, 1]), "“She” looks at “doctor”: .250");
  const arrays = { a: new Uint16Array(16), b: new Uint16Array(16) };
  [arrays.a[12], arrays.b[12], arrays.b[13], arrays.b[4]] = steps(0.213, 0.603, 0.2, 0.7);
  const say = (q, k) => sayCell({ queries: row, keys: null }, valuesOf(arrays), [q, k]);
  assert.equal(say(3, 0), "“She → He” looks at “The”: A .213  B .603  B − A +.390");
  assert.equal(say(3, 1), "“She → He” looks at “really”: A –  B .200  B − A +.200\n“really” is only in B");
  assert.equal(say(1, 0), "“really” looks at “The”: A –  B .700\n“really” is only in B: no row to compare");
  assert.equal(say(2, 2), "“old” looks at “old”: A .000  B –\n“old” is only in A: no row to compare");
});

test("labels are those of the shown side", () => {
  assert.deepEqual(
    ["a", "b", "diff"].map((side) => labelOn(row, 3, side)),
    ["She", "He", "She → He"],
  );
  assert.equal(labelOn(row, 1, "a"), "–");
  assert.equal(labelOn({ labels: [" x "] }, 0, "a"), "x");
});

test("a label is cut between whole characters", () => {
  const measure = (text) => [...new Intl.Segmenter().segment(text)].length;
  assert.equal(shorten("doctor", 6, measure), "doctor");
  assert.equal(shorten("doctors", 6, measure), "docto…");
  assert.equal(shorten("👩‍⚕️👩‍⚕️👩‍⚕️", 2, measure), "👩‍⚕️…");
  assert.equal(shorten("abc", 0, measure), "…");
});
