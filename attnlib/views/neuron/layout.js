// Where everything is in the neuron view's drawing, and what is under a point of it. Pure: no DOM.
import { columnsOf } from "./shown.js";

export const ROW = 20; // pixels of a key's row
export const TITLE = 18;
export const HEAD = TITLE + 30; // above the rows: titles and the query's strip
const GAP = 14;
const SMALLEST = 2; // pixels of a dimension, below which only one strip is drawn
const NARROW = 640;
export const TALLEST = 520;

/**
 * Where everything is, for a width and the tallest it may be: {label, cell, strips: [{kind, x, width}], columns: [{name, title, x, width}],
 * …}.
 */
export function layoutOf(shown, width, labelWidth, tallest = TALLEST) {
  const { state } = shown;
  const narrow = width < NARROW;
  const wanted = columnsOf(shown, state.part);
  const kept = narrow ? wanted.slice(-2) : wanted;
  const label = Math.min(narrow ? 104 : 170, Math.max(48, labelWidth + 18));
  const numberWidth = 62;
  const bar = narrow ? 0 : 60;
  const room = width - label - kept.length * numberWidth - bar - 2 * GAP;
  const dims = shown.dims.length;
  const kinds = state.part === "weight" ? ["key", "product"] : ["value", "part"];
  const largest = dims <= 16 ? 46 : 14;
  const both = halfPixels((room - GAP) / 2 / dims);
  const single = both < SMALLEST;
  const cell = Math.min(largest, single ? Math.max(halfPixels(room / dims), Math.min(1, room / dims)) : both);
  const drawn = single ? [kinds[state.strip === "key" ? 0 : 1]] : kinds;
  const strips = drawn.map((kind, n) => ({ kind, x: label + n * (dims * cell + GAP), width: dims * cell }));
  const start = strips.at(-1).x + strips.at(-1).width + GAP;
  const columns = kept.map(([name, title], n) => ({ name, title, x: start + n * numberWidth, width: numberWidth }));
  const end = start + kept.length * numberWidth;
  const height = HEAD + shown.rows.length * ROW;
  const shownHeight = Math.min(HEAD + shown.keyRows.length * ROW, tallest); // for all keys: nothing below moves
  return {
    label,
    cell,
    single,
    strips,
    columns,
    bar: { x: end, width: bar },
    width: end + bar,
    height,
    shownHeight,
  };
}

const halfPixels = (v) => Math.floor(2 * v) / 2;

/** What is under a point of the drawing (y without scrolling taken off): {row, dim} or null; row −1 is the query's. */
export function under(shown, layout, [x, y], scroll) {
  if (x < 0 || y < TITLE || x > layout.width) return null;
  const row = y < HEAD ? -1 : Math.floor((y - HEAD + scroll) / ROW);
  if (row >= shown.rows.length) return null;
  const strip = layout.strips.find((one) => x >= one.x && x < one.x + one.width);
  if (row < 0 && !strip) return null;
  return { row, dim: strip ? shown.dims[Math.floor((x - strip.x) / layout.cell)] : null };
}
