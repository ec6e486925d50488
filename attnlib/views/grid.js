// The grid view: layers x heads of coloured cells, one grid or several on one scale. A click chooses a head.
// What is shown is decided in grid_shown.js; here are elements, focus and events.
import { readPayload, themeOf, el } from "./shared.js";
import { signColors } from "./sides.js";
import { orderOfHeads, cellColors, sayValue, shortValue, cellWidth } from "./grid_shown.js";

const NUMBERS_FROM = 34; // pixels a cell must be wide to hold its number
const NARROW = 340; // pixels a grid may take before the next one stands beside it

export class GridView {
  constructor(root) {
    this.root = root;
    this.hover = null; // [layer, head] under the mouse or the focus
    this.legend = el("div", { class: "legend" });
    this.grids = el("div", { class: "grids" });
    this.tip = el("div", { class: "tip", role: "status" });
    root.replaceChildren(this.legend, this.grids, this.tip);
    this.listen();
    new ResizeObserver(() => this.fit()).observe(root);
  }

  setData(bytes) {
    const { header, arrays } = readPayload(bytes);
    const values = header.grids.map((_, n) => arrays[`values${n}`]);
    this.theme = themeOf(this.root);
    Object.assign(this, { header, values, order: orderOfHeads(header, values[0]) });
    const focused = this.root.getRootNode().activeElement?.dataset?.place;
    this.build();
    if (focused) this.cell(focused.split("-").map(Number))?.focus();
    this.sayTip();
  }

  build() {
    const { header } = this;
    this.showLegend();
    this.grids.replaceChildren(...header.grids.map((about, n) => this.gridElement(about, n)));
    this.fit();
  }

  showLegend() {
    const { signed, scale, statistic } = this.header;
    const { more, less } = signColors(this.theme.dark);
    const bar = el("span", { class: "ramp", "aria-hidden": "true" });
    const [from, to] = signed ? [less, more] : [this.theme.background, this.theme.accent];
    bar.style.background = signed
      ? `linear-gradient(to right, ${from}, ${this.theme.background}, ${to})`
      : `linear-gradient(to right, ${from}, ${to})`;
    this.legend.replaceChildren(
      el("span", { class: "statistic", text: statistic }),
      el("span", { class: "end", text: signed ? sayValue(-scale, true) : "0" }),
      bar,
      el("span", { class: "end", text: sayValue(scale, signed) }),
      el("span", { class: "meaning", text: signed ? "blue: less in B, orange: more in B" : "" }),
    );
  }

  gridElement({ title, about }, n) {
    const { header, order } = this;
    const ranked = header.order === "rank";
    const cells = order.map(([layer, head]) => this.cellElement(layer, head, n));
    const body = el("div", { class: ranked ? "cells ranked" : "cells", role: "grid", "aria-label": title });
    if (ranked) body.append(row("", cells));
    else {
      const names = Array.from({ length: header.heads }, (_, head) => el("span", { class: "axis", text: head }));
      body.append(el("div", { class: "row", "aria-hidden": "true" }, el("span", { class: "axis" }), ...names));
      for (let layer = 0; layer < header.layers; layer++) {
        body.append(row(layer, cells.slice(layer * header.heads, (layer + 1) * header.heads)));
      }
    }
    const names = [el("h4", { text: title }), el("p", { class: "about", text: about, title: about })];
    return el("section", { class: "grid" }, ...names, el("div", { class: "box" }, body));
  }

  cellElement(layer, head, n) {
    const { header, values } = this;
    const value = values[n][layer * header.heads + head];
    const there = !Number.isNaN(value);
    const selected = header.selected?.[0] === layer && header.selected?.[1] === head;
    const said = sayValue(value, header.signed);
    const cell = el("button", {
      type: "button",
      role: "gridcell",
      class: "cell",
      "data-place": `${layer}-${head}`,
      disabled: !there,
      tabindex: -1,
      "aria-selected": String(selected),
      "aria-label": `layer ${layer} head ${head}: ${said}`,
    });
    if (there) {
      const { background, ink } = cellColors(value, header, this.theme);
      cell.style.background = background;
      cell.style.color = ink;
      const place = header.order === "rank" ? [el("small", { text: `${layer}-${head}` })] : [];
      cell.append(...place, el("span", { text: shortValue(value) }));
    }
    return cell;
  }

  /** Cells as wide as there is room; numbers where they fit. One cell of each grid can be reached by Tab. */
  fit() {
    if (!this.header) return;
    const { heads, grids, order } = this.header;
    const width = this.root.clientWidth || 600;
    const beside = Math.max(1, Math.min(grids.length, Math.floor(width / NARROW)));
    const cell =
      order === "rank"
        ? 52
        : cellWidth(heads, width / Math.min(grids.length, Math.max(beside, heads > 8 ? 1 : beside)) - 16);
    this.root.style.setProperty("--cell", `${cell}px`);
    this.root.classList.toggle("tiny", cell < NUMBERS_FROM);
    for (const grid of this.grids.querySelectorAll(".cells")) {
      const wanted = grid.querySelector('[aria-selected="true"]') ?? grid.querySelector(".cell:not([disabled])");
      if (wanted && !grid.querySelector('[tabindex="0"]')) wanted.tabIndex = 0;
    }
  }

  cell([layer, head], n = 0) {
    return this.grids.children[n]?.querySelector(`[data-place="${layer}-${head}"]`);
  }

  // ---- events

  listen() {
    const { grids } = this;
    const placeOf = (event) => {
      const cell = event.target.closest?.(".cell:not([disabled])");
      return cell ? cell.dataset.place.split("-").map(Number) : null;
    };
    grids.addEventListener("mouseover", (event) => this.setHover(placeOf(event)));
    grids.addEventListener("mouseleave", () => this.setHover(null));
    grids.addEventListener("focusin", (event) => this.setHover(placeOf(event)));
    grids.addEventListener("click", (event) => {
      const place = placeOf(event);
      if (place) this.select(place);
    });
    grids.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** Marked at once; Python hears of it and sends the data again. */
  select(place) {
    this.header.selected = place;
    for (const cell of this.grids.querySelectorAll(".cell")) {
      cell.setAttribute("aria-selected", String(cell.dataset.place === place.join("-")));
    }
    this.sayTip();
    this.pick?.(place.join("-"));
  }

  setHover(place) {
    if (String(place) === String(this.hover)) return;
    for (const cell of this.grids.querySelectorAll(".marked")) cell.classList.remove("marked");
    this.hover = place;
    if (place) this.header.grids.forEach((_, n) => this.cell(place, n)?.classList.add("marked"));
    this.sayTip();
  }

  sayTip() {
    const place = this.hover ?? this.header.selected;
    if (!place) return void (this.tip.textContent = "");
    const { header, values } = this;
    const cases = header.grids.map(({ title }, n) => {
      const value = values[n][place[0] * header.heads + place[1]];
      return `${title} ${sayValue(value, header.signed)}`;
    });
    this.tip.textContent = `head ${place.join("-")}: ${cases.join(" · ")}`;
  }

  onKey(event) {
    const cell = event.target.closest(".cell");
    const { heads } = this.header;
    const perRow = this.header.order === "rank" ? 1 : heads;
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -perRow,
      ArrowDown: perRow,
      Home: -Infinity,
      End: Infinity,
    };
    if (!cell || !(event.key in steps)) return;
    const cells = [...cell.closest(".cells").querySelectorAll(".cell")];
    const at = Math.min(cells.length - 1, Math.max(0, cells.indexOf(cell) + steps[event.key]));
    for (const other of cells) other.tabIndex = -1;
    cells[at].tabIndex = 0;
    cells[at].focus();
    event.preventDefault();
  }
}

function row(name, cells) {
  return el("div", { class: "row", role: "row" }, el("span", { class: "axis", text: name }), ...cells);
}

const mounted = new WeakMap();

/** Mounts the view in a Streamlit component (or anything with its interface); runs again when the data changes. */
export default function mount({ data, parentElement, setStateValue }) {
  let view = mounted.get(parentElement);
  if (!view) {
    view = new GridView(parentElement.querySelector(".attn-grid"));
    view.root.gridView = view; // for the browser's console and the tests
    mounted.set(parentElement, view);
  }
  view.pick = setStateValue && ((place) => setStateValue("pick", place));
  view.setData(data);
  requestAnimationFrame(() =>
    requestAnimationFrame(() => (view.root.dataset.painted = String(performance.timeOrigin + performance.now()))),
  );
  return () => mounted.delete(parentElement);
}
