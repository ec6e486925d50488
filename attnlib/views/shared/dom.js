// Elements. No DOM at import time, so `node --test` can import it.

/** Words that begin with a head's name: where its label makes it too long the style cuts it, and what follows stays. */
export function namedWords([name, rest]) {
  return [el("bdi", { class: "named", text: name }), rest];
}

/** An element with attributes ("text" is its text, "on…" a listener) and children. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}
