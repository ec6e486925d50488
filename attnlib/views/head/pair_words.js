// What the head view of a prompt pair says in words: notes, titles, the line under the mouse. Pure: no DOM.
import { nameHead } from "../shared/heads.js";
import { shareOf, isNothing } from "../pair/difference.js";
import { formatNumber, formatSigned } from "../shared/numbers.js";

/** The labels of a row as prompt A or B has them (a dash where it has none), or of both. */
export function labelsOf(row, show) {
  return show === "a" || show === "b" ? row.names[show].map((name) => name ?? "–") : row.labels;
}

/** Where a token is that only one prompt has: "only in A"; null where both have it. */
export function onlyIn(row, i) {
  return !row.shared || row.shared[i] ? null : row.names.a[i] === null ? "only in B" : "only in A";
}

/** What must be known about a pair's drawing: nothing differs, or tokens that only one prompt has. */
export function pairNotes(shown, state, selection) {
  if (!shown.signed) return absentNotes(shown, state, selection);
  if (!selection) return isNothing(shown.largest) ? [NO_DIFFERENCE] : unsharedRows(shown, shown.queries);
  if (selection.side === "k") return [...stillNotes(shown, selection), ...onlyNotes(shown.keyRow, selection, "")];
  return [
    ...stillNotes(shown, selection),
    ...onlyNotes(shown.queryRow, selection, ": no row to compare"),
    ...aloneNotes(shown, selection),
  ];
}

const NO_DIFFERENCE = "No difference in this layer's shown heads.";

/** Of a prompt: selected tokens that it does not have. */
function absentNotes({ queryRow, keyRow }, { show }, selection) {
  const row = selection?.side === "q" ? queryRow : keyRow;
  const absent = selection?.tokens.filter((t) => row.names[show][t] === null) ?? [];
  return absent.map((t) => `“${row.labels[t].trim()}” is not in ${show.toUpperCase()}.`);
}

function unsharedRows({ queryRow }, queries) {
  const alone = queries.filter((q) => !queryRow.shared[q]).length;
  if (!alone) return [];
  return [
    alone > 1
      ? `${alone} tokens are in one prompt only: they have no row to compare.`
      : "1 token is in one prompt only: it has no row to compare.",
  ];
}

function onlyNotes(row, { tokens }, then) {
  return tokens.filter((t) => !row.shared[t]).map((t) => `“${row.labels[t].trim()}” is ${onlyIn(row, t)}${then}.`);
}

/** A note if nothing differs, in the whole layer or for the selected tokens. */
function stillNotes({ full, on, queryRow, largest }, { side, tokens }) {
  if (isNothing(largest)) return [NO_DIFFERENCE];
  if (side === "q" && !tokens.some((q) => queryRow.shared[q])) return [];
  const { queries, keys, w } = full;
  const others = side === "q" ? keys : queries;
  for (const h of on)
    for (const t of tokens)
      for (let j = 0; j < others; j++) {
        const i = side === "q" ? (h * queries + t) * keys + j : (h * queries + j) * keys + t;
        if (!isNothing(w[i])) return [];
      }
  return [tokens.length > 1 ? "Nothing differs for these tokens." : "Nothing differs for this token."];
}

/** How much of the selected tokens' attention goes to tokens that only one prompt has. */
function aloneNotes({ pair, on, queryRow, keyRow }, { tokens }) {
  const rows = tokens.filter((q) => queryRow.shared[q]);
  const whose = tokens.length > 1 ? "these tokens'" : "this token's";
  const parts = ["a", "b"].flatMap((side) => {
    const alone = keyRow.shared.flatMap((shared, k) => (!shared && keyRow.names[side][k] !== null ? [k] : []));
    const share = shareOf(pair[side], on, rows, alone);
    return isNothing(share)
      ? []
      : [{ percent: `${formatNumber(100 * share, 1)} %`, where: `in ${side.toUpperCase()}` }];
  });
  const said = parts.map(({ percent, where }, n) => `${percent}${n ? "" : ` of ${whose} attention`} ${where}`);
  return said.length ? [`Tokens that the other prompt lacks hold ${said.join(", ")}.`] : [];
}

/** What a selection's table is about: "“She → He”: what changes (B − A)". */
export function pairTitle(row, { side, tokens }, show) {
  const named = (t) => {
    const name = show === "diff" ? row.labels[t] : row.names[show][t];
    return name === null ? `“${row.labels[t].trim()}” (${onlyIn(row, t)})` : `“${name.trim()}”`;
  };
  const names = tokens.map(named).join(" + ");
  const sum = tokens.length > 1 ? `, sum of ${tokens.length} tokens` : "";
  if (show !== "diff")
    return `${names} ${side === "q" ? "looks at" : "is looked at by"} (in ${show.toUpperCase()}${sum})`;
  return `${names}: what changes${side === "q" ? "" : " in who looks at it"} (B − A${sum})`;
}

/** How the words about a head's line begin; a label has a line of its own, so that it never hides the weight. */
export function tipHead(head, label) {
  return `${nameHead(`head ${head}`, label)}${label ? "\n" : ": "}`;
}

/** The line under the mouse, in two lines: who looks at whom, and how much in A, in B and more in B. */
export function pairTip({ pair, queryRow, keyRow }, { head, query, key }, label = "") {
  const i = (head * pair.a.queries + query) * pair.a.keys + key;
  const there = (side) => queryRow.names[side][query] !== null && keyRow.names[side][key] !== null;
  const [a, b] = ["a", "b"].map(
    (side) => `${side.toUpperCase()} ${formatNumber(there(side) ? pair[side].w[i] : null)}`,
  );
  const [from, to] = [queryRow.labels[query].trim(), keyRow.labels[key].trim()];
  return `${tipHead(head, label)}“${from}” looks at “${to}”\n${a}   ${b}   B − A ${formatSigned(pair.diff.w[i])}`;
}

/** A difference in words, for ears: "doctor 0.390 more in B". */
export function spokenChange(label, change) {
  if (isNothing(change)) return `${label.trim()} no difference`;
  return `${label.trim()} ${formatNumber(Math.abs(change))} ${change > 0 ? "more" : "less"} in B`;
}
