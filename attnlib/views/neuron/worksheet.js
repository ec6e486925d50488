// "Check it by hand": one query and a few keys as numbers that multiply out, line by line, and the sheet as CSV.
// All arithmetic here is done on the rounded numbers that are shown, so that a student gets the same. Pure: no DOM.
import { formatDigits, formatNumber, roundTo } from "../shared/numbers.js";
import { vectorOf, arithmetic, isMasked } from "./vectors.js";
import { bare, scalingText } from "./shown.js";

export const DECIMALS = 3; // of vectors, scores and weights
export const FINE = 4; // of products, their sums and powers of e
export const MOST_KEYS = 5;

const round = (v, decimals = DECIMALS) => roundTo(v, decimals);

/** The keys of the sheet: those that are pinned, or the three that get most attention. */
export function sheetKeys({ state, rows, strongest }) {
  const pinned = state.pins.filter((pin) => rows.includes(pin));
  return (pinned.length ? pinned : strongest.slice(0, 3)).slice(0, MOST_KEYS);
}

/**
 * The sheet of one text (of a pair: of the side that is shown; of B − A first A's, then B's):
 * [{title, head, dims: [[…]], steps: [[…]], notes}]. Cells are numbers or text.
 */
export function sheetsOf(shown) {
  return shown.there ? shown.names.map((name) => sheetOf(shown, name)) : [];
}

function sheetOf(shown, name) {
  const { sides, header, state, at } = shown;
  const side = sides[name];
  const keys = sheetKeys(shown).filter((key) => shown.keyRows[key][name] !== null);
  const show = header.pair ? name : "diff";
  const query = bare(header.queries, state.query, show);
  const names = keys.map((key) => bare(header.keys ?? header.queries, key, show));
  const tokens = keys.map((key) => shown.keyRows[key][name]);
  const q = Array.from(vectorOf(side, "query", at[name]), (v) => round(v));
  const k = tokens.map((token) => Array.from(vectorOf(side, "key", token), (v) => round(v)));
  const shownDims = state.part === "weight" ? shown.dims : q.map((_, d) => d);
  const products = k.map((vector) => vector.map((v, d) => round(q[d] * v, FINE)));
  return {
    title: `${header.model}, ${place(header)}${header.pair ? `, prompt ${name.toUpperCase()}` : ""}: query “${query}”`,
    head: ["dimension", "q", ...names.flatMap((key) => [`k “${key}”`, "q × k"])],
    dims: shownDims.map((d) => [d, q[d], ...k.flatMap((vector, n) => [vector[d], products[n][d]])]),
    steps: stepsOf(side, at[name], tokens, products, shownDims),
    notes: notesOf(side),
  };
}

function place({ layer, head, stack }) {
  return `${stack === "self" ? "" : `${stack} attention, `}layer ${layer}, head ${head}`;
}

/** From the products to the weights: [what, then one number per key]. */
function stepsOf(side, query, tokens, products, shownDims) {
  const exact = arithmetic(side, query);
  const sum = (all, dims) =>
    round(
      dims.reduce((total, d) => total + all[d], 0),
      FINE,
    );
  const every = products[0]?.map((_, d) => d) ?? [];
  const rest = every.filter((d) => !shownDims.includes(d));
  const shownSums = products.map((all) => sum(all, shownDims));
  const restSums = products.map((all) => sum(all, rest));
  const dots = shownSums.map((v, n) => round(v + restSums[n], FINE));
  const steps = [
    [rest.length ? `sum of these ${shownDims.length} products` : "q·k: sum of the products", ...shownSums],
  ];
  if (rest.length) steps.push([`the other ${rest.length} dimensions`, ...restSums], ["q·k", ...dots]);
  let scores = dots.map((v) => round(v * Number(scalingText(side.scaling))));
  steps.push([`× ${scalingText(side.scaling)}`, ...scores]);
  if (side.softcap !== null) {
    scores = scores.map((v) => round(Math.tanh(v / side.softcap) * side.softcap));
    steps.push([`${side.softcap} · tanh(… ÷ ${side.softcap})`, ...scores]);
  }
  if (side.biased || tokens.some((token) => isMasked(side, query, token))) {
    const bias = tokens.map((token) => (isMasked(side, query, token) ? "masked" : round(side.biasAt(query, token))));
    scores = scores.map((v, n) => (bias[n] === "masked" ? "masked" : round(v + bias[n])));
    steps.push(["bias added", ...bias], ["score", ...scores]);
  }
  return [...steps, ...softmaxSteps(exact, tokens, scores)];
}

function softmaxSteps(exact, tokens, scores) {
  const largest = round(exact.largest);
  const total = round(exact.sum * Math.exp(exact.largest - largest), FINE);
  const powers = scores.map((v) => (v === "masked" ? 0 : round(Math.exp(v - largest), FINE)));
  return [
    [`e^(score ${largest < 0 ? "+" : "−"} ${formatDigits(Math.abs(largest))})`, ...powers],
    [`÷ ${formatDigits(total)}`, ...powers.map((v) => round(v / total, DECIMALS))],
    ["weight in the model", ...tokens.map((token) => round(exact.weight[token], DECIMALS))],
  ];
}

function notesOf(side) {
  const notes = [
    "Vectors are rounded to three decimals and products to four before they are used, so that every line can be checked.",
    "The number subtracted from the score is the largest score of all keys; the divisor is the sum of e^(score − largest) over all keys.",
  ];
  if (side.sink !== null) notes.push("The divisor also has the head's learned sink in it.");
  return notes;
}

/** The cells of a dimension's line as the page writes them: its number, q, and of each key k and the product. */
export function dimTexts([d, ...values]) {
  return [d, ...values.map((v, n) => formatNumber(v, n > 0 && n % 2 === 0 ? FINE : DECIMALS))];
}

/** A cell of a step: a number with the digits it has, or text. */
export function stepText(value) {
  return typeof value === "number" ? formatDigits(value) : value;
}

/** Sheets as CSV, one under the other. Text that a spreadsheet would take for a formula is kept from being one. */
export function csvOf(sheets) {
  const cell = (value) => {
    if (typeof value === "number") return String(value);
    const safe = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value;
    return /[",\n\r;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const line = (cells) => cells.map(cell).join(",");
  const keys = ({ steps }) => Math.max(0, steps[0].length - 1);
  const step = ([what, ...values]) => line([what, "", ...values.flatMap((v) => ["", v])]);
  return sheets
    .flatMap((sheet) => [
      line([sheet.title]),
      line(sheet.head),
      ...sheet.dims.map(line),
      ...(keys(sheet) ? sheet.steps.map(step) : []),
      ...sheet.notes.map((note) => line([note])),
      "",
    ])
    .join("\r\n");
}
