// What a person chose: switching, pinning, and the text that restores it.
import test from "node:test";
import assert from "node:assert/strict";
import {
  initialState,
  encodeState,
  decodeState,
  headsOn,
  toggleHead,
  soloHead,
  chooseRule,
  togglePin,
  RULES,
  HIDES,
  SEGMENTS,
} from "../../attnlib/views/head/state.js";

const sizes = { heads: 12, queries: 20, keys: 30 };

test("the start is empty text, and empty text the start", () => {
  assert.equal(encodeState(initialState()), "");
  assert.deepEqual(decodeState("", sizes), initialState());
  assert.deepEqual(decodeState(undefined, sizes), initialState());
});

test("every state comes back from its text", () => {
  for (const rule of RULES)
    for (const hide of HIDES)
      for (const segments of SEGMENTS)
        for (const words of [true, false]) {
          const state = {
            heads: rule === "one" ? [3] : [0, 5, 11],
            rule,
            hide,
            mass: 85,
            words,
            segments,
            side: "k",
            pins: [2, 29],
          };
          assert.deepEqual(decodeState(encodeState(state), sizes), state);
        }
});

test("nonsense in a link is as at the start", () => {
  for (const text of [
    "heads:99",
    "heads:a.b",
    "rule:evil,hide:<script>",
    "mass:1000",
    "mass:-5",
    "pins:x3",
    "pins:q99",
    "::::",
    "segments:CC,words:2",
    "pins:",
    "heads:-1",
  ]) {
    assert.deepEqual(decodeState(text, sizes), initialState(), text);
  }
});

test("a head is switched; the last one stays", () => {
  let state = toggleHead(initialState(), 2, 4);
  assert.deepEqual(state.heads, [0, 1, 3]);
  for (const h of [0, 1]) state = toggleHead(state, h, 4);
  assert.deepEqual(toggleHead(state, 3, 4).heads, [3]);
  assert.equal(toggleHead(toggleHead(initialState(), 1, 4), 1, 4).heads, null);
});

test("only this head, and again all", () => {
  const one = soloHead(initialState(), 2, 4);
  assert.deepEqual(one.heads, [2]);
  assert.equal(soloHead(one, 2, 4).heads, null);
  assert.deepEqual(soloHead(one, 1, 4).heads, [1]);
  assert.deepEqual(headsOn(soloHead(initialState(), 0, 1), 1), [0]);
});

test("one head: a click chooses it, another rule brings all back", () => {
  const one = chooseRule(toggleHead(initialState(), 0, 4), "one", 4);
  assert.deepEqual(one.heads, [1]);
  assert.deepEqual(toggleHead(one, 3, 4).heads, [3]);
  assert.deepEqual(soloHead(one, 1, 4).heads, [1]);
  assert.equal(chooseRule(one, "max", 4).heads, null);
});

test("pins add up on one side; the other side begins anew", () => {
  let state = togglePin(initialState(), "q", 5);
  state = togglePin(state, "q", 2);
  assert.deepEqual([state.side, state.pins], ["q", [2, 5]]);
  assert.deepEqual(togglePin(state, "q", 5).pins, [2]);
  const other = togglePin(state, "k", 5);
  assert.deepEqual([other.side, other.pins], ["k", [5]]);
});

test("a pair starts with its difference; what it shows comes back from its text", () => {
  const pair = { ...sizes, pair: true };
  assert.equal(decodeState("", pair).show, "diff");
  assert.equal(encodeState(initialState(true)), "");
  for (const show of ["a", "b", "diff"]) {
    const state = { ...initialState(true), show, pins: [1] };
    assert.deepEqual(decodeState(encodeState(state), pair), state);
  }
  assert.equal(encodeState({ ...initialState(true), show: "a" }), "show:a");
  assert.equal(decodeState("show:evil", pair).show, "diff");
});

test("what shows no pair ignores the side and never says one", () => {
  const state = decodeState("show:a,mass:50", sizes);
  assert.ok(!("show" in state));
  assert.equal(encodeState(state), "mass:50");
});
