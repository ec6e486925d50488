// What the neuron view says: keys, dimensions, the curve, how exact it is, what is left out. Pure: no DOM.
import { labelOf, nameHead } from "../shared/heads.js";
import { bare, weightOf, hiddenByMask, stripOf, topStrip, columnsOf, columnNumber, sayNumber } from "./shown.js";
import { formatPower } from "../shared/numbers.js";

/**
 * Which head this is, and what it does: "layer 0 head 2 · previous token .93".
 * @param {Pick<import("./types").NeuronHeader, "layer" | "head" | "labels">} header
 * @param {string} [joint]
 */
export function sayPlace({ layer, head, labels }, joint) {
  return nameHead(`layer ${layer} head ${head}`, labelOf(labels, head), joint);
}

/**
 * What keys do in the drawing; to other heads and layers they turn only where somebody answers.
 * @param {import("./types").NeuronHeader} header
 */
export function sayKeys(header, turns) {
  const here =
    "Keys of the query. Arrow keys move through keys and dimensions, Enter pins a key, Space follows a dimension";
  const away =
    header.heads > 1 ? ", digits turn to other heads, [ and ] to other layers" : ", [ and ] turn to other layers";
  const whose = labelOf(header.labels, header.head) ? `${sayPlace(header, ", ")}. ` : "";
  return `${whose}${here}${turns ? away : ""}.`;
}

/** The curve in a sentence. */
export function sayCurve({ sum, enough, order }, what = "score", signed = false) {
  if (enough === null) return `The products cancel: the ${what} is zero.`;
  const some = `${enough} of ${order.length} dimensions make${enough === 1 ? "s" : ""} 80 % of the ${what}`;
  const rest = enough === order.length ? "" : "; the others move it by no more than 20 %";
  return `${some} (${sayNumber(sum, signed)})${rest}.`;
}

/** A key row under the mouse or the keyboard, in words; with a dimension that one's numbers. */
export function sayRow(shown, key, dim = null) {
  const { header, state, show } = shown;
  const query = bare(header.queries, state.query, show);
  const name = bare(header.keys ?? header.queries, key, show);
  if (dim !== null) return `${query} → ${name}, ${sayDim(shown, key, dim)}`;
  const signed = show === "diff";
  if (hiddenByMask(shown, key))
    return `${query} → ${name}: hidden by a mask, weight ${sayNumber(weightOf(shown, key), signed)}`;
  const numbers = columnsOf(shown, state.part).map(
    ([column, title]) =>
      `${title.replace("‖w · v‖", "length of weight × value")} ${sayNumber(columnNumber(shown, column, key), signed)}`,
  );
  return `${query} → ${name}: ${numbers.join(", ")}`;
}

/** One dimension of a key row: "dimension 17: 1.204 × −0.532 = −0.641". */
export function sayDim(shown, key, dim) {
  const { state, show } = shown;
  const signed = show === "diff";
  const of = (kind) => sayNumber(stripOf(shown, kind, key)?.[dim] ?? null, signed);
  if (state.part === "value") return `dimension ${dim}: value ${of("value")}, weight × value ${of("part")}`;
  const q = sayNumber(topStrip(shown)?.[dim] ?? null, signed);
  if (signed) return `dimension ${dim}: change of q ${q}, of k ${of("key")}, of q × k ${of("product")}`;
  return `dimension ${dim}: ${q} × ${of("key")} = ${of("product")}`;
}

/** How far what is drawn is from what the model computed. */
export function sayDeviation({ header }, names) {
  const sides = names.map((name) => header.sides[name]);
  if (sides.some(({ edited }) => edited))
    return "This layer's weights were replaced by an edit; these are the ones that its vectors give.";
  const worst = Math.max(...sides.map(({ deviation }) => deviation));
  const size = worst < 1e-12 ? "0" : formatPower(worst);
  if (worst <= 1e-4)
    return `This arithmetic gives the model's own weights, over the whole text: largest deviation ${size}.`;
  return sides.every(({ deviation, tolerance }) => deviation <= tolerance)
    ? `This arithmetic gives the model's own weights up to the rounding of its number format: largest deviation ${size}.`
    : `This arithmetic misses the model's own weights by up to ${size}: do not rely on it.`;
}

/** What is left out or stands for something else. */
export function noteText(shown, layout) {
  const { header, state, there, later, show, dims } = shown;
  if (!there) {
    const only = shown.at.a === null ? "B" : "A";
    return `“${bare(header.queries, state.query)}” is only in prompt ${only}: there is nothing to ${show === "diff" ? "subtract" : "show"}.`;
  }
  const all = state.part === "weight" ? header.dims : header.value_dims;
  const parts = [];
  if (later)
    parts.push(
      `${later} later token${later > 1 ? "s" : ""}, which it does not see, ${later > 1 ? "are" : "is"} left out.`,
    );
  if (dims.length < all) parts.push(`${dims.length} of ${all} dimensions are drawn; the numbers are of all.`);
  if (layout.single) parts.push("Only one strip fits.");
  const { sink } = shown.steps[shown.names.at(-1)];
  if (sink > 0) parts.push(`A learned sink takes ${sayNumber(sink)} of the attention.`);
  return parts.join(" ");
}
