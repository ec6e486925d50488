// The head view's words and numbers beside the drawing: bar of heads, options, readout, table.
import { choice } from "../shared/controls.js";
import { el } from "../shared/dom.js";
import { isDark } from "../shared/colors.js";
import { labelOf, nameHead } from "../shared/heads.js";
import { RULES, HIDES, SEGMENTS, headsOn } from "./state.js";
import { formatNumber, formatSigned } from "../shared/numbers.js";

const RULE_NAMES = { mean: "mean over heads", max: "strongest head", one: "one head" };
const HIDE_NAMES = { none: "nothing", special: "special tokens", first: "first token", both: "special and first" };
const SEGMENT_NAMES = { all: "all", AA: "A → A", AB: "A → B", BA: "B → A", BB: "B → B" };
const TOP_ROWS = 10;
const MOST_HEAD_COLUMNS = 16;

/** The key that switches a head: 0–9, then a–z. */
export function keyOfHead(head) {
  return head < 10 ? String(head) : head < 36 ? String.fromCharCode(87 + head) : "";
}

/** A square per head, named by what it does; click switches it, double-click (or Shift) leaves only it. */
export function headBar(count, colors, { toggle, solo, all }) {
  const buttons = Array.from({ length: count }, (_, h) => {
    const button = el("button", {
      type: "button",
      class: "head",
      "data-h": h,
      text: h,
      onclick: (event) => (event.shiftKey ? solo(h) : event.detail < 2 && toggle(h)),
      ondblclick: () => solo(h),
    });
    return button;
  });
  const bar = el(
    "div",
    { class: "bar", role: "group", "aria-label": "Heads" },
    el("span", { class: "name", text: "Heads" }),
    ...buttons,
    el("button", {
      type: "button",
      class: "all",
      "data-screen": true,
      text: "all",
      title: "All heads",
      onclick: all,
    }),
  );
  const update = (state, labels) => {
    const on = new Set(headsOn(state, count));
    buttons.forEach((button, h) => {
      const [label, key] = [labelOf(labels, h), keyOfHead(h)];
      button.setAttribute("aria-label", nameHead(`head ${h}`, label, ", "));
      button.title = `${nameHead(`Head ${h}`, label)}${key ? ` (key ${key})` : ""}. Double-click: only this head.`;
      button.setAttribute("aria-pressed", String(on.has(h)));
      button.style.setProperty("--head", colors()[h]);
      button.style.setProperty("--ink", isDark(colors()[h]) ? "#fff" : "#000");
    });
  };
  return { element: bar, update };
}

/** The switches that change what is drawn; `change` gets the changed part of the state. → {element, update(state)} */
export function optionBar({ pairs, words, special }, change) {
  const parts = [
    choice("rule", "Lines", RULES, RULE_NAMES, change),
    choice("hide", "Hide", special ? HIDES : ["none", "first"], HIDE_NAMES, change),
  ];
  if (pairs) parts.push(choice("segments", "Sentences", SEGMENTS, SEGMENT_NAMES, change));
  parts.push(massSlider(change));
  if (words) parts.push(wordsBox(change));
  const element = el("div", { class: "options", "data-screen": true }, ...parts.map((part) => part.element));
  return { element, update: (state) => parts.forEach((part) => part.update(state)) };
}

function massSlider(change) {
  const output = el("output", { class: "mass" });
  const slider = el("input", {
    type: "range",
    min: 10,
    max: 100,
    step: 5,
    "data-option": "mass",
    "aria-label": "Share of each token's attention that is drawn",
    oninput: (event) => change({ mass: Number(event.target.value) }),
  });
  const title = "Draws the fewest lines that hold this share of each token's attention";
  const update = ({ mass }) => {
    slider.value = mass;
    output.textContent = `${mass} %`;
  };
  return { element: el("label", { title }, el("span", { text: "Show" }), slider, output), update };
}

function wordsBox(change) {
  const onchange = (event) => change({ words: event.target.checked, pins: [] });
  const box = el("input", { type: "checkbox", "data-option": "words", onchange });
  const title = "Pieces of a word merged: attention to it summed, from it averaged";
  const update = ({ words }) => {
    box.checked = words;
  };
  return { element: el("label", { title }, box, el("span", { text: "whole words" })), update };
}

/** A number in a cell (".412"), shaded in a colour by its size. */
function cell(value, color) {
  return shadedCell(formatNumber(value), color, value);
}

/** A difference in a cell ("+.390"), shaded by its sign; a dash where there is none. */
function signedCell(value, signs, scale) {
  if (Number.isNaN(value)) return shadedCell("–");
  return shadedCell(formatSigned(value), value > 0 ? signs.more : signs.less, Math.abs(value) / scale);
}

function shadedCell(text, color = null, size = 0) {
  const td = el("td", { text });
  if (color) td.style.background = `color-mix(in srgb, ${color} ${Math.round(70 * Math.min(1, size))}%, transparent)`;
  return td;
}

/**
 * The columns of one attention: combined, and each head. A column is {title, label, hint, cell: token → td};
 * `does` says what a head does.
 */
export function weightColumns({ combined, profiles, on, colors, ruleName, does }) {
  const single = on.length === 1;
  return [
    { title: single ? `head ${on[0]}` : ruleName, cell: (j) => cell(combined[j], single ? colors[on[0]] : null) },
    ...headColumns(on, does, (h, n, j) => cell(profiles[n][j], colors[h])),
  ];
}

/** The columns of a prompt pair: A, B, B − A, and each head as it is shown; NaN is written as a dash. */
export function pairColumns({ numbers, profiles, on, colors, signs, scale, signed, comparable, does }) {
  const plain = (v) => (Number.isNaN(v) ? shadedCell("–") : cell(v));
  const ofHead = (h, v, j) => (signed ? signedCell(comparable(j) ? v : NaN, signs, scale) : cell(v, colors[h]));
  return [
    { title: "A", label: "attention in A", cell: (j) => plain(numbers.a[j]) },
    { title: "B", label: "attention in B", cell: (j) => plain(numbers.b[j]) },
    { title: "B − A", label: "B minus A", cell: (j) => signedCell(numbers.diff[j], signs, scale) },
    ...headColumns(on, does, (h, n, j) => ofHead(h, profiles[n][j], j)),
  ];
}

/** A column for each head where several are on. */
function headColumns(on, does, cellOf) {
  const shown = on.length > 1 ? on.slice(0, MOST_HEAD_COLUMNS) : [];
  return shown.map((h, n) => ({
    title: h,
    label: nameHead(`head ${h}`, does(h), ", "),
    hint: does(h) ? nameHead(`head ${h}`, does(h)) : null,
    cell: (j) => cellOf(h, n, j),
  }));
}

/** A table: token and columns. `order` lists the rows; `marked` is one of them; `notes` say more of a token. */
export function weightTable({ labels, order, columns, marked, caption, notes }) {
  const head = el(
    "tr",
    {},
    el("th", { scope: "col", text: "token" }),
    ...columns.map(({ title, label, hint }) =>
      el("th", { scope: "col", text: title, "aria-label": label, title: hint }),
    ),
  );
  const rows = order.map((j) =>
    el(
      "tr",
      { class: j === marked ? "marked" : null },
      el(
        "th",
        { scope: "row", title: notes?.(j), class: notes?.(j) ? "only" : null },
        el("bdi", { text: labels[j] }),
        el("small", { text: j }),
      ),
      ...columns.map((column) => column.cell(j)),
    ),
  );
  const above = caption ? [el("caption", { text: caption })] : [];
  return el("table", {}, ...above, el("thead", {}, head), el("tbody", {}, ...rows));
}

/** The strongest tokens of a selection by size, with the marked one added. */
export function topTokens(combined, allowed, marked) {
  const order = allowed
    .slice()
    .sort((a, b) => Math.abs(combined[b]) - Math.abs(combined[a]) || a - b)
    .slice(0, TOP_ROWS);
  if (marked !== null && allowed.includes(marked) && !order.includes(marked)) order.push(marked);
  return order;
}

/** What the colours of a difference mean, and up to which change they go; keeps its place when it is not shown. */
export function signLegend() {
  const [less, ramp, more] = ["", "ramp", ""].map((name) => el("span", { class: name }));
  const element = el("div", { class: "legend" }, less, ramp, more);
  const update = (scale, signs, visible) => {
    less.textContent = `less in B ${formatSigned(-scale)}`;
    more.textContent = `${formatSigned(scale)} more in B`;
    ramp.style.background = `linear-gradient(to right, ${signs.less}, transparent, ${signs.more})`;
    element.style.visibility = visible ? "visible" : "hidden";
  };
  return { element, update };
}

/** What the model would say at a token: words with their probabilities as bars. */
export function predictionList(words, probabilities, next) {
  const rows = words.map((word, n) => {
    const bar = el("span", { class: "probability" });
    bar.style.width = `${100 * probabilities[n]}%`;
    return el(
      "li",
      {},
      el("bdi", { text: word }),
      el("span", { class: "track" }, bar),
      el("span", { class: "number", text: formatNumber(probabilities[n]) }),
    );
  });
  return el(
    "div",
    { class: "predictions" },
    el("h4", { text: next ? "The model would say next" : "The model would say here" }),
    el("ol", {}, ...rows),
  );
}
