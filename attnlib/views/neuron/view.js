// The neuron view: from one query's vector and every key's to the weights, in columns. State and events; what is
// shown is decided in shown.js, drawn in draw.js, said in panel.js, worked out by hand in worksheet.js.
import { fitCanvas } from "../shared/canvas.js";
import { anyLabel } from "../shared/heads.js";
import { el } from "../shared/dom.js";
import { mountView } from "../shared/mount.js";
import { scrollingCanvas, sizeOf, tallest } from "../shared/scroll.js";
import { rampOf, drawColumns, drawMarks } from "./draw.js";
import {
  neuronBar,
  neuronLegend,
  textButtons,
  tintText,
  nameText,
  readout,
  dimPanel,
  fold,
  numberTable,
  sheetTables,
} from "./panel.js";
import { encodeState, decodeState, togglePin } from "./state.js";
import { sideOf } from "./vectors.js";
import { rowsOf, shownOf, nameOf, bare, neuronTable } from "./shown.js";
import { sideWords, sideName, sayTexts } from "../shared/export.js";
import { HEAD, ROW, TALLEST, layoutOf, under } from "./layout.js";
import { LAYER_KEYS, stepLayer } from "../shared/report.js";
import { ChoosingView, onKeys } from "../shared/base_view.js";
import { sayKeys, sayPlace, sayRow, sayDeviation, noteText } from "./words.js";

const SCROLLBAR = 15;
const READ_AFTER = 40; // milliseconds the mouse rests before the readout follows; the drawing follows at once
const HEAD_KEYS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** @extends {ChoosingView<import("./types").NeuronHeader, import("./types").NeuronState, import("./types").NeuronEvents>} */
export class NeuronView extends ChoosingView {
  tokens; // as text, to see whether they are others
  data; // vectors and rows of each side
  shown; // of the query
  layout;
  buttons; // of the text

  constructor(root) {
    super(root); // the cursor is {row, dim} of the drawing
    this.preview = null; // the query under the mouse or the keyboard's focus
    this.bar = neuronBar(
      (changed) => this.change(changed),
      (on) => this.keepOrder(on),
    );
    this.options = el("div", { class: "options", "data-screen": true }, ...this.bar.elements);
    this.legend = el("div", { class: "legend" });
    this.named = el("div", { class: "named" });
    this.text = el("div", { class: "text", role: "group", "aria-label": "Query token" });
    Object.assign(this, scrollingCanvas()); // canvas, overlay, window, inner, scroller
    this.tip = el("div", { class: "tip", "aria-hidden": "true", hidden: true });
    this.note = el("div", { class: "note" });
    this.proof = el("div", { class: "proof" });
    this.reading = el("div", { class: "reading", "data-screen": true });
    this.along = el("div", { class: "dimension", hidden: true });
    this.table = fold("All numbers of this query", "numbers", () => numberTable(this));
    this.sheet = fold("Check it by hand", "check", () => sheetTables(this));
    const drawing = el("div", { class: "drawing" }, this.scroller, this.tip, this.note, this.proof);
    const top = el("div", { class: "top" }, this.named, this.sides.element, this.legend);
    const asked = el("div", { class: "asked", "data-screen": true }, el("b", { text: "Query token" }), this.text);
    const more = el(
      "div",
      { class: "more", "data-screen": true },
      this.along,
      this.sheet.element,
      this.table.element,
    );
    const stage = el("div", { class: "stage" }, drawing, this.reading, more);
    this.followDim = (dim) => this.change({ dim: dim === this.state.dim ? null : dim });
    this.begin([this.options, top, asked, stage]);
  }

  stateText() {
    return encodeState(this.state, this.header);
  }

  // ---- data

  /** New data. What a person chose stays as far as it fits; pins and dimension where the text is another do not. */
  receive(before) {
    const { header, arrays } = this;
    const text = JSON.stringify([header.queries, header.keys]);
    const other = text !== this.tokens;
    const chosen = before
      ? encodeState(other ? { ...this.state, pins: [], keep: null } : this.state, before)
      : header.state;
    const queryRows = rowsOf(header.queries);
    const keyRows = header.keys ? rowsOf(header.keys) : queryRows;
    const sides = Object.fromEntries(Object.keys(header.sides).map((name) => [name, sideOf(header, arrays, name)]));
    Object.assign(this, { tokens: text, data: { header, sides, queryRows, keyRows } });
    this.state = decodeState(other && before ? chosen.replace(/(^|,)q:\d+/, "") : chosen, header);
    this.ramp = rampOf(this.theme);
    this.preview = this.cursor = null;
    if (other) {
      this.buttons = textButtons(this);
      this.text.replaceChildren(...this.buttons);
      this.widest = null;
    }
    this.sides.element.hidden = !header.pair;
    this.overlay.setAttribute("aria-label", sayKeys(header, this.reporter.heard));
    this.nameIt();
    this.update();
    if (other) this.buttons[this.state.query]?.scrollIntoView({ block: "nearest" });
  }

  /** Which head this is and what it does, where any head of the layer has a label; of another head also aloud. */
  nameIt() {
    const { header, named } = this;
    named.hidden = !anyLabel(header.labels);
    const name = named.hidden ? "" : sayPlace(header);
    if (named.textContent && name !== named.textContent) this.spoken.textContent = sayPlace(header, ", ");
    named.textContent = named.title = name;
  }

  change(changed) {
    const again = "part" in changed && changed.part !== this.state.part ? { dim: null } : {};
    if (changed.dims === "order") again.keep = null;
    super.change({ ...again, ...changed });
  }

  /** Keep the order of dimensions as it is now, while other queries and keys are chosen; or no more. */
  keepOrder(on) {
    this.change({ keep: on && this.shown.leading !== null ? [this.state.query, this.shown.leading] : null });
  }

  update() {
    this.sides.update(this.state.show);
    this.compute(this.state.query);
    nameText(this.buttons, this);
    this.resize();
    this.bar.update(this);
    this.legend.replaceChildren(...neuronLegend(this));
    this.proof.textContent = this.shown.there ? sayDeviation(this.shown, this.shown.names) : "";
    this.read();
    this.table.update();
    this.sheet.update();
    this.along.hidden = this.state.dim === null || !this.shown.there;
    if (!this.along.hidden) this.along.replaceChildren(...dimPanel(this));
  }

  compute(query) {
    this.shown = shownOf(this.data, { ...this.state, query });
    const { rows, dims } = this.shown;
    const { row, dim } = this.cursor ?? { row: -1, dim: null };
    if (row >= rows.length || (dim !== null && !dims.includes(dim))) this.cursor = null;
    tintText(this.buttons, this, query);
  }

  // ---- drawing

  resize() {
    const wide = Math.max(240, this.scroller.parentElement.clientWidth);
    this.widest ??= this.measure();
    this.place(wide);
  }

  /** Sizes for a width; what they are already is not set again, since the page would be laid out anew. */
  place(wide) {
    const single = this.layout?.single;
    const most = tallest(this.root, TALLEST);
    this.layout = layoutOf(this.shown, wide, this.widest, most);
    if (HEAD + this.data.keyRows.length * ROW > this.layout.shownHeight)
      this.layout = layoutOf(this.shown, wide - SCROLLBAR, this.widest, most);
    this.wide = wide;
    this.size = { width: Math.min(wide, this.layout.width), height: this.layout.shownHeight };
    sizeOf(this.inner, [this.layout.width, Math.max(this.layout.height, this.layout.shownHeight)]);
    sizeOf(this.window, [this.size.width, this.size.height]);
    const limit = `${this.layout.shownHeight}px`;
    if (this.scroller.style.maxHeight !== limit) this.scroller.style.maxHeight = limit;
    if (this.layout.single !== single) {
      this.bar.update(this);
      this.legend.replaceChildren(...neuronLegend(this));
    }
    this.draw();
  }

  /** The view as files (export.js). */
  exported() {
    const { header, state, shown } = this;
    const query = bare(header.queries, state.query, shown.show);
    return {
      name: `neurons-${header.layer}-${header.head}${sideName(header.pair, state.show)}`,
      title: `${header.model}, layer ${header.layer} head ${header.head}, query “${query}”${sideWords(header.pair, state.show)}`,
      about: `${sayTexts(header)} ${this.note.textContent}`.trim(),
      table: neuronTable(shown),
    };
  }

  measure() {
    const pen = this.canvas.getContext("2d");
    pen.font = `600 13px ${this.theme.font}`;
    const rows = this.header.keys ?? this.header.queries;
    const names = rows.labels.slice(0, 600).map((_, i) => `q ${nameOf(rows, i, "diff").trim()}`);
    return Math.max(20, ...names.map((name) => pen.measureText(name.slice(0, 40)).width));
  }

  draw() {
    const { theme, ramp } = this;
    const context = fitCanvas(this.canvas, this.size.width, this.size.height);
    drawColumns(context, this.shown, this.layout, { ...this.size, scroll: this.scroller.scrollTop, theme, ramp });
    this.note.textContent = noteText(this.shown, this.layout);
    this.mark();
  }

  /** What the mouse, the keyboard and choices mark; the drawing below stays. */
  mark() {
    const { theme, cursor, shown, layout, state } = this;
    const context = fitCanvas(this.overlay, this.size.width, this.size.height);
    const scroll = this.scroller.scrollTop;
    drawMarks(context, shown, layout, {
      ...this.size,
      scroll,
      theme,
      cursor,
      leading: shown.leading,
      dim: state.dim,
    });
    this.tip.hidden = !cursor;
    if (!cursor) return;
    this.tip.textContent = this.sayCursor();
    const y = cursor.row < 0 ? HEAD : HEAD + (cursor.row + 1) * ROW - scroll;
    const room = this.scroller.clientWidth - this.tip.offsetWidth;
    const strip = layout.strips[0];
    const x = cursor.dim === null ? 0 : strip.x + shown.dims.indexOf(cursor.dim) * layout.cell - 60;
    this.tip.style.left = `${Math.max(0, Math.min(room, x))}px`;
    const below = y + 6;
    const above = y - ROW - this.tip.offsetHeight - 6;
    this.tip.style.top = `${below + this.tip.offsetHeight > this.size.height && above > 0 ? above : below}px`;
  }

  sayCursor() {
    const { row, dim } = this.cursor;
    const key = row < 0 ? this.shown.leading : this.shown.rows[row];
    return key === null ? "" : sayRow(this.shown, key, dim);
  }

  /** The readout of the key under the cursor, or else of the leading one. */
  read() {
    clearTimeout(this.reader);
    this.reader = null;
    const key = this.cursor && this.cursor.row >= 0 ? this.shown.rows[this.cursor.row] : this.shown.leading;
    this.reading.replaceChildren(...readout(this, key ?? null));
  }

  readSoon() {
    clearTimeout(this.reader);
    this.reader = setTimeout(() => this.read(), READ_AFTER);
  }

  // ---- events

  listen() {
    const at = ({ offsetX, offsetY }) => under(this.shown, this.layout, [offsetX, offsetY], this.scroller.scrollTop);
    this.watchCursor(at);
    this.overlay.addEventListener("click", (event) => this.onClick(at(event)));
    onKeys(this.overlay, (event) => this.onKey(event));
    const token = (event) => {
      const button = event.target.closest?.(".token");
      return button ? Number(button.dataset.i) : null;
    };
    this.text.addEventListener("mouseover", (event) => this.setPreview(token(event)));
    this.text.addEventListener("mouseleave", () => this.setPreview(null));
    this.text.addEventListener("focusin", (event) => this.setPreview(token(event)));
    this.text.addEventListener("focusout", () => this.setPreview(null));
    this.text.addEventListener("click", (event) => token(event) !== null && this.choose(token(event)));
    onKeys(this.text, (event) => this.onTextKey(event));
  }

  /** A query to look at while the mouse or the focus is on it. */
  setPreview(query) {
    if (query === this.preview) return;
    this.preview = query;
    this.compute(query ?? this.state.query);
    this.place(this.wide);
    this.readSoon();
  }

  choose(query) {
    this.preview = null;
    this.change({ query });
    this.spoken.textContent = this.shown.leading === null ? "" : sayRow(this.shown, this.shown.leading);
  }

  cursorMoved(before) {
    if (this.cursor?.row !== before?.row) this.readSoon();
  }

  /** In a strip a click follows the dimension; elsewhere it pins the key. */
  onClick(place) {
    if (!place) return;
    if (place.dim !== null) this.followDim(place.dim);
    else this.pin(this.shown.rows[place.row]);
  }

  pin(key) {
    this.change({ pins: togglePin(this.state, key) });
    const on = this.state.pins.includes(key);
    this.spoken.textContent = `${on ? "pinned" : "released"}: ${sayRow(this.shown, key)}`;
  }

  onKey(event) {
    const { rows, dims } = this.shown;
    const { row, dim } = this.cursor ?? { row: -1, dim: null };
    const at = dim === null ? -1 : dims.indexOf(dim);
    const moves = {
      ArrowDown: [row + 1, at],
      ArrowUp: [row - 1, at],
      ArrowRight: [Math.max(0, row), at + 1],
      ArrowLeft: [Math.max(0, row), at - 1],
      Home: [0, at],
      End: [rows.length - 1, at],
      PageDown: [row + 20, at],
      PageUp: [row - 20, at],
    };
    const side = this.sideOf(event);
    if (event.key in moves && rows.length && !event.ctrlKey) this.walkTo(...moves[event.key]);
    else if (event.key === "Escape") this.onEscape();
    else if (event.key === "Enter" && row >= 0) this.pin(rows[row]);
    else if (event.key === " " && dim !== null) this.followDim(dim);
    else if (this.turn(event)) this.spoken.textContent = "";
    else if (side) this.setSide(side);
    else return false;
  }

  onEscape() {
    if (this.cursor) this.setCursor(null);
    else this.change({ pins: [], dim: null });
  }

  /** “[” and “]” turn to the layer before and after, a digit or letter to a head; false for other keys. */
  turn(event) {
    if (!this.reporter.heard) return false;
    const { key } = event;
    const head = key.length === 1 ? HEAD_KEYS.indexOf(key.toLowerCase()) : -1;
    if (key in LAYER_KEYS) stepLayer(this, event);
    else if (head >= 0 && head < this.header.heads) this.turnTo(head);
    else return false;
    return true;
  }

  /** To another head; the shown one is asked for only where the sidebar does not name it yet. */
  turnTo(head) {
    if (head !== this.header.head || this.header.named === false) this.reporter.ask("head", head);
  }

  /** By keyboard: the key (and dimension) comes into sight and is said aloud. */
  walkTo(row, at) {
    const { rows, dims } = this.shown;
    const to = Math.max(0, Math.min(rows.length - 1, row));
    const y = to * ROW;
    const room = this.size.height - HEAD - ROW;
    this.scroller.scrollTop = Math.max(y - room, Math.min(this.scroller.scrollTop, y));
    this.setCursor({ row: to, dim: at < 0 ? null : dims[Math.min(dims.length - 1, at)] });
    this.spoken.textContent = this.sayCursor();
  }

  onTextKey(event) {
    if (event.ctrlKey) return false;
    const now = Number(event.target.closest(".token")?.dataset.i);
    const to = {
      ArrowRight: now + 1,
      ArrowDown: now + 1,
      ArrowLeft: now - 1,
      ArrowUp: now - 1,
      Home: 0,
      End: Infinity,
    }[event.key];
    const side = this.sideOf(event);
    if (to !== undefined) this.buttons[Math.max(0, Math.min(this.buttons.length - 1, to))].focus();
    else if (side) this.setSide(side);
    else return this.turn(event);
  }
}

/**
 * Mounts the view in a Streamlit component; runs again when the data changes.
 * @param {import("../shared/types").Component} component
 */
export default function mount(component) {
  return mountView(NeuronView, "neuron", component);
}
