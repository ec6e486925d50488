// The attention-head view: one layer, all its heads, lines between tokens. State and events; drawing is in
// draw.js, what is shown of the data in shown.js, words and numbers in panel.js, readout.js and (of a prompt pair)
// pair_words.js, tokens in tokens.js.
import { headColors, signColors } from "../shared/colors.js";
import { fitCanvas } from "../shared/canvas.js";
import { labelOf } from "../shared/heads.js";
import { el } from "../shared/dom.js";
import { mountView } from "../shared/mount.js";
import { tallest } from "../shared/scroll.js";
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
import { TokenColumns, tokenOf, widestLabel } from "./tokens.js";
import { scaleOf } from "../pair/difference.js";
import { LAYER_KEYS, stepLayer } from "../shared/report.js";
import { ChoosingView, onKeys } from "../shared/base_view.js";
import { sideWords, sideName, sayTexts } from "../shared/export.js";
import { headTable } from "./table.js";
import { formatNumber } from "../shared/numbers.js";

const TALLEST = 640;
const READ_AFTER = 40; // milliseconds the mouse rests before the table follows; lines and numbers follow at once
const NO_HEAD = "#808890";

/** @extends {ChoosingView<import("./types").HeadHeader, import("./types").HeadState, import("./types").HeadEvents>} */
export class HeadView extends ChoosingView {
  tokens; // as text, to see whether they are others
  raw; // the attention as it came, of a pair {a, b}
  shown; // what remains of it by what is chosen
  scene; // what was drawn last

  constructor(root) {
    super(root);
    this.hover = null; // {side, token}: under the mouse or the keyboard's focus
    this.marked = null; // the line under the mouse
    this.reported = []; // heads told to Python that have not come back yet
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.columns = new TokenColumns();
    this.inner = el("div", { class: "inner" }, this.canvas, this.columns.q, this.columns.k);
    this.scroller = el("div", { class: "scroller", tabindex: -1 }, this.inner);
    this.tip = el("div", { class: "tip", hidden: true });
    this.titles = el("div", { class: "titles" });
    this.note = el("div", { class: "note" });
    this.readout = el("div", { class: "readout", "data-screen": true });
    this.top = el("div");
    const drawing = el(
      "div",
      { style: "position:relative;min-width:0" },
      this.titles,
      this.scroller,
      this.tip,
      this.note,
    );
    this.begin([this.top, el("div", { class: "stage" }, drawing, this.readout)], this.scroller);
  }

  // ---- data

  /** New data. What a person chose stays, except pins where the tokens are others. */
  receive(before) {
    const { header, arrays, theme } = this;
    const tokens = JSON.stringify([header.queries, header.keys, header.heads, header.hidden]);
    const other = tokens !== this.tokens;
    Object.assign(this, { tokens, raw: decodePayload(header, arrays) });
    if (!before) this.state = decodeState(header.state, this.sizes());
    else if (other) this.state = decodeState(encodeState({ ...this.state, pins: [] }), this.sizes());
    if (!before || header.head !== before.head) this.followHead(header.head, !before);
    this.colors = headColors(header.heads, theme.dark);
    this.signs = signColors(theme.dark);
    if (other) this.build();
    this.update();
    if (other && header.pair) this.showFirstEdit();
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
      all: () => this.change({ heads: null, rule: this.state.rule === "one" ? "mean" : this.state.rule }),
    });
    this.options = optionBar(
      {
        pairs: header.queries.segments?.includes(1) && !header.keys,
        words: rows.some((row) => row.words),
        special: rows.some((row) => row.special?.length),
      },
      (part) => this.change(part.rule ? chooseRule(this.state, part.rule, header.heads) : part),
    );
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
    this.columns.title(from, to);
  }

  // ---- state

  change(changed) {
    const { words, show } = { ...this.state, ...changed };
    if (words !== this.state.words) this.hover = null;
    if (words !== this.state.words || show !== this.state.show) this.unmark();
    super.change(changed);
  }

  /** What Python hears of the state; a single head that is on comes back from there as the sidebar's head. */
  stateText() {
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
      this.columns.fill(shown, header);
      this.inner.style.height = `${heightOf(shown)}px`;
      this.labelWidth = widestLabel(shown, this.theme.font);
    }
    const named = `${this.state.show} ${signature}`;
    if (header.pair && named !== this.named) this.columns.name(shown, this.state.show);
    this.named = named;
    this.columns.press(this.state);
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
    const height = Math.min(tallest(this.root, TALLEST), heightOf(shown));
    const layout = layoutFor(width, this.labelWidth, this.header.pair);
    this.columns.place(layout);
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

  resize() {
    this.schedule();
  }

  redraw() {
    this.draw();
  }

  /** The view as files (export.js). */
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
    onKeys(root, (e) => this.onKey(e));
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
    this.change({ pins: [] });
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
    if (event.target.closest("select, input") || event.ctrlKey) return false;
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
    const side = digit ? undefined : this.sideOf(event);
    if (event.key === "Escape") this.release();
    else if (side) this.setSide(side);
    else if (event.key in LAYER_KEYS && this.reporter.heard) stepLayer(this, event);
    else if (event.target.closest(".token") && moves[event.key])
      this.columns.moveFocus(event.target, ...moves[event.key]);
    else if (head >= 0 && !event.repeat)
      this.change((event.shiftKey ? soloHead : toggleHead)(this.state, head, this.header.heads));
    else return false;
  }
}

/** How tall the whole drawing is. */
function heightOf({ queries, keys }) {
  return Math.max(queries.length, keys.length) * ROW + 2 * PAD;
}

/**
 * Mounts the view in a Streamlit component; runs again when the data changes.
 * @param {import("../shared/types").Component} component
 */
export default function mount(component) {
  return mountView(HeadView, "head", component);
}
