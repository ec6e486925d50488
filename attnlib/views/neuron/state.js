// What was chosen in the neuron view, and its text for the URL: "q:8,pins:4.1,dim:17,dims:16". Pure: no DOM.
import { SIDES } from "../shared/sides.js";

export const PARTS = ["weight", "value"]; // query × key → weight, or weight × value → output
export const DIMS = ["order", "size", "16", "8"];
export const KEYS = ["text", "weight"];
export const SCALES = ["head", "layer"];
export const STRIPS = ["product", "key"]; // what is drawn where there is no room for both
export const MOST_PINS = 5;

/** The state a view starts in: the header's query, everything as it is, nothing pinned; of a pair B − A. */
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

/** The state as text; what is as at the start is left out. */
export function encodeState(state, header) {
  const start = initialState(header);
  const parts = state.query === start.query ? [] : [`q:${state.query}`];
  for (const name of Object.keys(CHOICES)) if (state[name] !== start[name]) parts.push(`${name}:${state[name]}`);
  if (state.pins.length) parts.push(`pins:${state.pins.join(".")}`);
  if (state.dim !== null) parts.push(`dim:${state.dim}`);
  if (state.keep) parts.push(`keep:${state.keep.join(".")}`);
  return parts.join(",");
}

/** Text → state. Whatever does not fit this head (from a foreign or mistyped link) is as at the start. */
export function decodeState(text, header) {
  const state = initialState(header);
  const pairs = String(text ?? "")
    .split(",")
    .map((part) => part.split(":"));
  const given = Object.fromEntries(pairs.filter((pair) => pair.length === 2));
  for (const [name, values] of Object.entries(CHOICES)) if (values.includes(given[name])) state[name] = given[name];
  const [queries, keys] = [header.queries, header.keys ?? header.queries].map(({ labels }) => labels.length);
  const [query] = numbers(given.q, queries);
  if (query !== undefined) state.query = query;
  state.pins = [...new Set(numbers(given.pins, keys))].slice(0, MOST_PINS);
  state.dim = numbers(given.dim, state.part === "weight" ? header.dims : header.value_dims)[0] ?? null;
  const keep = numbers(given.keep, Infinity);
  state.keep = keep.length === 2 && keep[0] < queries && keep[1] < keys && state.dims !== "order" ? keep : null;
  return state;
}

function numbers(text, below) {
  const parts = text ? text.split(".") : [];
  return parts
    .filter((part) => /^\d{1,6}$/.test(part))
    .map(Number)
    .filter((n) => n < below);
}

/** A key pinned or released; of more than MOST_PINS the oldest gives way. */
export function togglePin({ pins }, key) {
  return pins.includes(key) ? pins.filter((pin) => pin !== key) : [...pins, key].slice(-MOST_PINS);
}
