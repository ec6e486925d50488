// The alignment view: prompt A above prompt B, a column per unit, ribbons between; corrected by hand with clicks.
// What is shown is decided in alignment_shown.js; here are elements and events.
import { readPayload, el } from "./shared.js";
import { MOST, columnsOf, sayUnit, choose } from "./alignment_shown.js";

export class AlignmentView {
  constructor(root) {
    this.root = root;
    this.chosen = { a: [], b: [] };
    this.sentence = el("p", { class: "sentence" });
    this.rows = el("div", { class: "columns", role: "list", "aria-label": "Alignment of prompt A and prompt B" });
    this.more = el("p", { class: "more", hidden: true });
    this.tools = el("div", { class: "tools" });
    root.replaceChildren(this.sentence, this.rows, this.more, this.tools);
    this.rows.addEventListener("click", (event) => this.onClick(event));
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.setChosen({ a: [], b: [] });
    });
  }

  setData(bytes) {
    this.header = readPayload(bytes).header;
    this.chosen = { a: [], b: [] };
    this.opened = new Set();
    this.sentence.textContent = this.header.sentence;
    this.build();
  }

  build() {
    const columns = columnsOf(this.header.units, this.opened);
    const names = el("div", { class: "unit names", "aria-hidden": "true" });
    names.append(el("span", { class: "side", text: "A" }), el("span", { class: "side", text: "B" }));
    this.rows.replaceChildren(names, ...columns.slice(0, MOST).map((column) => this.column(column)));
    this.more.hidden = columns.length <= MOST;
    this.more.textContent = `… and ${columns.length - MOST} more units, which are compared but not drawn here.`;
    this.showTools();
  }

  column({ unit, fold, run }) {
    if (fold) {
      const text = `… ${fold[1] - fold[0]} equal …`;
      return el("button", { type: "button", class: "fold", "data-run": run, text, title: "Show them" });
    }
    const [kind, inA, inB] = this.header.units[unit];
    const group = (side, positions) => {
      const empty = el("span", { class: "none", text: side === "a" ? "only in B" : "only in A" });
      const chips = positions.map((i) => this.chip(side, i));
      return el("span", { class: `group ${side}` }, ...(chips.length ? chips : [empty]));
    };
    const said = el("span", { class: "spoken", text: sayUnit(this.header.units[unit], this.header) });
    const ribbon = el("span", { class: "ribbon", "aria-hidden": "true" });
    return el("div", { class: `unit ${kind}`, role: "listitem" }, said, group("a", inA), ribbon, group("b", inB));
  }

  chip(side, i) {
    const row = this.header[side];
    const special = row.special?.includes(i);
    return el(
      "button",
      {
        type: "button",
        class: special ? "chip special" : "chip",
        "data-side": side,
        "data-i": i,
        disabled: !this.link,
        "aria-pressed": "false",
        "aria-label": `prompt ${side.toUpperCase()} token ${i}: ${row.labels[i].trim()}`,
      },
      el("bdi", { text: row.labels[i] }),
    );
  }

  // ---- correcting

  onClick(event) {
    const fold = event.target.closest(".fold");
    if (fold) {
      this.opened.add(Number(fold.dataset.run));
      return this.build();
    }
    const chip = event.target.closest(".chip");
    if (!chip || !this.link) return;
    const { side, i } = chip.dataset;
    this.setChosen({ ...this.chosen, [side]: choose(this.chosen[side], Number(i), event.shiftKey) });
  }

  setChosen(chosen) {
    this.chosen = chosen;
    for (const chip of this.rows.querySelectorAll(".chip")) {
      chip.setAttribute("aria-pressed", String(chosen[chip.dataset.side].includes(Number(chip.dataset.i))));
    }
    this.showTools();
  }

  showTools() {
    const { a, b } = this.chosen;
    const button = (text, value) =>
      el("button", { type: "button", class: "tool", text, onclick: () => this.link(value) });
    const tools = [];
    if (this.link) {
      if (a.length && b.length) tools.push(button("These stand for each other", { a, b }));
      else if (a.length || b.length) {
        tools.push(button("Has no counterpart", { a, b }));
        tools.push(el("span", { class: "hint", text: `or choose tokens of prompt ${a.length ? "B" : "A"} too` }));
      }
      if (this.header.corrected) tools.push(button("Back to automatic", { reset: true }));
      if (!tools.length)
        tools.push(el("span", { class: "hint", text: "Wrong? Click tokens to correct the alignment." }));
    }
    this.tools.replaceChildren(...tools);
  }
}

const mounted = new WeakMap();

/** Mounts the view in a Streamlit component (or anything with its interface); runs again when the data changes. */
export default function mount({ data, parentElement, setTriggerValue }) {
  let view = mounted.get(parentElement);
  if (!view) {
    view = new AlignmentView(parentElement.querySelector(".attn-alignment"));
    view.root.alignmentView = view; // for the browser's console and the tests
    mounted.set(parentElement, view);
  }
  view.link = setTriggerValue && ((value) => setTriggerValue("link", value));
  view.setData(data);
  requestAnimationFrame(() =>
    requestAnimationFrame(() => (view.root.dataset.painted = String(performance.timeOrigin + performance.now()))),
  );
  return () => mounted.delete(parentElement);
}
