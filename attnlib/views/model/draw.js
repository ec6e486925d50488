// The model view's canvas: one head's map as lines or as a matrix, in a square of any size. Keeps nothing.
import { rgbOf, signColors } from "../shared/colors.js";
import { shrink, strongest } from "./shown.js";
import { pathOn } from "../shared/svg.js";

const LEVELS = 16; // steps of opacity: lines of one step are one path

/** How many lines a square of this size can hold so that one still sees them. */
export function linesFor(size) {
  return Math.round(Math.max(40, Math.min(160, 1.4 * size)));
}

/** How much of its colour a value has: straight for differences; weights by their root, as most are small. */
function share(value, scale, signed) {
  const part = Math.min(1, Math.abs(value) / scale);
  return signed ? part : Math.sqrt(part);
}

/** The two colours a map is drawn in, for less and for more; of weights both are the accent. */
function colorsOf(signed, theme) {
  const { more, less } = signColors(theme.dark);
  return signed ? [less, more] : [theme.accent, theme.accent];
}

/**
 * Lines from the queries at the left to the keys at the right, the strongest of them, within [x, y, width, height].
 * → whether lines may have been left out.
 */
export function drawMapLines(context, map, [rows, columns], [x, y, width, height], { scale, signed, theme }) {
  const chosen = strongest(map, columns, linesFor(width), scale, signed);
  const paths = new Map();
  for (const i of chosen) {
    const part = Math.min(1, Math.abs(map[i]) / scale);
    const level = Math.max(1, Math.round(part * LEVELS)) + (map[i] > 0 ? LEVELS + 1 : 0);
    if (!paths.has(level)) paths.set(level, pathOn(context));
    const [q, k] = [Math.floor(i / columns), i % columns];
    paths.get(level).moveTo(x, y + ((q + 0.5) * height) / rows);
    paths.get(level).lineTo(x + width, y + ((k + 0.5) * height) / columns);
  }
  const colors = colorsOf(signed, theme);
  context.lineWidth = Math.max(0.8, Math.min(2, height / Math.max(rows, columns) / 3));
  for (const [level, path] of [...paths].sort(([a], [b]) => (a % (LEVELS + 1)) - (b % (LEVELS + 1)))) {
    context.globalAlpha = (level % (LEVELS + 1)) / LEVELS;
    context.strokeStyle = colors[level > LEVELS ? 1 : 0];
    context.stroke(path);
  }
  context.globalAlpha = 1;
  return chosen.length >= linesFor(width);
}

/** A pixel or more per cell; where there are more cells than pixels, the largest of those that share one. */
export function drawMapMatrix(context, map, size, [x, y, width, height], { scale, signed, theme }) {
  const ratio = globalThis.devicePixelRatio || 1;
  const small = shrink(map, size, [Math.round(height * ratio), Math.round(width * ratio)]);
  const [rows, columns] = small.size;
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = [columns, rows];
  picture
    .getContext("2d")
    .putImageData(new ImageData(pixelsOf(small.map, { scale, signed, theme }), columns, rows), 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, x, y, width, height);
}

/** RGBA bytes of a map. */
export function pixelsOf(map, { scale, signed, theme }) {
  const background = rgbOf(theme.background);
  const [less, more] = colorsOf(signed, theme).map(rgbOf);
  const pixels = new Uint8ClampedArray(map.length * 4);
  for (let i = 0; i < map.length; i++) {
    const part = share(map[i], scale, signed);
    const color = map[i] < 0 ? less : more;
    for (let c = 0; c < 3; c++) pixels[4 * i + c] = background[c] + (color[c] - background[c]) * part;
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}
