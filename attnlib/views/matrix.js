// The matrix view: one head as a token x token picture, of one text or as A, B and B − A of a pair.
// What is shown is decided in matrix_shown.js; here are canvas, mouse and keys.
import { readPayload, themeOf, fitCanvas, el } from "./shared.js";
import { sidesBar, shareSide, onSharedSide, signColors, formatSigned } from "./sides.js";
import { valuesOf, sharedOf, pixelsOf, layoutOf, sayCell, labelOn } from "./matrix_shown.js";

export class MatrixView {
  constructor(root) {
    this.root = root;
    this.side = "diff";
    this.cursor = null; // [query, key] under the mouse or the keyboard
    this.bar = sidesBar((side) => {
      this.setSide(side);
      shareSide(side);
    });
    this.legend = el("div", { class: "legend" });
    this.canvas = el("canvas");
    this.overlay = el("canvas", {
      class: "overlay",
      tabindex: 0,
      role: "application",
      "aria-label": "Matrix of attention weights. Arrow keys move through the cells.",
    });
    this.tip = el("div", { class: "tip", role: "status" });
    const drawing = el("div", { class: "drawing" }, this.canvas, this.overlay);
    root.replaceChildren(el("div", { class: "top" }, this.bar.element, this.legend), drawing, this.tip);
    this.listen();
    this.forget = onSharedSide((side) => this.setSide(side));
    new ResizeObserver(() => this.draw()).observe(root);
  }

  setData(bytes) {
    const { header, arrays } = readPayload(bytes);
    this.header = header;
    this.columns = header.keys ?? header.queries;
    this.values = valuesOf(arrays);
    this.theme = themeOf(this.root);
    this.cursor = null;
    if (!header.pair) this.side = "a";
    this.bar.element.hidden = !header.pair;
    this.images = new Map();
    this.draw();
  }

  setSide(side) {
    if (!this.header?.pair || side === this.side) return;
    this.side = side;
    this.draw();
  }

  // ---- drawing

  draw() {
    if (!this.header) return;
    const { header, columns, theme } = this;
    const [rows, count] = [header.queries.labels.length, columns.labels.length];
    const pen = this.canvas.getContext("2d");
    pen.font = `12px ${theme.font}`;
    const texts = [...header.queries.labels, ...columns.labels].slice(0, 400);
    const widest = Math.min(120, Math.max(...texts.map((text) => pen.measureText(text.trim()).width)));
    this.layout = layoutOf(Math.max(200, this.root.clientWidth), rows, count, widest);
    const { cell, left, top } = this.layout;
    const size = [Math.ceil(left + count * cell + 4), Math.ceil(top + rows * cell + 4)];
    const context = fitCanvas(this.canvas, ...size);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.image(), left, top, count * cell, rows * cell);
    this.drawLabels(context);
    fitCanvas(this.overlay, ...size);
    this.bar.update(this.side);
    this.showLegend();
    this.mark();
  }

  /** One pixel per cell, kept per side: moving the mouse never makes it again. */
  image() {
    const { header, columns, values, side, theme } = this;
    if (!this.images.has(side)) {
      const [rows, count] = [header.queries.labels.length, columns.labels.length];
      const picture = document.createElement("canvas");
      [picture.width, picture.height] = [count, rows];
      const pixels = pixelsOf(values, side, count, sharedOf(header.queries), theme);
      picture.getContext("2d").putImageData(new ImageData(pixels, count, rows), 0, 0);
      this.images.set(side, picture);
    }
    return this.images.get(side);
  }

  drawLabels(context) {
    const { header, columns, side, theme } = this;
    const { cell, left, top, every } = this.layout;
    context.font = `${cell < 14 ? 10 : 12}px ${theme.font}`;
    context.fillStyle = theme.text;
    context.textBaseline = "middle";
    const write = (row, i, x, y, turn) => {
      if (i % every) return;
      context.save();
      context.translate(x, y);
      if (turn) context.rotate(-Math.PI / 2);
      context.textAlign = turn ? "left" : "right";
      context.fillText(shorten(context, labelOn(row, i, side), left - 8), 0, 0);
      context.restore();
    };
    header.queries.labels.forEach((_, i) => write(header.queries, i, left - 4, top + (i + 0.5) * cell, false));
    columns.labels.forEach((_, i) => write(columns, i, left + (i + 0.5) * cell, top - 4, true));
    context.strokeStyle = theme.text;
    context.globalAlpha = 0.25;
    context.strokeRect(
      left - 0.5,
      top - 0.5,
      columns.labels.length * cell + 1,
      header.queries.labels.length * cell + 1,
    );
    context.globalAlpha = 1;
  }

  showLegend() {
    const { more, less } = signColors(this.theme.dark);
    const { background, accent } = this.theme;
    const ramp = el("span", { class: "ramp", "aria-hidden": "true" });
    const diff = this.side === "diff";
    ramp.style.background = `linear-gradient(to right, ${diff ? `${less}, ${background}, ${more}` : `${background}, ${accent}`})`;
    const [from, to] = diff ? [formatSigned(-this.values.scale), formatSigned(this.values.scale)] : ["0", "1"];
    this.legend.replaceChildren(el("span", { text: from }), ramp, el("span", { text: to }));
  }

  /** Cross-hair and words of the cell under the cursor. */
  mark() {
    const { cell, left, top } = this.layout;
    const context = this.overlay.getContext("2d");
    context.clearRect(0, 0, this.overlay.width, this.overlay.height);
    this.tip.textContent = this.cursor ? sayCell(this.header, this.values, ...this.cursor) : "";
    if (!this.cursor) return;
    const [query, key] = this.cursor;
    context.strokeStyle = this.theme.text;
    context.globalAlpha = 0.35;
    context.strokeRect(left, top + query * cell, this.columns.labels.length * cell, cell);
    context.strokeRect(left + key * cell, top, cell, this.header.queries.labels.length * cell);
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.strokeRect(left + key * cell, top + query * cell, cell, cell);
    context.lineWidth = 1;
  }

  // ---- events

  listen() {
    const { overlay } = this;
    overlay.addEventListener("mousemove", (event) => this.setCursor(this.cellAt(event.offsetX, event.offsetY)));
    overlay.addEventListener("mouseleave", () => this.setCursor(null));
    overlay.addEventListener("keydown", (event) => this.onKey(event));
  }

  cellAt(x, y) {
    const { cell, left, top } = this.layout;
    const [key, query] = [Math.floor((x - left) / cell), Math.floor((y - top) / cell)];
    const inside =
      key >= 0 && query >= 0 && key < this.columns.labels.length && query < this.header.queries.labels.length;
    return inside ? [query, key] : null;
  }

  setCursor(cursor) {
    if (String(cursor) === String(this.cursor)) return;
    this.cursor = cursor;
    this.mark();
  }

  onKey(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Escape") return this.setCursor(null);
    if (!(event.key in steps)) return;
    const [query, key] = this.cursor ?? [-steps[event.key][0], -steps[event.key][1]].map((v) => Math.max(0, v));
    const within = (v, count) => Math.max(0, Math.min(count - 1, v));
    const [down, right] = steps[event.key];
    this.setCursor([
      within(query + down, this.header.queries.labels.length),
      within(key + right, this.columns.labels.length),
    ]);
    event.preventDefault();
  }
}

function shorten(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && context.measureText(text.slice(0, length) + "…").width > width) length--;
  return text.slice(0, length) + "…";
}

const mounted = new WeakMap();

/** Mounts the view in a Streamlit component (or anything with its interface); runs again when the data changes. */
export default function mount({ data, parentElement }) {
  let view = mounted.get(parentElement);
  if (!view) {
    view = new MatrixView(parentElement.querySelector(".attn-matrix"));
    view.root.matrixView = view; // for the browser's console and the tests
    mounted.set(parentElement, view);
  }
  view.setData(data);
  requestAnimationFrame(() =>
    requestAnimationFrame(() => (view.root.dataset.painted = String(performance.timeOrigin + performance.now()))),
  );
  return () => {
    view.forget();
    mounted.delete(parentElement);
  };
}
