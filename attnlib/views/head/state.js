// What a person chose in a view, and its short text for the URL: "show:a,heads:0.3,rule:max,pins:q5.9".
import { SIDES } from "../shared/sides.js";
import { numbersOf, oneOf, partsOf } from "../shared/state_text.js";

/** @type {import("./types").HeadState["rule"][]} */
export const RULES = ["mean", "max", "one"];
/** @type {import("./types").HeadState["hide"][]} */
export const HIDES = ["none", "special", "first", "both"];
/** @type {import("./types").HeadState["segments"][]} */
export const SEGMENTS = ["all", "AA", "AB", "BA", "BB"];

/**
 * The state a view starts in: all heads, nothing hidden, nothing pinned; of a prompt pair the difference.
 * @returns {import("./types").HeadState}
 */
export function initialState(pair = false) {
  /** @type {import("./types").HeadState} */
  const start = {
    heads: null,
    rule: "mean",
    hide: "none",
    mass: 100,
    words: false,
    segments: "all",
    side: "q",
    pins: [],
  };
  return pair ? { ...start, show: "diff" } : start;
}

/** The state as text; what is as at the start is left out. @param {import("./types").HeadState} state */
export function encodeState(state) {
  const start = initialState(true);
  const parts = [];
  if (state.show && state.show !== start.show) parts.push(`show:${state.show}`);
  if (state.heads) parts.push(`heads:${state.heads.join(".")}`);
  for (const name of ["rule", "hide", "mass", "segments"]) {
    if (state[name] !== start[name]) parts.push(`${name}:${state[name]}`);
  }
  if (state.words) parts.push("words:1");
  if (state.pins.length) parts.push(`pins:${state.side}${state.pins.join(".")}`);
  return parts.join(",");
}

/**
 * Text → state. Whatever does not fit the view (from a foreign or mistyped link) is as at the start.
 * @param {string | undefined} text
 */
export function decodeState(text, { heads = 0, queries = 0, keys = 0, pair = false } = {}) {
  const state = initialState(pair);
  const given = partsOf(text);
  if (pair) state.show = oneOf(SIDES, given.show, state.show);
  state.rule = oneOf(RULES, given.rule, state.rule);
  state.hide = oneOf(HIDES, given.hide, state.hide);
  state.segments = oneOf(SEGMENTS, given.segments, state.segments);
  const mass = Number(given.mass);
  if (Number.isInteger(mass) && mass >= 1 && mass <= 100) state.mass = mass;
  state.words = given.words === "1";
  const chosen = numbers(given.heads, heads);
  if (chosen.length && chosen.length < heads) state.heads = chosen;
  if (state.rule === "one") state.heads = [state.heads?.[0] ?? 0];
  const side = given.pins?.[0];
  if (side === "q" || side === "k") {
    state.side = side;
    state.pins = numbers(given.pins.slice(1), side === "q" ? queries : keys);
  }
  return state;
}

function numbers(text, below) {
  return [...new Set(numbersOf(text, below))].sort((a, b) => a - b);
}

/** The heads that are on, of `count`. */
export function headsOn(state, count) {
  return state.heads ?? Array.from({ length: count }, (_, h) => h);
}

/** A head switched: on or off, the last one stays; under the rule "one" it becomes the one. */
export function toggleHead(state, head, count) {
  if (state.rule === "one") return { ...state, heads: [head] };
  const on = new Set(headsOn(state, count));
  if (on.has(head) && on.size > 1) on.delete(head);
  else on.add(head);
  return { ...state, heads: on.size === count ? null : [...on].sort((a, b) => a - b) };
}

/** Only this head; if it is the only one already, all (under the rule "one" it stays). */
export function soloHead(state, head, count) {
  const alone = headsOn(state, count).length === 1 && headsOn(state, count)[0] === head;
  return { ...state, heads: alone && count > 1 && state.rule !== "one" ? null : [head] };
}

/** Another rule; "one" keeps the first head that is on, leaving "one" brings all back. */
export function chooseRule(state, rule, count) {
  if (rule === "one") return { ...state, rule, heads: [headsOn(state, count)[0]] };
  return { ...state, rule, heads: state.rule === "one" ? null : state.heads };
}

/** A token pinned or released; a pin on the other side begins a new set. */
export function togglePin(state, side, token) {
  const pins = new Set(state.side === side ? state.pins : []);
  if (!pins.delete(token)) pins.add(token);
  return { ...state, side, pins: [...pins].sort((a, b) => a - b) };
}
