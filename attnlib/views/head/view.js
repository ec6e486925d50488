// The attention-head view: one layer, all its heads, lines between tokens. State and events; drawing is in
// draw.js, what is shown of the data in shown.js, words and numbers in panel.js, readout.js and (of a prompt pair)
// pair_words.js, tokens in tokens.js.
import { readPayload } from "../shared/payload.js";
import { headColors, themeOf, signColors } from "../shared/colors.js";
import { fitCanvas } from "../shared/canvas.js";
import { labelOf } from "../shared/heads.js";
import { el } from "../shared/dom.js";
import { mountView } from "../shared/mount.js";
import { oncePerFrame, tallest } from "../shared/scroll.js";
import { decodePayload, profile, combine } from "../shared/attention.js";
import { shownOf, noteText, isVisible, positionsOf } from "./shown.js";
import { decodeState, encodeState, toggleHead, soloHead, chooseRule, togglePin } from "./state.js";
import {
  ROW,
  PAD,
  layoutFor,
  yOf,
  drawLines,
  drawSelection,
  drawStrips,
  drawNumbers,
  drawMarked,
  lineAt,
} from "./draw.js";
import { headBar, optionBar, signLegend, keyOfHead } from "./panel.js";
import { labelsOf, pairTip, tipHead } from "./pair_words.js";
import { drawReadout } from "./readout.js";
import { tokenOf, tokenButton, nameToken } from "./tokens.js";
import { sidesBar, shareSide, onSharedSide, SIDE_KEYS } from "../shared/sides.js";
import { scaleOf } from "../pair/difference.js";
import { Reporter, LAYER_KEYS, stepLayer } from "../shared/report.js";
import { sideWords, sideName, sayTexts } from "../shared/export.js";
import { headTable } from "./table.js";
import { formatNumber } from "../shared/numbers.js";

const TALLEST = 640;
const READ_AFTER = 40; // milliseconds the mouse rests before the table follows; lines and numbers follow at once
const NO_HEAD = "#808890";

export class HeadView {
  constructor(root) {
    this.root = root;
    this.hover = null; // {side, token}: under the mouse or the keyboard's focus
    this.marked = null; // the line under the mouse
    this.reported = []; // heads told to Python that have not come back yet
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.columns = {
      q: el("div", { class: "column q", role: "group" }),
      k: el("div", { class: "column k", role: "group" }),
    };
    this.inner = el("div", { class: "inner" }, this.canvas, this.columns.q, this.columns.k);
    this.scroller = el("div", { class: "scroller", tabindex: -1 }, this.inner);
    this.tip = el("div", { class: "tip", hidden: true });
    this.titles = el("div", { class: "titles" });
    this.note = el("div", { class: "note" });
    this.readout = el("div", { class: "readout", "data-screen": true });
    this.spoken = el("div", { class: "spoken", role: "status" });
    this.top = el("div");
    const drawing = el(
      "div",
      { style: "position:relative;min-width:0" },
      this.titles,
      this.scroller,
      this.tip,
      this.note,
    );
    root.replaceChildren(this.top, el("div", { class: "stage" }, drawing, this.readout), this.spoken);
    this.schedule = oncePerFrame(() => this.draw());
    this.reporter = new Reporter(() => this.tell());
    this.listen();
    this.deafen = onSharedSide((side) => this.followSide(side));
    new ResizeObserver(() => this.schedule()).observe(this.scroller);
  }

  connect(send) {
    this.reporter.connect(send);
  }

  leave() {
    this.deafen();
    this.reporter.leave();
  }

  // ---- data

  /** A new payload. What a person chose stays, except pins where the tokens are others. */
  setData(bytes) {
    const { header, arrays } = readPayload(bytes);
    const tokens = JSON.stringify([header.queries, header.keys, header.heads, header.hidden]);
    const first = !this.header;
    const other = tokens !== this.tokens;
    const asked = first || header.head !== this.header.head;
    Object.assign(this, {
      header,
      tokens,
      raw: decodePayload(header, arrays),
      probabilities: arrays.probabilities,
    });
    if (first) this.state = decodeState(header.state, this.sizes());
    else if (other) this.state = decodeState(encodeState({ ...this.state, pins: [] }), this.sizes());
    if (asked) this.followHead(header.head, first);
    this.theme = themeOf(this.root);
    this.colors = headColors(header.heads, this.theme.dark);
    this.signs = signColors(this.theme.dark);
    if (first || other) this.build();
    this.update();
    if (first && header.pair) shareSide(this.state.show);
    if (other && header.pair) this.showFirstEdit();
    this.reporter.answered();
  }

  sizes() {
    return {
      heads: this.header.heads,
      queries: this.header.queries.labels.length,
      keys: (this.header.keys ?? this.header.queries).labels.length,
      pair: Boolean(this.header.pair),
    };
  }

  /**
   * The head chosen outside the view (the sidebar): that one alone, or all (null). What only echoes this view's own
   * reports is left: the person may be further already.
   */
  followHead(head, first) {
    const echo = this.reported.indexOf(head);
    this.reported.splice(0, echo < 0 ? Infinity : echo + 1);
    if (head === undefined || echo >= 0 || head >= this.header.heads) return;
    if (first && head === null) return; // a link's own heads
    const rule = head === null && this.state.rule === "one" ? "mean" : this.state.rule;
    this.state = { ...this.state, heads: head === null ? null : [head], rule };
  }

  /** Scroll to where the prompts begin to differ: before it a causal model's difference is empty. */
  showFirstEdit() {
    const edit = this.header.queries.kinds.findIndex((kind) => kind !== "equal");
    this.scroller.scrollTop = Math.max(0, edit - 8) * ROW;
  }

  /** Bars and columns, anew when tokens or heads are others. */
  build() {
    const { header } = this;
    const rows = [header.queries, header.keys ?? header.queries];
    const grey = Array(header.heads).fill(NO_HEAD); // in a difference colours are signs
    this.bar = headBar(header.heads, () => (this.shown.signed ? grey : this.colors), {
      toggle: (h) => this.change(toggleHead(this.state, h, header.heads)),
      solo: (h) => this.change(soloHead(this.state, h, header.heads)),
      all: () =>
        this.change({ ...this.state, heads: null, rule: this.state.rule === "one" ? "mean" : this.state.rule }),
    });
    this.options = optionBar(
      {
        pairs: header.queries.segments?.includes(1) && !header.keys,
        words: rows.some((row) => row.words),
        special: rows.some((row) => row.special?.length),
      },
      (part) =>
        this.change(
          part.rule ? chooseRule({ ...this.state, ...part }, part.rule, header.heads) : { ...this.state, ...part },
        ),
    );
    this.sides = sidesBar((side) => this.setSide(side));
    this.legend = signLegend();
    const pair = header.pair ? [el("div", { class: "pair" }, this.sides.element, this.legend.element)] : [];
    this.top.replaceChildren(...pair, this.bar.element, this.options.element);
    this.root.classList.toggle("many", header.heads > 6 || pair.length > 0);
    const names = {
      self: ["looks from", "is looked at"],
      encoder: ["looks from (encoder)", "is looked at (encoder)"],
      decoder: ["looks from (decoder)", "is looked at (decoder)"],
      cross: ["looks from (decoder)", "is looked at (encoder)"],
    };
    const [from, to] = names[header.stack] ?? names.self;
    this.titles.replaceChildren(el("span", { text: from }), el("span", { text: to }));
    this.columns.q.setAttribute("aria-label", `Query tokens: ${from}`);
    this.columns.k.setAttribute("aria-label", `Key tokens: ${to}`);
  }

  // ---- state

  change(state) {
    if (state.words !== this.state.words) this.hover = null;
    if (state.words !== this.state.words || state.show !== this.state.show) this.unmark();
    this.state = state;
    this.update();
    this.reporter.soon();
  }

  /** A, B or B − A, chosen here: the other views of the page follow. */
  setSide(side) {
    this.followSide(side);
    shareSide(side);
  }

  /** A, B or B − A, chosen here or in another view. */
  followSide(side) {
    if (this.header?.pair && side !== this.state.show) this.change({ ...this.state, show: side });
  }

  /** What Python hears of the state; a single head that is on comes back from there as the sidebar's head. */
  tell() {
    const { heads } = this.state;
    const alone = heads?.length === 1 ? heads[0] : null;
    const last = this.reported.length ? this.reported.at(-1) : this.header.head;
    if (alone !== last) this.reported.push(alone);
    return encodeState(this.state);
  }

  /** From state to what is shown: words, hidden keys, thresholds; then draw. */
  update() {
    const { header, state } = this;
    this.shown = shownOf(header, this.raw, state);
    this.bar.update(state, header.labels);
    this.options.update(state);
    this.sides.update(state.show);
    this.legend.update(scaleOf(this.shown.largest ?? 0), this.signs, this.shown.signed);
    this.fillColumns();
    this.draw();
    drawReadout(this, true);
  }

  fillColumns() {
    const { shown, header } = this;
    const signature = JSON.stringify([this.tokens, this.state.words, this.state.segments]);
    if (signature !== this.filled) {
      this.filled = signature;
      for (const side of ["q", "k"]) {
        const row = side === "q" ? shown.queryRow : shown.keyRow;
        const positions = side === "q" ? shown.queries : shown.keys;
        const hidden = new Set(side === "k" || !header.keys ? header.hidden : []);
        this.columns[side].replaceChildren(...positions.map((i, n) => tokenButton(row, i, side, n === 0, hidden)));
      }
      this.inner.style.height = `${Math.max(shown.queries.length, shown.keys.length) * ROW + 2 * PAD}px`;
      const text = document.createElement("canvas").getContext("2d");
      text.font = `13px ${this.theme.font}`;
      const labels = [...shown.queryRow.labels, ...shown.keyRow.labels];
      this.labelWidth = Math.max(...labels.slice(0, 400).map((label) => text.measureText(label).width));
    }
    this.nameTokens(signature);
    const pinned = new Set(this.state.pins);
    for (const button of this.buttons()) {
      const mine = button.dataset.side === this.state.side && pinned.has(Number(button.dataset.i));
      button.setAttribute("aria-pressed", String(mine));
    }
  }

  /** Of a prompt pair: the tokens' text as A or B has it; the buttons stay, so nothing moves. */
  nameTokens(signature) {
    const named = `${this.state.show} ${signature}`;
    if (!this.header.pair || named === this.named) return;
    this.named = named;
    const { queryRow, keyRow } = this.shown;
    for (const button of this.columns.q.children) nameToken(button, queryRow, this.state.show);
    for (const button of this.columns.k.children) nameToken(button, keyRow, this.state.show);
  }

  buttons() {
    return [...this.columns.q.children, ...this.columns.k.children];
  }

  /** What is looked at closely: the pinned tokens, else the one under the mouse or focus. */
  selection() {
    if (this.state.pins.length) return { side: this.state.side, tokens: this.state.pins, pinned: true };
    return this.hover ? { side: this.hover.side, tokens: [this.hover.token], pinned: false } : null;
  }

  // ---- drawing

  draw() {
    if (!this.shown) return;
    const { shown, state } = this;
    const width = Math.max(220, this.scroller.clientWidth);
    const height = Math.min(
      tallest(this.root, TALLEST),
      Math.max(shown.queries.length, shown.keys.length) * ROW + 2 * PAD,
    );
    const layout = layoutFor(width, this.labelWidth, this.header.pair);
    this.place(layout);
    this.scene = {
      context: fitCanvas(this.canvas, width, height),
      width,
      height,
      layout,
      top: this.scroller.scrollTop,
      theme: this.theme,
      colors: shown.signed ? [this.signs.less, this.signs.more] : this.colors,
      rule: state.rule,
      on: shown.on,
      attention: shown.attention,
      signed: shown.signed,
      signs: shown.signed ? shown.full.w : null,
      scale: shown.scale,
      keys: shown.keys,
      queryAt: positionsOf(shown.queries, shown.queryRow.labels.length),
      keyAt: positionsOf(shown.keys, shown.keyRow.labels.length),
    };
    const selection = this.selection();
    if (!selection) this.drawn = drawLines(this.scene, shown.lines);
    else {
      const { profiles, combined } = this.profiles(selection);
      drawStrips(this.scene, selection.side, profiles);
      this.drawn = drawSelection(this.scene, selection, shown.cutoffs);
      drawNumbers(this.scene, selection.side, combined);
    }
    if (this.marked) drawMarked(this.scene, this.marked);
    const note = noteText(shown, state, selection);
    if (note !== this.note.textContent) this.note.textContent = note;
  }

  redraw() {
    this.draw();
  }

  /** What the view is as a file (export.js). */
  exported() {
    const { header, state, shown } = this;
    const stack = header.stack === "self" ? "" : `-${header.stack}`;
    return {
      name: `heads${stack}-layer-${header.layer}${sideName(header.pair, state.show)}`,
      title: `Attention heads of ${header.model}, layer ${header.layer}${sideWords(header.pair, state.show)}`,
      about: `Heads ${shown.on.join(", ")}. ${sayTexts(header)} ${this.note.textContent}`.trim(),
      table: headTable(this),
    };
  }

  place(layout) {
    if (layout.width === this.placed?.width && layout.column === this.placed.column) return;
    this.placed = layout;
    for (const [side, x] of [
      ["q", layout.gutter],
      ["k", layout.right],
    ]) {
      this.columns[side].style.left = `${x}px`;
      this.columns[side].style.width = `${layout.column}px`;
    }
  }

  profiles({ side, tokens }) {
    const profiles = profile(this.shown.full, this.shown.on, side, tokens);
    return { profiles, combined: combine(profiles, this.state.rule) };
  }

  // ---- events

  listen() {
    const { columns, scroller, root } = this;
    for (const side of ["q", "k"]) {
      columns[side].addEventListener("mouseover", (e) => this.setHover(tokenOf(e)));
      columns[side].addEventListener("mouseleave", () => this.setHover(null));
      columns[side].addEventListener(
        "focusin",
        (e) => e.target.matches(":focus-visible") && this.setHover(tokenOf(e)),
      );
      columns[side].addEventListener("focusout", () => this.setHover(null));
      columns[side].addEventListener("click", (e) => this.pin(tokenOf(e)));
      columns[side].addEventListener("dblclick", (e) => this.hide(tokenOf(e)));
    }
    scroller.addEventListener("scroll", () => this.schedule());
    scroller.addEventListener("mousemove", (e) => this.markLine(e));
    scroller.addEventListener("mouseleave", () => this.markLine(null));
    root.addEventListener("keydown", (e) => this.onKey(e));
  }

  setHover(token) {
    if (token?.side === this.hover?.side && token?.token === this.hover?.token) return;
    this.hover = token;
    this.marked = null;
    this.schedule();
    clearTimeout(this.reading);
    this.reading = setTimeout(() => drawReadout(this), READ_AFTER);
  }

  pin(token) {
    if (!token || (this.isMissing(token) && !this.state.pins.includes(token.token))) return;
    this.change(togglePin(this.state, token.side, token.token));
  }

  /** Whether the shown prompt of a pair lacks this token. */
  isMissing({ side, token }) {
    const row = side === "q" ? this.shown.queryRow : this.shown.keyRow;
    return row.names?.[this.state.show]?.[token] === null;
  }

  release() {
    this.hover = null;
    this.spoken.textContent = "Released";
    this.change({ ...this.state, pins: [] });
  }

  hide(token) {
    if (!token || !this.header.can_hide) return;
    const row = token.side === "q" ? this.shown.queryRow : this.shown.keyRow;
    this.reporter.ask("mask", row.words[token.token]);
  }

  markLine(event) {
    let found = null;
    if (event && this.scene && !event.target.closest(".token")) {
      const box = this.scroller.getBoundingClientRect();
      const selection = this.selection();
      const visible = (...line) => isVisible(this.shown, this.state, selection, ...line);
      found = lineAt(this.scene, event.clientX - box.left - 1, event.clientY - box.top - 1, visible);
    }
    if (found?.head === this.marked?.head && found?.query === this.marked?.query && found?.key === this.marked?.key)
      return;
    this.marked = found;
    this.showTip();
    this.schedule();
  }

  unmark() {
    this.marked = null;
    this.tip.hidden = true;
  }

  showTip() {
    this.tip.hidden = !this.marked;
    if (!this.marked) return;
    const { head, query, key, weight } = this.marked;
    const { queryRow, keyRow, signed } = this.shown;
    const [from, to] = [
      [queryRow, query],
      [keyRow, key],
    ].map(([row, i]) => labelsOf(row, this.state.show)[i].trim());
    const label = labelOf(this.header.labels, head);
    const said = `${tipHead(head, label)}${from} → ${to} ${formatNumber(weight)}`;
    this.tip.textContent = signed ? pairTip(this.shown, this.marked, label) : said;
    const y = (yOf(this.scene, this.scene.queryAt[query]) + yOf(this.scene, this.scene.keyAt[key])) / 2;
    const { layout, width } = this.scene;
    this.tip.style.left = `${Math.max(0, Math.min(layout.left, width - this.tip.offsetWidth))}px`;
    const above = (signed ? 46 : 28) + (label ? 16 : 0); // pixels of its lines
    this.tip.style.top = `${this.scroller.offsetTop + Math.min(this.scene.height - above + 4, Math.max(0, y - above))}px`;
  }

  onKey(event) {
    if (event.target.closest("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const digit = /^Digit(\d)$/.exec(event.code)?.[1];
    const key = digit ?? event.key.toLowerCase();
    const head = Array.from({ length: Math.min(36, this.header.heads) }, (_, h) => keyOfHead(h)).indexOf(key);
    const moves = {
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
      ArrowLeft: ["q", 0],
      ArrowRight: ["k", 0],
      Home: [0, -Infinity],
      End: [0, Infinity],
    };
    const side = !digit && this.header.pair && SIDE_KEYS[event.key];
    if (event.key === "Escape") this.release();
    else if (side) this.setSide(side);
    else if (event.key in LAYER_KEYS && this.reporter.heard) stepLayer(this, event);
    else if (event.target.closest(".token") && moves[event.key]) this.moveFocus(event.target, ...moves[event.key]);
    else if (head >= 0 && !event.repeat)
      this.change((event.shiftKey ? soloHead : toggleHead)(this.state, head, this.header.heads));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  moveFocus(from, side, step) {
    const column = [...from.parentElement.children];
    const to = side ? [...this.columns[side].children] : column;
    const target = to[Math.min(to.length - 1, Math.max(0, column.indexOf(from) + step))];
    for (const button of this.buttons()) button.tabIndex = -1;
    target.tabIndex = 0;
    target.focus({ focusVisible: true, preventScroll: true });
    target.scrollIntoView({ block: "nearest" });
  }
}

/** Mounts the view in a Streamlit component; runs again when the data changes. */
export default function mount(component) {
  return mountView(HeadView, "head", component);
}
