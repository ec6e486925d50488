// What every view of a prompt pair shares: the control A | B | B − A, the two colours of the sign, signed numbers.
// The views of one page show the same side: each tells the others through an event on the document.
import { el, rgbOf } from "../shared/dom.js";

export const SIDES = ["a", "b", "diff"];
const SIDE_NAMES = { a: "A", b: "B", diff: "B − A" };
const SIDE_TITLES = {
  a: "Attention in prompt A",
  b: "Attention in prompt B",
  diff: "What changes from A to B: attention in B minus attention in A",
};
const SHARED = "attn-side";
const LATEST = Symbol.for(SHARED); // on the document: views of one page come as separate scripts

/** The keys that show a side: neighbours for A and B, the minus sign for the difference. */
export const SIDE_KEYS = { ",": "a", ".": "b", "-": "diff" };

/** Three buttons, one pressed; `choose` gets "a", "b" or "diff". → {element, update(side)} */
export function sidesBar(choose) {
  const buttons = SIDES.map((side) =>
    el("button", {
      type: "button",
      class: "side",
      "data-side-choice": side,
      text: SIDE_NAMES[side],
      title: SIDE_TITLES[side],
      onclick: () => choose(side),
    }),
  );
  const about = { role: "group", "aria-label": "Prompt A, prompt B or the difference" };
  const element = el("div", { class: "sides", "data-screen": true, ...about });
  element.append(...buttons);
  const update = (side) =>
    buttons.forEach((button, n) => button.setAttribute("aria-pressed", String(SIDES[n] === side)));
  return { element, update };
}

/** Tell the other views of the page which side is shown, also those that come later. */
export function shareSide(side) {
  document[LATEST] = side;
  document.dispatchEvent(new CustomEvent(SHARED, { detail: side }));
}

/**
 * Hear which side another view was set to; returns a function that stops listening. What was shared before is heard
 * once the view that asks has been set up.
 */
export function onSharedSide(listener) {
  const heard = (event) => SIDES.includes(event.detail) && listener(event.detail);
  let listening = true;
  document.addEventListener(SHARED, heard);
  queueMicrotask(() => listening && heard({ detail: document[LATEST] }));
  return () => {
    listening = false;
    document.removeEventListener(SHARED, heard);
  };
}

/** The colours of the sign, safe for the three types of colour blindness: more in B orange, less blue. */
export function signColors(dark = false) {
  return dark ? { more: "#ffa04d", less: "#5cb0ff" } : { more: "#c25400", less: "#0b5fb8" };
}

/** A difference as the views write it: sign and three decimals; "0.000" where it rounds to nothing. */
export function formatSigned(v) {
  const size = Math.abs(v).toFixed(3);
  return Number(size) === 0 ? size : `${v < 0 ? "−" : "+"}${size}`;
}

/** The colour of a value: its sign's (or the accent's) mixed into the background by its size; and readable ink. */
export function cellColors(value, { scale, signed }, theme) {
  const { more, less } = signColors(theme.dark);
  const color = rgbOf(signed ? (value < 0 ? less : more) : theme.accent);
  const share = Math.min(1, Math.abs(value) / scale);
  const fill = rgbOf(theme.background).map((v, i) => Math.round(v + (color[i] - v) * share));
  return { background: `rgb(${fill.join(", ")})`, ink: inkOn(fill) };
}

/** Black or white, whichever has more contrast on a colour (WCAG's relative luminance). */
function inkOn(rgb) {
  const [r, g, b] = rgb.map((v) => (v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
