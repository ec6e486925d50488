// The model view's arithmetic: state and its text, maps, lines, order, sizes, keys, words.
import test from "node:test";
import assert from "node:assert/strict";
import {
  mapsOf,
  scaleOf,
  chosenBlocks,
  masked,
  shrink,
  strongest,
  scoreOf,
  scoreScale,
  rowsOf,
  fitCells,
  extentOf,
  spotOf,
  headAt,
  cellAt,
  moveHead,
  sayScore,
  shortScore,
  sayKeys,
  wordsOf,
  sayHead,
  noteText,
  TOP,
  LEFT,
} from "../../attnlib/views/model/shown.js";
import { initialState, encodeState, decodeState, parseList, writeList } from "../../attnlib/views/model/state.js";
import { linesFor, pixelsOf } from "../../attnlib/views/model/draw.js";
import { rgbOf } from "../../attnlib/views/shared/colors.js";

const score = (name, signed = false) => ({ name, title: name.toUpperCase(), about: "", signed });
const header = (changes = {}) => ({
  layers: 3,
  heads: 4,
  counts: [4, 4, 2],
  pair: false,
  triangle: false,
  queries: { labels: ["a", "b", "c"] },
  keys: null,
  blocks: { q: [0, 1, 2, 3], k: null },
  scores: [score("entropy"), score("first")],
  ...changes,
});
/** The second score falls from head to head, the first is all alike. */
const scores = Float32Array.from([
  ...[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, NaN, NaN],
  ...[0.1, 0.2, 0.3, 0.4, 0.8, 0.1, 0.1, 0.1, 0.9, 0.2, NaN, NaN],
]);

test("a state comes back from its text; what does not fit is as at the start", () => {
  const about = header({ pair: true, queries: { labels: [], segments: [0, 1], a: [], b: [] } });
  const chosen = {
    ...initialState(about),
    draw: "matrix",
    by: "first",
    order: "all",
    zoom: 2,
    segments: "AB",
    show: "a",
    layers: [0, 2],
    heads: [1],
  };
  assert.deepEqual(decodeState(encodeState(chosen, about), about), chosen);
  assert.equal(encodeState(initialState(about), about), "");
  const wrong = "draw:x,by:nothing,order:,zoom:9,segments:ZZ,show:q,layers:99.x,heads:-1,__proto__:1,what";
  assert.deepEqual(decodeState(wrong, about), initialState(about));
  assert.deepEqual(decodeState("segments:AB,show:a", header()), initialState(header()));
});

test("lists as a person writes them", () => {
  assert.deepEqual(parseList("0-2, 5", 12, "layer"), [0, 1, 2, 5]);
  assert.deepEqual(parseList(" 3 1;1 ", 12, "layer"), [1, 3]);
  assert.equal(parseList("", 12, "layer"), null);
  assert.equal(parseList("0-11", 12, "layer"), null);
  for (const wrong of ["12", "3-1", "x", "-1", "1-99", "1e3"])
    assert.throws(() => parseList(wrong, 12, "layer"), /is not a layer of this model.*0 to 11/);
  assert.equal(writeList([0, 1, 2, 5, 7, 8]), "0-2, 5, 7-8");
  assert.equal(writeList(null), "");
});

test("maps are read head by head, of layers with different numbers of heads", () => {
  const about = header({ blocks: { q: [0, 1, 2], k: [0, 3, 6, 7] }, keys: { labels: [] } });
  const maps = Uint16Array.from({ length: 10 * 6 }, (_, i) => i);
  const read = mapsOf(about, { maps });
  assert.deepEqual(read.size, [2, 3]);
  assert.deepEqual(
    [...read.map("a", 2, 1)].map((v) => Math.round(v * 65535)),
    [54, 55, 56, 57, 58, 59],
  );
});

test("a causal model's maps are triangles; a pair's difference is B − A where both have the row", () => {
  const about = header({
    counts: [1],
    triangle: true,
    pair: true,
    blocks: { q: [0, 1, 2, 3], k: null },
    queries: { labels: ["x", "y", "z"], a: ["x", null, "z"], b: ["x", "y", "z"] },
  });
  const steps = (...weights) => Uint16Array.from(weights, (w) => Math.round(w * 65535));
  const arrays = { maps: steps(1, 0, 0, 0.5, 0, 0.5), maps_b: steps(1, 0.5, 0.5, 0.2, 0.6, 0.2) };
  const read = mapsOf(about, arrays);
  assert.deepEqual(
    [...read.map("b", 0, 0)].map((v) => Number(v.toFixed(2))),
    [1, 0, 0, 0.5, 0.5, 0, 0.2, 0.6, 0.2],
  );
  assert.deepEqual(
    [...read.map("diff", 0, 0)].map((v) => Number(v.toFixed(2))),
    [0, 0, 0, 0, 0, 0, -0.3, 0.6, -0.3],
  );
  assert.ok(Math.abs(scaleOf(about, read) - 0.6) < 1e-4);
  const pooled = mapsOf(about, { ...arrays, change: Uint16Array.from([32768, 1, 65535, 32768, 32768, 32768]) });
  assert.deepEqual([...pooled.map("diff", 0, 0)], [0, 0, 0, -1, 1, 0, 0, 0, 0]);
});

test("sentences choose blocks", () => {
  const about = header({ queries: { labels: [], segments: [0, 0, 1] }, blocks: { q: [0, 2, 3], k: null } });
  assert.deepEqual(chosenBlocks(about, "AB"), [
    [true, false],
    [false, true],
  ]);
  const map = Float32Array.from([0.1, 0.2, 0.3, 0.4]);
  const close = (found, wanted) => found.forEach((v, i) => assert.ok(Math.abs(v - wanted[i]) < 1e-6));
  close([...masked(map, [2, 2], chosenBlocks(about, "AB"))], [0, 0.2, 0, 0]);
  assert.equal(masked(map, [2, 2], chosenBlocks(about, "all")), map);
});

test("a map that is made smaller keeps the largest by size, with its sign", () => {
  const map = Float32Array.from({ length: 25 }, () => 0.01);
  map[7] = -0.9;
  map[24] = 0.5;
  const { map: small, size } = shrink(map, [5, 5], [2, 2]);
  assert.deepEqual(size, [2, 2]);
  assert.ok(Math.abs(small[0] + 0.9) < 1e-6 && Math.abs(small[3] - 0.5) < 1e-6);
  assert.equal(shrink(map, [5, 5], [5, 9]).map, map);
});

test("the strongest lines, and of every row its strongest", () => {
  const map = Float32Array.from([0.5, 0.4, 0.3, 0.001, 0.002, 0.0005, 0, 0, 0]);
  assert.deepEqual(strongest(map, 3, 2), [0, 1, 4]);
  assert.deepEqual(strongest(map, 3, 9), [0, 1, 2, 4]);
  const even = new Float32Array(100).fill(0.1);
  assert.ok(strongest(even, 10, 20).length <= 30);
  const signed = Float32Array.from([-0.5, 0.1, 0.05, 0.02]);
  assert.deepEqual(strongest(signed, 2, 1, 0.5), [0, 2]);
  assert.deepEqual(strongest(signed, 2, 1, 0.5, true), [0]); // a change that is small is not drawn for its row's sake
  assert.ok(linesFor(20) < linesFor(100) && linesFor(1000) === 160);
});

test("rows stand in place, by layer, within a layer, or all by score", () => {
  const state = { ...initialState(header()), by: "first" };
  const places = (order, changes = {}) =>
    rowsOf(header(), scores, { ...state, order, ...changes }, 3).map(({ layer, cells }) => [
      layer,
      cells.map((c) => c.join("-")).join(" "),
    ]);
  assert.deepEqual(places("place"), [
    [0, "0-0 0-1 0-2 0-3"],
    [1, "1-0 1-1 1-2 1-3"],
    [2, "2-0 2-1"],
  ]);
  assert.deepEqual(
    places("layers").map(([layer]) => layer),
    [2, 1, 0],
  );
  assert.deepEqual(places("heads")[0], [0, "0-3 0-2 0-1 0-0"]);
  assert.deepEqual(places("all"), [
    [null, "2-0 1-0 0-3"],
    [null, "0-2 0-1 2-1"],
    [null, "0-0 1-1 1-2"],
    [null, "1-3"],
  ]);
  assert.deepEqual(places("place", { layers: [2], heads: [1, 3] }), [[2, "2-1"]]);
  assert.equal(scoreOf(header(), scores, "first", [2, 0]), Math.fround(0.9));
  assert.equal(scoreScale(header(), scores, "first"), Math.fround(0.9));
});

test("every head is found where it is drawn: all corners, filtered and sorted", () => {
  const about = header({ layers: 48, heads: 25, counts: Array(48).fill(25) });
  const many = Float32Array.from({ length: 2 * 48 * 25 }, (_, i) => ((i * 7919) % 1000) / 1000);
  for (const width of [320, 800, 1400]) {
    for (const order of ["place", "layers", "heads", "all"]) {
      for (const changes of [{}, { layers: [3, 40], heads: [0, 7, 24] }, { zoom: 3 }]) {
        const state = { ...initialState(about), order, ...changes };
        const layout = fitCells(about, state, width);
        const rows = rowsOf(about, many, state, layout.beside);
        const [wide, tall] = extentOf(layout, rows, state, about);
        for (const { cells } of rows) {
          for (const head of [cells[0], cells.at(-1)]) {
            const [row, column] = spotOf(rows, state, head);
            const [x, y] = [LEFT + column * layout.step[1], TOP + row * layout.step[0]];
            assert.ok(x + layout.cell <= wide && y + layout.cell + layout.strip <= tall);
            for (const [dx, dy] of [
              [0, 0],
              [layout.cell - 1, layout.cell + layout.strip - 1],
            ])
              assert.deepEqual(cellAt(layout, rows, state, [x + dx, y + dy]), head);
            assert.equal(cellAt(layout, rows, state, [x + layout.cell + 1, y]), null);
            assert.deepEqual(headAt(rows, state, [row, column]), head);
          }
        }
        assert.equal(cellAt(layout, rows, state, [LEFT - 1, TOP + 1]), null);
        assert.equal(cellAt(layout, rows, state, [wide + 99, TOP + 1]), null);
        if (!changes.layers && !changes.zoom && order === "place")
          assert.ok(layout.cell >= 26 && (wide <= width || layout.cell === 26));
      }
    }
  }
});

test("a filtered head has no place", () => {
  const state = { ...initialState(header()), heads: [1] };
  const rows = rowsOf(header(), scores, state, 5);
  assert.equal(spotOf(rows, state, [0, 0]), null);
  assert.deepEqual(spotOf(rows, state, [1, 1]), [1, 0]);
});

test("arrow keys reach every head and never leave the grid", () => {
  for (const order of ["place", "heads", "all"]) {
    const state = { ...initialState(header()), by: "first", order };
    const rows = rowsOf(header(), scores, state, 3);
    const move = (from, key, whole) => moveHead(rows, state, from, key, whole);
    const first = rows[0].cells[0];
    assert.deepEqual(move(null, "ArrowDown"), first);
    assert.deepEqual(move(first, "ArrowLeft"), first);
    assert.deepEqual(move(first, "ArrowUp"), first);
    assert.deepEqual(move(first, "End", true), rows.at(-1).cells.at(-1));
    assert.deepEqual(move(rows.at(-1).cells.at(-1), "Home", true), first);
    assert.equal(move(first, "x"), null);
    const reached = new Set([String(first)]);
    const queue = [first];
    while (queue.length) {
      const at = queue.pop();
      for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]) {
        const next = move(at, key);
        if (!reached.has(String(next))) queue.push(next);
        reached.add(String(next));
      }
    }
    assert.equal(reached.size, 10);
  }
  const state = { ...initialState(header()), order: "place" };
  const rows = rowsOf(header(), scores, state, 3);
  assert.deepEqual(moveHead(rows, state, [1, 3], "ArrowDown"), [2, 1]); // the last there is
});

test("scores in words", () => {
  assert.equal(sayScore(0.12345, false), ".123");
  assert.equal(sayScore(12.345, false), "12.3");
  assert.equal(sayScore(-0.5, true), "−.500");
  assert.equal(sayScore(NaN, false), "–");
  assert.equal(shortScore(0.126), ".13");
  assert.equal(shortScore(1), "1.00");
  assert.equal(shortScore(104.4), "104");
  assert.equal(shortScore(-0.126), "−.13");
  assert.equal(shortScore(-0.001), ".00");
  const state = { ...initialState(header()), by: "first" };
  assert.equal(sayHead(header(), scores, state, [2, 0]), "layer 2 head 0 · FIRST .900");
  const labels = [
    ["", "", "", ""],
    ["", "", "", ""],
    ["duplicate .81", ""],
  ];
  const said = (head) => wordsOf(header({ labels }), scores, state, [2, head]);
  assert.deepEqual(said(0), ["layer 2 head 0 · duplicate .81", " · FIRST .900"]);
  assert.deepEqual(said(1), ["layer 2 head 1", " · FIRST .200"]);
});

test("what is pooled or left out is said", () => {
  const about = header({ queries: { labels: Array(2048).fill("x") }, blocks: { q: [0, 1000, 2000, 2048], k: null } });
  const said = noteText(about, initialState(about), { left: true, most: 90 });
  assert.match(said, /2,048 tokens are drawn in blocks: each is the largest of up to 1000 × 1000 weights/);
  assert.match(said, /90 strongest lines/);
  assert.equal(noteText(header(), initialState(header()), { left: false }), "");
  assert.match(noteText(about, { ...initialState(about), show: "diff" }, {}), /the largest change of up to/);
});

test("a map's colours: nothing is the background, the whole is the accent or the sign", () => {
  const theme = { background: "#ffffff", accent: "#0b63b0", dark: false };
  const pixels = (map, signed) => pixelsOf(Float32Array.from(map), { scale: 1, signed, theme });
  assert.deepEqual([...pixels([0, 1], false)], [255, 255, 255, 255, ...rgbOf("#0b63b0"), 255]);
  const [less, more] = [pixels([-1], true), pixels([1], true)];
  assert.ok(less[2] > less[0] && more[0] > more[2]);
});

test("only keys that do something are said", () => {
  assert.equal(sayKeys(header(), false), "10 heads in 3 layers. Arrow keys move, Space chooses a head.");
  assert.equal(
    sayKeys(header(), true),
    "10 heads in 3 layers. Arrow keys move, Space chooses a head, Enter opens it.",
  );
});
