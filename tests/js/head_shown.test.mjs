// What the head view shows for a choice: the pipeline from payload to lines, and its notes.
import test from "node:test";
import assert from "node:assert/strict";
import { shownOf, unitsOf, positionsOf, isVisible, noteText } from "../../attnlib/views/head/shown.js";
import { initialState } from "../../attnlib/views/head/state.js";

const row = {
  labels: ["[CLS]", "un", "##do", "[SEP]", "it", "[SEP]"],
  special: [0, 3, 5],
  words: [[0], [1, 2], [3], [4], [5]],
  segments: [0, 0, 0, 0, 1, 1],
};
const header = { heads: 2, queries: row, keys: null };
const raw = { heads: 2, queries: 6, keys: 6, w: new Float32Array(72).fill(1 / 6) };
const state = (changes) => ({ ...initialState(), ...changes });

test("words are joined without the marks of their pieces", () => {
  const words = unitsOf(row, true);
  assert.deepEqual(words.labels, ["[CLS]", "undo", "[SEP]", "it", "[SEP]"]);
  assert.deepEqual(words.special, [true, false, true, false, true]);
  assert.deepEqual(words.segments, [0, 0, 0, 1, 1]);
  assert.equal(unitsOf(row, false).labels.length, 6);
});

test("sentence filters choose rows on both sides", () => {
  const shown = shownOf(header, raw, state({ segments: "BA" }));
  assert.deepEqual(
    [shown.queries, shown.keys],
    [
      [4, 5],
      [0, 1, 2, 3],
    ],
  );
});

test("hidden keys are gone and what they held is told", () => {
  const shown = shownOf(header, raw, state({ hide: "special" }));
  assert.ok(Math.abs(shown.full.w[1] - 1 / 3) < 1e-6);
  assert.equal(shown.full.w[0], 0);
  assert.match(
    noteText(shown, state({ hide: "special" }), null),
    /Special tokens hidden: 50 % of all attention removed/,
  );
  const one = { side: "q", tokens: [1] };
  assert.match(noteText(shown, state({ hide: "special" }), one), /50 % of this token's/);
  assert.equal(shownOf(header, raw, state({ hide: "both" })).gone[0], true);
  assert.deepEqual(shownOf(header, raw, state({ hide: "first" })).gone, [true, false, false, false, false, false]);
});

test("cross attention has its own keys", () => {
  const cross = { heads: 1, queries: { labels: ["a"] }, keys: { labels: ["x", "y"] } };
  const shown = shownOf(cross, { heads: 1, queries: 1, keys: 2, w: Float32Array.of(0.3, 0.7) }, initialState());
  assert.deepEqual([shown.queryRow.labels, shown.keyRow.labels], [["a"], ["x", "y"]]);
  assert.equal(shown.lines.total, 2);
});

test("a line can be read where it is drawn", () => {
  const shown = shownOf(header, raw, initialState());
  assert.ok(isVisible(shown, initialState(), null, 0, 1, 2, 1 / 6));
  assert.ok(!isVisible(shown, initialState(), null, 0, 1, 2, 0.001));
  assert.ok(isVisible(shown, initialState(), { side: "q", tokens: [1] }, 0, 1, 2, 0.01));
  assert.ok(!isVisible(shown, initialState(), { side: "q", tokens: [1] }, 0, 2, 1, 0.9));
});

test("a thinned overview says so", () => {
  const long = { heads: 1, queries: { labels: Array(200).fill("t") }, keys: null };
  const shown = shownOf(
    long,
    { heads: 1, queries: 200, keys: 200, w: new Float32Array(40000).fill(0.005) },
    initialState(),
  );
  assert.match(noteText(shown, initialState(), null), /strongest of 40,000 lines are drawn/);
});

test("positions of rows that are not shown are -1", () => {
  assert.deepEqual([...positionsOf([2, 0], 4)], [1, -1, 0, -1]);
});

test("bytes of one character become the character again, unless it cannot be seen", () => {
  const label = (...labels) => unitsOf({ labels, words: [labels.map((_, i) => i)] }, true).labels[0];
  assert.equal(label("⟨F0 9F⟩", "⟨91⟩", "⟨A9⟩"), "👩");
  assert.equal(label("␣", "⟨D7⟩", "⟨A9⟩"), " ש");
  assert.equal(label("⟨E2⟩", "⟨80⟩", "⟨AE⟩"), "⟨E2⟩⟨80⟩⟨AE⟩", "U+202E would turn the text round");
  assert.equal(label("⟨F0⟩", "⟨9F⟩"), "⟨F0⟩⟨9F⟩");
});
