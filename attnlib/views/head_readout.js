// What the head view says about the selected tokens: their numbers, what the model would say, and hints.
import { el } from "./shared.js";
import { format } from "./attention.js";
import { weightTable, topTokens, predictionList, keyOfHead } from "./head_panel.js";

/** Fills the readout of a HeadView; with `speak`, screen readers hear the strongest tokens of a pin. */
export function drawReadout(view, speak = false) {
  const selection = view.selection();
  if (!selection) return view.readout.replaceChildren(el("p", { class: "hint", text: hintText(view) }));
  const table = tableOf(view, selection);
  const order = topTokens(table.combined, table.allowed, table.marked);
  const parts = [el("h4", { text: table.title }), weightTable({ ...table, order })];
  if (selection.side === "q" && view.header.predictions) parts.push(predictionOf(view, selection));
  if (selection.pinned) parts.push(allNumbers(view, { ...table, order: table.allowed }));
  view.readout.replaceChildren(...parts);
  if (speak && selection.pinned) view.spoken.textContent = `${table.title}: ${strongest(table)}`;
}

/** What the table of a selection is made of. */
function tableOf(view, selection) {
  const { shown, state, colors, hover } = view;
  const { side, tokens } = selection;
  const [mine, others] = side === "q" ? [shown.queryRow, shown.keyRow] : [shown.keyRow, shown.queryRow];
  const names = tokens.map((t) => `“${mine.labels[t].trim()}”`).join(" + ");
  const sum = tokens.length > 1 ? ` (sum of ${tokens.length} tokens)` : "";
  return {
    ...view.profiles(selection),
    title: `${names} ${side === "q" ? "looks at" : "is looked at by"}${sum}`,
    labels: others.labels,
    allowed: side === "q" ? shown.keys.filter((k) => !shown.gone[k]) : shown.queries,
    marked: hover && hover.side !== side ? hover.token : null,
    on: shown.on,
    ruleName: state.rule === "max" ? "max" : "mean",
    colors,
  };
}

function strongest({ combined, allowed, labels }) {
  const best = topTokens(combined, allowed, null).slice(0, 3);
  return best.map((j) => `${labels[j].trim()} ${format(combined[j])}`).join(", ");
}

/** The model's words at the last selected token; of a word at its last piece (next) or its first (here). */
function predictionOf({ header, probabilities, shown }, { tokens }) {
  const pieces = shown.queryRow.words[tokens.at(-1)];
  const next = header.predicts === "next";
  const token = next ? pieces.at(-1) : pieces[0];
  const words = header.predictions[token];
  const start = token * words.length;
  return predictionList(words, probabilities.subarray(start, start + words.length), next);
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

function hintText({ header, requestMask }) {
  const last = keyOfHead(Math.min(header.heads, 36) - 1);
  return [
    "Hover a token to see where it looks, with the numbers; a line to read its weight.",
    "Click to pin it, click others to sum them, Esc releases. Arrows move, Enter pins.",
    header.heads > 1 ? `Keys ${keyOfHead(0)}–${last} switch heads.` : "",
    requestMask && header.can_hide ? "Double-click a token to hide it from the model and run again." : "",
  ].join(" ");
}
