// The grid view's arithmetic: order, sizes of cells, colours, words, the way of the arrow keys.
import test from "node:test";
import assert from "node:assert/strict";
import { orderOfHeads, fitGrids, sayValue, sayMeaning, wordsOf, stepTo } from "../../attnlib/views/grid/shown.js";
import { rgbOf, cellColors } from "../../attnlib/views/shared/colors.js";

const size = (layers, heads, grids, order = "place") => ({ layers, heads, order, grids: Array(grids).fill({}) });
const light = { background: "#ffffff", accent: "#0b63b0", dark: false };
const dark = { background: "#14171c", accent: "#7cb8ff", dark: true };

test("heads stand in their places, or by size with the missing ones left out", () => {
  const values = [0.1, -0.9, NaN, 0.5];
  const names = (order) => orderOfHeads({ layers: 2, heads: 2, order }, values).map((place) => place.join("-"));
  assert.deepEqual(names("place"), ["0-0", "0-1", "1-0", "1-1"]);
  assert.deepEqual(names("rank"), ["0-1", "1-1", "0-0"]);
});

test("of equal sizes the first head comes first", () => {
  const order = orderOfHeads({ layers: 2, heads: 2, order: "rank" }, [0.2, -0.2, 0.2, -0.2]);
  assert.deepEqual(order.flat(), [0, 0, 0, 1, 1, 0, 1, 1]);
});

test("few heads get cells of 44 to 56 pixels with numbers, however wide the page", () => {
  for (const width of [328, 640, 1168, 3000]) {
    const { cell, numbers } = fitGrids(size(4, 4, 4), width);
    assert.ok(cell >= 44 && cell <= 56 && numbers, `${cell} at ${width}`);
  }
});

test("cells are never too small to hit, and grids never wider than the page while they are larger", () => {
  for (const [layers, heads] of [
    [12, 12],
    [32, 32],
    [48, 25],
  ])
    for (const width of [288, 328, 700, 1168])
      for (const count of [1, 2, 4]) {
        const { cell, height } = fitGrids(size(layers, heads, count), width);
        assert.ok(cell >= 12 && height >= 12);
        assert.ok(cell === 12 || heads * (cell + 2) + 34 <= width, `${cell} x ${heads} at ${width}`);
      }
});

test("numbers are promised only where they fit", () => {
  assert.equal(fitGrids(size(12, 12, 1), 1168).numbers, true);
  assert.equal(fitGrids(size(12, 12, 1), 328).numbers, false);
  assert.equal(fitGrids(size(48, 25, 2), 1168).numbers, false);
});

test("heads by size take as many columns as there is room for", () => {
  const columns = (cells, count, width) => fitGrids(size(cells, 1, count, "rank"), width).columns;
  assert.equal(columns(16, 4, 1168), 4);
  assert.ok(columns(1200, 2, 1168) * 54 <= 1168 / 2);
  assert.ok(columns(1200, 2, 288) * 54 <= 288);
  assert.ok(columns(3, 1, 100) >= 1);
});

test("the sign gives the hue, the size how much of it", () => {
  const color = (value, theme = light) => rgbOf(cellColors(value, { scale: 0.5, signed: true }, theme).background);
  assert.deepEqual(color(0), [255, 255, 255]);
  assert.deepEqual(color(0.5), rgbOf("#c25400"));
  assert.deepEqual(color(-0.5), rgbOf("#0b5fb8"));
  assert.deepEqual(color(-2), color(-0.5));
  assert.deepEqual(color(0, dark), rgbOf(dark.background));
  assert.deepEqual(rgbOf(cellColors(0.5, { scale: 0.5, signed: false }, light).background), rgbOf(light.accent));
});

test("numbers are readable on every colour of both themes", () => {
  const light01 = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = (color) => rgbOf(color).reduce((sum, v, i) => sum + [0.2126, 0.7152, 0.0722][i] * light01(v), 0);
  for (const theme of [light, dark])
    for (const signed of [true, false])
      for (let value = -1; value <= 1; value += 0.02) {
        const { background, ink } = cellColors(value, { scale: 1, signed }, theme);
        const [a, b] = [luminance(background), ink === "#fff" ? 1 : 0];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        assert.ok(contrast >= 4.5, `${background} ${ink}: ${contrast}`);
      }
});

test("a head is said with all cases", () => {
  const header = { heads: 3, signed: true, grids: [{ title: "Your edit" }, { title: "Control edit" }] };
  const values = [
    [0, 0, 0.532],
    [0, 0, -0.012],
  ];
  assert.deepEqual(wordsOf([0, 2], header, values), ["head 0-2", ": Your edit +.532 · Control edit −.012"]);
  const one = { ...header, grids: [{ title: "x" }], labels: [["", "", "previous token .93"]] };
  assert.deepEqual(wordsOf([0, 2], one, values.slice(0, 1)), ["head 0-2 · previous token .93", ": +.532"]);
  assert.equal(sayValue(NaN, true), "no number");
  assert.equal(sayValue(0.25, false), ".250");
  assert.equal(sayMeaning({ signed: true, names: ["B", "A"] }), "orange: more in B than in A, blue: less");
  assert.equal(sayMeaning({ signed: false }), "");
});

test("arrow keys stay in the grid and in their row, and pass over what is not there", () => {
  const there = [true, true, true, true, false, true, false, false, false];
  const at = (from, key, whole) => stepTo({ there, columns: 3, flows: false }, from, key, whole);
  assert.equal(at(0, "ArrowRight"), 1);
  assert.equal(at(2, "ArrowRight"), 2, "the row's end");
  assert.equal(at(3, "ArrowLeft"), 3, "the row's start");
  assert.equal(at(3, "ArrowRight"), 5, "over the missing one");
  assert.equal(at(0, "ArrowDown"), 3);
  assert.equal(at(3, "ArrowDown"), 3, "nothing below");
  assert.equal(at(5, "ArrowUp"), 2);
  assert.equal(at(5, "Home"), 3);
  assert.equal(at(0, "End"), 2);
  assert.equal(at(0, "End", true), 5);
  assert.equal(at(5, "Home", true), 0);
});

test("heads by size flow over the ends of lines", () => {
  const grid = { there: Array(7).fill(true), columns: 3, flows: true };
  assert.equal(stepTo(grid, 2, "ArrowRight"), 3);
  assert.equal(stepTo(grid, 3, "ArrowLeft"), 2);
  assert.equal(stepTo(grid, 5, "ArrowDown"), 5);
  assert.equal(stepTo(grid, 4, "End"), 6);
  assert.equal(stepTo(grid, 4, "Home"), 0);
});
