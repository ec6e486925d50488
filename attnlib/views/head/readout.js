// What the head view says about the selected tokens: their numbers, what the model would say, and hints.
import { el } from "../shared/dom.js";
import { labelOf, nameHead } from "../shared/heads.js";
import { profile } from "../shared/attention.js";
import { combinePair, scaleOf } from "../pair/difference.js";
import { pairTitle, spokenChange, onlyIn } from "./pair_words.js";
import { weightTable, weightColumns, pairColumns, topTokens, predictionList, keyOfHead } from "./panel.js";
import { formatNumber } from "../shared/numbers.js";

/** Fills the readout of a HeadView; with `speak`, screen readers hear the strongest tokens of a pin. */
export function drawReadout(view, speak = false) {
  const selection = view.selection();
  const alone = aloneOf(view);
  if (!selection) return view.readout.replaceChildren(...alone, el("p", { class: "hint", text: hintText(view) }));
  const table = tableOf(view, selection);
  const order = topTokens(table.combined, table.allowed, table.marked);
  const parts = [el("h4", { text: table.title }), weightTable({ ...table, order })];
  if (selection.side === "q" && view.header.predictions) parts.push(predictionOf(view, selection));
  if (selection.pinned) parts.push(allNumbers(view, { ...table, order: table.allowed }));
  view.readout.replaceChildren(...alone, ...parts);
  if (speak && selection.pinned) view.spoken.textContent = `${table.title}: ${strongest(table)}`;
}

/** What the one head that is on does; nothing where several are on or nothing is known of it. */
function aloneOf({ shown, header }) {
  const label = shown.on.length === 1 ? labelOf(header.labels, shown.on[0]) : "";
  const name = nameHead(`head ${shown.on[0]}`, label);
  return label ? [el("p", { class: "named", text: name, title: name })] : [];
}

/** What the table of a selection is made of. */
function tableOf(view, selection) {
  const { shown, state, colors, hover } = view;
  const { side, tokens } = selection;
  const [mine, others] = side === "q" ? [shown.queryRow, shown.keyRow] : [shown.keyRow, shown.queryRow];
  const names = tokens.map((t) => `“${mine.labels[t].trim()}”`).join(" + ");
  const sum = tokens.length > 1 ? ` (sum of ${tokens.length} tokens)` : "";
  const table = {
    ...view.profiles(selection),
    title: `${names} ${side === "q" ? "looks at" : "is looked at by"}${sum}`,
    labels: others.labels,
    allowed: side === "q" ? shown.keys.filter((k) => !shown.gone[k]) : shown.queries,
    marked: hover && hover.side !== side ? hover.token : null,
    on: shown.on,
    ruleName: state.rule === "max" ? "max" : "mean",
    colors,
    does: (head) => labelOf(view.header.labels, head),
  };
  return shown.pair
    ? { ...table, ...partsOfPair(view, selection, table) }
    : { ...table, columns: weightColumns(table) };
}

/** What is different in the table of a prompt pair: its title, A and B beside B − A. */
function partsOfPair(view, selection, table) {
  const { shown, state, signs } = view;
  const [mine, others] = selection.side === "q" ? [shown.queryRow, shown.keyRow] : [shown.keyRow, shown.queryRow];
  const { numbers, comparable } = pairNumbers(shown, state, selection);
  const { on, signed, largest } = shown;
  const many = { mean: `mean over ${on.length} heads`, max: "of the strongest head, token by token" };
  return {
    title: pairTitle(mine, selection, state.show),
    columns: pairColumns({ ...table, numbers, comparable, signs, signed, scale: scaleOf(largest) }),
    caption: on.length > 1 ? many[table.ruleName] : `head ${on[0]}`,
    notes: (j) => onlyIn(others, j),
    signed,
  };
}

/**
 * A, B and B − A of a selection, each combined over the heads that are on; NaN where a prompt lacks the token, or
 * where a row that looks is not in both. In a difference only rows that are in both count, where there are any.
 */
function pairNumbers({ pair, on, queryRow, keyRow, signed }, { rule, show }, { side, tokens }) {
  const both = side === "q" ? tokens.filter((t) => queryRow.shared[t]) : tokens;
  const counted = signed && both.length ? both : tokens;
  const profiles = Object.fromEntries(
    ["a", "b", "diff"].map((name) => [name, profile(pair[name], on, side, counted)]),
  );
  const numbers = combinePair(profiles, rule, show);
  const comparable = (j) => (side === "q" ? both.length === counted.length : queryRow.shared[j]);
  const [mine, others] = side === "q" ? [queryRow, keyRow] : [keyRow, queryRow];
  const absent = (name, j) => others.names[name][j] === null || counted.every((t) => mine.names[name][t] === null);
  others.labels.forEach((_, j) => {
    for (const name of ["a", "b"]) if (absent(name, j)) numbers[name][j] = NaN;
    if (!comparable(j)) numbers.diff[j] = NaN;
  });
  return { numbers, comparable };
}

function strongest({ combined, allowed, labels, signed }) {
  const best = topTokens(combined, allowed, null).slice(0, 3);
  const said = (j) =>
    signed ? spokenChange(labels[j], combined[j]) : `${labels[j].trim()} ${formatNumber(combined[j])}`;
  return best.map(said).join(", ");
}

/** The model's words at the last selected token; of a word at its last piece (next) or its first (here). */
function predictionOf({ header, arrays, shown }, { tokens }) {
  const pieces = shown.queryRow.words[tokens.at(-1)];
  const next = header.predicts === "next";
  const token = next ? pieces.at(-1) : pieces[0];
  const words = header.predictions[token];
  const start = token * words.length;
  return predictionList(words, arrays.probabilities.subarray(start, start + words.length), next);
}

/** Every number of a pinned token, made when opened; stays open from pin to pin. */
function allNumbers(view, table) {
  const holder = el("div", { class: "all-numbers" });
  const details = el("details", {}, el("summary", { text: `All ${table.order.length} numbers` }), holder);
  details.open = Boolean(view.numbersOpen);
  const fill = () => {
    view.numbersOpen = details.open;
    if (details.open) holder.replaceChildren(weightTable(table));
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

function hintText({ header, reporter }) {
  const last = keyOfHead(Math.min(header.heads, 36) - 1);
  return [
    header.pair
      ? "Hover a token to see what changes, with the numbers; a line to read it in A and in B."
      : "Hover a token to see where it looks, with the numbers; a line to read its weight.",
    "Click to pin it, click others to sum them, Esc releases. Arrows move, Enter pins.",
    header.heads > 1 ? `Keys ${keyOfHead(0)}–${last} switch heads.` : "",
    header.pair ? "The keys , . and - show A, B and B − A." : "",
    reporter.heard && header.can_hide ? "Double-click a token to hide it from the model and run again." : "",
  ]
    .filter(Boolean)
    .join(" ");
}
