// The alignment view's pure parts: folding, words, and what clicks choose.
import test from "node:test";
import assert from "node:assert/strict";
import { columnsOf, sayUnit, choose, sayChosen } from "../../attnlib/views/alignment/shown.js";

const equal = (count) => Array(count).fill(["equal", [0], [0]]);
const edit = ["replaced", [0], [0]];
const shape = (units, opened) =>
  columnsOf(units, opened)
    .map((column) => (column.fold ? `…${column.fold[1] - column.fold[0]}…` : column.unit))
    .join(" ");

test("short runs are drawn, long ones folded between their ends", () => {
  assert.equal(shape([...equal(3), edit, ...equal(2)]), "0 1 2 3 4 5");
  assert.equal(shape([edit, ...equal(12), edit]).includes("…"), false);
  assert.equal(shape([edit, ...equal(20), edit]), "0 1 2 3 4 …12… 17 18 19 20 21");
  assert.equal(shape([...equal(20), edit]), "0 1 …14… 16 17 18 19 20");
  assert.equal(shape([edit, ...equal(20)]), "0 1 2 3 4 …14… 19 20");
  assert.equal(shape(equal(20)), "0 1 …16… 18 19");
  assert.equal(shape([]), "");
});

test("every unit is drawn or in a fold, once and in order", () => {
  for (let seed = 1; seed < 30; seed++) {
    let s = seed;
    const random = () => {
      s = (s * 16807) % 2147483647;
      return s / 2147483647;
    };
    const units = Array.from({ length: 300 }, () => (random() < 0.05 ? edit : equal(1)[0]));
    const seen = columnsOf(units).flatMap(({ unit, fold }) =>
      fold ? Array.from({ length: fold[1] - fold[0] }, (_, i) => fold[0] + i) : [unit],
    );
    assert.deepEqual(
      seen,
      units.map((_, i) => i),
    );
    for (const { fold } of columnsOf(units)) {
      if (!fold) continue;
      assert.ok(fold[1] > fold[0]);
      assert.ok(units.slice(...fold).every(([kind]) => kind === "equal"));
    }
  }
});

test("an opened run is drawn whole, the others stay folded", () => {
  const units = [...equal(20), edit, ...equal(30)];
  const [first, second] = columnsOf(units).filter((column) => column.fold);
  assert.deepEqual([first.run, second.run], [0, 21]);
  const columns = columnsOf(units, new Set([0]));
  assert.equal(columns.filter((column) => column.fold).length, 1);
  assert.deepEqual(
    columns.slice(0, 21).map((column) => column.unit),
    Array.from({ length: 21 }, (_, i) => i),
  );
});

test("2,000 equal tokens are a few columns", () => assert.equal(columnsOf(equal(2000)).length, 5));

test("a unit in words", () => {
  const rows = { a: { labels: [" She", " old"] }, b: { labels: [" doc", "tor"] } };
  assert.equal(sayUnit(["replaced", [0], [0, 1]], rows), "“She” replaced by “doctor”");
  assert.equal(sayUnit(["deleted", [1], []], rows), "“old” only in A");
  assert.equal(sayUnit(["inserted", [], [0]], rows), "“doc” only in B");
  assert.equal(sayUnit(["equal", [1], [1]], rows), "“old” in both");
  assert.equal(sayChosen({ a: [1], b: [0, 1] }, rows), "A “old”, B “doctor”");
  assert.equal(sayChosen({ a: [], b: [] }, rows), "");
});

test("a click chooses, chooses another, and releases", () => {
  assert.deepEqual(choose([], 3, false), [3]);
  assert.deepEqual(choose([3], 7, false), [7]);
  assert.deepEqual(choose([3], 3, false), []);
  assert.deepEqual(choose([3], 4, false), [3, 4], "a neighbour joins");
});

test("with Shift all tokens up to the clicked one are chosen", () => {
  assert.deepEqual(choose([3], 6, true), [3, 4, 5, 6]);
  assert.deepEqual(choose([5, 6], 3, true), [3, 4, 5, 6]);
  assert.deepEqual(choose([], 3, true), [3]);
});

test("what is chosen never has gaps", () => {
  assert.deepEqual(choose([3, 4, 5], 4, false), [3]);
  assert.deepEqual(choose([3, 4, 5], 3, false), [4, 5]);
  assert.deepEqual(choose([3, 4, 5], 5, false), [3, 4]);
});
