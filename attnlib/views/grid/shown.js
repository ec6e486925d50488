// From a grid payload to what the grid shows: order and size of cells, colours, numbers, words. Pure: no DOM.
import { labelOf, nameHead } from "../shared/heads.js";
import { formatNumber, formatSigned } from "../shared/numbers.js";

const AXIS = 26; // pixels for the layers' numbers
const EDGE = 8; // of a box around its cells
const BETWEEN = 22; // from grid to grid
const GAP = 2; // from cell to cell
const FEW = 6; // heads, whose cells need not be narrow
const WIDE = 44;
const WIDEST = 48;
const NARROWEST = 12;
const NUMBERS_FROM = 34; // pixels a cell must be wide to hold its number
const TALLEST = 640; // pixels a grid may take before it scrolls
const RANKED = 52; // a cell with the head's name in it

/** The heads as [layer, head]: in their places, or those of the first grid from the largest size down. */
export function orderOfHeads({ layers, heads, order }, values) {
  const places = [];
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) places.push([layer, head]);
  }
  if (order !== "rank") return places;
  const size = ([layer, head]) => Math.abs(values[layer * heads + head]);
  const there = places.filter((place) => !Number.isNaN(size(place)));
  return there.sort((x, y) => size(y) - size(x) || x[0] - y[0] || x[1] - y[1]);
}

/** How cells fit into a width: as many grids side by side as leave room for numbers, else for cells one can hit. */
export function fitGrids({ order, grids, layers, heads }, width) {
  const counts = Array.from({ length: grids.length }, (_, n) => grids.length - n);
  const share = (beside) => Math.floor((width - (beside - 1) * BETWEEN) / beside) - EDGE;
  if (order === "rank") return fitRanked(counts, share, layers * heads);
  const wide = (beside) => Math.min(WIDEST, Math.floor((share(beside) - AXIS) / heads) - GAP);
  const roomy = layers * (NUMBERS_FROM * 0.62 + GAP) <= TALLEST;
  const wanted = roomy ? [heads <= FEW ? WIDE : NUMBERS_FROM, NUMBERS_FROM, NARROWEST] : [NARROWEST];
  const beside = wanted.map((least) => counts.find((n) => wide(n) >= least)).find(Boolean);
  const cell = Math.max(NARROWEST, wide(beside ?? 1));
  if (roomy && cell >= NUMBERS_FROM)
    return { cell, height: Math.max(22, Math.round(cell * 0.62)), columns: heads, numbers: true };
  const height = Math.max(NARROWEST, Math.min(cell, Math.floor(TALLEST / layers) - GAP));
  return { cell: Math.min(cell, 30), height: Math.min(height, 30), columns: heads, numbers: false };
}

function fitRanked(counts, share, cells) {
  const fitting = (beside) => Math.floor((share(beside) + GAP) / (RANKED + GAP));
  const beside = counts.find((n) => fitting(n) >= Math.min(4, cells)) ?? 1;
  const columns = Math.max(1, Math.min(fitting(beside), Math.max(4, Math.ceil(Math.sqrt(cells)))));
  return { cell: RANKED, height: 40, columns, numbers: true };
}

/** A value as the grid says it: with its sign where it has one. */
export function sayValue(value, signed) {
  if (Number.isNaN(value)) return "no number";
  return signed ? formatSigned(value) : formatNumber(value);
}

/** What the two colours mean. */
export function sayMeaning({ signed, names, meaning }) {
  if (meaning) return meaning;
  const [more, less] = names ?? ["B", "A"];
  return signed ? `orange: more in ${more} than in ${less}, blue: less` : "";
}

/**
 * A head's name with its label, and its number in all grids: ["head 0-2 · previous token .93", ": +.532"], or
 * ["head 0-2", ": Your edit +.532 · Control edit −.012"].
 * @returns {[string, string]}
 */
export function wordsOf([layer, head], { heads, signed, grids, labels }, values) {
  const said = values.map((of) => sayValue(of[layer * heads + head], signed));
  const parts = said.length > 1 ? said.map((value, n) => `${grids[n].title} ${value}`) : said;
  return [nameHead(`head ${layer}-${head}`, labelOf(labels, layer, head)), `: ${parts.join(" · ")}`];
}

/**
 * Where a key leads from cell `at`: the next one that is there. `there` has an entry per cell; `flows` where rows
 * are only line breaks (heads by size).
 */
export function stepTo({ there, columns, flows }, at, key, whole = false) {
  const row = Math.floor(at / columns);
  const [start, end] = flows || whole ? [0, there.length - 1] : [row * columns, (row + 1) * columns - 1];
  const walk = (from, by, least = 0, most = there.length - 1) => {
    for (let i = from; i >= least && i <= most; i += by) if (there[i]) return i;
    return at;
  };
  if (key === "Home") return walk(start, 1);
  if (key === "End") return walk(end, -1);
  if (key === "ArrowUp") return walk(at - columns, -columns);
  if (key === "ArrowDown") return walk(at + columns, columns);
  const by = key === "ArrowLeft" ? -1 : 1;
  return walk(at + by, by, start, end);
}

/**
 * The grids as rows for a spreadsheet: one for each head that is there.
 * @param {import("./types").GridHeader} header
 */
export function gridTable({ layers, heads, grids, labels }, values) {
  const rows = [["layer", "head", "what it does", ...grids.map(({ title }) => title)]];
  for (let layer = 0; layer < layers; layer++)
    for (let head = 0; head < heads; head++) {
      const numbers = values.map((of) => of[layer * heads + head]);
      if (numbers.every(Number.isNaN)) continue;
      rows.push([layer, head, labelOf(labels, layer, head) ?? "", ...numbers]);
    }
  return rows;
}
