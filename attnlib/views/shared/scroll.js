// A drawing larger than what is seen of it: two canvases as large as the visible part, which stays while it scrolls.
import { el } from "./dom.js";

/** The drawing's canvas, the one above it that has the mouse and the keys, and what they stand in. */
export function scrollingCanvas() {
  const canvas = el("canvas", { "aria-hidden": "true" });
  const overlay = el("canvas", { class: "overlay", tabindex: 0, role: "application" });
  const window = el("div", { class: "window" }, canvas, overlay);
  const inner = el("div", { class: "inner" }, window);
  const scroller = el("div", { class: "scroller", tabindex: -1 }, inner);
  return { canvas, overlay, window, inner, scroller };
}

/** How tall the visible part of a view may be: while a picture is taken, all of it. */
export function tallest(root, most) {
  return root.classList.contains("exporting") ? Infinity : most;
}

/**
 * Sets a size; where it is that already nothing is set, or the page would be laid out anew.
 * @param {{style: CSSStyleDeclaration}} element
 * @param {number[]} size
 */
export function sizeOf({ style }, [width, height]) {
  if (style.width !== `${width}px`) style.width = `${width}px`;
  if (style.height !== `${height}px`) style.height = `${height}px`;
}

/** Makes room for a drawing of this size and the window as large as what is seen of it, without scroll bars. */
export function fitWindow({ window, inner, scroller }, extent) {
  sizeOf(window, [0, 0]);
  sizeOf(inner, extent);
  const whole = getComputedStyle(scroller).overflowY === "visible"; // a picture is taken
  const room = [scroller.clientWidth, scroller.clientHeight];
  const shown = room.map((size, i) => (whole ? extent[i] : Math.min(size, extent[i])));
  sizeOf(window, shown);
  return shown;
}

/** A function that has `draw` called once before the next frame, however often it is called. */
export function oncePerFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
