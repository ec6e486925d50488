// From a matrix payload to what is shown: values, colours of pixels, sizes, words about a cell. Pure: no DOM.
import { rgbOf, signColors } from "../shared/colors.js";
import { formatNumber, formatSigned } from "../shared/numbers.js";

const FLOOR = 0.1; // the smallest end of the scale of a difference: noise is not to look like a finding
const LARGEST = 24; // pixels of a cell
const SMALLEST = 2;
const LINE = 13; // pixels from label to label, at least
const EDGE = 4; // pixels right of and below the cells

/**
 * {a, b, diff, scale}: weights as numbers; b and diff are null for a single text.
 * @param {Record<string, import("../shared/types").Numbers>} arrays
 */
export function valuesOf({ a, b }) {
  const numbers = (packed) => (packed ? Float32Array.from(packed, (v) => v / 65535) : null);
  const [first, second] = [numbers(a), numbers(b)];
  const diff = second ? second.map((v, i) => v - first[i]) : null;
  const scale = diff ? diff.reduce((most, v) => Math.max(most, Math.abs(v)), FLOOR) : 1;
  return { a: first, b: second, diff, scale };
}

/**
 * Which rows or columns exist on a side; in the difference those that both prompts have (in a single text: all).
 * @param {import("../shared/types").Row} row
 * @param {import("../shared/types").Side} side
 */
export function presentOf({ labels, a, b }, side) {
  const there = (names, i) => !names || names[i] !== null;
  return labels.map((_, i) => (side === "b" || there(a, i)) && (side === "a" || there(b, i)));
}

/** How much of its colour a value has: straight for differences; weights by their root, as most are small. */
export function shareOfColor(value, side, scale) {
  const share = Math.min(1, Math.abs(value) / scale);
  return side === "diff" ? share : Math.sqrt(share);
}

/** A value's colour as [r, g, b]. */
export function colorOf(value, side, scale, theme) {
  const { more, less } = signColors(theme.dark);
  const full = rgbOf(side !== "diff" ? theme.accent : value < 0 ? less : more);
  const share = shareOfColor(value, side, side === "diff" ? scale : 1);
  return rgbOf(theme.background).map((v, i) => Math.round(v + (full[i] - v) * share));
}

/** The colours along a legend, from the scale's low end to its high end. */
export function rampOf(side, scale, theme) {
  const low = side === "diff" ? -scale : 0;
  const high = side === "diff" ? scale : 1;
  return Array.from({ length: 11 }, (_, n) => `rgb(${colorOf(low + ((high - low) * n) / 10, side, scale, theme)})`);
}

/** RGBA bytes of a side, one pixel per cell; rows that are not there stay transparent. */
export function pixelsOf(values, side, columns, present, theme) {
  const shown = values[side];
  const steps = 255;
  const scale = side === "diff" ? values.scale : 1;
  const table = Array.from({ length: 2 * steps + 1 }, (_, n) =>
    colorOf(((n - steps) / steps) * scale, side, values.scale, theme),
  );
  const pixels = new Uint8ClampedArray(shown.length * 4);
  for (let i = 0; i < shown.length; i++) {
    if (!present[Math.floor(i / columns)]) continue;
    const color = table[steps + Math.round(Math.max(-1, Math.min(1, shown[i] / scale)) * steps)];
    pixels.set(color, 4 * i);
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}

/**
 * Sizes for a width: a cell (whole pixels, as many as fit), the margins for labels, from label to label, and all.
 * `labelWidth` is the widest label of the rows, `labelHeight` of the columns, which stand upright.
 */
export function layoutOf(width, rows, columns, labelWidth, labelHeight = labelWidth) {
  const left = Math.round(Math.min(labelWidth + 10, Math.max(64, Math.min(150, width * 0.3))));
  const top = Math.round(Math.min(labelHeight + 10, 120));
  const cell = Math.max(SMALLEST, Math.min(LARGEST, Math.floor((width - left - EDGE) / columns)));
  return {
    cell,
    left,
    top,
    every: Math.ceil(LINE / cell),
    width: left + columns * cell + EDGE,
    height: top + rows * cell + EDGE,
  };
}

/** The cell at a point of the scrolled drawing, as [query, key]; null outside, also over the labels. */
export function cellAt({ cell, left, top }, [rows, columns], [x, y], [scrolledX, scrolledY]) {
  if (x < left || y < top) return null;
  const [query, key] = [Math.floor((y - top + scrolledY) / cell), Math.floor((x - left + scrolledX) / cell)];
  return query < rows && key < columns ? [query, key] : null;
}

/** Where a key leads from a cell; null where it is no move. The first move only shows the first cell. */
export function moveCell(cursor, [rows, columns], key, whole = false) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const far = { Home: [whole ? -rows : 0, -columns], End: [whole ? rows : 0, columns] };
  const step = steps[key] ?? far[key];
  if (!step) return null;
  if (!cursor) return [0, 0];
  const within = (v, count) => Math.max(0, Math.min(count - 1, v));
  return [within(cursor[0] + step[0], rows), within(cursor[1] + step[1], columns)];
}

/**
 * A cell in words: “She → He” looks at “doctor”: A 0.213  B 0.603  B − A +0.390.
 * @param {import("./types").MatrixHeader} header
 */
export function sayCell({ queries, keys }, values, [query, key]) {
  const columns = keys ?? queries;
  const i = query * columns.labels.length + key;
  const what = `“${queries.labels[query].trim()}” looks at “${columns.labels[key].trim()}”`;
  if (!values.b) return `${what}: ${formatNumber(values.a[i])}`;
  const there = (side) => isIn(queries, query, side) && isIn(columns, key, side);
  const [a, b] = ["a", "b"].map(
    (side) => `${side.toUpperCase()} ${formatNumber(there(side) ? values[side][i] : null)}`,
  );
  const compared = isIn(queries, query, "a") && isIn(queries, query, "b");
  const change = compared ? `  B − A ${formatSigned(values.diff[i])}` : "";
  return `${what}: ${a}  ${b}${change}${sayOnly(queries, query, ": no row to compare")}${query === key && columns === queries ? "" : sayOnly(columns, key, "")}`;
}

function isIn(row, i, side) {
  return !row[side] || row[side][i] !== null;
}

function sayOnly(row, i, then) {
  const only = !isIn(row, i, "b") ? "A" : !isIn(row, i, "a") ? "B" : null;
  return only ? `\n“${row.labels[i].trim()}” is only in ${only}${then}` : "";
}

/** The text of a unit on a side; "–" where it does not exist there. */
export function labelOn(row, i, side) {
  const text = side === "diff" || !row[side] ? row.labels[i] : row[side][i];
  return text === null ? "–" : text.trim();
}

/**
 * The weights as rows for a spreadsheet: one for each that is not zero; a change only where both prompts have it.
 * @param {import("./types").MatrixHeader} header
 */
export function matrixTable({ queries, keys, pair }, { a, b }) {
  const columns = keys ?? queries;
  const rows = [["query", "query token", "key", "key token", ...(pair ? ["A", "B", "B − A"] : ["weight"])]];
  const there = {
    a: [queries, columns].map((row) => presentOf(row, "a")),
    b: [queries, columns].map((row) => presentOf(row, "b")),
  };
  const value = (of, side, q, k, i) => (there[side][0][q] && there[side][1][k] ? of[i] : NaN);
  queries.labels.forEach((label, q) =>
    columns.labels.forEach((other, k) => {
      const i = q * columns.labels.length + k;
      const values = pair ? [value(a, "a", q, k, i), value(b, "b", q, k, i)] : [a[i]];
      if (pair) values.push(there.a[0][q] && there.b[0][q] ? b[i] - a[i] : NaN);
      if (values.some((v) => v)) rows.push([q, label.trim(), k, other.trim(), ...values]);
    }),
  );
  return rows;
}
