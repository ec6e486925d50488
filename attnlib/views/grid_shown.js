// From a grid payload to what the grid shows: the order of heads, colours, numbers. Pure: no DOM.
import { rgbOf, isDark } from "./shared.js";
import { signColors, formatSigned } from "./sides.js";

/** The heads as [layer, head] rows: in their places, or from the largest size of the first grid down. */
export function orderOfHeads({ layers, heads, order }, values) {
  const places = [];
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) places.push([layer, head]);
  }
  if (order !== "rank") return places;
  const size = ([layer, head]) => {
    const v = Math.abs(values[layer * heads + head]);
    return Number.isNaN(v) ? -1 : v;
  };
  return places.sort((x, y) => size(y) - size(x) || x[0] - y[0] || x[1] - y[1]);
}

/** The colour of a value: its sign's (or the accent's) mixed into the background by its size; and readable ink. */
export function cellColors(value, { scale, signed }, theme) {
  const { more, less } = signColors(theme.dark);
  const color = rgbOf(signed ? (value < 0 ? less : more) : theme.accent);
  const share = Math.min(1, Math.abs(value) / scale);
  const back = rgbOf(theme.background);
  const fill = back.map((v, i) => Math.round(v + (color[i] - v) * share));
  const background = `rgb(${fill.join(", ")})`;
  return { background, ink: isDark(background) ? "#fff" : "#000" };
}

/** A value as the grid says it: with its sign where it has one. */
export function sayValue(value, signed) {
  if (Number.isNaN(value)) return "not there";
  return signed ? formatSigned(value) : value.toFixed(3);
}

/** A value as it fits into a cell: two decimals without the leading zero, the sign only where it is minus. */
export function shortValue(value) {
  const text = Math.abs(value).toFixed(2).replace(/^0/, "");
  return value < -0.004 ? `−${text}` : text;
}

/** The width of a cell, so that grids fit: from 48 pixels for few heads to 11 for many. */
export function cellWidth(heads, available) {
  return Math.max(11, Math.min(48, Math.floor((available - 34) / heads)));
}
