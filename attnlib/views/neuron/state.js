// What was chosen in the neuron view, and its text for the URL: "q:8,pins:4.1,dim:17,dims:16". Pure: no DOM.
import { SIDES } from "../shared/sides.js";
import { numbersOf, oneOf, partsOf } from "../shared/state_text.js";

export const PARTS = ["weight", "value"]; // query × key → weight, or weight × value → output
export const DIMS = ["order", "size", "16", "8"];
export const KEYS = ["text", "weight"];
export const SCALES = ["head", "layer"];
export const STRIPS = ["product", "key"]; // what is drawn where there is no room for both
export const MOST_PINS = 5;

/**
 * The state a view starts in: the header's query, everything as it is, nothing pinned; of a pair B − A.
 * @param {Pick<import("./types").NeuronHeader, "start">} header
 * @returns {import("./types").NeuronState}
 */
export function initialState({ start }) {
  const none = { pins: [], dim: null, keep: null };
  return {
    show: "diff",
    part: "weight",
    query: start,
    dims: "order",
    keys: "text",
    scale: "head",
    strip: "product",
    ...none,
  };
}

const CHOICES = { show: SIDES, part: PARTS, dims: DIMS, keys: KEYS, scale: SCALES, strip: STRIPS };

/**
 * The state as text; what is as at the start is left out.
 * @param {import("./types").NeuronState} state
 * @param {import("./types").NeuronHeader} header
 */
export function encodeState(state, header) {
  const start = initialState(header);
  const parts = state.query === start.query ? [] : [`q:${state.query}`];
  for (const name of Object.keys(CHOICES)) if (state[name] !== start[name]) parts.push(`${name}:${state[name]}`);
  if (state.pins.length) parts.push(`pins:${state.pins.join(".")}`);
  if (state.dim !== null) parts.push(`dim:${state.dim}`);
  if (state.keep) parts.push(`keep:${state.keep.join(".")}`);
  return parts.join(",");
}

/**
 * Text → state. Whatever does not fit this head (from a foreign or mistyped link) is as at the start.
 * @param {string | undefined} text
 * @param {import("./types").NeuronHeader} header
 */
export function decodeState(text, header) {
  const state = initialState(header);
  const given = partsOf(text);
  for (const [name, values] of Object.entries(CHOICES)) state[name] = oneOf(values, given[name], state[name]);
  const [queries, keys] = [header.queries, header.keys ?? header.queries].map(({ labels }) => labels.length);
  const [query] = numbersOf(given.q, queries);
  if (query !== undefined) state.query = query;
  state.pins = [...new Set(numbersOf(given.pins, keys))].slice(0, MOST_PINS);
  state.dim = numbersOf(given.dim, state.part === "weight" ? header.dims : header.value_dims)[0] ?? null;
  const [from, to, ...more] = numbersOf(given.keep, Infinity);
  const fits = from < queries && to < keys && !more.length && state.dims !== "order";
  state.keep = fits ? [from, to] : null;
  return state;
}

/** A key pinned or released; of more than MOST_PINS the oldest gives way. */
export function togglePin({ pins }, key) {
  return pins.includes(key) ? pins.filter((pin) => pin !== key) : [...pins, key].slice(-MOST_PINS);
}
