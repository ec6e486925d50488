// From a payload and what a person chose to what the head view shows: words, hidden keys, thresholds, lines.
// Pure: no DOM.
import { mergeWords, hideKeys, massCutoffs, chooseLines, strongestOnly, opacity } from "../shared/attention.js";
import { pairNotes } from "./pair_words.js";
import { difference, magnitudes, largestChange, scaleOf } from "../pair/difference.js";
import { headsOn } from "./state.js";
import { formatNumber } from "../shared/numbers.js";

const MOST_LINES = 8000;
export const FAINTEST = 0.006; // the opacity below which nothing can be seen

/**
 * What is shown: {attention, full, removed, gone, on, queryRow, keyRow, queries, keys, cutoffs, lines, pair, signed,
 * scale, largest}.
 * `full` has the weights of all heads, `attention` only the strongest of them under the rule "max"; in a difference
 * (`signed`) `full` is B − A and `attention` has its sizes, without signs. `removed` lists what hidden keys held,
 * {side, shares: [head, query]} (null: none are), `queries` and `keys` are the rows shown, `scale` is the weight
 * that is drawn opaque. Of a prompt pair, `pair` has the attentions {a, b, diff} and `largest` is the largest change.
 * @param {import("./types").HeadHeader} header
 * @param {any} raw
 * @param {import("./types").HeadState} state
 */
export function shownOf(header, raw, state) {
  const queryRow = unitsOf(header.queries, state.words);
  const keyRow = header.keys ? unitsOf(header.keys, state.words) : queryRow;
  const gone = goneOf(keyRow, state.hide);
  const on = headsOn(state, header.heads);
  const rows = { queryRow, keyRow, gone };
  const weights = header.pair ? weightsOfPair(raw, rows, on, state) : weightsOfOne(raw, rows, state);
  const sized = weights.signed ? magnitudes(weights.full) : weights.full;
  const attention = state.rule === "max" && on.length > 1 ? strongestOnly(sized, on) : sized;
  const [from, to] = state.segments === "all" ? [null, null] : [...state.segments];
  const queries = rowsOf(queryRow, from);
  const keys = rowsOf(keyRow, to);
  const cutoffs = massCutoffs(sized, state.mass / 100);
  const lines = chooseLines(attention, { on, queries, keys, cutoffs, most: MOST_LINES });
  return { ...rows, ...weights, on, attention, queries, keys, cutoffs, lines };
}

function weightsOfOne(raw, { queryRow, keyRow, gone }, state) {
  const { attention, removed } = prepared(raw, queryRow.words, keyRow.words, gone, state.words);
  return {
    full: attention,
    removed: removed && [{ side: null, shares: removed }],
    pair: null,
    signed: false,
    scale: 1,
  };
}

/** Words and hidden keys in A and in B, each by itself; then their difference. */
function weightsOfPair(raw, { queryRow, keyRow, gone }, on, state) {
  const [a, b] = ["a", "b"].map((side) =>
    prepared(raw[side], queryRow.pieces[side], keyRow.pieces[side], gone, state.words),
  );
  const pair = { a: a.attention, b: b.attention, diff: difference(a.attention, b.attention, queryRow.shared) };
  const signed = state.show === "diff";
  const largest = largestChange(pair.diff, on);
  const both = a.removed && [
    { side: "a", shares: a.removed },
    { side: "b", shares: b.removed },
  ];
  const removed = signed ? both : (both?.filter(({ side }) => side === state.show) ?? null);
  return { full: pair[state.show], removed, pair, signed, largest, scale: signed ? scaleOf(largest) : 1 };
}

function prepared(raw, queryWords, keyWords, gone, asWords) {
  const merged = asWords ? mergeWords(raw, queryWords, keyWords) : raw;
  return gone.some(Boolean) ? hideKeys(merged, gone) : { attention: merged, removed: null };
}

/** The keys that are hidden; of a pair the first token of A and that of B, in both, so that they can be compared. */
function goneOf(keyRow, hide) {
  const hides = (what) => hide === what || hide === "both";
  const firsts = keyRow.names ? ["a", "b"].map((side) => keyRow.names[side].findIndex((name) => name !== null)) : [0];
  return keyRow.special.map((special, k) => (special && hides("special")) || (firsts.includes(k) && hides("first")));
}

/** The rows of a column: pieces, or words made of them. */
export function unitsOf(row, asWords) {
  const words = asWords && row.words ? row.words : row.labels.map((_, i) => [i]);
  const special = new Set(row.special ?? []);
  const units = {
    words,
    labels: words.map((word) => nameOf(word, row.labels)),
    special: words.map((word) => word.every((i) => special.has(i))),
    segments: words.map((word) => row.segments?.[word[0]] ?? 0),
  };
  return row.kinds ? { ...units, ...unitsOfPair(row, words) } : units;
}

/**
 * The rows of a prompt pair: `pieces` that exist in each prompt, `names` there (null: not there), whether `shared`
 * by both, and labels that say both names ("She → He").
 */
function unitsOfPair(row, words) {
  const pieces = {}, // of each prompt
    names = {};
  for (const side of ["a", "b"]) {
    pieces[side] = words.map((word) => word.filter((i) => row[side][i] !== null));
    names[side] = pieces[side].map((word) => (word.length ? nameOf(word, row[side]) : null));
  }
  const both = (n) => {
    const [a, b] = [names.a[n], names.b[n]];
    return a === null || b === null || a === b ? (b ?? a) : `${a} → ${b.trim()}`;
  };
  const labels = words.map((word, n) => (word.length > 1 ? both(n) : row.labels[word[0]]));
  const shared = words.map((_, n) => names.a[n] !== null && names.b[n] !== null);
  return { pieces, names, labels, shared };
}

/** The text of a piece, or of the word that several make. */
function nameOf(word, labels) {
  const piece = (i, n) => (n ? labels[i].replace(/^##/, "") : labels[i]);
  return word.length > 1 ? joined(word.map(piece).join("")) : labels[word[0]];
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

/** The opacity of a line of the overview: of a difference its share of the scale, else what the rule says. */
export function strengthOf({ signed, scale, on }, rule, weight) {
  return signed ? Math.min(1, weight / scale) : opacity(weight, rule, on.length);
}

/** Whether the line of a weight is drawn, of the selected tokens or (selection null) in the overview. */
export function isVisible(shown, state, selection, head, query, key, weight) {
  const { attention, cutoffs, lines, scale } = shown;
  if (!(weight >= cutoffs[head * attention.queries + query])) return false;
  if (selection) {
    return weight / scale >= FAINTEST && selection.tokens.includes(selection.side === "q" ? query : key);
  }
  if (lines.index.length < lines.total) return weight >= lines.weakest;
  return strengthOf(shown, state.rule, weight) >= FAINTEST;
}

/** What the drawing leaves out or changes, in words. */
export function noteText(shown, state, selection) {
  const { index, total, weakest } = shown.lines;
  const parts = shown.pair ? pairNotes(shown, state, selection) : [];
  if (!selection && index.length < total) {
    const [some, all] = [index.length, total].map((n) => n.toLocaleString("en"));
    const what = shown.signed ? "differences" : "weights";
    parts.push(
      `The ${some} strongest of ${all} lines are drawn (${what} from ${formatNumber(weakest)}). Hover a token to see all of its own.`,
    );
  }
  const held = shown.signed ? "change" : "attention";
  if (state.mass < 100) parts.push(`Fewest lines that hold ${state.mass} % of each token's ${held}.`);
  if (shown.removed) parts.push(removedText(shown, state, selection));
  return parts.join(" ");
}

/** How much attention the hidden keys held: of the selected tokens, or on average; of a difference in both prompts. */
function removedText({ removed, on, full, queries, queryRow }, state, selection) {
  const mine = selection?.side === "q";
  const rows = mine ? selection.tokens : queries;
  const shareOfSide = ({ side, shares }) => {
    const there = side ? rows.filter((q) => queryRow.names[side][q] !== null) : rows;
    let sum = 0;
    for (const h of on) for (const q of there) sum += shares[h * full.queries + q];
    return `${Math.round((100 * sum) / Math.max(1, on.length * there.length))} %`;
  };
  const what = { special: "Special tokens", first: "The first token", both: "Special tokens and the first token" }[
    state.hide
  ];
  const whose = mine ? (rows.length > 1 ? "these tokens'" : "this token's") : "all";
  const [share, inB] = removed.map(shareOfSide);
  const where = inB === undefined ? "" : ` in A, ${inB} in B`;
  return `${what} hidden: ${share} of ${whose} attention removed${where}, the rest divided by what is left.`;
}
