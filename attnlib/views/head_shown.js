// From a payload and what a person chose to what the head view shows: words, hidden keys, thresholds, lines.
// Pure: no DOM.
import { mergeWords, hideKeys, massCutoffs, chooseLines, strongestOnly, opacity, format } from "./attention.js";
import { headsOn } from "./state.js";

const MOST_LINES = 8000;
export const FAINTEST = 0.006; // the opacity below which nothing can be seen

/**
 * What is shown: {attention, full, removed, gone, on, queryRow, keyRow, queries, keys, cutoffs, lines}.
 * `full` has the weights of all heads, `attention` only the strongest of them under the rule "max";
 * `removed` [head, query] is what hidden keys held (null: none are), `queries` and `keys` are the rows shown.
 */
export function shownOf(header, raw, state) {
  const queryRow = unitsOf(header.queries, state.words);
  const keyRow = header.keys ? unitsOf(header.keys, state.words) : queryRow;
  const merged = state.words ? mergeWords(raw, queryRow.words, keyRow.words) : raw;
  const hides = (what) => state.hide === what || state.hide === "both";
  const gone = keyRow.special.map((special, k) => (special && hides("special")) || (k === 0 && hides("first")));
  const kept = gone.some(Boolean) ? hideKeys(merged, gone) : { attention: merged, removed: null };
  const on = headsOn(state, header.heads);
  const attention = state.rule === "max" && on.length > 1 ? strongestOnly(kept.attention, on) : kept.attention;
  const [from, to] = state.segments === "all" ? [null, null] : [...state.segments];
  const queries = rowsOf(queryRow, from);
  const keys = rowsOf(keyRow, to);
  const cutoffs = massCutoffs(kept.attention, state.mass / 100);
  const lines = chooseLines(attention, { on, queries, keys, cutoffs, most: MOST_LINES });
  return {
    attention,
    full: kept.attention,
    removed: kept.removed,
    gone,
    on,
    queryRow,
    keyRow,
    queries,
    keys,
    cutoffs,
    lines,
  };
}

/** The rows of a column: pieces, or words made of them. */
export function unitsOf(row, asWords) {
  const words = asWords && row.words ? row.words : row.labels.map((_, i) => [i]);
  const special = new Set(row.special ?? []);
  const piece = (i, n) => (n ? row.labels[i].replace(/^##/, "") : row.labels[i]);
  return {
    words,
    labels: words.map((word) => (word.length > 1 ? joined(word.map(piece).join("")) : row.labels[word[0]])),
    special: words.map((word) => word.every((i) => special.has(i))),
    segments: words.map((word) => row.segments?.[word[0]] ?? 0),
  };
}

/** The text of a word whose pieces may be bytes of one character; what cannot be seen stays written out. */
function joined(text) {
  const whole = text.replace(/(?:⟨[0-9A-F]{2}(?: [0-9A-F]{2})*⟩)+/g, (shown) => {
    const bytes = Uint8Array.from(shown.match(/[0-9A-F]{2}/g), (hex) => parseInt(hex, 16));
    try {
      const decoded = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      return /[\p{C}\p{Z}]/u.test(decoded.replaceAll("\u200d", "")) ? shown : decoded;
    } catch {
      return shown; // a part of a character
    }
  });
  return whole.replace(/^␣(?=.)/, " ");
}

/** The rows of sentence "A" or "B", or (null) all. */
function rowsOf({ segments }, sentence) {
  const wanted = sentence === "B" ? 1 : 0;
  return segments.flatMap((segment, i) => (sentence === null || segment === wanted ? [i] : []));
}

/** For each token its place among the shown ones, -1 for the others. */
export function positionsOf(shown, count) {
  const at = new Int32Array(count).fill(-1);
  shown.forEach((i, position) => (at[i] = position));
  return at;
}

/** Whether the line of a weight is drawn, of the selected tokens or (selection null) in the overview. */
export function isVisible({ attention, on, cutoffs, lines }, state, selection, head, query, key, weight) {
  if (!(weight >= cutoffs[head * attention.queries + query])) return false;
  if (selection) return weight >= FAINTEST && selection.tokens.includes(selection.side === "q" ? query : key);
  if (lines.index.length < lines.total) return weight >= lines.weakest;
  return opacity(weight, state.rule, on.length) >= FAINTEST;
}

/** What the drawing leaves out or changes, in words. */
export function noteText(shown, state, selection) {
  const { index, total, weakest } = shown.lines;
  const parts = [];
  if (!selection && index.length < total) {
    const [some, all] = [index.length, total].map((n) => n.toLocaleString("en"));
    parts.push(
      `The ${some} strongest of ${all} lines are drawn (weights from ${format(weakest)}). Hover a token to see all of its own.`,
    );
  }
  if (state.mass < 100) parts.push(`Fewest lines that hold ${state.mass} % of each token's attention.`);
  if (shown.removed) parts.push(removedText(shown, state, selection));
  return parts.join(" ");
}

/** How much attention the hidden keys held: of the selected tokens, or on average. */
function removedText({ removed, on, full, queries }, state, selection) {
  const mine = selection?.side === "q";
  const rows = mine ? selection.tokens : queries;
  let sum = 0;
  for (const h of on) for (const q of rows) sum += removed[h * full.queries + q];
  const share = Math.round((100 * sum) / (on.length * rows.length));
  const what = { special: "Special tokens", first: "The first token", both: "Special tokens and the first token" }[
    state.hide
  ];
  const whose = mine ? (rows.length > 1 ? "these tokens'" : "this token's") : "all";
  return `${what} hidden: ${share} % of ${whose} attention removed, the rest divided by what is left.`;
}
