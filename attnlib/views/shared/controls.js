// Controls and legends that several views have.
import { el } from "./dom.js";

/**
 * A list to choose from; `change` gets {name: value}. → {element, update(state)}
 * @param {string} name of the part of the state
 * @param {string} label
 * @param {string[]} values
 * @param {Record<string, string>} names of the values, as the page writes them
 * @param {(changed: object) => void} change
 */
export function choice(name, label, values, names, change) {
  const box = el(
    "select",
    { "data-option": name, onchange: (event) => change({ [name]: event.target.value }) },
    ...values.map((value) => el("option", { value, text: names[value] })),
  );
  const element = el("label", {}, el("span", { text: label }), box);
  const update = (state) => {
    box.value = state[name];
  };
  return { element, update };
}

/** A bar of colours from left to right, with a text on it. */
export function ramp(colors, text = "") {
  const element = el("span", { class: "ramp", "aria-hidden": "true", text });
  element.style.background = `linear-gradient(to right, ${colors.join(", ")})`;
  return element;
}
