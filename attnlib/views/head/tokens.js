// The head view's tokens: a button each, in a column of queries and one of keys, called as A, B or both have them.
import { el } from "../shared/dom.js";
import { labelsOf, onlyIn } from "./pair_words.js";

/** The token whose button an event met: {side, token}, or null. */
export function tokenOf(event) {
  const button = event.target.closest(".token");
  return button ? { side: button.dataset.side, token: Number(button.dataset.i) } : null;
}

/** A button for row `i` of a column. */
function tokenButton(row, i, side, first, hidden) {
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
function nameToken(button, row, show) {
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

/** How wide the widest label is. */
export function widestLabel({ queryRow, keyRow }, font) {
  const text = document.createElement("canvas").getContext("2d");
  text.font = `13px ${font}`;
  const labels = [...queryRow.labels, ...keyRow.labels];
  return Math.max(...labels.slice(0, 400).map((label) => text.measureText(label).width));
}

/** The column of query tokens (q) and that of key tokens (k). */
export class TokenColumns {
  constructor() {
    this.q = el("div", { class: "column q", role: "group" });
    this.k = el("div", { class: "column k", role: "group" });
  }

  title(from, to) {
    this.q.setAttribute("aria-label", `Query tokens: ${from}`);
    this.k.setAttribute("aria-label", `Key tokens: ${to}`);
  }

  buttons() {
    return [...this.q.children, ...this.k.children];
  }

  /** Buttons anew. */
  fill({ queryRow, keyRow, queries, keys }, header) {
    const hidden = new Set(header.hidden);
    const buttons = (row, positions, side, dimmed) =>
      positions.map((i, n) => tokenButton(row, i, side, n === 0, dimmed));
    this.q.replaceChildren(...buttons(queryRow, queries, "q", header.keys ? new Set() : hidden));
    this.k.replaceChildren(...buttons(keyRow, keys, "k", hidden));
  }

  /** Of a prompt pair: the tokens' text as `show` has it; the buttons stay, so nothing moves. */
  name({ queryRow, keyRow }, show) {
    for (const button of this.q.children) nameToken(button, queryRow, show);
    for (const button of this.k.children) nameToken(button, keyRow, show);
  }

  /** Which tokens are pinned. */
  press({ side, pins }) {
    const pinned = new Set(pins);
    for (const button of this.buttons()) {
      const mine = button.dataset.side === side && pinned.has(Number(button.dataset.i));
      button.setAttribute("aria-pressed", String(mine));
    }
  }

  place(layout) {
    if (layout.width === this.placed?.width && layout.column === this.placed.column) return;
    this.placed = layout;
    for (const [side, x] of [
      ["q", layout.gutter],
      ["k", layout.right],
    ]) {
      this[side].style.left = `${x}px`;
      this[side].style.width = `${layout.column}px`;
    }
  }

  /** By keyboard: to a place in the column, or (with a side) over to the other one. */
  moveFocus(from, side, step) {
    const column = [...from.parentElement.children];
    const to = side ? [...this[side].children] : column;
    const target = to[Math.min(to.length - 1, Math.max(0, column.indexOf(from) + step))];
    for (const button of this.buttons()) button.tabIndex = -1;
    target.tabIndex = 0;
    target.focus({ focusVisible: true, preventScroll: true });
    target.scrollIntoView({ block: "nearest" });
  }
}
