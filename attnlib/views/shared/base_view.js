// The wiring that every view needs, once: data in, the side of a pair, what was chosen, reports to Python, sizes, keys.
//
// A view is a class below one of these three:
//   View          shows a payload and draws itself anew where there is more or less room (grid, alignment)
//   PairView      also shows A, B or B − A of a pair, as the other views of the page do (matrix)
//   ChoosingView  also keeps what a person chose as a state and tells Python of it (head, model, neuron)
//
// Its constructor makes elements and ends with `begin(...)`. What it must have: `receive(before)`, which takes new data
// from `this.header` and `this.arrays`, `resize()` and `exported()` (export.js); a ChoosingView also `update()` and
// `stateText()`. Not here: how a component holds a view (mount.js), anything about one noun.
import { themeOf } from "./colors.js";
import { el } from "./dom.js";
import { readPayload } from "./payload.js";
import { Reporter } from "./report.js";
import { oncePerFrame } from "./scroll.js";
import { onSharedSide, SIDE_KEYS, shareSide, sidesBar } from "./sides.js";

/**
 * Listens to the keys of an element. What `answer` takes goes no further; it returns false for keys that are not its own.
 * @param {HTMLElement} element
 * @param {(event: KeyboardEvent) => boolean | void} answer
 */
export function onKeys(element, answer) {
  element.addEventListener("keydown", (event) => {
    if (event.metaKey || event.altKey || answer(event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/**
 * A view of payloads with the header `Header`, which tells Python of `Events`.
 * @template {import("./types").Header} Header
 * @template {import("./types").Events} [Events={}]
 */
export class View {
  /** @type {Header} */
  header;
  /** @type {Record<string, import("./types").Numbers>} */
  arrays;
  /** @type {import("./types").Theme} */
  theme;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.spoken = el("div", { class: "spoken", role: "status" });
  }

  /** The last of a constructor: puts its elements into the root; `watched` is the one whose size counts. */
  begin(elements, watched = this.root) {
    this.root.replaceChildren(...elements, this.spoken);
    this.listen();
    new ResizeObserver(() => this.header && this.resize()).observe(watched);
  }

  /** How to reach Python; undefined where nobody hears. @param {import("./types").Send | undefined} send */
  connect(send) {
    this.send = send;
  }

  /**
   * An event for Python, where somebody hears.
   * @template {keyof Events & string} Name
   * @param {Name} name
   * @param {Events[Name]} value
   */
  tell(name, value) {
    this.send?.(name, value);
  }

  /** The element of the view that has the focus. @returns {HTMLElement | null} */
  get focused() {
    const tree = /** @type {Document | ShadowRoot} */ (this.root.getRootNode());
    return /** @type {HTMLElement | null} */ (tree.activeElement);
  }

  /** The component is gone. */
  leave() {}

  /** A new payload. What a person chose stays as far as it fits. @param {Uint8Array} bytes */
  setData(bytes) {
    const before = this.header;
    Object.assign(this, readPayload(bytes), { theme: themeOf(this.root) });
    this.receive(before);
  }

  /** Takes what is new; `before` is the header until now, undefined at first. */
  receive(before) {
    throw new Error(`${this.constructor.name} does not say what to do with data (${before ? "new" : "the first"})`);
  }

  listen() {}

  /** Sizes anew, and the drawing. */
  resize() {}

  redraw() {
    if (this.header) this.resize();
  }
}

/**
 * A view that shows one text, or A, B or B − A of a pair, with a drawing that may be larger than its window (scroll.js).
 * @template {import("./types").PairHeader} Header
 * @extends {View<Header>}
 */
export class PairView extends View {
  // what scrollingCanvas() of scroll.js gives, where a drawing has it
  /** @type {HTMLCanvasElement} */
  canvas;
  /** @type {HTMLCanvasElement} */
  overlay;
  /** @type {HTMLElement} */
  window;
  /** @type {HTMLElement} */
  inner;
  /** @type {HTMLElement} */
  scroller;

  constructor(root) {
    super(root);
    this.cursor = null; // what is under the mouse or the keyboard
    this.schedule = oncePerFrame(() => this.draw());
    this.sides = sidesBar((side) => this.setSide(side));
    this.deafen = onSharedSide((side) => this.followSide(side));
  }

  leave() {
    this.deafen();
  }

  /** A, B or B − A, chosen here: the other views of the page follow. */
  setSide(side) {
    this.followSide(side);
    shareSide(side);
  }

  /** A, B or B − A, chosen here or in another view. */
  followSide(side) {
    throw new Error(`${this.constructor.name} does not show ${side}`);
  }

  /** The side that a key shows; undefined for other keys. */
  sideOf({ key, ctrlKey }) {
    return this.header.pair && !ctrlKey ? SIDE_KEYS[key] : undefined;
  }

  // ---- a drawing under two canvases, and the cursor on it

  /** Mouse and scrolling; `at(event)` says what the mouse is on. */
  watchCursor(at) {
    this.overlay.addEventListener("mousemove", (event) => this.setCursor(at(event)));
    this.overlay.addEventListener("mouseleave", () => this.setCursor(null));
    this.overlay.addEventListener("blur", () => this.setCursor(null));
    this.scroller.addEventListener("scroll", () => this.schedule());
  }

  setCursor(cursor) {
    if (JSON.stringify(cursor) === JSON.stringify(this.cursor)) return;
    const before = this.cursor;
    this.cursor = cursor;
    this.mark();
    this.cursorMoved(before);
  }

  /** What else a moved cursor does; `before` is where it was. */
  cursorMoved(_before) {}

  /** Shows what the cursor is on; the drawing below stays. */
  mark() {}

  /** Draws what is in sight. */
  draw() {}

  /** How far the drawing is scrolled. @returns {[number, number]} */
  scrolled() {
    return [this.scroller.scrollLeft, this.scroller.scrollTop];
  }
}

/**
 * A view that keeps what a person chose, as `state` with `show` for a pair, and tells Python of it as a short text.
 * @template {import("./types").PairHeader} Header
 * @template {import("./types").PairState} State
 * @template {import("./types").Events} Events
 * @extends {PairView<Header>}
 */
export class ChoosingView extends PairView {
  /** @type {State} */
  state;

  constructor(root) {
    super(root);
    /** @type {Reporter<Events>} */
    this.reporter = new Reporter(() => this.stateText());
  }

  connect(send) {
    this.reporter.connect(send);
  }

  leave() {
    super.leave();
    this.reporter.leave();
  }

  setData(bytes) {
    const first = !this.header;
    super.setData(bytes);
    if (first && this.header.pair) shareSide(this.state.show);
    this.reporter.answered();
  }

  /** From the state to what is shown. */
  update() {}

  /** What was chosen as a short text, for Python and the address. @returns {string} */
  stateText() {
    return "";
  }

  /** Something else was chosen: shown at once, told once it is quiet. @param {Partial<State>} changed */
  change(changed) {
    this.state = { ...this.state, ...changed };
    this.update();
    this.reporter.soon();
  }

  followSide(side) {
    if (this.header?.pair && side !== this.state.show) this.change(/** @type {any} */ ({ show: side }));
  }
}
