// The grid view: layers x heads of coloured cells, one grid or several on one scale. A click chooses a head.
// What is shown is decided in shown.js; here are elements, focus and events.
import { signColors, cellColors } from "../shared/colors.js";
import { labelOf, nameHead } from "../shared/heads.js";
import { ramp } from "../shared/controls.js";
import { namedWords, el } from "../shared/dom.js";
import { mountView } from "../shared/mount.js";
import { centreTip } from "../shared/tip.js";
import { onKeys, View } from "../shared/base_view.js";
import { gridTable, orderOfHeads, fitGrids, sayValue, sayMeaning, wordsOf, stepTo } from "./shown.js";
import { formatShort } from "../shared/numbers.js";

const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

/** @extends {View<import("./types").GridHeader, import("./types").GridEvents>} */
export class GridView extends View {
  values; // of each grid, [layer x head]
  drawn; // all that cells show
  order;
  layout;

  constructor(root) {
    super(root);
    this.hover = null; // {place: [layer, head], n: which grid} under the mouse or the focus
    this.legend = el("div", { class: "legend" });
    this.grids = el("div", { class: "grids" });
    this.chosen = el("div", { class: "chosen" });
    this.tip = el("div", { class: "tip", "aria-hidden": "true", hidden: true });
    this.begin([this.legend, this.grids, this.chosen, this.tip]);
  }

  // ---- data

  /** New data. Where only another head is selected, cells, focus and scrolling stay as they are. */
  receive() {
    const { header, arrays, theme } = this;
    this.values = header.grids.map((_, n) => arrays[`values${n}`]);
    const drawn = JSON.stringify([{ ...header, selected: null }, theme, this.values.map((of) => [...of])]);
    if (drawn !== this.drawn) this.build();
    this.drawn = drawn;
    this.markSelected(header.selected);
    this.showTip();
  }

  build() {
    const { header, values } = this;
    const { focused } = this;
    const [n, place] = [this.gridOf(focused), focused?.dataset?.place];
    const scrolled = this.boxes().map((box) => [box.scrollLeft, box.scrollTop]);
    this.order = orderOfHeads(header, values[0]);
    this.showLegend();
    this.grids.replaceChildren(...header.grids.map((about, n) => this.gridElement(about, n)));
    this.resize();
    this.boxes().forEach((box, n) => ([box.scrollLeft, box.scrollTop] = scrolled[n] ?? [0, 0]));
    if (n >= 0 && place) this.cell(place.split("-"), n)?.focus();
  }

  showLegend() {
    const { signed, scale, statistic } = this.header;
    const { background, accent, dark } = this.theme;
    const { more, less } = signColors(dark);
    const colors = signed ? [less, background, more] : [background, accent];
    this.legend.replaceChildren(
      el("span", { class: "statistic", text: statistic }),
      el("span", { class: "end", text: signed ? sayValue(-scale, true) : "0" }),
      ramp(colors, signed ? "0" : ""),
      el("span", { class: "end", text: sayValue(scale, signed) }),
      el("span", { class: "meaning", text: sayMeaning(this.header) }),
    );
  }

  gridElement({ title, about }, n) {
    const { header, order } = this;
    const ranked = header.order === "rank";
    const cells = order.map(([layer, head]) => this.cellElement(layer, head, n));
    const body = el("div", { class: ranked ? "cells ranked" : "cells", role: "grid", "aria-label": title });
    if (ranked) body.append(row(null, cells));
    else {
      const names = Array.from({ length: header.heads }, (_, head) => el("span", { class: "axis", text: head }));
      const corner = el("span", { class: "axis", title: "layers down, heads across" });
      body.append(el("div", { class: "row names", "aria-hidden": "true" }, corner, ...names));
      for (let layer = 0; layer < header.layers; layer++) {
        body.append(row(layer, cells.slice(layer * header.heads, (layer + 1) * header.heads)));
      }
    }
    const titles = [el("h4", { text: title }), el("p", { class: "about", text: about, title: about || null })];
    return el("section", { class: "grid" }, ...titles, el("div", { class: "box", tabindex: -1 }, body));
  }

  cellElement(layer, head, n) {
    const { header, values, theme } = this;
    const value = values[n][layer * header.heads + head];
    const name = nameHead(`layer ${layer} head ${head}`, labelOf(header.labels, layer, head), ", ");
    const said = `${name}, ${sayValue(value, header.signed)}`;
    const about = { role: "gridcell", "data-place": `${layer}-${head}`, "aria-label": said };
    if (Number.isNaN(value)) return el("span", { ...about, class: "empty", "aria-disabled": "true" });
    const cell = el("button", { ...about, type: "button", class: "cell", tabindex: -1, "aria-selected": "false" });
    const { background, ink } = cellColors(value, header, theme);
    Object.assign(cell.style, { background, color: ink });
    if (header.order === "rank") cell.append(el("small", { text: `${layer}-${head}` }));
    cell.append(el("span", { text: formatShort(value) }));
    return cell;
  }

  /** Cells as wide as there is room; numbers where they fit. */
  resize() {
    this.layout = fitGrids(this.header, this.root.clientWidth || 600);
    for (const name of ["cell", "height"]) this.root.style.setProperty(`--${name}`, `${this.layout[name]}px`);
    this.root.style.setProperty("--columns", this.layout.columns);
    this.root.classList.toggle("tiny", !this.layout.numbers);
    this.showTip();
  }

  /** The view as files (export.js). */
  exported() {
    const { statistic, grids } = this.header;
    return {
      name: `grid-${
        statistic
          .toLowerCase()
          .match(/[a-z0-9]+/g)
          ?.join("-") ?? "values"
      }`,
      title: `Layers × heads: ${statistic}`,
      about: grids.map(({ title, about }) => `${title}. ${about}`).join(" "),
      table: gridTable(this.header, this.values),
    };
  }

  // ---- cells

  boxes() {
    return [...this.grids.querySelectorAll(".box")];
  }

  gridOf(element) {
    return [...this.grids.children].findIndex((grid) => grid.contains(element));
  }

  /** The cell of a head in a grid, also where it is empty. @param {(number | string)[]} place */
  cell([layer, head], n = 0) {
    return this.grids.children[n]?.querySelector(`[data-place="${layer}-${head}"]`);
  }

  /** The cell of each grid that Tab reaches. */
  rove(cell, n) {
    for (const other of this.grids.children[n].querySelectorAll('.cell[tabindex="0"]')) other.tabIndex = -1;
    cell.tabIndex = 0;
  }

  markSelected(place) {
    this.header.selected = place;
    for (const cell of this.grids.querySelectorAll('[aria-selected="true"]'))
      cell.setAttribute("aria-selected", "false");
    this.header.grids.forEach((_, n) => {
      const cell = place && this.cell(place, n);
      if (cell?.matches(".cell")) cell.setAttribute("aria-selected", "true");
      const first = cell?.matches(".cell") ? cell : this.grids.children[n].querySelector(".cell");
      if (first && this.gridOf(this.focused) !== n) this.rove(first, n);
    });
    const words = place ? ["Chosen ", ...namedWords(wordsOf(place, this.header, this.values))] : [];
    this.chosen.replaceChildren(...words);
  }

  // ---- events

  listen() {
    const { grids } = this;
    const found = (event) => {
      const cell = event.target.closest?.(".cell");
      return cell ? { place: cell.dataset.place.split("-").map(Number), n: this.gridOf(cell) } : null;
    };
    grids.addEventListener("mouseover", (event) => this.setHover(found(event)));
    grids.addEventListener("mouseleave", () => this.setHover(null));
    grids.addEventListener("focusin", (event) => this.onFocus(event.target, found(event)));
    grids.addEventListener("focusout", () => this.setHover(null));
    grids.addEventListener("click", (event) => found(event) && this.select(found(event).place));
    onKeys(grids, (event) => this.onKey(event));
    grids.addEventListener("scroll", (event) => this.onScroll(event.target), { capture: true });
  }

  /** Marked at once; Python hears of it, also of the same head once more, and sends the data again. */
  select(place) {
    this.markSelected(place);
    this.tell("pick", place.join("-"));
  }

  onFocus(cell, found) {
    if (!found) return;
    this.rove(cell, found.n);
    if (!cell.matches(":focus-visible")) return;
    this.setHover(found);
    const { header, values } = this;
    const i = found.place[0] * header.heads + found.place[1];
    const others = header.grids.map(({ title }, n) => `${title} ${sayValue(values[n][i], header.signed)}`);
    this.spoken.textContent = others.filter((_, n) => n !== found.n).join(", ");
  }

  setHover(hover) {
    if (String(hover?.place) === String(this.hover?.place) && hover?.n === this.hover?.n) return;
    this.hover = hover;
    this.showTip();
  }

  /** The head under the mouse or the focus, outlined in every grid, and in words beside it. */
  showTip() {
    for (const cell of this.grids.querySelectorAll(".marked")) cell.classList.remove("marked");
    const at = this.hover && this.cell(this.hover.place, this.hover.n);
    this.tip.hidden = !at;
    if (!at) return;
    this.header.grids.forEach((_, n) => this.cell(this.hover.place, n)?.classList.add("marked"));
    this.tip.replaceChildren(...namedWords(wordsOf(this.hover.place, this.header, this.values)));
    const [around, box] = [this.root.getBoundingClientRect(), at.getBoundingClientRect()];
    centreTip(this.tip, box.left - around.left + box.width / 2, around.width);
    const above = box.top - around.top - this.tip.offsetHeight - 6;
    this.tip.style.top = `${above < 0 ? box.bottom - around.top + 6 : above}px`;
  }

  onKey(event) {
    const cell = event.target.closest(".cell");
    if (!cell || !MOVES.includes(event.key)) return false;
    const cells = [...cell.closest(".cells").querySelectorAll("[data-place]")];
    const grid = {
      there: cells.map((other) => other.matches(".cell")),
      columns: this.layout.columns,
      flows: this.header.order === "rank",
    };
    cells[stepTo(grid, cells.indexOf(cell), event.key, event.ctrlKey)].focus();
  }

  /** Grids that scroll, scroll together: the same heads stay side by side. */
  onScroll(scrolled) {
    if (!scrolled.matches(".box")) return;
    for (const box of this.boxes()) {
      if (box === scrolled) continue;
      if (box.scrollTop !== scrolled.scrollTop) box.scrollTop = scrolled.scrollTop;
      if (box.scrollLeft !== scrolled.scrollLeft) box.scrollLeft = scrolled.scrollLeft;
    }
    this.showTip();
  }
}

function row(name, cells) {
  const axis = name === null ? [] : [el("span", { class: "axis", role: "rowheader", text: name })];
  return el("div", { class: "row", role: "row" }, ...axis, ...cells);
}

/**
 * Mounts the view in a Streamlit component; runs again when the data changes.
 * @param {import("../shared/types").Component} component
 */
export default function mount(component) {
  return mountView(GridView, "grid", component);
}
