// Draws the neuron view's strips and columns, and the curve of a score, on canvases. Nothing here knows the mouse.
import { rgbOf, signColors, cellColors } from "../shared/colors.js";
import {
  stripOf,
  topStrip,
  weightOf,
  normOf,
  columnNumber,
  hiddenByMask,
  isScore,
  sayNumber,
  nameOf,
  bare,
} from "./shown.js";
import { HEAD, TITLE, ROW } from "./layout.js";

const STEPS = 256; // of a sign's colour
const INSET = 2; // pixels of a row above and below its strip
const WRITTEN = 38; // pixels of a dimension from which its number is written into it

/** The colours of −scale to +scale as RGBA in 32 bits: by the root of the size, so that small numbers are seen. */
export function rampOf(theme) {
  const { more, less } = signColors(theme.dark);
  const background = rgbOf(theme.background);
  const ramp = new Uint32Array(2 * STEPS + 1);
  for (let n = -STEPS; n <= STEPS; n++) {
    const color = rgbOf(n < 0 ? less : more);
    const share = Math.sqrt(Math.abs(n) / STEPS);
    const [r, g, b] = background.map((v, i) => Math.round(v + (color[i] - v) * share));
    ramp[n + STEPS] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return ramp;
}

/** A colour of the ramp as CSS, for a share from −1 to 1. */
export function rampColor(ramp, share) {
  const color = ramp[Math.round(Math.max(-1, Math.min(1, share)) * STEPS) + STEPS];
  return `rgb(${color & 255}, ${(color >> 8) & 255}, ${(color >> 16) & 255})`;
}

/** The scale of a strip's colours: of this head or of all heads of the layer; of B − A its own. */
export function scaleFor({ header, state, show }, kind) {
  const scales = show === "diff" ? header.scales.change : header.scales[state.scale];
  const name = kind === "product" ? "product" : kind === "value" || kind === "part" ? "value" : "vector";
  return scales[name] || 1;
}

/** Everything but what the mouse marks: titles, the query's strip, and the rows that are scrolled into sight. */
export function drawColumns(context, shown, layout, { width, height, scroll, theme, ramp }) {
  const pen = { context, shown, layout, theme, ramp };
  drawTitles(pen);
  drawTop(pen);
  context.save();
  context.beginPath();
  context.rect(0, HEAD, width, height - HEAD);
  context.clip();
  const first = Math.max(0, Math.floor(scroll / ROW));
  for (let row = first; row < shown.rows.length && HEAD + row * ROW - scroll < height; row++) {
    drawRow(pen, shown.rows[row], HEAD + row * ROW - scroll);
  }
  context.restore();
}

const STRIP_TITLES = { key: "key k", product: "q × k", value: "value v", part: "weight × v" };

function drawTitles({ context, shown, layout, theme }) {
  context.fillStyle = theme.text;
  context.font = `12px ${theme.font}`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  const change = shown.show === "diff" ? "change of " : "";
  for (const { kind, x, width } of layout.strips) write(context, change + STRIP_TITLES[kind], x, TITLE / 2, width);
  context.textAlign = "right";
  for (const { title, x, width } of layout.columns) write(context, title, x + width - 4, TITLE / 2, width - 6);
}

/** The query's own row: its vector over the keys' (or the output under weight × value), where one multiplies by it. */
function drawTop(pen) {
  const { context, shown, layout, theme } = pen;
  const { header, state, show } = shown;
  const y = TITLE + 2;
  context.font = `600 12px ${theme.font}`;
  context.fillStyle = theme.text;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const what = state.part === "weight" ? "q" : "Σ";
  write(
    context,
    `${what} ${bare(header.queries, state.query, show)}`,
    layout.label - 8,
    y + ROW / 2,
    layout.label - 12,
  );
  const vector = topStrip(shown);
  if (!vector) return;
  const strip = topStripOf(shown, layout);
  drawStrip(pen, vector, strip, y, state.part === "weight" ? "query" : "part");
  context.strokeStyle = theme.text;
  context.globalAlpha = 0.5;
  context.beginPath();
  context.moveTo(0, HEAD - 3.5);
  context.lineTo(layout.width, HEAD - 3.5);
  context.stroke();
  context.globalAlpha = 1;
}

/** The strip that the query's vector (or the output) stands over. */
function topStripOf({ state }, { strips }) {
  return state.part === "weight" ? strips[0] : strips.at(-1);
}

function drawRow(pen, key, y) {
  const { context, shown, layout, theme } = pen;
  const { header, show, state } = shown;
  const pinned = state.pins.includes(key);
  context.font = `${pinned ? "600 " : ""}13px ${theme.font}`;
  context.fillStyle = theme.text;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const masked = hiddenByMask(shown, key);
  context.globalAlpha = masked ? 0.5 : 1;
  const name = nameOf(header.keys ?? header.queries, key, show).trim() || "␣";
  write(context, name, layout.label - 8, y + ROW / 2, layout.label - (pinned ? 26 : 12));
  if (pinned) dot(context, 8, y + ROW / 2, theme.accent);
  for (const strip of layout.strips) {
    const vector = stripOf(shown, strip.kind, key);
    if (vector) drawStrip(pen, vector, strip, y, strip.kind);
    else hatch(context, strip.x, y + INSET, strip.width, ROW - 2 * INSET, theme);
  }
  drawNumbers(pen, key, y, masked);
  context.globalAlpha = 1;
}

function dot(context, x, y, color) {
  context.fillStyle = color;
  context.beginPath();
  context.arc(x, y, 4, 0, 7);
  context.fill();
}

/** A vector as a row of cells: copied from one picture of a pixel per number, or with its numbers written in. */
function drawStrip({ context, shown, layout, theme, ramp }, vector, { x, width }, y, kind) {
  const shares = shown.dims.map((d) => vector[d] / scaleFor(shown, kind));
  context.imageSmoothingEnabled = layout.cell < 1;
  context.drawImage(pixels(shares, ramp), 0, 0, shares.length, 1, x, y + INSET, width, ROW - 2 * INSET);
  if (layout.cell < WRITTEN) return;
  context.save();
  context.font = `11px ${theme.font}`;
  context.textAlign = "center";
  shares.forEach((share, n) => {
    const size = Math.sign(share) * Math.sqrt(Math.min(1, Math.abs(share)));
    context.fillStyle = cellColors(size, { scale: 1, signed: true }, theme).ink;
    const value = vector[shown.dims[n]];
    context.fillText(
      sayNumber(value, false, Math.abs(value) < 10 ? 2 : 1),
      x + (n + 0.5) * layout.cell,
      y + ROW / 2 + 0.5,
    );
  });
  context.restore();
}

let scratch = null;

/** A canvas whose first row has one pixel per share. */
function pixels(shares, ramp) {
  scratch ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (scratch.canvas.width < shares.length) scratch.canvas.width = shares.length;
  scratch.canvas.height = 1;
  const image = new ImageData(shares.length, 1);
  const colors = new Uint32Array(image.data.buffer);
  shares.forEach((share, n) => (colors[n] = ramp[Math.round(Math.max(-1, Math.min(1, share)) * STEPS) + STEPS]));
  scratch.putImageData(image, 0, 0);
  return scratch.canvas;
}

/** Stripes where a prompt has no such token. */
function hatch(context, x, y, width, height, theme) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.globalAlpha = 0.3;
  context.strokeStyle = theme.text;
  context.beginPath();
  for (let at = x - height; at < x + width; at += 6) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
}

function drawNumbers({ context, shown, layout, theme }, key, y, masked) {
  const signed = shown.show === "diff";
  context.font = `12px ${theme.font}`;
  context.textAlign = "right";
  context.fillStyle = theme.text;
  for (const { name, x, width } of layout.columns) {
    const text = masked && isScore(shown, name) ? "masked" : sayNumber(columnNumber(shown, name, key), signed);
    context.fillText(text, x + width - 4, y + ROW / 2 + 0.5);
  }
  drawBar(context, barOf(shown, key), layout.bar, y, signed, theme);
}

/** What a row's bar shows: its weight or, of the value part, its length as a share of the largest. */
function barOf(shown, key) {
  if (shown.state.part === "weight") return weightOf(shown, key);
  shown.longest ??= Math.max(1e-12, ...shown.rows.map((row) => Math.abs(normOf(shown, "part", row) ?? 0)));
  return (normOf(shown, "part", key) ?? 0) / shown.longest;
}

/** A weight as a bar; a change from the middle, to the right where B has more. */
function drawBar(context, weight, { x, width }, y, signed, theme) {
  if (!width) return;
  const { more, less } = signColors(theme.dark);
  const room = width - 6;
  const start = x + 4 + (signed ? room / 2 : 0);
  const long = (signed ? room / 2 : room) * Math.min(1, Math.abs(weight));
  context.fillStyle = signed ? (weight < 0 ? less : more) : theme.accent;
  context.fillRect(weight < 0 ? start - long : start, y + 4, Math.max(long, 0.5), ROW - 8);
  context.save();
  context.globalAlpha *= 0.35;
  context.fillStyle = theme.text;
  context.fillRect(start - 0.5, y, 1, ROW);
  context.restore();
}

/** What the cursor, the keyboard or a choice marks: a row, a dimension in every strip. */
export function drawMarks(context, shown, layout, { width, height, scroll, theme, cursor, leading, dim }) {
  context.save();
  context.beginPath();
  context.rect(0, TITLE, width, height - TITLE);
  context.clip();
  const column = (d, lineWidth, alpha, color) => {
    const n = shown.dims.indexOf(d);
    if (d === null || n < 0) return;
    context.strokeStyle = color;
    context.lineWidth = lineWidth;
    context.globalAlpha = alpha;
    for (const strip of layout.strips) {
      const top = strip === topStripOf(shown, layout) ? TITLE + 2 : HEAD;
      context.strokeRect(strip.x + n * layout.cell - 0.5, top, Math.max(layout.cell, 2) + 0.5, height - top - 2);
    }
  };
  column(dim, 2, 1, theme.accent);
  column(cursor?.dim ?? null, 1, 0.7, theme.text);
  context.beginPath();
  context.rect(0, HEAD - 1, width, height);
  context.clip();
  const row = (key, lineWidth, alpha, color) => {
    const n = shown.rows.indexOf(key);
    if (n < 0) return;
    context.strokeStyle = color;
    context.lineWidth = lineWidth;
    context.globalAlpha = alpha;
    context.strokeRect(0.5, HEAD + n * ROW - scroll + 0.5, layout.width - 1, ROW - 1);
  };
  row(leading, 1.5, 0.8, theme.accent);
  if (cursor && cursor.row >= 0) row(shown.rows[cursor.row], 1, 0.8, theme.text);
  context.restore();
}

/** The running sum of a score's terms, largest first, with its end as a line; `enough` terms are marked. */
export function drawCurve(context, { sums, sum, enough }, [width, height], theme) {
  const [left, right, top, bottom] = [34, 8, 8, 18];
  const low = Math.min(0, ...sums);
  const high = Math.max(0, ...sums);
  const x = (n) => left + ((width - left - right) * n) / sums.length;
  const y = (v) => top + ((height - top - bottom) * (high - v)) / (high - low || 1);
  context.font = `11px ${theme.font}`;
  context.fillStyle = context.strokeStyle = theme.text;
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.globalAlpha = 0.35;
  for (const v of [0, sum]) line(context, [left, y(v)], [width - right, y(v)]);
  context.globalAlpha = 0.9;
  context.fillText("0", left - 4, y(0));
  if (Math.abs(y(sum) - y(0)) > 10) context.fillText(sayNumber(sum, false, 1), left - 4, y(sum));
  context.textBaseline = "bottom";
  context.fillText(`${sums.length} dimensions`, width - right, height);
  context.textAlign = "left";
  context.fillText("largest first", left, height);
  context.globalAlpha = 1;
  context.strokeStyle = theme.accent;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x(0), y(0));
  sums.forEach((v, n) => context.lineTo(x(n + 1), y(v)));
  context.stroke();
  if (enough !== null) dot(context, x(enough), y(sums[enough - 1]), theme.accent);
}

function line(context, from, to) {
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

/** Text, cut short where there is no room. */
function write(context, text, x, y, room) {
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > room) shown = `${shown.slice(0, -2)}…`;
  context.fillText(shown, x, y);
}
