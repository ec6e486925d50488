// Reading payloads, names of heads, and colours.
import test from "node:test";
import assert from "node:assert/strict";
import { readPayload } from "../../attnlib/views/shared/payload.js";
import { headColors, isDark, rgbOf } from "../../attnlib/views/shared/colors.js";
import { labelOf, anyLabel, nameHead } from "../../attnlib/views/shared/heads.js";

/** A frame as payload.py writes it, at an odd offset of its buffer as a websocket may deliver it. */
function frame(header, arrays) {
  const blobs = Object.values(arrays).map((a) => new Uint8Array(a.buffer));
  const described = {};
  let offset = 0;
  Object.entries(arrays).forEach(([name, a]) => {
    described[name] = { dtype: a instanceof Uint16Array ? "uint16" : "float32", shape: [a.length], offset };
    offset += Math.ceil(a.byteLength / 8) * 8;
  });
  const text = new TextEncoder().encode(JSON.stringify({ ...header, arrays: described }));
  const start = Math.ceil((8 + text.length) / 8) * 8;
  const bytes = new Uint8Array(3 + start + offset).subarray(3);
  bytes.set(new TextEncoder().encode("ATTN"));
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(4, text.length, true);
  bytes.set(text, 8);
  blobs.forEach((b, n) => bytes.set(b, start + Object.values(described)[n].offset));
  return bytes;
}

test("header and arrays come back from any offset", () => {
  const bytes = frame({ labels: ["é", "日"] }, { w: Uint16Array.of(1, 2, 3), p: Float32Array.of(0.5) });
  const { header, arrays } = readPayload(bytes);
  assert.deepEqual(header.labels, ["é", "日"]);
  assert.deepEqual([...arrays.w], [1, 2, 3]);
  assert.deepEqual([...arrays.p], [0.5]);
});

test("other bytes are refused", () => {
  assert.throws(() => readPayload(new Uint8Array(20)), /not an attention payload/);
  assert.throws(() => readPayload("text"), /not an attention payload/);
});

test("a head's label is found by its place; what is not there is none", () => {
  assert.equal(labelOf(["", "previous token .93"], 1), "previous token .93");
  assert.equal(labelOf([["a"], ["b", "c"]], 1, 1), "c");
  for (const none of [labelOf(undefined, 0), labelOf(null, 0, 1), labelOf([], 0, 1), labelOf([["a"]], 0, 1)])
    assert.equal(none, "");
  assert.equal(labelOf([" two\n\tlines "], 0), "two lines");
});

test("whether anything is known of any head", () => {
  for (const none of [undefined, null, [], ["", ""], [[""], []]]) assert.equal(anyLabel(none), false);
  assert.ok(anyLabel(["", "a"]) && anyLabel([[""], ["", "a"]]));
});

test("a head is named with its label, for eyes and for ears", () => {
  assert.equal(nameHead("head 2", "previous token .93"), "head 2 · previous token .93");
  assert.equal(nameHead("head 2", "previous token .93", ", "), "head 2, previous token .93");
  assert.equal(nameHead("head 2", ""), "head 2");
});

const distance = (a, b) => Math.hypot(...rgbOf(a).map((v, i) => v - rgbOf(b)[i]));
/** WCAG contrast of two colours. */
function contrast(a, b) {
  const light = (color) => {
    const [r, g, bl] = rgbOf(color).map((v) =>
      v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * bl;
  };
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

for (const heads of [1, 2, 4, 8, 12, 16, 25, 32, 64]) {
  for (const dark of [false, true]) {
    test(`${heads} heads have ${heads} colours, ${dark ? "dark" : "light"}`, () => {
      const colors = headColors(heads, dark);
      assert.equal(new Set(colors).size, heads);
      for (const color of colors)
        assert.ok(contrast(color, dark ? "#12161c" : "#ffffff") >= 3, `${color} can be seen`);
      for (let h = 1; h < heads; h++) assert.ok(distance(colors[h], colors[h - 1]) > 40, "neighbours differ");
      if (heads <= 16)
        colors.forEach((a, i) => colors.forEach((b, j) => i < j && assert.ok(distance(a, b) > 12, `${a} ${b}`)));
    });
  }
}

test("dark and light are told apart", () => {
  assert.ok(isDark("#12161c") && isDark("rgb(20, 20, 30)"));
  assert.ok(!isDark("#ffffff") && !isDark("rgba(255, 255, 255, 0.9)"));
});
