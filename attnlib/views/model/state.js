// What was chosen in the model view, and its text for the address:
// "draw:matrix,by:entropy,order:all,layers:0.1.2,zoom:1,segments:AB,show:a". Pure: no DOM.
import { SIDES } from "../shared/sides.js";
import { numbersOf, oneOf, partsOf } from "../shared/state_text.js";

export const DRAWS = ["lines", "matrix"];
export const ORDERS = ["place", "layers", "heads", "all"];
export const SEGMENTS = ["all", "AA", "AB", "BA", "BB"];
export const ZOOMS = [1, 1.5, 2, 3, 4];

/**
 * What a person chose; nothing chosen: lines, the first score, every head in its place; of a pair the difference.
 * @param {Pick<import("./types").ModelHeader, "scores" | "pair">} header
 * @returns {import("./types").ModelState}
 */
export function initialState({ scores, pair }) {
  const [by, zoom] = [scores[0].name, 0];
  const show = pair ? "diff" : "a";
  return { draw: "lines", by, order: "place", layers: null, heads: null, zoom, segments: "all", show };
}

/**
 * The state as text; what is as at the start is left out.
 * @param {import("./types").ModelState} state
 * @param {import("./types").ModelHeader} header
 */
export function encodeState(state, header) {
  const start = initialState(header);
  const parts = [];
  for (const name of ["draw", "by", "order", "zoom", "segments", "show"]) {
    if (state[name] !== start[name]) parts.push(`${name}:${state[name]}`);
  }
  for (const name of ["layers", "heads"]) if (state[name]) parts.push(`${name}:${state[name].join(".")}`);
  return parts.join(",");
}

/**
 * Text → state. Whatever does not fit the payload (from a foreign or mistyped link) is as at the start.
 * @param {string | undefined} text
 * @param {import("./types").ModelHeader} header
 */
export function decodeState(text, header) {
  const state = initialState(header);
  const given = partsOf(text);
  const known = { draw: DRAWS, order: ORDERS, by: header.scores.map(({ name }) => name) };
  if (header.pair) known.show = SIDES;
  if (hasSegments(header)) known.segments = SEGMENTS;
  for (const [name, values] of Object.entries(known)) state[name] = oneOf(values, given[name], state[name]);
  if (/^\d$/.test(given.zoom) && ZOOMS[given.zoom]) state.zoom = Number(given.zoom);
  for (const name of ["layers", "heads"]) state[name] = within(numbersOf(given[name], header[name]), header[name]);
  return state;
}

/** Numbers below a count, each once, in order; null for none or all of them. */
function within(numbers, count) {
  const found = [...new Set(numbers)].filter((n) => n < count).sort((a, b) => a - b);
  return found.length && found.length < count ? found : null;
}

/** “0-3, 7” as numbers below `count`; null for all. Throws a sentence where it is no such list. */
export function parseList(text, count, what) {
  if (!text.trim()) return null;
  const numbers = text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .flatMap((part) => {
      const found = /^(\d{1,4})(?:[-–](\d{1,4}))?$/.exec(part);
      const [from, to] = found ? [Number(found[1]), Number(found[2] ?? found[1])] : [NaN, NaN];
      if (!(from <= to && to < count)) {
        throw new Error(
          `“${part}” is not a ${what} of this model. Write numbers from 0 to ${count - 1}, such as “0-2, 5”.`,
        );
      }
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
  return within(numbers, count);
}

/** Numbers as a list a person would write: [0, 1, 2, 5] → “0-2, 5”. */
export function writeList(numbers) {
  const runs = [];
  for (const n of numbers ?? []) {
    if (runs.length && runs.at(-1)[1] === n - 1) runs.at(-1)[1] = n;
    else runs.push([n, n]);
  }
  return runs.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(", ");
}

/** Whether there are two sentences to choose between. */
export function hasSegments({ queries, keys }) {
  return !keys && (queries.segments?.includes(1) ?? false);
}
