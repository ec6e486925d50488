// The numbers of each view as rows for a spreadsheet.
import test from "node:test";
import assert from "node:assert/strict";
import { headTable } from "../../attnlib/views/head/table.js";
import { gridTable } from "../../attnlib/views/grid/shown.js";
import { matrixTable } from "../../attnlib/views/matrix/shown.js";
import { alignmentTable } from "../../attnlib/views/alignment/shown.js";
import { csvTable } from "../../attnlib/views/shared/export.js";

const row = { labels: ["The", " cat"], names: null, shared: [true, true] };
const one = (w, changes = {}) => ({
  header: { layer: 3 },
  state: { pins: [], side: "q", ...changes },
  shown: { full: { heads: 2, queries: 2, keys: 2, w }, pair: null, queryRow: row, keyRow: row, on: [1] },
});
const weights = Float32Array.of(1, 0, 0.5, 0.5, 1, 0, 0.25, 0.75);

test("of the head view: the heads that are on, no zeros", () => {
  assert.deepEqual(headTable(one(weights)), [
    ["layer", "head", "query", "query token", "key", "key token", "weight"],
    [3, 1, 0, "The", 0, "The", 1],
    [3, 1, 1, "cat", 0, "The", 0.25],
    [3, 1, 1, "cat", 1, "cat", 0.75],
  ]);
});

test("of the head view: where tokens are pinned, those alone", () => {
  const cells = (changes) =>
    headTable(one(weights, changes))
      .slice(1)
      .map((cells) => `${cells[2]}-${cells[4]}`);
  assert.deepEqual(cells({ pins: [1], side: "q" }), ["1-0", "1-1"]);
  assert.deepEqual(cells({ pins: [1], side: "k" }), ["1-1"]);
});

test("of a pair: both prompts and the change; nothing where a prompt has no such token", () => {
  const names = { a: ["The", " cat"], b: ["The", null] };
  const there = { ...row, names, shared: [true, false] };
  const side = (w) => ({ heads: 1, queries: 2, keys: 2, w: Float32Array.from(w) });
  const pair = { a: side([1, 0, 0.5, 0.5]), b: side([1, 0, 0, 0]), diff: side([0, 0, NaN, NaN]) };
  const shown = { full: pair.diff, pair, queryRow: there, keyRow: there, on: [0] };
  const [head, ...rows] = headTable({ header: { layer: 0 }, state: { pins: [] }, shown });
  assert.deepEqual(head.slice(6), ["A", "B", "B − A"]);
  assert.deepEqual(
    rows.map((cells) => cells.slice(2)),
    [
      [0, "The", 0, "The", 1, 1, 0],
      [1, "cat", 0, "The", 0.5, NaN, NaN],
      [1, "cat", 1, "cat", 0.5, NaN, NaN],
    ],
  );
  assert.equal(csvTable(rows).split("\r\n")[1], "0,0,1,cat,0,The,0.5,,");
});

test("of grids: one row for each head that is there", () => {
  const grids = [{ title: "Mine" }, { title: "Twin" }];
  const header = {
    layers: 2,
    heads: 2,
    grids,
    labels: [
      ["", "previous token .93"],
      ["", ""],
    ],
  };
  const values = [
    [0.5, -0.25, 0, NaN],
    [0, 0.125, 1, NaN],
  ];
  assert.deepEqual(gridTable(header, values), [
    ["layer", "head", "what it does", "Mine", "Twin"],
    [0, 0, "", 0.5, 0],
    [0, 1, "previous token .93", -0.25, 0.125],
    [1, 0, "", 0, 1],
  ]);
});

test("of a matrix: one text, or a pair", () => {
  const queries = { labels: ["The", " cat"] };
  assert.deepEqual(matrixTable({ queries, keys: null, pair: false }, { a: [1, 0, 0.25, 0.75] }).slice(1), [
    [0, "The", 0, "The", 1],
    [1, "cat", 0, "The", 0.25],
    [1, "cat", 1, "cat", 0.75],
  ]);
  const both = { labels: ["The", "cat"], a: ["The", "cat"], b: ["The", null] };
  const [, first, second] = matrixTable(
    { queries: both, keys: null, pair: true },
    { a: [1, 0, 0.25, 0.75], b: [0.5, 0, 0, 0] },
  );
  assert.deepEqual(first, [0, "The", 0, "The", 1, 0.5, -0.5]);
  assert.deepEqual(second, [1, "cat", 0, "The", 0.25, NaN, NaN]);
});

test("of an alignment: its units with tokens and words", () => {
  const header = {
    a: { labels: ["She", " was", " old"] },
    b: { labels: ["He", " was"] },
    units: [
      ["replaced", [0], [0]],
      ["equal", [1], [1]],
      ["deleted", [2], []],
    ],
  };
  assert.deepEqual(alignmentTable(header).slice(1), [
    ["replaced", "0", "She", "0", "He"],
    ["equal", "1", "was", "1", "was"],
    ["deleted", "2", "old", "", ""],
  ]);
});
