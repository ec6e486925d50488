// Numbers as every view writes them, as attnlib/wording.py writes them in sentences: one minus sign, no 0 before the
// point, no sign where they round to 0. tests/numbers.json holds both to the same texts. Pure: no DOM.

/** Where there is no number. */
export const NONE = "–";

/** A number: ".213", "1.000", "−.508"; NONE where there is none (null, NaN). */
export function formatNumber(value, places = 3) {
  return isNone(value) ? NONE : (value < 0 ? minus(value, places) : "") + size(value, places);
}

/** A difference with its sign: "+.390", "−.508"; ".000" where it rounds to 0. */
export function formatSigned(value, places = 3) {
  if (isNone(value) || roundsToZero(value, places)) return formatNumber(value, places);
  return value < 0 ? formatNumber(value, places) : `+${formatNumber(value, places)}`;
}

/** A number as it fits into a small place: ".93", "−.05", "1.00", "12.3". */
export function formatShort(value) {
  return formatNumber(value, Math.abs(value) < 10 ? 2 : 1);
}

/** A number that is rounded already, with the digits it has: "−.25", "12", "0". */
export function formatDigits(value) {
  return pointed(String(Math.abs(value)), value < 0);
}

/** So many digits that count: 0.17678 → ".1768". */
export function formatRounded(value, digits) {
  return formatDigits(Number(value.toPrecision(digits)));
}

/** A size far from 1: "1.2e−7". */
export function formatPower(value, places = 1) {
  return value.toExponential(places).replaceAll("-", "−");
}

/** The number that is nearest with so many decimals, to go on with. */
export function roundTo(value, places) {
  return Number(value.toFixed(places));
}

function isNone(value) {
  return value === null || value === undefined || Number.isNaN(value);
}

function minus(value, places) {
  return roundsToZero(value, places) ? "" : "−";
}

function roundsToZero(value, places) {
  return Number(fixed(Math.abs(value), places)) === 0;
}

function size(value, places) {
  return pointed(fixed(Math.abs(value), places), false);
}

function pointed(text, negative) {
  return (negative ? "−" : "") + text.replace(/^0\./, ".");
}

/** As toFixed; of a number exactly between two the even one, as Python rounds. */
function fixed(value, places) {
  const text = value.toFixed(places);
  const between = (value * 2 ** (places + 1)) % 2 === 1; // only halves of powers of two lie exactly between
  return between && Number(text.at(-1)) % 2 === 1 ? (value * (1 - Number.EPSILON)).toFixed(places) : text;
}
