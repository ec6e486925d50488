// The model view's controls, legend and table of scores.
import { choice, ramp } from "../shared/controls.js";
import { el } from "../shared/dom.js";
import { labelOf, anyLabel } from "../shared/heads.js";
import { signColors } from "../shared/colors.js";
import { rowsOf, sayScore, scoreOf } from "./shown.js";
import { DRAWS, ORDERS, SEGMENTS, ZOOMS, hasSegments, parseList, writeList } from "./state.js";
import { formatSigned } from "../shared/numbers.js";

const DRAW_NAMES = { lines: "lines", matrix: "matrix" };
const ORDER_NAMES = { place: "in place", layers: "layers by score", heads: "each layer's heads", all: "all heads" };
const SEGMENT_NAMES = { all: "all", AA: "A → A", AB: "A → B", BA: "B → A", BB: "B → B" };

/** Controls of what is drawn; `change` gets the changed part of the state. → {elements, update(state)} */
export function modelBar(header, change) {
  const titles = Object.fromEntries(header.scores.map(({ name, title }) => [name, title]));
  const parts = [
    choice("draw", "Draw heads as", DRAWS, DRAW_NAMES, change),
    choice("by", "Score", Object.keys(titles), titles, change),
    choice("order", "Order", ORDERS, ORDER_NAMES, change),
  ];
  if (hasSegments(header)) parts.push(choice("segments", "Sentences", SEGMENTS, SEGMENT_NAMES, change));
  parts.push(
    list("layers", "Layers", header.layers, "layer", change),
    list("heads", "Heads", header.heads, "head", change),
  );
  parts.push(zoom(change));
  const update = (now) => parts.forEach((part) => part.update(now));
  return { elements: parts.map(({ element }) => element), update };
}

/** A field for a list such as “0-3, 7”; empty is all. What is no list is said and changes nothing. */
function list(name, label, count, what, change) {
  const wrong = el("span", { class: "wrong", role: "alert" });
  const box = el("input", {
    type: "text",
    "data-option": name,
    placeholder: "all",
    size: 7,
    title: `Which ${name} to show: numbers from 0 to ${count - 1}, such as 0-2, 5. Empty: all.`,
    onchange: () => {
      try {
        const chosen = parseList(box.value, count, what);
        wrong.textContent = "";
        change({ [name]: chosen });
      } catch (error) {
        wrong.textContent = error.message;
      }
    },
  });
  const element = el("label", {}, el("span", { text: label }), box, wrong);
  const update = (state) => {
    if (!wrong.textContent) box.value = writeList(state[name]);
  };
  return { element, update };
}

/** Smaller and larger cells. */
function zoom(change) {
  let now = 0;
  const step = (by) => change({ zoom: Math.max(0, Math.min(ZOOMS.length - 1, now + by)) });
  const button = (text, title, by) =>
    el("button", { type: "button", class: "zoom", text, title, onclick: () => step(by) });
  const [less, more] = [button("−", "Smaller", -1), button("+", "Larger", 1)];
  const element = el(
    "span",
    { class: "zooms", role: "group", "aria-label": "Size" },
    el("span", { text: "Size" }),
    less,
    more,
  );
  const update = ({ zoom }) => {
    now = zoom;
    less.disabled = zoom === 0;
    more.disabled = zoom === ZOOMS.length - 1;
  };
  return { element, update };
}

/** What colours mean: of the score in the strips and, of a difference, of the drawings. */
export function scoreLegend({ header, state, scale, changeScale, theme }) {
  const { title, about, signed } = header.scores.find(({ name }) => name === state.by);
  const { more, less } = signColors(theme.dark);
  const end = (text) => el("span", { class: "end", text });
  const colors = signed ? [less, theme.background, more] : [theme.background, theme.accent];
  const group = (...parts) => el("span", { class: "scale" }, ...parts);
  const legend = [
    group(
      el("span", { class: "statistic", text: title }),
      end(signed ? sayScore(-scale, true) : "0"),
      ramp(colors, signed ? "0" : ""),
      end(sayScore(scale, signed)),
    ),
    el("span", { class: "meaning", text: about }),
  ];
  if (state.show === "diff")
    legend.push(
      group(
        el("span", { class: "statistic", text: "B − A" }),
        end(formatSigned(-changeScale)),
        ramp([less, theme.background, more], "0"),
        end(formatSigned(changeScale)),
      ),
      el("span", { class: "meaning", text: "orange: more in B, blue: less" }),
    );
  return legend;
}

/** All shown heads with what they do, where that is known, and all their scores, in the order of the grid: for readers of tables and of screens. */
export function scoreTable(details, view) {
  const { header, arrays, state } = view;
  const fill = () => {
    if (!details.open) return;
    const heads = rowsOf(header, arrays.scores, state, 1).flatMap(({ cells }) => cells);
    const line = (cells, tag) => el("tr", {}, ...cells.map((cell) => el(tag, cell.class ? cell : { text: cell })));
    const does = (text) => (anyLabel(header.labels) ? [{ class: "does", text, title: text }] : []);
    const body = heads.map((head) => {
      const scores = header.scores.map(({ name, signed }) =>
        sayScore(scoreOf(header, arrays.scores, name, head), signed),
      );
      return line([...head, ...does(labelOf(header.labels, ...head)), ...scores], "td");
    });
    const names = ["Layer", "Head", ...does("What it does"), ...header.scores.map(({ title }) => title)];
    const table = el("table", {}, el("thead", {}, line(names, "th")), el("tbody", {}, ...body));
    details.replaceChildren(
      el("summary", { text: "Table of scores" }),
      el("div", { class: "rows", tabindex: 0 }, table),
    );
  };
  if (!details.firstChild) {
    details.append(el("summary", { text: "Table of scores" }));
    details.addEventListener("toggle", () => details.fill());
  }
  details.fill = fill;
  fill();
}
