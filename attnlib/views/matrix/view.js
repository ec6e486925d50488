// The matrix view: one head as a token x token picture, of one text or as A, B and B − A of a pair.
// What is shown is decided in shown.js; here are two canvases as large as the visible part, mouse and keys.
import { fitCanvas, shorten } from "../shared/canvas.js";
import { ramp } from "../shared/controls.js";
import { el } from "../shared/dom.js";
import { mountView } from "../shared/mount.js";
import { scrollingCanvas, fitWindow, tallest } from "../shared/scroll.js";
import { sideWords, sideName, sayTexts } from "../shared/export.js";
import { centreTip } from "../shared/tip.js";
import { onKeys, PairView } from "../shared/base_view.js";
import {
  valuesOf,
  presentOf,
  pixelsOf,
  rampOf,
  layoutOf,
  cellAt,
  moveCell,
  sayCell,
  labelOn,
  matrixTable,
} from "./shown.js";
import { formatSigned } from "../shared/numbers.js";

const TALLEST = 640; // pixels of the visible part; also in view.css
const SCROLLBAR = 15;
const STRIPES = 6; // pixels from stripe to stripe where there is nothing to compare

/** @extends {PairView<import("./types").MatrixHeader>} */
export class MatrixView extends PairView {
  tokens; // as text, to see whether they are others
  columns; // the row of keys
  values;
  layout;
  shown; // width and height of the window

  constructor(root) {
    super(root); // the cursor is [query, key]
    /** @type {import("../shared/types").Side} */
    this.chosen = "diff"; // of a pair
    this.legend = el("div", { class: "legend" });
    Object.assign(this, scrollingCanvas()); // canvas, overlay, window, inner, scroller
    this.tip = el("div", { class: "tip", "aria-hidden": "true", hidden: true });
    const top = el("div", { class: "top" }, this.sides.element, this.legend);
    this.begin([top, el("div", { class: "drawing" }, this.scroller, this.tip)]);
  }

  // ---- data

  /** New data. The side stays; the cell under the keyboard, too, where the tokens are the same. */
  receive() {
    const { header, arrays } = this;
    const tokens = JSON.stringify([header.queries, header.keys]);
    const other = tokens !== this.tokens;
    if (other) this.cursor = null;
    Object.assign(this, { tokens, columns: header.keys ?? header.queries, values: valuesOf(arrays) });
    this.images = new Map();
    this.sides.element.hidden = !header.pair;
    this.overlay.setAttribute(
      "aria-label",
      `Attention of head ${header.layer}-${header.head}, ${this.size().join(" x ")} tokens. Arrow keys move through the cells.`,
    );
    this.resize();
    if (other && header.pair) this.showFirstEdit();
  }

  /** Scroll to the row where the prompts begin to differ: before it a causal model's difference is empty. */
  showFirstEdit() {
    const edit = this.header.queries.kinds.findIndex((kind) => kind !== "equal");
    this.scroller.scrollTop = Math.max(0, edit - 8) * this.layout.cell;
  }

  /** The side that is shown. @returns {import("../shared/types").Side} */
  get side() {
    return this.header?.pair ? this.chosen : "a";
  }

  followSide(side) {
    if (side === this.chosen) return;
    this.chosen = side;
    if (this.header?.pair) this.draw();
  }

  /** Rows and columns. @returns {[number, number]} */
  size() {
    return [this.header.queries.labels.length, this.columns.labels.length];
  }

  // ---- drawing

  /** Sizes anew; they do not depend on the side, so that nothing moves from A to B. */
  resize() {
    const pen = this.canvas.getContext("2d");
    pen.font = `12px ${this.theme.font}`;
    const widest = ({ labels }) =>
      Math.max(8, ...labels.slice(0, 600).map((text) => pen.measureText(text.trim().slice(0, 60)).width));
    const labels = [widest(this.header.queries), widest(this.columns)];
    const width = Math.max(200, this.root.clientWidth);
    this.layout = layoutOf(width, ...this.size(), ...labels);
    if (this.layout.height > tallest(this.root, TALLEST))
      this.layout = layoutOf(width - SCROLLBAR, ...this.size(), ...labels);
    this.shown = fitWindow(this, [this.layout.width, this.layout.height]);
    this.draw();
  }

  /** The view as files (export.js). */
  exported() {
    const { header, side } = this;
    return {
      name: `matrix-${header.layer}-${header.head}${sideName(header.pair, side)}`,
      title: `Attention of head ${header.layer}-${header.head}${sideWords(header.pair, side)}`,
      about: sayTexts(header),
      table: matrixTable(header, this.values),
    };
  }

  draw() {
    const { cell, left, top } = this.layout;
    const [rows, columns] = this.size();
    const context = fitCanvas(this.canvas, ...this.shown);
    const [x, y] = this.scrolled();
    context.save();
    context.beginPath();
    context.rect(left, top, ...this.shown);
    context.clip();
    context.translate(left - x, top - y);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.image(), 0, 0, columns * cell, rows * cell);
    this.drawMissing(context);
    context.globalAlpha = 0.3;
    context.strokeStyle = this.theme.text;
    context.strokeRect(0.5, 0.5, columns * cell - 1, rows * cell - 1);
    context.restore();
    this.drawLabels(context);
    this.sides.update(this.side);
    this.showLegend();
    this.mark();
  }

  /** One pixel per cell, kept per side: neither the mouse nor scrolling makes it again. */
  image() {
    const { values, side, header, theme } = this;
    if (!this.images.has(side)) {
      const [rows, columns] = this.size();
      const picture = document.createElement("canvas");
      [picture.width, picture.height] = [columns, rows];
      const pixels = pixelsOf(values, side, columns, presentOf(header.queries, side), theme);
      picture.getContext("2d").putImageData(new ImageData(pixels, columns, rows), 0, 0);
      this.images.set(side, picture);
    }
    return this.images.get(side);
  }

  /** Stripes where a row cannot be compared, or a row or column is not in the shown prompt. */
  drawMissing(context) {
    const { cell } = this.layout;
    const [rows, columns] = this.size();
    const areas = presentOf(this.header.queries, this.side).flatMap((there, q) =>
      there ? [] : [[0, q * cell, columns * cell, cell]],
    );
    if (this.side !== "diff")
      presentOf(this.columns, this.side).forEach((there, k) => there || areas.push([k * cell, 0, cell, rows * cell]));
    if (!areas.length) return;
    context.save();
    context.beginPath();
    for (const area of areas) context.rect(...area);
    context.clip();
    context.globalAlpha = 0.3;
    context.strokeStyle = this.theme.text;
    context.beginPath();
    const [width, height] = [columns * cell, rows * cell];
    for (let x = -height; x < width; x += STRIPES) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
    context.restore();
  }

  drawLabels(context) {
    const { cell, left, top, every } = this.layout;
    const [x, y] = this.scrolled();
    const { side, theme } = this;
    context.font = `${cell < 15 ? 11 : 12}px ${theme.font}`;
    context.fillStyle = theme.text;
    context.textBaseline = "middle";
    const measure = (text) => context.measureText(text).width;
    const write = (row, from, to, room, put) => {
      for (let i = 0; i < row.labels.length; i += every) {
        const at = (i + 0.5) * cell;
        if (at < from || at > to) continue;
        context.save();
        put(at);
        context.fillText(shorten(labelOn(row, i, side), room, measure), 0, 0);
        context.restore();
      }
    };
    context.textAlign = "right";
    const [width, height] = this.shown;
    write(this.header.queries, y, y + height - top, left - 7, (at) => context.translate(left - 4, top + at - y));
    context.textAlign = "left";
    write(this.columns, x, x + width - left, top - 7, (at) => {
      context.translate(left + at - x, top - 4);
      context.rotate(-Math.PI / 2);
    });
  }

  showLegend() {
    const { side, theme, values } = this;
    const diff = side === "diff";
    const bar = ramp(rampOf(side, values.scale, theme), diff ? "0" : "");
    const [from, to] = diff ? [formatSigned(-values.scale), formatSigned(values.scale)] : ["0", "1"];
    const meaning = diff ? "orange: more in B, blue: less" : "";
    const parts = [el("span", { text: from }), bar, el("span", { text: to })];
    this.legend.replaceChildren(...parts, el("span", { class: "meaning", text: meaning }));
  }

  /** Crosshair and words of the cell under the cursor; the picture below stays. */
  mark() {
    const { cursor, theme } = this;
    const context = fitCanvas(this.overlay, ...this.shown);
    this.tip.hidden = !cursor;
    if (!cursor) return;
    const { cell, left, top } = this.layout;
    const [rows, columns] = this.size();
    const [x, y] = [left + cursor[1] * cell - this.scrolled()[0], top + cursor[0] * cell - this.scrolled()[1]];
    context.save();
    context.beginPath();
    context.rect(left - 2, top - 2, ...this.shown);
    context.clip();
    context.strokeStyle = theme.text;
    context.globalAlpha = 0.45;
    context.strokeRect(left - 0.5, y - 0.5, columns * cell + 1, cell + 1);
    context.strokeRect(x - 0.5, top - 0.5, cell + 1, rows * cell + 1);
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.strokeRect(x - 1, y - 1, cell + 2, cell + 2);
    context.restore();
    this.placeTip(x, y);
  }

  placeTip(x, y) {
    const { cell } = this.layout;
    const words = sayCell(this.header, this.values, this.cursor);
    if (words !== this.tip.textContent) this.tip.textContent = words;
    centreTip(this.tip, x + cell / 2, Math.max(this.root.clientWidth, this.shown[0]));
    const { offsetHeight } = this.tip;
    const under = y - offsetHeight - 8 < 0;
    this.tip.style.top = `${under ? y + cell + 8 : y - offsetHeight - 8}px`;
  }

  // ---- events

  listen() {
    this.watchCursor(({ offsetX, offsetY }) => cellAt(this.layout, this.size(), [offsetX, offsetY], this.scrolled()));
    onKeys(this.overlay, (event) => this.onKey(event));
  }

  onKey(event) {
    const cursor = moveCell(this.cursor, this.size(), event.key, event.ctrlKey);
    const side = this.sideOf(event);
    if (cursor) this.walkTo(cursor);
    else if (event.key === "Escape") this.setCursor(null);
    else if (side) this.setSide(side);
    else return false;
  }

  /** By keyboard: the cell comes into sight and is said aloud. */
  walkTo(cursor) {
    const { cell, left, top } = this.layout;
    const [x, y] = this.scrolled();
    const into = (at, from, room) => Math.max(at + cell + 4 - room, Math.min(from, at - 2));
    this.scroller.scrollLeft = into(cursor[1] * cell, x, this.shown[0] - left);
    this.scroller.scrollTop = into(cursor[0] * cell, y, this.shown[1] - top);
    this.setCursor(cursor);
    this.spoken.textContent = sayCell(this.header, this.values, cursor);
  }
}

/**
 * Mounts the view in a Streamlit component; runs again when the data changes.
 * @param {import("../shared/types").Component} component
 */
export default function mount(component) {
  return mountView(MatrixView, "matrix", component);
}
