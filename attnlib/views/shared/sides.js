// What every view of a prompt pair shares: the control A | B | B − A.
// The views of one page show the same side: each tells the others through an event on the document.
import { el } from "./dom.js";

/** @type {import("./types").Side[]} */
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
