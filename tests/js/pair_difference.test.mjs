// The signed mode of the head view: B − A, its scale and lines, words and hidden keys per prompt, what is said.
import test from "node:test";
import assert from "node:assert/strict";
import { difference, largestChange, scaleOf, combinePair, shareOf } from "../../attnlib/views/pair/difference.js";
import { decodePayload, mergeWords, placeOf, profile } from "../../attnlib/views/shared/attention.js";
import { shownOf, unitsOf, noteText, isVisible } from "../../attnlib/views/head/shown.js";
import { pairTitle, pairTip, spokenChange, labelsOf, onlyIn } from "../../attnlib/views/head/pair_words.js";
import { initialState } from "../../attnlib/views/head/state.js";

const close = (a, b, eps = 1e-6) => assert.ok(Math.abs(a - b) <= eps, `${a} is not ${b}`);
const state = (changes) => ({ ...initialState(true), ...changes });
const index = (a, h, q, k) => (h * a.queries + q) * a.keys + k;

/** Six units: one is only in B, one only in A, one is replaced, and "un" + "##do" are a word. */
const row = {
  labels: ["[CLS]", "un", "##do", "very", "old", "she → he"],
  a: ["[CLS]", "un", "##do", null, "old", "she"],
  b: ["[CLS]", "un", "##do", "very", null, "he"],
  kinds: ["equal", "equal", "equal", "inserted", "deleted", "replaced"],
  special: [0],
  words: [[0], [1, 2], [3], [4], [5]],
};
const header = { heads: 3, pair: true, queries: row, keys: null };
const swappedRow = { ...row, a: row.b, b: row.a, labels: ["[CLS]", "un", "##do", "very", "old", "he → she"] };
const swapped = { ...header, queries: swappedRow };

/** Attention of a prompt over the units: rows sum to one, nothing to or from a unit that is not there. */
function attentionOf(names, seed) {
  let s = seed;
  const random = () => {
    s = (s * 16807) % 2147483647;
    return s / 2147483647;
  };
  const n = names.length;
  const w = new Float32Array(3 * n * n);
  for (let r = 0; r < 3 * n; r++) {
    if (names[r % n] === null) continue;
    const weights = names.map((name) => (name === null ? 0 : random() ** 3 + 1e-3));
    const sum = weights.reduce((x, y) => x + y);
    weights.forEach((v, k) => (w[r * n + k] = v / sum));
  }
  return { heads: 3, queries: n, keys: n, w };
}
const raw = { a: attentionOf(row.a, 7), b: attentionOf(row.b, 9) };

test("a pair's payload decodes to both prompts, one prompt's as before", () => {
  const small = { heads: 1, triangle: true, queries: { labels: ["x", "y"] }, keys: null };
  const arrays = { weights: Uint16Array.of(65535, 0, 65535), weights_b: Uint16Array.of(65535, 65535, 0) };
  assert.deepEqual([...decodePayload(small, arrays).w], [1, 0, 0, 1]);
  const pair = decodePayload({ ...small, pair: true }, arrays);
  assert.deepEqual(
    [[...pair.a.w], [...pair.b.w]],
    [
      [1, 0, 0, 1],
      [1, 0, 1, 0],
    ],
  );
});

test("swapping A and B flips every sign and nothing else", () => {
  for (const changes of [{}, { words: true }, { hide: "both" }, { rule: "max", words: true, hide: "special" }]) {
    const one = shownOf(header, raw, state(changes));
    const other = shownOf(swapped, { a: raw.b, b: raw.a }, state(changes));
    one.full.w.forEach((v, i) => assert.equal(v, -other.full.w[i] || 0));
    assert.deepEqual(one.attention.w, other.attention.w);
    assert.deepEqual(one.lines.index, other.lines.index);
    assert.equal(one.scale, other.scale);
  }
});

test("A and B are shown as they are, also in a pair", () => {
  assert.deepEqual(shownOf(header, raw, state({ show: "a" })).full.w, raw.a.w);
  const b = shownOf(header, raw, state({ show: "b" }));
  assert.deepEqual([b.full.w, b.signed, b.scale], [raw.b.w, false, 1]);
});

test("rows that one prompt does not have are no difference; keys it lacks are", () => {
  const { full } = shownOf(header, raw, state({}));
  for (let h = 0; h < 3; h++) {
    for (let k = 0; k < 6; k++) for (const q of [3, 4]) assert.equal(full.w[index(full, h, q, k)], 0);
    close(full.w[index(full, h, 5, 3)], raw.b.w[index(full, h, 5, 3)]);
    close(full.w[index(full, h, 5, 4)], -raw.a.w[index(full, h, 5, 4)]);
  }
});

test("rows of the difference that both prompts have sum to nothing", () => {
  for (const changes of [{}, { words: true }, { hide: "special" }]) {
    const { full } = shownOf(header, raw, state(changes));
    for (let r = 0; r < full.heads * full.queries; r++) {
      close(
        full.w.subarray(r * full.keys, (r + 1) * full.keys).reduce((x, y) => x + y, 0),
        0,
        1e-6,
      );
    }
  }
});

test("words are merged in each prompt by itself, then subtracted", () => {
  const { full, queryRow } = shownOf(header, raw, state({ words: true }));
  assert.deepEqual(queryRow.labels, ["[CLS]", "undo", "very", "old", "she → he"]);
  const words = row.words;
  const [a, b] = [raw.a, raw.b].map((w) => mergeWords(w, words, words));
  for (const q of [0, 1, 4])
    for (let k = 0; k < 5; k++) close(full.w[index(full, 1, q, k)], b.w[index(b, 1, q, k)] - a.w[index(a, 1, q, k)]);
});

test("a word of which one prompt has some pieces is the mean of those, and is called so", () => {
  const half = { ...row, words: [[0], [1, 2, 3], [4], [5]] };
  const units = unitsOf(half, true);
  assert.deepEqual([units.names.a[1], units.names.b[1], units.shared[1]], ["undo", "undovery", true]);
  assert.equal(units.labels[1], "undo → undovery");
  const { pair } = shownOf({ ...header, queries: half }, raw, state({ words: true }));
  const to = (side, q) => [1, 2, 3].reduce((sum, k) => sum + raw[side].w[index(raw.a, 0, q, k)], 0);
  close(pair.a.w[index(pair.a, 0, 1, 1)], (to("a", 1) + to("a", 2)) / 2);
  close(pair.b.w[index(pair.b, 0, 1, 1)], (to("b", 1) + to("b", 2) + to("b", 3)) / 3);
});

test("hidden keys are taken out of each prompt and each is divided by what is left", () => {
  const shown = shownOf(header, raw, state({ hide: "special" }));
  const left = (w) => 1 - w[index(raw.a, 0, 5, 0)];
  const [a, b] = [raw.a.w, raw.b.w].map((w) => w[index(raw.a, 0, 5, 1)] / left(w));
  close(shown.full.w[index(raw.a, 0, 5, 1)], b - a, 1e-5);
  assert.match(
    noteText(shown, state({ hide: "special" }), null),
    /hidden: \d+ % of all attention removed in A, \d+ % in B/,
  );
  const inA = state({ hide: "special", show: "a" });
  assert.match(noteText(shownOf(header, raw, inA), inA, null), /hidden: \d+ % of all attention removed, the rest/);
});

test("the first token of either prompt is hidden in both", () => {
  const late = {
    labels: ["Now", "the", "cat"],
    a: [null, "the", "cat"],
    b: ["Now", "the", "cat"],
    kinds: ["inserted", "equal", "equal"],
  };
  const w = { heads: 1, queries: 3, keys: 3, w: new Float32Array(9).fill(1 / 3) };
  const shown = shownOf({ heads: 1, pair: true, queries: late }, { a: w, b: w }, state({ hide: "first" }));
  assert.deepEqual(shown.gone, [true, true, false]);
});

test("the scale is the largest change of the heads that are on, never below .1", () => {
  const signed = { heads: 2, queries: 1, keys: 2, w: Float32Array.of(0.02, -0.03, 0.4, -0.6) };
  close(largestChange(signed, [0, 1]), 0.6);
  close(largestChange(signed, [0]), 0.03);
  assert.deepEqual([scaleOf(0.03), scaleOf(0.6)], [0.1, 0.6]);
  const shown = shownOf(header, raw, state({ heads: [1] }));
  close(shown.scale, Math.max(0.1, ...shown.full.w.subarray(36, 72).map(Math.abs)));
});

test("the strongest lines are those of the largest change, whatever its sign", () => {
  const n = 200;
  const labels = Array.from({ length: n }, (_, i) => `t${i}`);
  const many = { labels, a: labels, b: labels, kinds: Array(n).fill("equal") };
  const a = { heads: 1, queries: n, keys: n, w: new Float32Array(n * n) };
  const b = { ...a, w: a.w.map((_, i) => (((i * 7919) % 1000) / 1000 + (i % 7 ? 0 : 0.5)) / 2) };
  const shown = shownOf({ heads: 1, pair: true, queries: many }, { a: b, b: a }, state({}));
  assert.equal(shown.lines.index.length, 8000);
  const strongest = [...shown.full.w].map(Math.abs).sort((x, y) => y - x);
  for (const i of shown.lines.index) {
    assert.ok(shown.full.w[i] < 0, "less in B");
    assert.ok(Math.abs(shown.full.w[i]) >= strongest[8000] - 1 / 4096);
  }
  assert.match(noteText(shown, state({}), null), /8,000 strongest of .* \(differences from \.\d+\)/);
});

test("the mass threshold keeps the fewest lines that hold the change of a row", () => {
  const shown = shownOf(header, raw, state({ mass: 50 }));
  for (let r = 0; r < 18; r++) {
    const sizes = [...shown.full.w.subarray(r * 6, r * 6 + 6)].map(Math.abs);
    const total = sizes.reduce((x, y) => x + y, 0);
    const kept = sizes.filter((v) => v >= shown.cutoffs[r]).sort((x, y) => x - y);
    const held = kept.reduce((x, y) => x + y, 0);
    assert.ok(!total || (held >= 0.5 * total - 1e-6 && held - kept[0] < 0.5 * total + 1e-6));
  }
});

test("the strongest head of a pair of tokens is the one that changes most", () => {
  const shown = shownOf(header, raw, state({ rule: "max" }));
  for (let i = 0; i < 36; i++) {
    const sizes = [0, 1, 2].map((h) => Math.abs(shown.full.w[h * 36 + i]));
    const drawn = [0, 1, 2].map((h) => shown.attention.w[h * 36 + i]);
    close(Math.max(...drawn), Math.max(...sizes));
    assert.ok(drawn.filter((v) => v > 0).length <= 1);
  }
});

test("in a table B − A is the difference of the two numbers beside it, under every rule", () => {
  const shown = shownOf(header, raw, state({}));
  const profiles = Object.fromEntries(
    ["a", "b", "diff"].map((s) => [s, profile(shown.pair[s], [0, 1, 2], "q", [5])]),
  );
  for (const rule of ["mean", "max"]) {
    const numbers = combinePair(profiles, rule, "diff");
    for (let j = 0; j < 6; j++) close(numbers.diff[j], numbers.b[j] - numbers.a[j]);
  }
  const strongest = combinePair(profiles, "max", "a").a;
  strongest.forEach((v, j) => close(v, Math.max(...profiles.a.map((p) => p[j]))));
});

test("a line can be read where it is drawn, by the size of its change", () => {
  const shown = shownOf(header, raw, state({}));
  const visible = (weight, selection = null) => isVisible(shown, state({}), selection, 0, 5, 1, weight);
  assert.ok(visible(0.5) && !visible(0.006 * shown.scale * 0.9));
  assert.ok(visible(0.1, { side: "q", tokens: [5] }) && !visible(0.1, { side: "q", tokens: [1] }));
  for (const i of shown.lines.index) assert.equal(placeOf(shown.attention, i).length, 3);
});

test("where nothing differs the note says so", () => {
  const same = shownOf(header, { a: raw.a, b: raw.a }, state({}));
  assert.equal(noteText(same, state({}), null), "No difference in this layer's shown heads.");
  const once = { ...raw.a, w: raw.a.w.slice() };
  once.w[index(raw.a, 0, 5, 0)] += 0.1;
  const shown = shownOf(header, { a: raw.a, b: once }, state({}));
  assert.match(noteText(shown, state({}), { side: "q", tokens: [1] }), /^Nothing differs for this token\./);
  assert.doesNotMatch(noteText(shown, state({}), { side: "k", tokens: [0] }), /Nothing/);
});

test("what only one prompt has is told, and how much attention it holds", () => {
  const shown = shownOf(header, raw, state({}));
  const note = (side, ...tokens) => noteText(shown, state({}), { side, tokens });
  assert.match(noteText(shown, state({}), null), /2 tokens are in one prompt only: they have no row to compare/);
  assert.equal(note("q", 3), "“very” is only in B: no row to compare.");
  assert.equal(note("k", 4), "“old” is only in A.");
  const share = (side, k) => [0, 1, 2].reduce((s, h) => s + raw[side].w[index(raw.a, h, 5, k)], 0) / 3;
  close(shareOf(shown.pair.b, [0, 1, 2], [5], [3]), share("b", 3));
  const [inA, inB] = [share("a", 4), share("b", 3)].map((v) => (100 * v).toFixed(1));
  assert.equal(
    note("q", 5),
    `Tokens that the other prompt lacks hold ${inA} % of this token's attention in A, ${inB} % in B.`,
  );
  const inB2 = state({ show: "b" });
  assert.equal(noteText(shownOf(header, raw, inB2), inB2, { side: "q", tokens: [4] }), "“old” is not in B.");
});

test("tokens are called as the shown prompt calls them", () => {
  const units = unitsOf(row, false);
  assert.deepEqual(labelsOf(units, "a"), ["[CLS]", "un", "##do", "–", "old", "she"]);
  assert.deepEqual(labelsOf(units, "diff"), row.labels);
  assert.deepEqual([onlyIn(units, 3), onlyIn(units, 4), onlyIn(units, 5)], ["only in B", "only in A", null]);
  assert.equal(onlyIn(unitsOf({ labels: ["x"] }, false), 0), null);
  assert.equal(pairTitle(units, { side: "q", tokens: [5] }, "diff"), "“she → he”: what changes (B − A)");
  assert.equal(pairTitle(units, { side: "q", tokens: [5] }, "b"), "“he” looks at (in B)");
  assert.equal(
    pairTitle(units, { side: "k", tokens: [3, 5] }, "a"),
    "“very” (only in B) + “she” is looked at by (in A, sum of 2 tokens)",
  );
});

test("a line says both weights and the signed change", () => {
  const w = (v) => ({ heads: 1, queries: 6, keys: 6, w: new Float32Array(36).fill(v) });
  const units = unitsOf(row, false);
  const pair = { a: w(0.213), b: w(0.603), diff: difference(w(0.213), w(0.603), units.shared) };
  const tip = (key) => pairTip({ pair, queryRow: units, keyRow: units }, { head: 0, query: 5, key });
  assert.equal(tip(1), "head 0: “she → he” looks at “un”\nA .213   B .603   B − A +.390");
  assert.match(tip(3), /A – {3}B \.603/);
  const labelled = pairTip({ pair, queryRow: units, keyRow: units }, { head: 0, query: 5, key: 1 }, "induction .70");
  assert.equal(labelled, "head 0 · induction .70\n“she → he” looks at “un”\nA .213   B .603   B − A +.390");
  assert.equal(spokenChange(" doctor", 0.39), "doctor .390 more in B");
  assert.equal(spokenChange("nurse", -0.508), "nurse .508 less in B");
  assert.equal(spokenChange("a", 0.0001), "a no difference");
});
