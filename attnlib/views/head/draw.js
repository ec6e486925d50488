// The head view's canvas: lines, strips behind the tokens, numbers beside them. Draws a scene; keeps nothing.
//
// A scene is {context, width, height, top, layout, theme, colors, rule, on, attention, signed, scale, signs, queryAt,
// keyAt}: `top` is how far the columns are scrolled, `queryAt`/`keyAt` give a token's row on the page (-1: not shown).
// `signs` (null: none) are the differences whose sizes `attention` has; then `colors` are two, for less and for more.
import { placeOf } from "../shared/attention.js";
import { FAINTEST, strengthOf } from "./shown.js";
import { pathOn } from "../shared/svg.js";
import { formatNumber, formatSigned } from "../shared/numbers.js";

export const ROW = 20;
export const PAD = 6;
const LEVELS = 24; // steps of opacity; lines of one head and one step are one path
const FEW = 300;
const MOST_SELECTED = 800; // the table has the numbers of all

/** Where the columns stand for a width and the widest label, from a phone's column to a wide screen. */
export function layoutFor(width, labelWidth, signed = false) {
  const gutter = (width < 480 ? 38 : 48) + (signed ? 10 : 0); // for the numbers, on both sides
  const column = Math.round(Math.max(44, Math.min(labelWidth + 18, (width - 2 * gutter) * 0.34)));
  return { width, gutter, column, left: gutter + column, right: width - gutter - column };
}

/** The vertical middle of row `position`. */
export function yOf(scene, position) {
  return PAD + position * ROW + ROW / 2 - scene.top;
}

/** Which of the scene's colours a number has: its head's or, in a difference, its sign's. */
function colorOf(scene, head, value) {
  return scene.signs ? Number(value > 0) : head;
}

/** The number behind a line: its weight or, in a difference, the change with its sign. */
function valueAt(scene, index) {
  return (scene.signs ?? scene.attention.w)[index];
}

/**
 * The overview: chosen lines of all heads, as opaque as the rule says; where only the strongest are drawn, visible.
 * → how many were drawn
 */
export function drawLines(scene, { index, total }) {
  const paths = new Map();
  const least = index.length < total ? 0.03 : 0;
  for (const i of index) {
    const [h, q, k] = placeOf(scene.attention, i);
    const alpha = Math.max(least, strengthOf(scene, scene.rule, scene.attention.w[i]));
    addLine(scene, paths, colorOf(scene, h, valueAt(scene, i)), scene.queryAt[q], scene.keyAt[k], alpha);
  }
  return strokeAll(scene, paths);
}

/** The lines of the selected tokens, the strongest of them, each as opaque as its weight. → how many were drawn */
export function drawSelection(scene, { side, tokens }, cutoffs) {
  const { attention } = scene;
  const found = [];
  const others = side === "q" ? attention.keys : attention.queries;
  for (const head of scene.on) {
    for (const t of tokens) {
      for (let j = 0; j < others; j++) {
        const [q, k] = side === "q" ? [t, j] : [j, t];
        const row = head * attention.queries + q;
        const weight = attention.w[row * attention.keys + k];
        if (weight / scene.scale < FAINTEST || weight < cutoffs[row]) continue;
        const color = colorOf(scene, head, valueAt(scene, row * attention.keys + k));
        found.push({ color, q, k, weight });
      }
    }
  }
  if (found.length > MOST_SELECTED) found.sort((a, b) => b.weight - a.weight).length = MOST_SELECTED;
  const paths = new Map();
  for (const { color, q, k, weight } of found) {
    addLine(scene, paths, color, scene.queryAt[q], scene.keyAt[k], Math.min(1, weight / scene.scale));
  }
  return strokeAll(scene, paths);
}

function addLine(scene, paths, color, from, to, alpha) {
  if (from < 0 || to < 0) return;
  const [y0, y1] = [yOf(scene, from), yOf(scene, to)];
  if ((y0 < 0 && y1 < 0) || (y0 > scene.height && y1 > scene.height)) return;
  if (alpha < FAINTEST) return;
  const step = Math.max(1, Math.round(Math.sqrt(alpha) * LEVELS)); // finer where lines are faint
  const id = color * (LEVELS + 1) + step;
  if (!paths.has(id)) paths.set(id, { color, alpha: (step / LEVELS) ** 2, path: pathOn(scene.context), count: 0 });
  const path = paths.get(id);
  path.count++;
  const { left, right } = scene.layout;
  const xAt = (y) => left + ((right - left) * (y - y0)) / (y1 - y0);
  const inside = (y) => Math.min(scene.height + 9, Math.max(-9, y)); // what is far outside costs time
  const [start, end] = [inside(y0), inside(y1)];
  path.path.moveTo(start === y0 ? left : xAt(start), start);
  path.path.lineTo(end === y1 ? right : xAt(end), end);
}

function strokeAll({ context, colors }, paths) {
  const lines = [...paths.values()].reduce((sum, { count }) => sum + count, 0);
  context.lineWidth = lines > FEW ? 1 : 1.6; // without a GPU wider lines take ten times as long
  for (const { color, alpha, path } of [...paths.values()].sort((a, b) => a.alpha - b.alpha)) {
    context.globalAlpha = alpha;
    context.strokeStyle = colors[color];
    context.stroke(path);
  }
  context.globalAlpha = 1;
  return lines;
}

/** Behind every token of the other side one strip per head, as opaque as its weight, or its change on the scale. */
export function drawStrips(scene, side, profiles) {
  const { context, layout, on, colors, scale } = scene;
  const x = side === "q" ? layout.right : layout.gutter;
  const at = side === "q" ? scene.keyAt : scene.queryAt;
  const width = layout.column / on.length;
  on.forEach((head, n) => {
    profiles[n].forEach((v, j) => {
      const y = at[j] < 0 ? -ROW : yOf(scene, at[j]);
      const alpha = Math.min(1, Math.abs(v) / scale);
      if (alpha < FAINTEST || y < -ROW || y > scene.height + ROW) return;
      context.fillStyle = colors[colorOf(scene, head, v)];
      context.globalAlpha = alpha;
      context.fillRect(x + n * width, y - ROW / 2 + 1, width, ROW - 2);
    });
  });
  context.globalAlpha = 1;
}

/** The combined weight, or change, beside every token of the other side, to three decimals. */
export function drawNumbers(scene, side, combined) {
  const { context, layout, theme } = scene;
  const at = side === "q" ? scene.keyAt : scene.queryAt;
  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.text;
  context.textBaseline = "middle";
  context.textAlign = side === "q" ? "left" : "right";
  const x = side === "q" ? layout.width - layout.gutter + 5 : layout.gutter - 5;
  combined.forEach((v, j) => {
    const y = at[j] < 0 ? -ROW : yOf(scene, at[j]);
    const size = Math.abs(v);
    if (size < 0.0005 || y < 0 || y > scene.height) return;
    context.globalAlpha = 0.55 + 0.45 * Math.min(1, size * 4);
    context.fillText(scene.signs ? formatSigned(v) : formatNumber(v), x, y);
  });
  context.globalAlpha = 1;
}

/** One line, strong, under the mouse. */
export function drawMarked(scene, { head, query, key }) {
  const { context, layout, colors, attention } = scene;
  const value = valueAt(scene, (head * attention.queries + query) * attention.keys + key);
  context.lineWidth = 3;
  context.strokeStyle = colors[colorOf(scene, head, value)];
  context.beginPath();
  context.moveTo(layout.left, yOf(scene, scene.queryAt[query]));
  context.lineTo(layout.right, yOf(scene, scene.keyAt[key]));
  context.stroke();
}

/** The strongest line within `reach` pixels of a point in the gap: {head, query, key, weight}, or null. */
export function lineAt(scene, x, y, visible, reach = 4) {
  const { attention, layout, on, queryAt, keys } = scene;
  const t = (x - layout.left) / (layout.right - layout.left);
  if (t <= 0.02 || t >= 0.98) return null;
  let best = null;
  for (let q = 0; q < attention.queries; q++) {
    if (queryAt[q] < 0) continue;
    const y0 = yOf(scene, queryAt[q]);
    const middle = (y0 + (y - y0) / t - yOf(scene, 0)) / ROW; // the key row this point leads to
    const slack = reach / (t * ROW);
    for (let row = Math.max(0, Math.ceil(middle - slack)); row <= Math.min(keys.length - 1, middle + slack); row++) {
      for (const head of on) {
        const weight = attention.w[(head * attention.queries + q) * attention.keys + keys[row]];
        if (weight > (best?.weight ?? 0) && visible(head, q, keys[row], weight))
          best = { head, query: q, key: keys[row], weight };
      }
    }
  }
  return best;
}
