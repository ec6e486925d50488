// The arithmetic behind the views, against hand calculations and plain slow loops.
import test from "node:test";
import assert from "node:assert/strict";
import {
  decodeWeights,
  mergeWords,
  hideKeys,
  massCutoffs,
  chooseLines,
  placeOf,
  profile,
  combine,
  strongestOnly,
  opacity,
} from "../../attnlib/views/shared/attention.js";

const close = (a, b, eps = 1e-6) => assert.ok(Math.abs(a - b) <= eps, `${a} is not ${b}`);
/** A small random attention with rows that sum to one, the same at every run. */
function attentionOf(heads, queries, keys, seed = 1) {
  let s = seed;
  const random = () => {
    s = (s * 16807) % 2147483647;
    return s / 2147483647;
  };
  const w = new Float32Array(heads * queries * keys).map(() => random() ** 4 + 1e-6);
  for (let r = 0; r < heads * queries; r++) {
    const sum = w.subarray(r * keys, (r + 1) * keys).reduce((a, b) => a + b);
    for (let k = 0; k < keys; k++) w[r * keys + k] /= sum;
  }
  return { heads, queries, keys, w };
}
const at = (a, h, q, k) => a.w[(h * a.queries + q) * a.keys + k];
const everything = (n) => Array.from({ length: n }, (_, i) => i);

test("a packed triangle becomes a full matrix with an empty future", () => {
  const packed = Uint16Array.of(65535, 0, 65535, 6554, 13107, 45874);
  const a = decodeWeights({ heads: 1, triangle: true, queries: { labels: ["a", "b", "c"] } }, packed);
  assert.deepEqual(
    [...a.w].map((v) => +v.toFixed(3)),
    [1, 0, 0, 0, 1, 0, 0.1, 0.2, 0.7],
  );
});

test("query and key are not swapped in a rectangle", () => {
  const header = { heads: 1, triangle: false, queries: { labels: ["q"] }, keys: { labels: ["x", "y"] } };
  const a = decodeWeights(header, Uint16Array.of(65535, 0));
  assert.deepEqual([a.queries, a.keys, at(a, 0, 0, 0), at(a, 0, 0, 1)], [1, 2, 1, 0]);
});

test("words: attention to a word is the sum, from a word the mean", () => {
  const a = { heads: 1, queries: 3, keys: 3, w: Float32Array.of(1, 0, 0, 0.5, 0.5, 0, 0.2, 0.3, 0.5) };
  const m = mergeWords(a, [[0], [1, 2]], [[0], [1, 2]]);
  [1, 0, 0.35, 0.65].forEach((v, i) => close(m.w[i], v));
});

test("merging keeps row sums", () => {
  const a = attentionOf(3, 7, 7);
  const words = [[0, 1], [2], [3, 4, 5], [6]];
  const m = mergeWords(a, words, words);
  for (let r = 0; r < 3 * 4; r++)
    close(
      m.w.subarray(r * 4, r * 4 + 4).reduce((x, y) => x + y),
      1,
      1e-5,
    );
});

test("hiding keys divides the rest and tells what was removed", () => {
  const a = { heads: 1, queries: 2, keys: 3, w: Float32Array.of(0.5, 0.3, 0.2, 1, 0, 0) };
  const { attention, removed } = hideKeys(a, [true, false, false]);
  [0, 0.6, 0.4, 0, 0, 0].forEach((v, i) => close(attention.w[i], v));
  close(removed[0], 0.5);
  close(removed[1], 1);
});

test("the cutoff keeps the smallest set that holds the mass", () => {
  const a = { heads: 1, queries: 2, keys: 4, w: Float32Array.of(0.4, 0.3, 0.2, 0.1, 0.25, 0.25, 0.25, 0.25) };
  const cut = massCutoffs(a, 0.7);
  close(cut[0], 0.3);
  close(cut[1], 0.25); // ties are kept together
  assert.deepEqual([...massCutoffs(a, 1)], [0, 0]);
  const big = attentionOf(2, 20, 20, 7);
  const cuts = massCutoffs(big, 0.9);
  for (let r = 0; r < 40; r++) {
    const kept = [...big.w.subarray(r * 20, r * 20 + 20)].filter((v) => v >= cuts[r]).sort((x, y) => x - y);
    const sum = kept.reduce((x, y) => x + y, 0);
    assert.ok(sum >= 0.9 - 1e-5 && sum - kept[0] < 0.9 + 1e-5);
  }
});

test("the strongest lines are chosen, never more than asked for", () => {
  const a = attentionOf(4, 30, 30, 3);
  const all = {
    on: [0, 2],
    queries: everything(30),
    keys: everything(30),
    cutoffs: new Float32Array(120),
    most: 200,
  };
  const { index, total, weakest } = chooseLines(a, all);
  assert.equal(total, 1800);
  assert.equal(index.length, 200);
  const sorted = [0, 2].flatMap((h) => [...a.w.subarray(h * 900, h * 900 + 900)]).sort((x, y) => y - x);
  close(weakest, sorted[199], 1 / 4096 + 1e-6);
  for (const i of index) assert.ok([0, 2].includes(placeOf(a, i)[0]) && a.w[i] >= weakest);
});

test("flat attention still draws, evenly", () => {
  const a = { heads: 1, queries: 100, keys: 100, w: new Float32Array(10000).fill(0.01) };
  const { index } = chooseLines(a, {
    on: [0],
    queries: everything(100),
    keys: everything(100),
    cutoffs: new Float32Array(100),
    most: 1000,
  });
  assert.ok(index.length > 900 && index.length <= 1000);
  assert.ok(new Set([...index].map((i) => placeOf(a, i)[1])).size > 90, "lines from nearly every query");
});

test("only shown queries and keys have lines", () => {
  const a = attentionOf(1, 6, 6);
  const { index } = chooseLines(a, {
    on: [0],
    queries: [0, 1],
    keys: [4, 5],
    cutoffs: new Float32Array(6),
    most: 99,
  });
  assert.deepEqual(
    [...index].map((i) => placeOf(a, i).slice(1).join()),
    ["0,4", "0,5", "1,4", "1,5"],
  );
});

test("profiles sum the selected tokens, on either side", () => {
  const a = attentionOf(2, 4, 5, 9);
  const fromQueries = profile(a, [1], "q", [0, 3])[0];
  for (let k = 0; k < 5; k++) close(fromQueries[k], at(a, 1, 0, k) + at(a, 1, 3, k));
  const toKeys = profile(a, [0], "k", [2])[0];
  for (let q = 0; q < 4; q++) close(toKeys[q], at(a, 0, q, 2));
});

test("heads combine as mean or maximum", () => {
  const two = [Float32Array.of(0.2, 0.8), Float32Array.of(0.6, 0)];
  [0.4, 0.4].forEach((v, i) => close(combine(two, "mean")[i], v));
  [0.6, 0.8].forEach((v, i) => close(combine(two, "max")[i], v));
});

test("the strongest head alone keeps its line", () => {
  const a = attentionOf(3, 4, 4, 5);
  const s = strongestOnly(a, [0, 2]);
  for (let q = 0; q < 4; q++) {
    for (let k = 0; k < 4; k++) {
      close(Math.max(at(s, 0, q, k), at(s, 2, q, k)), Math.max(at(a, 0, q, k), at(a, 2, q, k)));
      assert.equal(Math.min(at(s, 0, q, k), at(s, 2, q, k)), 0);
      assert.equal(at(s, 1, q, k), 0);
    }
  }
});

test("opacity is the weight shared among the heads, or the weight", () => {
  close(opacity(0.6, "mean", 12), 0.05);
  close(opacity(0.6, "max", 12), 0.6);
});
