// From a matrix payload to what is shown: values, colours of pixels, sizes, words about a cell. Pure: no DOM.
import { rgbOf } from "./shared.js";
import { signColors, formatSigned } from "./sides.js";

const FLOOR = 0.1; // the smallest end of the scale of a difference: noise is not to look like a finding

/** {a, b, diff, scale}: weights as numbers; b and diff are null for a single text. */
export function valuesOf({ a, b }) {
  const numbers = (packed) => (packed ? Float32Array.from(packed, (v) => v / 65535) : null);
  const [first, second] = [numbers(a), numbers(b)];
  const diff = second && second.map((v, i) => v - first[i]);
  const scale = diff ? diff.reduce((most, v) => Math.max(most, Math.abs(v)), FLOOR) : 1;
  return { a: first, b: second, diff, scale };
}

/** Which rows or columns exist in both prompts (in a single text: all). */
export function sharedOf(row) {
  return row.labels.map((_, i) => !row.kinds || row.kinds[i] === "equal" || row.kinds[i] === "replaced");
}

/** RGBA bytes of a side, one pixel per cell; in the difference rows of one prompt only are left transparent. */
export function pixelsOf(values, side, keys, sharedRows, theme) {
  const shown = values[side];
  const back = rgbOf(theme.background);
  const { more, less } = signColors(theme.dark);
  const [up, down] = side === "diff" ? [rgbOf(more), rgbOf(less)] : [rgbOf(theme.accent), rgbOf(theme.accent)];
  const scale = side === "diff" ? values.scale : 1;
  const pixels = new Uint8ClampedArray(shown.length * 4);
  for (let i = 0; i < shown.length; i++) {
    const color = shown[i] < 0 ? down : up;
    const share = Math.sqrt(Math.min(1, Math.abs(shown[i]) / scale)); // the eye sees small weights, too
    for (let c = 0; c < 3; c++) pixels[4 * i + c] = back[c] + (color[c] - back[c]) * share;
    pixels[4 * i + 3] = side === "diff" && !sharedRows[Math.floor(i / keys)] ? 0 : 255;
  }
  return pixels;
}

/** The size of a cell and of the margins for labels, for a width. */
export function layoutOf(width, rows, columns, labelWidth) {
  const margin = Math.min(Math.max(36, labelWidth + 10), Math.max(60, width * 0.28));
  const cell = Math.max(2, Math.min(26, (width - margin - 4) / columns));
  return { cell, left: margin, top: margin, every: Math.max(1, Math.ceil(12 / cell)) };
}

/** A cell in words: “She → He” looks at “doctor”: A 0.213, B 0.603, B − A +0.390. */
export function sayCell({ queries, keys }, values, query, key) {
  const columns = keys ?? queries;
  const i = query * columns.labels.length + key;
  const [from, to] = [queries.labels[query].trim(), columns.labels[key].trim()];
  const what = `“${from}” looks at “${to}”`;
  if (!values.b) return `${what}: ${values.a[i].toFixed(3)}`;
  const only = onlyIn(queries, query) ?? onlyIn(columns, key);
  const [a, b] = [values.a[i].toFixed(3), values.b[i].toFixed(3)];
  if (only) return `${what}: ${only === "A" ? `A ${a}` : `B ${b}`}, only in ${only}`;
  return `${what}: A ${a}, B ${b}, B − A ${formatSigned(values.diff[i])}`;
}

function onlyIn({ kinds }, i) {
  return { deleted: "A", inserted: "B" }[kinds?.[i]] ?? null;
}

/** The text of a unit on a side; "–" where it does not exist there. */
export function labelOn(row, i, side) {
  const text = side === "diff" || !row[side] ? row.labels[i] : row[side][i];
  return text === null ? "–" : text.trim();
}
