// The neuron view's controls, text, legend, readout and tables: DOM around the drawing.
import { choice, ramp } from "../shared/controls.js";
import { el } from "../shared/dom.js";
import { fitCanvas } from "../shared/canvas.js";
import { signColors } from "../shared/colors.js";
import { PARTS, DIMS, KEYS, SCALES, STRIPS } from "./state.js";
import {
  bare,
  nameOf,
  weightOf,
  columnsOf,
  columnNumber,
  hiddenByMask,
  isScore,
  sayNumber,
  termsOf,
  curveOf,
  splitOf,
  stripOf,
  topStrip,
  alongText,
  largestOf,
  length,
} from "./shown.js";
import { sayCurve } from "./words.js";
import { scaleFor, rampColor, drawCurve } from "./draw.js";
import { sheetsOf, csvOf, dimTexts, stepText } from "./worksheet.js";
import { formatSigned } from "../shared/numbers.js";

const NAMES = {
  part: { weight: "query × key → weight", value: "weight × value → output" },
  dims: { order: "all, in order", size: "all, largest first", 16: "the 16 largest", 8: "the 8 largest" },
  keys: { text: "as in the text", weight: "most attention first" },
  scale: { head: "this head", layer: "all heads of the layer" },
  strip: { product: "products", key: "keys" },
};
const TOP = 6; // dimensions in the readout
/** @type {[number, number]} */
const CURVE = [300, 116];

/** Controls of what is drawn; `change` gets the changed part of the state. → {elements, update(view)} */
export function neuronBar(change, keep) {
  const parts = [
    neededChoice("part", "Show", PARTS, change),
    neededChoice("dims", "Dimensions", DIMS, change),
    keepBox(keep),
    neededChoice("keys", "Keys", KEYS, change),
    neededChoice("scale", "Colour scale", SCALES, change),
    neededChoice("strip", "Strip", STRIPS, change),
  ];
  const update = (view) => parts.forEach((part) => part.update(view));
  return { elements: parts.map(({ element }) => element), update };
}

const NEEDED = {
  scale: ({ state, header }) => !(header.pair && state.show === "diff"),
  strip: ({ layout }) => Boolean(layout?.single),
};

function neededChoice(name, label, values, change) {
  const { element, update } = choice(name, label, values, NAMES[name], change);
  const updateOf = (view) => {
    update(view.state);
    element.hidden = name in NEEDED && !NEEDED[name](view);
  };
  return { element, update: updateOf };
}

function keepBox(keep) {
  const box = el("input", { type: "checkbox", "data-option": "keep", onchange: () => keep(box.checked) });
  const title = "Keep this order of dimensions when another query or key is chosen, to compare them.";
  const element = el("label", { title }, box, el("span", { text: "keep this order" }));
  const update = ({ state }) => {
    box.checked = Boolean(state.keep);
    element.hidden = state.dims === "order" || state.part === "value";
  };
  return { element, update };
}

/** What colours mean, with the numbers at their ends; halfway is a quarter, since colour follows the square root. */
export function neuronLegend({ shown, state, ramp: colors, layout }) {
  const names = { key: "q and k", product: "q × k", value: "v and weight × v", part: "v and weight × v" };
  const kinds = layout.strips.map(({ kind }) => kind).filter((kind) => kind !== "part" || layout.single);
  const items = kinds.map((kind) => {
    const scale = scaleFor(shown, kind);
    const stops = Array.from({ length: 21 }, (_, n) => rampColor(colors, (n - 10) / 10));
    const end = (v) => el("span", { text: sayNumber(v, true, Math.abs(v) < 10 ? 2 : 1) });
    return el("span", { class: "scale" }, el("b", { text: names[kind] }), end(-scale), ramp(stops, "0"), end(scale));
  });
  const meaning =
    state.show === "diff" && shown.header.pair ? "orange: more in B, blue: less" : "orange: positive, blue: negative";
  return [...items, el("span", { class: "meaning", text: `${meaning}; colour follows the square root` })];
}

/** The text as buttons: the query is chosen here; the tint is the attention it pays to each token. */
export function textButtons({ header }) {
  const row = header.queries;
  return row.labels.map((label, i) =>
    el(
      "button",
      {
        type: "button",
        class: i > 0 && row.segments && row.segments[i] !== row.segments[i - 1] ? "token second" : "token",
        "data-i": i,
        tabindex: -1,
        "aria-label": `query ${i}: ${label.trim()}`,
      },
      el("bdi", { text: label.replace(/^ /, "") || "␣" }),
    ),
  );
}

/** Marks the query among the tokens, and tints the others by its attention where queries and keys are the same. */
export function tintText(buttons, { shown, state, header, theme }, query) {
  const { more, less } = signColors(theme.dark);
  const tinted = new Set(header.keys === null && shown.there ? shown.rows : []);
  buttons.forEach((button, i) => {
    const weight = tinted.has(i) ? weightOf(shown, i) : 0;
    const color = shown.show === "diff" ? (weight < 0 ? less : more) : theme.accent;
    const share = 4 * Math.round(18 * Math.sqrt(Math.min(1, Math.abs(weight)))); // few steps: few styles to change
    const background = share ? `color-mix(in srgb, ${color} ${share}%, transparent)` : "";
    if (button.tint !== background) button.style.background = button.tint = background;
    const chosen = String(i === state.query);
    if (button.getAttribute("aria-pressed") !== chosen) button.setAttribute("aria-pressed", chosen);
    if (button.classList.contains("now") !== (i === query)) button.classList.toggle("now", i === query);
  });
}

/** What each token is called on the side that is shown, and whether it is there. */
export function nameText(buttons, { shown, state, header }) {
  buttons.forEach((button, i) => {
    const text = nameOf(header.queries, i, shown.show).replace(/^ /, "") || "␣";
    if (button.firstChild.textContent !== text) button.firstChild.textContent = text;
    const missing = shown.names.some((name) => shown.queryRows[i][name] === null);
    button.classList.toggle("missing", missing);
    button.tabIndex = i === state.query ? 0 : -1;
  });
}

// ---- the readout: one key closely

/** One key's arithmetic, its curve and its largest dimensions. */
export function readout(view, key) {
  const { shown, header, state } = view;
  if (key === null) return [el("p", { class: "hint", text: "There is no key to show." })];
  const names = [
    bare(header.queries, shown.state.query, shown.show),
    bare(header.keys ?? header.queries, key, shown.show),
  ];
  const title = el("h4", {}, el("bdi", { text: `“${names[0]}” → “${names[1]}”` }));
  if (hiddenByMask(shown, key))
    return [title, el("p", { text: "A mask hides this key from the query: its weight is 0." })];
  const steps = state.part === "weight" ? weightSteps(view, key) : valueSteps(view, key);
  return [title, steps, ...(state.part === "weight" ? scoreParts(view, key) : []), dimTable(view, key)];
}

function weightSteps(view, key) {
  return stepTable(view, columnsOf(view.shown, "weight"), key);
}

function valueSteps(view, key) {
  const table = stepTable(view, columnsOf(view.shown, "value"), key);
  const { shown } = view;
  const out = length(topStrip(shown));
  const what =
    shown.show === "diff" ? "length of the change of the head's output" : "length of the head's output Σ w · v";
  return el("div", {}, table, el("p", { class: "small", text: `${what}: ${sayNumber(out)}` }));
}

/** Step by step; of a pair in A, in B and the change. */
function stepTable({ shown, header }, columns, key) {
  const sides = header.pair ? ["a", "b", "diff"] : [shown.show];
  const of = (side) => ({ ...shown, show: side, names: side === "diff" ? ["a", "b"] : [side] });
  const value = (name, side) => {
    const known = side === "diff" ? shown.steps.a && shown.steps.b : shown.steps[side];
    return known ? columnNumber(of(side), name, key) : null;
  };
  const head = header.pair ? [el("thead", {}, cells("th", ["", "A", "B", "B − A"]))] : [];
  const body = columns.map(([name, title]) =>
    cells("td", [title.replace("Δ ", ""), ...sides.map((side) => sayNumber(value(name, side), side === "diff"))]),
  );
  return el("table", { class: "steps" }, ...head, el("tbody", {}, ...body));
}

function cells(tag, texts) {
  const [first, ...others] = texts;
  return el("tr", {}, el("th", { scope: "row", text: first }), ...others.map((text) => el(tag, { text })));
}

/** The curve of the score (or of its change), and for a change whether query or key made it. */
function scoreParts({ shown, theme }, key) {
  const terms = termsOf(shown, key);
  if (!terms) return [];
  const diff = shown.show === "diff";
  const curve = curveOf(terms);
  const what = `${diff ? "change of the score" : "score"}${shown.sides.a.softcap === null ? "" : " before the cap"}`;
  const canvas = el("canvas", { class: "curve", role: "img", "aria-label": sayCurve(curve, what, diff) });
  drawCurve(fitCanvas(canvas, ...CURVE), curve, CURVE, theme);
  const parts = [canvas, el("p", { class: "small", text: sayCurve(curve, what, diff) })];
  if (!diff) return parts;
  const { query, key: other } = splitOf(shown, key);
  const said = `The changed query contributes ${formatSigned(query)}, the changed key ${formatSigned(other)} (their joint effect is split equally).`;
  return [...parts, el("p", { class: "small split", text: said })];
}

/** The dimensions that add most, with their numbers; a click follows one over the text. */
function dimTable(view, key) {
  const { shown, state } = view;
  const diff = shown.show === "diff";
  const kinds = state.part === "weight" ? ["query", "key", "product"] : ["value", "part"];
  const of = (kind) => (kind === "query" ? topStrip(shown) : stripOf(shown, kind, key));
  const vectors = kinds.map(of);
  const leading = vectors.at(-1);
  if (!leading) return el("p", { class: "hint", text: "Only one of the prompts has this token." });
  const order = largestOf(Array.from(leading), TOP);
  const mark = diff ? "Δ " : "";
  const titles = {
    query: `${mark}q`,
    key: `${mark}k`,
    product: `${mark}q × k`,
    value: `${mark}v`,
    part: `${mark}w · v`,
  };
  const head = el("tr", {}, ...["dimension", ...kinds.map((kind) => titles[kind])].map((text) => el("th", { text })));
  const body = order.map((d) => {
    const follow = el("button", {
      type: "button",
      class: "dim",
      text: d,
      title: `Follow dimension ${d} over the text`,
      onclick: () => view.followDim(d),
    });
    follow.setAttribute("aria-pressed", String(state.dim === d));
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, follow),
      ...vectors.map((v) => el("td", { text: sayNumber(v[d], diff) })),
    );
  });
  return el("table", { class: "dims" }, el("thead", {}, head), el("tbody", {}, ...body));
}

// ---- a dimension over the text

const ROLES = { query: "as query", key: "as key", value: "as value" };

/** Where else a dimension is large: every token tinted by its number, as query and as key. */
export function dimPanel({ shown, state, header, ramp, followDim }) {
  const rows = { query: header.queries, key: header.keys ?? header.queries, value: header.keys ?? header.queries };
  const along = alongText(shown, state.dim);
  const most = Math.max(
    1e-12,
    ...Object.values(along)
      .flat()
      .map((v) => Math.abs(v ?? 0)),
  );
  const texts = Object.entries(along).map(([kind, values]) => {
    const tokens = values.map((v, i) => {
      const text = nameOf(rows[kind], i, shown.show).replace(/^ /, "") || "␣";
      const said = `${text.trim()}: ${sayNumber(v, shown.show === "diff")}`;
      const token = el("span", { class: "tinted", title: said, text });
      token.style.background = rampColor(ramp, (v ?? 0) / most);
      token.style.color = contrast(token.style.background);
      return token;
    });
    const largest = largestOf(values, 5).flatMap((i) => {
      const number = sayNumber(values[i], shown.show === "diff");
      return Math.abs(values[i]) < 0.0005 ? [] : [`“${bare(rows[kind], i, shown.show)}” ${number}`];
    });
    const said = el("span", {
      class: "largest",
      text: largest.length ? `largest: ${largest.join(", ")}` : "nothing differs",
    });
    return el(
      "div",
      { class: "along" },
      el("b", { text: ROLES[kind] }),
      said,
      el("div", { class: "tokens" }, ...tokens),
    );
  });
  const close = el("button", { type: "button", class: "plain", text: "Close", onclick: () => followDim(null) });
  const title = `Dimension ${state.dim} of ${state.part === "weight" ? header.dims : header.value_dims} over the text`;
  return [el("h4", { text: title }), close, ...texts];
}

function contrast(color) {
  const [r, g, b] = (color.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#000" : "#fff";
}

// ---- tables that are made when they are opened

/** A <details> filled when it is open; `fill` gives its content. → {element, update()} */
export function fold(title, name, fill) {
  const holder = el("div", { class: "rows", tabindex: 0 });
  const element = el("details", { class: name }, el("summary", { text: title }), holder);
  const update = () => element.open && holder.replaceChildren(...fill());
  element.addEventListener("toggle", update);
  return { element, update };
}

/** Every listed key with every number: for screen readers, and to check the drawing. */
export function numberTable({ shown, header, state }) {
  const columns = columnsOf(shown, state.part);
  const signed = shown.show === "diff";
  const head = el(
    "tr",
    {},
    ...["key", ...columns.map(([, title]) => title)].map((text) => el("th", { scope: "col", text })),
  );
  const body = shown.rows.map((key) => {
    const name = el(
      "th",
      { scope: "row" },
      el("bdi", { text: bare(header.keys ?? header.queries, key, shown.show) }),
    );
    const masked = hiddenByMask(shown, key);
    const numbers = columns.map(([column]) => {
      const none = masked && isScore(shown, column);
      return el("td", { text: none ? "masked" : sayNumber(columnNumber(shown, column, key), signed, 5) });
    });
    return el("tr", {}, name, ...numbers);
  });
  const caption = el("caption", { text: `Query “${bare(header.queries, shown.state.query, shown.show)}”` });
  return [el("table", {}, caption, el("thead", {}, head), el("tbody", {}, ...body))];
}

/** The worksheet: numbers that multiply out, and the button that saves them. */
export function sheetTables({ shown, header }) {
  const sheets = sheetsOf(shown);
  if (!sheets.length) return [el("p", { class: "hint", text: "Choose a query that the shown prompt has." })];
  const hint =
    "Pin up to five keys in the drawing. The worksheet has the dimensions that are drawn: choose “the 8 largest” above.";
  const save = el("button", {
    type: "button",
    class: "plain save",
    text: "Save as worksheet (CSV)",
    onclick: () => saveText(fileName(header), csvOf(sheets)),
  });
  return [el("p", { class: "small" }, hint), save, ...sheets.flatMap(sheetTable)];
}

function sheetTable({ title, head, dims, steps, notes }) {
  const keys = steps[0].length - 1;
  const body = dims.map((line) => cells("td", dimTexts(line)));
  const below = steps.map(([what, ...values], n) => {
    const row = el("tr", { class: n === 0 ? "first" : null }, el("th", { scope: "row", colspan: 2, text: what }));
    for (const value of values) row.append(el("td"), el("td", { text: stepText(value) }));
    return row;
  });
  const names = el("tr", {}, ...head.map((text) => el("th", { scope: "col", text })));
  const table = el(
    "table",
    { class: "sheet" },
    el("caption", { text: title }),
    el("thead", {}, names),
    el("tbody", {}, ...body, ...(keys ? below : [])),
  );
  return [el("div", { class: "wide" }, table), ...notes.map((text) => el("p", { class: "small", text }))];
}

function fileName({ layer, head }) {
  return `worksheet-${layer}-${head}.csv`;
}

/** Saves text as a file, with the mark that tells a spreadsheet it is UTF-8. */
function saveText(name, text) {
  const link = el("a", {
    href: URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" })),
    download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
