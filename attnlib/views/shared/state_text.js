// A state as short text for the address, "name:value,name:value", read back. It may be mistyped or of a foreign link:
// what is no such part is left out. Pure: no DOM.

/**
 * The parts by name; values are text.
 * @param {string | undefined} text
 * @returns {Record<string, string>}
 */
export function partsOf(text) {
  const parts = String(text ?? "")
    .split(",")
    .map((part) => part.split(":"));
  return Object.fromEntries(parts.filter((part) => part.length === 2));
}

/**
 * The value where it is one of `values`, else `otherwise`.
 * @template Value
 * @param {readonly Value[]} values
 * @param {any} value
 * @param {Value} otherwise
 * @returns {Value}
 */
export function oneOf(values, value, otherwise) {
  return values.includes(value) ? value : otherwise;
}

/**
 * A value's whole numbers below a count, in their order: "4.1" → [4, 1].
 * @param {string | undefined} text
 * @param {number} below
 */
export function numbersOf(text, below) {
  const parts = text ? text.split(".") : [];
  return parts
    .filter((part) => /^\d{1,6}$/.test(part))
    .map(Number)
    .filter((n) => n < below);
}
