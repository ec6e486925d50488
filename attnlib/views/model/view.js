// The model view: every layer and head as a miniature, on one canvas as large as the visible part. A click chooses a
// head, Enter opens it. What is shown is decided in shown.js, a miniature is drawn by draw.js.
import { cellColors } from "../shared/colors.js";
import { fitCanvas } from "../shared/canvas.js";
import { namedWords, el } from "../shared/dom.js";
import { mountView } from "../shared/mount.js";
import { scrollingCanvas, fitWindow } from "../shared/scroll.js";
import { drawMapLines, drawMapMatrix, linesFor } from "./draw.js";
import { modelBar, scoreTable, scoreLegend } from "./panel.js";
import { centreTip } from "../shared/tip.js";
import { ChoosingView, onKeys } from "../shared/base_view.js";
import {
  TOP,
  LEFT,
  mapsOf,
  scaleOf,
  chosenBlocks,
  masked,
  scoreOf,
  scoreScale,
  rowsOf,
  inColumns,
  fitCells,
  extentOf,
  spotOf,
  columnOf,
  cellAt,
  moveHead,
  sayKeys,
  wordsOf,
  sayHead,
  shortScore,
  noteText,
  modelTable,
} from "./shown.js";
import { encodeState, decodeState } from "./state.js";
import { sideWords, sideName, sayTexts } from "../shared/export.js";

const SCROLLBAR = 15;
const LENS = 168; // pixels of the enlarged miniature beside a small cell
const LENS_BELOW = 84;

/** @extends {ChoosingView<import("./types").ModelHeader, import("./types").ModelState, import("./types").ModelEvents>} */
export class ModelView extends ChoosingView {
  maps;
  selected; // the chosen head
  layout; // sizes of cells
  rows; // of heads
  extent; // width and height of all
  shown; // those of the window
  lensOf; // what the lens shows
  lensData;

  constructor(root) {
    super(root); // the cursor is a head, [layer, head]
    this.left = false; // whether lines were left out of a miniature
    this.pictures = new Map(); // miniatures by head; drawn once for a size, a side and a theme
    this.bar = el("div", { class: "options", "data-screen": true });
    this.legend = el("div", { class: "legend" });
    Object.assign(this, scrollingCanvas()); // canvas, overlay, window, inner, scroller
    this.lens = el("canvas", { class: "lens" });
    this.words = el("div", { class: "words" });
    this.tip = el("div", { class: "tip", "aria-hidden": "true", hidden: true }, this.words, this.lens);
    this.note = el("div", { class: "note" });
    this.table = el("details", { class: "scores", "data-screen": true });
    const top = el("div", { class: "top" }, this.sides.element, this.legend);
    const drawing = el("div", { class: "drawing" }, this.scroller, this.tip);
    this.begin([this.bar, top, drawing, this.note, this.table]);
  }

  stateText() {
    return encodeState(this.state, this.header);
  }

  // ---- data

  receive(before) {
    const { header, arrays } = this;
    this.state = decodeState(before ? encodeState(this.state, before) : header.state, header);
    this.maps = mapsOf(header, arrays);
    if (this.cursor && !(this.cursor[1] < header.counts[this.cursor[0]])) this.cursor = null;
    if (!this.reporter.pending) this.selected = header.selected; // else a later click is still to be told
    this.changeScale = header.pair ? scaleOf(header, this.maps) : 1;
    this.forgetPictures();
    this.sides.element.hidden = !header.pair;
    this.overlay.setAttribute("aria-label", sayKeys(header, this.reporter.heard));
    this.panel = modelBar(header, (changed) => this.change(changed));
    this.bar.replaceChildren(...this.panel.elements);
    this.update();
  }

  change(changed) {
    const state = { ...this.state, ...changed };
    const again = ["draw", "show", "segments", "zoom"].some((name) => state[name] !== this.state[name]);
    if (again) this.forgetPictures();
    super.change(changed);
  }

  forgetPictures() {
    this.pictures.clear();
    this.left = false;
  }

  update() {
    this.sides.update(this.state.show);
    this.panel.update(this.state);
    this.chosen = chosenBlocks(this.header, this.state.segments);
    this.scale = scoreScale(this.header, this.arrays.scores, this.state.by);
    this.legend.replaceChildren(...scoreLegend(this));
    scoreTable(this.table, this);
    this.resize();
  }

  get signed() {
    return this.state.show === "diff";
  }

  // ---- sizes

  resize() {
    const width = Math.max(240, this.root.clientWidth);
    const before = this.layout?.cell;
    this.fit(width);
    if (this.extent[1] > parseFloat(getComputedStyle(this.scroller).maxHeight)) this.fit(width - SCROLLBAR);
    if (this.layout.cell !== before) this.forgetPictures();
    this.shown = fitWindow(this, this.extent);
    this.draw();
  }

  fit(width) {
    const { header, state, arrays } = this;
    this.layout = fitCells(header, state, width);
    this.rows = rowsOf(header, arrays.scores, state, this.layout.beside);
    this.extent = extentOf(this.layout, this.rows, state, header);
  }

  /** The view as files (export.js). */
  exported() {
    const { header, state, arrays } = this;
    const stack = header.stack === "self" ? "" : `, ${header.stack}`;
    return {
      name: `all-heads${sideName(header.pair, state.show)}`,
      title: `All heads of ${header.model}${stack}${sideWords(header.pair, state.show)}`,
      about: `${sayTexts(header)} ${this.note.textContent}`.trim(),
      table: modelTable(header, arrays.scores, state),
    };
  }

  /** A head's upper left corner on the canvas; null where it is filtered out. */
  cornerOf(head) {
    const spot = spotOf(this.rows, this.state, head);
    if (!spot) return null;
    const [x, y] = this.scrolled();
    return [LEFT + spot[1] * this.layout.step[1] - x, TOP + spot[0] * this.layout.step[0] - y];
  }

  // ---- drawing

  draw() {
    const context = fitCanvas(this.canvas, ...this.shown);
    const [x, y] = this.scrolled();
    const { step, cell, strip } = this.layout;
    context.save();
    context.beginPath();
    context.rect(LEFT - 2, TOP - 2, ...this.shown);
    context.clip();
    const first = Math.max(0, Math.floor((y - TOP) / step[0]));
    for (let row = first; row < this.rows.length && TOP + row * step[0] - y < this.shown[1]; row++) {
      this.rows[row].cells.forEach((head, n) => {
        const left = LEFT + columnOf(this.state, head, n) * step[1] - x;
        if (left > this.shown[0] || left + cell < LEFT) return;
        this.drawCell(context, head, left, TOP + row * step[0] - y, cell, strip);
      });
    }
    context.restore();
    this.drawAxes(context, x, y);
    this.note.textContent = noteText(this.header, this.state, {
      left: this.left,
      most: linesFor(this.layout.cell - 6),
    });
    this.mark();
  }

  drawCell(context, head, x, y, cell, strip) {
    const { header, arrays, state, theme } = this;
    const value = scoreOf(header, arrays.scores, state.by, head);
    const { signed } = header.scores.find(({ name }) => name === state.by);
    const there = !Number.isNaN(value);
    const { background, ink } = cellColors(there ? value : 0, { scale: this.scale, signed }, theme);
    context.fillStyle = background;
    context.fillRect(x, y, cell, strip);
    if (this.layout.named) {
      context.fillStyle = ink;
      context.font = `${cell < 52 ? 9 : 11}px ${theme.font}`;
      context.textBaseline = "middle";
      context.textAlign = "left";
      if (cell >= 56 || !inColumns(state)) context.fillText(head.join("-"), x + 3, y + strip / 2 + 0.5);
      context.textAlign = "right";
      const room = cell >= 56 || inColumns(state);
      if (room) context.fillText(shortScore(value), x + cell - 3, y + strip / 2 + 0.5);
    }
    this.putPicture(context, head, [x, y + strip], cell);
    context.strokeStyle = theme.text;
    context.globalAlpha = 0.25;
    context.strokeRect(x + 0.5, y + 0.5, cell - 1, cell + strip - 1);
    context.globalAlpha = 1;
  }

  putPicture(context, head, [x, y], cell) {
    if (!context.newPath) return context.drawImage(this.picture(head, cell), x, y, cell, cell);
    const drawing = context.child(cell, cell); // vectors (svg.js)
    this.drawHead(drawing, head, cell);
    context.put(drawing, x, y);
  }

  /** A head's miniature: made once, so that scrolling and the mouse only copy it. */
  picture(head, cell) {
    const name = head.join("-");
    if (!this.pictures.has(name)) {
      const canvas = document.createElement("canvas");
      this.drawHead(fitCanvas(canvas, cell, cell), head, cell);
      this.pictures.set(name, canvas);
    }
    return this.pictures.get(name);
  }

  drawHead(context, head, size) {
    const map = masked(this.maps.map(this.state.show, ...head), this.maps.size, this.chosen);
    const look = { scale: this.signed ? this.changeScale : 1, signed: this.signed, theme: this.theme };
    /** @type {[number, number, number, number]} */
    const inside = this.state.draw === "lines" ? [3, 2, size - 6, size - 4] : [1, 1, size - 2, size - 2];
    if (this.state.draw === "matrix") drawMapMatrix(context, map, this.maps.size, inside, look);
    else if (drawMapLines(context, map, this.maps.size, inside, look)) this.left = true;
  }

  /** The numbers of layers and heads: they stay while the grid scrolls. */
  drawAxes(context, x, y) {
    const { step, cell } = this.layout;
    const { theme, state, header } = this;
    context.fillStyle = theme.text;
    context.font = `${cell < 30 ? 9 : 11}px ${theme.font}`;
    context.textBaseline = "middle";
    context.textAlign = "center";
    if (inColumns(state)) {
      const heads = state.heads ?? Array.from({ length: header.heads }, (_, head) => head);
      heads.forEach((head, n) => {
        const at = LEFT + n * step[1] + cell / 2 - x;
        if (at > LEFT && at < this.shown[0]) context.fillText(head, at, TOP / 2);
      });
    }
    context.textAlign = "right";
    this.rows.forEach(({ layer }, row) => {
      const at = TOP + row * step[0] + (step[0] - 4) / 2 - y;
      if (layer !== null && at > TOP && at < this.shown[1]) context.fillText(layer, LEFT - 6, at);
    });
  }

  /** What is chosen and what the cursor is on; the drawing below stays. */
  mark() {
    const context = fitCanvas(this.overlay, ...this.shown);
    const { cell, strip } = this.layout;
    context.save();
    context.beginPath();
    context.rect(LEFT - 4, TOP - 4, ...this.shown);
    context.clip();
    const outline = (head, color, width) => {
      const at = head && this.cornerOf(head);
      if (!at) return;
      context.strokeStyle = color;
      context.lineWidth = width;
      context.strokeRect(at[0] - 1, at[1] - 1, cell + 2, cell + strip + 2);
    };
    outline(this.selected, this.theme.accent, 3);
    outline(this.cursor, this.theme.text, 2);
    context.restore();
    this.showTip();
  }

  /** The head under the cursor in words; a small one also enlarged. */
  showTip() {
    const at = this.cursor && this.cornerOf(this.cursor);
    this.tip.hidden = !at;
    if (!at) return;
    const { cell, strip } = this.layout;
    this.words.replaceChildren(...namedWords(wordsOf(this.header, this.arrays.scores, this.state, this.cursor)));
    this.lens.hidden = cell >= LENS_BELOW;
    const lensOf = `${this.cursor} ${this.state.draw} ${this.state.show} ${this.state.segments}`;
    if (!this.lens.hidden && (lensOf !== this.lensOf || this.lensData !== this.arrays)) {
      this.drawHead(fitCanvas(this.lens, LENS, LENS), this.cursor, LENS);
      [this.lensOf, this.lensData] = [lensOf, this.arrays];
    }
    centreTip(this.tip, at[0] + cell / 2, Math.max(this.root.clientWidth, this.shown[0]));
    const { offsetHeight } = this.tip;
    const above = at[1] - offsetHeight - 6;
    const below = at[1] + cell + strip + 6;
    this.tip.style.top = `${above < 0 && below + offsetHeight < this.shown[1] + 200 ? below : Math.max(above, -offsetHeight)}px`;
  }

  // ---- events

  listen() {
    const { overlay } = this;
    const under = ({ offsetX, offsetY }) => {
      if (offsetX < LEFT || offsetY < TOP) return null;
      const [x, y] = this.scrolled();
      return cellAt(this.layout, this.rows, this.state, [offsetX + x, offsetY + y]);
    };
    this.watchCursor(under);
    overlay.addEventListener("click", (event) => {
      const head = under(event);
      if (head) this.select(head);
    });
    overlay.addEventListener("dblclick", (event) => {
      const head = under(event);
      if (head) this.open(head);
    });
    onKeys(overlay, (event) => this.onKey(event));
  }

  cursorMoved() {
    this.overlay.style.cursor = this.cursor ? "pointer" : "";
  }

  /** Chosen, or no more: marked at once; Python hears of it and shows the head beside the grid. */
  select(head) {
    this.selected = String(head) === String(this.selected) ? null : head;
    this.mark();
    this.reporter.ask("pick", this.selected ? head.join("-") : "none");
  }

  open(head) {
    this.reporter.ask("open", head.join("-"));
  }

  onKey(event) {
    const head = moveHead(this.rows, this.state, this.cursor, event.key, event.ctrlKey);
    const side = this.sideOf(event);
    if (head) this.walkTo(head);
    else if (side) this.setSide(side);
    else if (event.key === "Escape") this.setCursor(null);
    else if (event.key === " " && this.cursor) this.select(this.cursor);
    else if (event.key === "Enter" && this.cursor) this.open(this.cursor);
    else return false;
  }

  /** By keyboard: the head comes into sight and is said aloud. */
  walkTo(head) {
    const [row, column] = spotOf(this.rows, this.state, head);
    const { step } = this.layout;
    const [x, y] = this.scrolled();
    const into = (at, size, from, room) => Math.max(at + size - room, Math.min(from, at));
    this.scroller.scrollLeft = into(column * step[1], step[1], x, this.shown[0] - LEFT);
    this.scroller.scrollTop = into(row * step[0], step[0], y, this.shown[1] - TOP);
    this.setCursor(head);
    this.spoken.textContent = sayHead(this.header, this.arrays.scores, this.state, head);
  }
}

/**
 * Mounts the view in a Streamlit component; runs again when the data changes.
 * @param {import("../shared/types").Component} component
 */
export default function mount(component) {
  return mountView(ModelView, "model", component);
}
