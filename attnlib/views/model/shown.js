// From a model payload and what a person chose to what the model view shows: maps, lines, order, sizes, words.
// A map is a Float32Array [query block, key block] of one head. Pure: no DOM.
import { labelOf, nameHead } from "../shared/heads.js";
import { ZOOMS } from "./state.js";
import { formatNumber, formatSigned } from "../shared/numbers.js";

const LEAST_CHANGE = 0.1; // the smallest end of the scale of differences: noise is not to look like a finding
const LEAST_SCORE = 0.05; // likewise of signed scores
const GAP = 4; // from cell to cell
const NARROWEST = 26; // a cell that can be hit
const WIDEST = 132;
const NAMED_FROM = 40; // pixels a cell must be wide to have its name and score in it
export const TOP = 18; // pixels for the heads' numbers
export const LEFT = 26; // for the layers'

// ---- maps

/**
 * Reads the maps of a payload, head by head when they are asked for: → {size, map(side, layer, head)}.
 * @param {import("./types").ModelHeader} header
 * @param {Record<string, import("../shared/types").Numbers>} arrays
 */
export function mapsOf(header, arrays) {
  /** @type {[number, number]} */
  const size = [header.blocks.q.length - 1, (header.blocks.k ?? header.blocks.q).length - 1];
  const firsts = [0];
  for (const count of header.counts) firsts.push(firsts.at(-1) + count);
  const cells = header.triangle ? (size[0] * (size[0] + 1)) / 2 : size[0] * size[1];
  const read = (packed, layer, head, number) => {
    const start = (firsts[layer] + head) * cells;
    return spread(packed.subarray(start, start + cells), size, header.triangle, number);
  };
  const weight = (v) => v / 65535;
  const [a, b, change] = [arrays.maps, arrays.maps_b, arrays.change];
  const shared = header.queries.a?.map((name, i) => name !== null && header.queries.b[i] !== null);
  const map = (side, layer, head) => {
    if (side === "a") return read(a, layer, head, weight);
    if (side === "b") return read(b, layer, head, weight);
    if (change) return read(change, layer, head, (v) => (v - 32768) / 32767);
    const [one, two] = [map("a", layer, head), map("b", layer, head)];
    return two.map((v, i) => (shared[Math.floor(i / size[1])] ? v - one[i] : 0));
  };
  return { size, map };
}

/** A packed map in full: a causal model's is a lower triangle. */
function spread(packed, [rows, columns], triangle, number) {
  const out = new Float32Array(rows * columns);
  if (!triangle) for (let i = 0; i < out.length; i++) out[i] = number(packed[i]);
  else for (let q = 0, i = 0; q < rows; q++) for (let k = 0; k <= q; k++) out[q * columns + k] = number(packed[i++]);
  return out;
}

/**
 * The largest change of all heads: what differences are drawn by.
 * @param {import("./types").ModelHeader} header
 */
export function scaleOf(header, { map }) {
  let most = LEAST_CHANGE;
  header.counts.forEach((count, layer) => {
    for (let head = 0; head < count; head++)
      for (const v of map("diff", layer, head)) most = Math.max(most, Math.abs(v));
  });
  return most;
}

/**
 * Which blocks of rows and of columns a choice of sentences leaves: [boolean per block] each.
 * @param {import("./types").ModelHeader} header
 * @param {string} segments
 * @returns {[boolean[], boolean[]]}
 */
export function chosenBlocks(header, segments) {
  const row = (edges, labels, wanted) =>
    edges.slice(0, -1).map((first) => wanted === null || (labels?.[first] ?? 0) === wanted);
  const [from, to] = segments === "all" ? [null, null] : [...segments].map((name) => (name === "B" ? 1 : 0));
  const { q, k } = header.blocks;
  return [row(q, header.queries.segments, from), row(k ?? q, (header.keys ?? header.queries).segments, to)];
}

/** A map without the blocks that are not chosen. */
export function masked(map, [, columns], [chosenRows, chosenColumns]) {
  if (chosenRows.every(Boolean) && chosenColumns.every(Boolean)) return map;
  return map.map((v, i) => (chosenRows[Math.floor(i / columns)] && chosenColumns[i % columns] ? v : 0));
}

/** A map with at most so many rows and columns: of each group of cells the value that is largest in size. */
export function shrink(map, [rows, columns], [mostRows, mostColumns]) {
  const group = (count, most) => Math.max(1, Math.ceil(count / Math.max(1, most)));
  const [tall, wide] = [group(rows, mostRows), group(columns, mostColumns)];
  if (tall === 1 && wide === 1) return { map, size: [rows, columns] };
  const size = [Math.ceil(rows / tall), Math.ceil(columns / wide)];
  const out = new Float32Array(size[0] * size[1]);
  for (let q = 0; q < rows; q++) {
    for (let k = 0; k < columns; k++) {
      const at = Math.floor(q / tall) * size[1] + Math.floor(k / wide);
      const v = map[q * columns + k];
      if (Math.abs(v) > Math.abs(out[at])) out[at] = v;
    }
  }
  return { map: out, size };
}

const BINS = 512;
const FAINTEST = 0.01; // of the scale: a weaker line is only drawn where it is the strongest of its row

/**
 * The lines that are drawn of a map: the strongest by size, about `most`, and (of weights, not of changes) of every
 * row its strongest; indices into the map.
 */
export function strongest(map, columns, most, scale = 1, signed = false) {
  const bin = (v) => Math.min(BINS - 1, Math.floor((Math.abs(v) / scale) * BINS));
  const counts = new Uint32Array(BINS);
  const seen = (v) => Math.abs(v) >= FAINTEST * scale;
  for (const v of map) if (seen(v)) counts[bin(v)]++;
  let [border, above] = [BINS - 1, 0];
  while (border > 0 && above + counts[border] <= most) above += counts[border--];
  const found = [];
  let tied = most - above;
  for (let row = 0; row < map.length; row += columns) {
    let best = row;
    for (let i = row; i < row + columns; i++) if (Math.abs(map[i]) > Math.abs(map[best])) best = i;
    for (let i = row; i < row + columns; i++) {
      const b = seen(map[i]) ? bin(map[i]) : -1;
      if (b > border || (b === border && tied-- > 0) || (i === best && map[i] && !signed)) found.push(i);
    }
  }
  return found;
}

// ---- scores and order

/**
 * A head's score: NaN where there is no such head.
 * @param {import("./types").ModelHeader} header
 */
export function scoreOf(header, scores, name, [layer, head]) {
  const n = header.scores.findIndex((score) => score.name === name);
  return scores[(n * header.layers + layer) * header.heads + head];
}

/**
 * The scale of a score: the largest size there is.
 * @param {import("./types").ModelHeader} header
 */
export function scoreScale(header, scores, name) {
  const n = header.scores.findIndex((score) => score.name === name);
  const size = header.layers * header.heads;
  const all = scores.subarray(n * size, (n + 1) * size).filter((v) => !Number.isNaN(v));
  return all.reduce((most, v) => Math.max(most, Math.abs(v)), header.scores[n].signed ? LEAST_SCORE : 1e-6);
}

/**
 * The rows of the grid: [{layer, cells: [[layer, head]]}]; `layer` is null where a row has several. In place; layers by
 * their mean score; heads of each layer by score; or all heads by score, `columns` to a row.
 * @param {import("./types").ModelHeader} header
 */
export function rowsOf(header, scores, state, columns) {
  const size = (head) => Math.abs(scoreOf(header, scores, state.by, head)) || 0;
  const fall = (a, b) => size(b) - size(a) || a[0] - b[0] || a[1] - b[1];
  const layers = state.layers ?? header.counts.map((_, layer) => layer);
  const rows = layers.map((layer) => {
    const heads = state.heads ?? Array.from({ length: header.counts[layer] }, (_, head) => head);
    return { layer, cells: heads.filter((head) => head < header.counts[layer]).map((head) => [layer, head]) };
  });
  if (state.order === "layers") {
    const mean = ({ cells }) => cells.reduce((sum, cell) => sum + size(cell), 0) / (cells.length || 1);
    return rows.sort((a, b) => mean(b) - mean(a) || a.layer - b.layer);
  }
  if (state.order === "heads") return rows.map((row) => ({ ...row, cells: row.cells.sort(fall) }));
  if (state.order !== "all") return rows;
  const all = rows.flatMap((row) => row.cells).sort(fall);
  const count = Math.ceil(all.length / columns);
  return Array.from({ length: count }, (_, n) => ({ layer: null, cells: all.slice(n * columns, (n + 1) * columns) }));
}

/** Whether the columns are heads: only then they have a number above. */
export function inColumns(state) {
  return state.order === "place" || state.order === "layers";
}

// ---- sizes

/**
 * Sizes for a width: of a cell (width, the strip with its name, the square under it), how many fit beside each other,
 * and, with the rows, of everything. In place a cell's column is its head.
 * @param {import("./types").ModelHeader} header
 */
export function fitCells(header, state, width) {
  const columns = Math.max(1, state.heads?.length ?? header.heads);
  const room = (count) => Math.floor((width - LEFT - GAP) / count) - GAP;
  const cell = Math.round(Math.max(NARROWEST, Math.min(WIDEST, room(columns))) * ZOOMS[state.zoom]);
  const strip = cell >= NAMED_FROM ? 15 : 5;
  const beside = Math.max(1, Math.floor((width - LEFT - GAP) / (cell + GAP)));
  return { cell, strip, named: cell >= NAMED_FROM, step: [cell + strip + GAP, cell + GAP], beside };
}

/** The whole drawing's width and height. */
export function extentOf(layout, rows, state, header) {
  const widest = inColumns(state)
    ? (state.heads?.length ?? header.heads)
    : Math.max(0, ...rows.map((r) => r.cells.length));
  return [LEFT + widest * layout.step[1] + GAP, TOP + rows.length * layout.step[0] + GAP];
}

/** Where a head stands in the drawing: [row, column]; null where it is filtered out. */
export function spotOf(rows, state, [layer, head]) {
  for (let row = 0; row < rows.length; row++) {
    const n = rows[row].cells.findIndex(([l, h]) => l === layer && h === head);
    if (n >= 0) return [row, columnOf(state, rows[row].cells[n], n)];
  }
  return null;
}

/** The column of the n-th cell of a row. */
export function columnOf(state, [, head], n) {
  if (!inColumns(state)) return n;
  return state.heads ? state.heads.indexOf(head) : head;
}

/** The head at a row and column; null where there is none. */
export function headAt(rows, state, [row, column]) {
  return rows[row]?.cells.find((cell, n) => columnOf(state, cell, n) === column) ?? null;
}

/** The head at a point of the drawing; null between cells and outside. */
export function cellAt(layout, rows, state, [x, y]) {
  const [row, column] = [Math.floor((y - TOP) / layout.step[0]), Math.floor((x - LEFT) / layout.step[1])];
  if (x < LEFT || y < TOP) return null;
  const inside = (y - TOP) % layout.step[0] < layout.cell + layout.strip && (x - LEFT) % layout.step[1] < layout.cell;
  return inside ? headAt(rows, state, [row, column]) : null;
}

/** Where a key leads from a head (null: from nowhere, to the first there is); null where it is no move. */
export function moveHead(rows, state, from, key, whole = false) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (!steps[key] && key !== "Home" && key !== "End") return null;
  const filled = rows.filter((row) => row.cells.length);
  if (!filled.length) return null;
  const at = from && spotOf(rows, state, from);
  if (!at) return filled[0].cells[0];
  if (key === "Home") return whole ? filled[0].cells[0] : rows[at[0]].cells[0];
  if (key === "End") return whole ? filled.at(-1).cells.at(-1) : rows[at[0]].cells.at(-1);
  const [down, right] = steps[key];
  if (right) {
    const cells = rows[at[0]].cells;
    const n = cells.findIndex(([l, h]) => l === from[0] && h === from[1]) + right;
    return cells[n] ?? from;
  }
  for (let row = at[0] + down; rows[row]; row += down) {
    const found = headAt(rows, state, [row, at[1]]) ?? rows[row].cells.at(-1);
    if (found) return found;
  }
  return from;
}

// ---- words

/** A score as it is written: with its sign where it has one. */
export function sayScore(value, signed) {
  if (signed) return formatSigned(value);
  return formatNumber(value, Math.abs(value) >= 10 ? 1 : 3);
}

/** A score as it fits into a cell. */
export function shortScore(value) {
  return Number.isNaN(value) ? "" : formatNumber(value, Math.abs(value) >= 10 ? 0 : 2);
}

/** What the drawing is and what keys do in it; a head is opened only where somebody answers. */
export function sayKeys({ counts, layers }, opens) {
  const heads = counts.reduce((sum, count) => sum + count, 0);
  return `${heads} heads in ${layers} layers. Arrow keys move, Space chooses a head${opens ? ", Enter opens it" : ""}.`;
}

/**
 * A head's name with its label, and its score: ["layer 3 head 7 · previous token .93", " · Entropy 0.412"].
 * @returns {[string, string]}
 */
export function wordsOf(header, scores, state, [layer, head]) {
  const { title, signed } = header.scores.find(({ name }) => name === state.by);
  const name = nameHead(`layer ${layer} head ${head}`, labelOf(header.labels, layer, head));
  return [name, ` · ${title} ${sayScore(scoreOf(header, scores, state.by, [layer, head]), signed)}`];
}

/** A head's name and score as one sentence: “layer 3 head 7 · Entropy 0.412”. */
export function sayHead(...head) {
  return wordsOf(...head).join("");
}

/**
 * What a cell is and what is left out, in words.
 * @param {import("./types").ModelHeader} header
 */
export function noteText(header, state, drawn) {
  const parts = [];
  const size = (edges) => Math.max(...edges.slice(1).map((edge, i) => edge - edges[i]));
  const [tall, wide] = [size(header.blocks.q), size(header.blocks.k ?? header.blocks.q)];
  const what = state.show === "diff" ? "the largest change" : "the largest";
  if (tall > 1 || wide > 1) {
    const tokens = [header.queries, header.keys ?? header.queries].map((row) =>
      row.labels.length.toLocaleString("en"),
    );
    const of = header.keys ? `${tokens[0]} × ${tokens[1]}` : tokens[0];
    parts.push(
      `${of} tokens are drawn in blocks: each is ${what} of up to ${tall} × ${wide} weights, so none is lost.`,
    );
  }
  if (state.draw === "lines" && drawn.left) parts.push(`Of each head the ${drawn.most} strongest lines are drawn.`);
  if (state.segments !== "all") parts.push("Scores are computed over the whole text.");
  return parts.join(" ");
}

/**
 * The scores of the shown heads as rows for a spreadsheet, in the order of the grid.
 * @param {import("./types").ModelHeader} header
 */
export function modelTable(header, scores, state) {
  const heads = rowsOf(header, scores, state, 1).flatMap(({ cells }) => cells);
  const rows = heads.map((head) => [
    ...head,
    labelOf(header.labels, ...head) ?? "",
    ...header.scores.map(({ name }) => scoreOf(header, scores, name, head)),
  ]);
  return [["layer", "head", "what it does", ...header.scores.map(({ title }) => title)], ...rows];
}
