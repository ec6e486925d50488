// The head view's tokens: a button each, in two columns, and what it is called in A, in B or in both.
import { el } from "../shared/dom.js";
import { labelsOf, onlyIn } from "./pair_words.js";

/** The token whose button an event met: {side, token}, or null. */
export function tokenOf(event) {
  const button = event.target.closest(".token");
  return button ? { side: button.dataset.side, token: Number(button.dataset.i) } : null;
}

/** A button for row `i` of a column. */
export function tokenButton(row, i, side, first, hidden) {
  const label = row.labels[i];
  const classes = [
    "token",
    row.special[i] && "special",
    row.words[i].every((piece) => hidden.has(piece)) && "hidden",
    i > 0 && row.segments[i] !== row.segments[i - 1] && "second",
  ]
    .filter(Boolean)
    .join(" ");
  return el(
    "button",
    {
      type: "button",
      class: classes,
      "data-i": i,
      "data-side": side,
      tabindex: first ? 0 : -1,
      "aria-pressed": "false",
      title: label.length > 8 ? label : null,
      "aria-label": `${side === "q" ? "query" : "key"} ${i}: ${label.trim()}`,
    },
    el("bdi", { text: label }),
  );
}

/** A button of a prompt pair named as `show` has it; nothing moves, and what only one prompt has is marked. */
export function nameToken(button, row, show) {
  const i = Number(button.dataset.i);
  const text = labelsOf(row, show)[i];
  const only = onlyIn(row, i);
  const both = row.labels[i].trim();
  button.firstChild.textContent = text;
  button.classList.toggle("only", only !== null);
  button.classList.toggle("missing", show !== "diff" && row.names[show][i] === null);
  button.title = only ? `${only}: ${both}` : row.labels[i].length > 8 ? both : "";
  const said = only ? `${both}, ${only}` : both;
  button.setAttribute("aria-label", `${button.dataset.side === "q" ? "query" : "key"} ${i}: ${said}`);
}
