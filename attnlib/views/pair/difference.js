// Arithmetic on a prompt pair: the signed difference B − A of two attentions, its sizes, its scale, its numbers.
// An attention is as in shared/attention.js. Pure functions, no DOM.
import { combine } from "../shared/attention.js";

const SMALLEST_SCALE = 0.1; // a layer in which little changes shall look like one
const NOTHING = 0.0005; // rounds to 0.000

/** B − A; nothing in the rows of queries that one prompt does not have (`shared` [query] is false). */
export function difference(a, b, shared) {
  const w = new Float32Array(a.w.length);
  for (let row = 0; row < a.heads * a.queries; row++) {
    if (!shared[row % a.queries]) continue;
    for (let i = row * a.keys; i < (row + 1) * a.keys; i++) w[i] = b.w[i] - a.w[i];
  }
  return { ...a, w };
}

/** How large each difference is, without its sign: what lines and thresholds are chosen by. */
export function magnitudes(signed) {
  return { ...signed, w: signed.w.map(Math.abs) };
}

/** The largest difference among the heads that are on. */
export function largestChange({ queries, keys, w }, on) {
  let largest = 0;
  for (const h of on) {
    const end = (h + 1) * queries * keys;
    for (let i = h * queries * keys; i < end; i++) if (Math.abs(w[i]) > largest) largest = Math.abs(w[i]);
  }
  return largest;
}

/** The difference that is drawn fully opaque. */
export function scaleOf(largest) {
  return Math.max(SMALLEST_SCALE, largest);
}

/** Whether a difference is too small to be written. */
export function isNothing(change) {
  return Math.abs(change) < NOTHING;
}

/**
 * A, B and B − A of several heads as one number per token each: their means or, under the rule "max", those of the
 * head that is strongest in `by` ("a", "b" or "diff"), so that B − A is the difference of the two beside it.
 */
export function combinePair(profiles, rule, by) {
  const names = ["a", "b", "diff"];
  if (rule !== "max") return Object.fromEntries(names.map((name) => [name, combine(profiles[name], rule)]));
  const best = strongestHeads(profiles[by]);
  return Object.fromEntries(names.map((name) => [name, best.map((n, j) => profiles[name][n][j])]));
}

/** For each token the profile with the largest number, by size. */
function strongestHeads(profiles) {
  return Array.from(profiles[0], (_, j) => {
    let best = 0;
    profiles.forEach((p, n) => {
      if (Math.abs(p[j]) > Math.abs(profiles[best][j])) best = n;
    });
    return best;
  });
}

/** The share of some queries' attention that goes to the chosen keys, mean over heads and queries. */
export function shareOf({ queries, keys, w }, on, rows, chosen) {
  let sum = 0;
  for (const h of on) for (const q of rows) for (const k of chosen) sum += w[(h * queries + q) * keys + k];
  return rows.length ? sum / (on.length * rows.length) : 0;
}
