// The alignment view: prompt A above prompt B, a column per unit, ribbons between; corrected by hand with clicks.
// What is shown is decided in shown.js; here are elements and events.
import { el } from "../shared/dom.js";
import { mountView } from "../shared/mount.js";
import { onKeys, View } from "../shared/base_view.js";
import { MOST, columnsOf, sayUnit, choose, sayChosen, alignmentTable } from "./shown.js";

const NONE = { a: [], b: [] };

/** @extends {View<import("./types").AlignmentHeader, import("./types").AlignmentEvents>} */
export class AlignmentView extends View {
  units; // as text, to see whether they are others
  drawn; // the whole header as text
  correctable; // whether somebody hears corrections

  constructor(root) {
    super(root);
    this.chosen = NONE;
    this.sentence = el("p", { class: "sentence" });
    this.rows = el("div", {
      class: "columns",
      role: "list",
      tabindex: -1,
      "aria-label": "Alignment of prompt A and prompt B",
    });
    this.more = el("p", { class: "more", hidden: true });
    this.tools = el("div", { class: "tools", "data-screen": true });
    this.begin([this.sentence, this.rows, this.more, this.tools]);
  }

  listen() {
    this.rows.addEventListener("click", (event) => this.onClick(event));
    onKeys(this.root, (event) => this.onKey(event));
  }

  /** New data. Where it is only sent again (another theme), what is chosen and open stays. */
  receive() {
    const { header } = this;
    const [units, drawn] = [JSON.stringify([header.a, header.b, header.units]), JSON.stringify(header)];
    const correctable = Boolean(this.send);
    if (drawn === this.drawn && correctable === this.correctable) return;
    if (units !== this.units) this.opened = new Set();
    if (drawn !== this.drawn) this.chosen = NONE;
    Object.assign(this, { units, drawn, correctable });
    this.sentence.textContent = header.sentence;
    this.sentence.hidden = !header.sentence;
    this.build();
  }

  build() {
    const { scrollTop } = this.rows;
    const { focused } = this;
    const { side, i } = focused?.closest?.(".attn-alignment") === this.root ? focused.dataset : {};
    const columns = columnsOf(this.header.units, this.opened);
    const names = el("div", { class: "unit names", "aria-hidden": "true" });
    names.append(el("span", { class: "side", text: "A" }), el("span", { class: "side", text: "B" }));
    this.rows.replaceChildren(names, ...columns.slice(0, MOST).map((column) => this.column(column)));
    this.more.hidden = columns.length <= MOST;
    this.more.textContent = `… and ${(columns.length - MOST).toLocaleString("en")} more units, which count but are not drawn here.`;
    this.rows.scrollTop = scrollTop;
    if (side) this.chipAt(side, i)?.focus();
    this.setChosen(this.chosen);
  }

  /** The view as files (export.js). */
  exported() {
    const { header } = this;
    return {
      name: "alignment",
      title: "Alignment of prompt A and prompt B",
      about: header.sentence,
      table: alignmentTable(header),
    };
  }

  column({ unit, fold, run }) {
    if (fold) {
      const text = `… ${fold[1] - fold[0]} equal …`;
      const button = el("button", { type: "button", class: "fold", "data-run": run, text, title: "Show them" });
      return el("div", { class: "unit folded", role: "listitem" }, button);
    }
    const [kind, inA, inB] = this.header.units[unit];
    const group = (side, positions) => {
      const empty = el("span", {
        class: "none",
        "aria-hidden": "true",
        text: side === "a" ? "only in B" : "only in A",
      });
      const chips = positions.map((i) => this.chip(side, i));
      return el("span", { class: `group ${side}` }, ...(chips.length ? chips : [empty]));
    };
    const said = el("span", { class: "spoken", text: sayUnit(this.header.units[unit], this.header) });
    const ribbon = el("span", { class: "ribbon", "aria-hidden": "true" });
    return el("div", { class: `unit ${kind}`, role: "listitem" }, said, group("a", inA), ribbon, group("b", inB));
  }

  /** A token: a button where tokens can be chosen, else text. */
  chip(side, i) {
    const row = this.header[side];
    const label = row.labels[i];
    const classes = row.special?.includes(i) ? "chip special" : "chip";
    const about = { class: classes, title: label.length > 24 ? label : null };
    const text = el("bdi", { text: label });
    if (!this.send) return el("span", { ...about, "aria-hidden": "true" }, text);
    const button = { type: "button", "data-side": side, "data-i": i, "aria-pressed": "false" };
    const said = `prompt ${side.toUpperCase()} token ${i}: ${label.trim()}`;
    return el("button", { ...about, ...button, "aria-label": said }, text);
  }

  chipAt(side, i) {
    return this.rows.querySelector(`.chip[data-side="${side}"][data-i="${i}"]`);
  }

  // ---- events

  onClick(event) {
    const fold = event.target.closest(".fold");
    if (fold) return this.open(fold);
    const chip = event.target.closest("button.chip");
    if (!chip) return;
    const { side, i } = chip.dataset;
    this.setChosen({ ...this.chosen, [side]: choose(this.chosen[side], Number(i), event.shiftKey) });
    this.spoken.textContent = sayChosen(this.chosen, this.header) || "Nothing selected";
  }

  /** A folded run is shown; the focus goes where the fold was. */
  open(fold) {
    const before = fold.closest(".unit").previousElementSibling;
    const at = [...this.rows.children].indexOf(before) + 1;
    this.opened.add(Number(fold.dataset.run));
    this.build();
    (this.rows.children[at]?.querySelector("button") ?? this.rows).focus({ preventScroll: true });
  }

  onKey(event) {
    const chip = event.target.closest("button.chip");
    const chosen = this.chosen.a.length + this.chosen.b.length;
    if (event.key === "Escape" && chosen) {
      this.setChosen(NONE);
      this.spoken.textContent = "Nothing selected";
    } else if (chip && event.key.startsWith("Arrow")) this.moveFocus(chip, event.key);
    else return false;
  }

  /** Left and right within a prompt; up to A and down to B, to what stands there for the token. */
  moveFocus(chip, key) {
    const { side, i } = chip.dataset;
    if (key === "ArrowUp" || key === "ArrowDown") {
      return chip
        .closest(".unit")
        .querySelector(`.group.${key === "ArrowUp" ? "a" : "b"} .chip`)
        ?.focus();
    }
    const chips = [...this.rows.querySelectorAll(`.chip[data-side="${side}"]`)];
    chips[chips.indexOf(this.chipAt(side, i)) + (key === "ArrowLeft" ? -1 : 1)]?.focus();
  }

  // ---- correcting

  setChosen(chosen) {
    this.chosen = chosen;
    const taken = { a: new Set(chosen.a), b: new Set(chosen.b) };
    for (const chip of this.rows.querySelectorAll("button.chip")) {
      chip.setAttribute("aria-pressed", String(taken[chip.dataset.side].has(Number(chip.dataset.i))));
    }
    this.showTools();
  }

  showTools() {
    this.tools.hidden = !this.send;
    if (!this.send) return;
    const { a, b } = this.chosen;
    const button = (text, value) =>
      el("button", { type: "button", class: "tool", text, onclick: () => this.tell("link", value) });
    const hint = (text) => el("span", { class: "hint", text });
    const tools = [];
    if (a.length && b.length) tools.push(button("Align these tokens", { a, b }));
    else if (a.length || b.length) {
      tools.push(button("Has no counterpart", { a, b }));
      tools.push(hint(`or choose tokens of prompt ${a.length ? "B" : "A"}, too`));
    } else tools.push(hint("Wrong? Click tokens to correct the alignment."));
    if (this.header.corrected) tools.push(button("Reset to automatic", { reset: true }));
    this.tools.replaceChildren(...tools);
  }
}

/**
 * Mounts the view in a Streamlit component; runs again when the data changes.
 * @param {import("../shared/types").Component} component
 */
export default function mount(component) {
  return mountView(AlignmentView, "alignment", component);
}
