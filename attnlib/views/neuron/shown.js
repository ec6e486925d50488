// From vectors and what was chosen to what is shown of one query: rows, numbers, strips, terms, the order of
// dimensions; of a pair on one side or B − A. Pure: no DOM.
import { vectorOf, arithmetic, isMasked } from "./vectors.js";
import { formatNumber, formatSigned, formatRounded, formatPower } from "../shared/numbers.js";

const ENOUGH = 0.8;

// ---- rows: tokens of a text, or tokens of A beside those of B

/**
 * For each row its label and its tokens: {label, a, b}; a token that is not there is null.
 * @param {import("./types").NeuronHeader["queries"]} row
 */
export function rowsOf({ labels, at_a: atA, at_b: atB }) {
  return labels.map((label, i) => ({ label, a: atA ? atA[i] : i, b: atB ? atB[i] : null }));
}

/** What a row is called on a side: "She → He", "She" or "He"; a dash where the prompt does not have it. */
export function nameOf(row, i, show) {
  return !row.a || show === "diff" ? row.labels[i] : (row[show][i] ?? "–");
}

/** What a row is called on a side, in running text: without spaces around it. */
export function bare(row, i, show = "diff") {
  return nameOf(row, i, show).trim() || "␣";
}

// ---- what is shown

/**
 * One query's columns: `rows` (key rows in the order shown), `later` (how many are left out because the query never
 * sees them), and for a key row its numbers and vectors. Of a pair the side shown, or B − A.
 */
export function shownOf(data, state) {
  const { header, sides, queryRows, keyRows } = data;
  const at = queryRows[state.query];
  const show = header.pair ? state.show : "a";
  const names = show === "diff" ? ["a", "b"] : [show];
  const there = names.every((name) => at[name] !== null);
  const steps = Object.fromEntries(
    ["a", "b"]
      .filter((name) => sides[name] && at[name] !== null)
      .map((name) => [name, arithmetic(sides[name], at[name])]),
  );
  const shown = { ...data, state, at, show, names, there, steps };
  const seen = (row) =>
    names.some((name) => row[name] !== null && at[name] !== null && isListed(shown, name, row[name]));
  const listed = there ? keyRows.flatMap((row, j) => (seen(row) ? [j] : [])) : [];
  const possible = keyRows.filter((row) => names.some((name) => row[name] !== null)).length;
  shown.later = there ? possible - listed.length : 0;
  shown.strongest = [...listed].sort((i, j) => Math.abs(weightOf(shown, j)) - Math.abs(weightOf(shown, i)) || i - j);
  shown.rows = state.keys === "weight" ? shown.strongest : listed;
  shown.leading = state.pins.findLast((pin) => listed.includes(pin)) ?? shown.strongest[0] ?? null;
  shown.dims = orderOf(shown);
  return shown;
}

/** Later tokens that a causal model's query never sees are left out; what another mask hides is listed and named. */
function isListed({ header, sides, at }, name, token) {
  return header.stack === "cross" || token <= at[name] || !isMasked(sides[name], at[name], token);
}

/** A key's weight, or how it changes; what a prompt does not have gets nothing. */
export function weightOf(shown, key) {
  const one = (name) => {
    const token = shown.keyRows[key][name];
    return token === null || !shown.steps[name] ? 0 : shown.steps[name].weight[token];
  };
  return shown.show === "diff" ? one("b") - one("a") : one(shown.show);
}

/** One step's number of a key row ("dot", "scaled", …), or its change; null where there is none to be had. */
export function numberOf(shown, step, key) {
  if (step === "weight") return weightOf(shown, key);
  const one = (name) => {
    const token = shown.keyRows[key][name];
    if (token === null || !shown.steps[name]) return null;
    const hidden = isMasked(shown.sides[name], shown.at[name], token);
    return hidden && (step === "bias" || step === "score") ? null : shown.steps[name][step][token];
  };
  if (shown.show !== "diff") return one(shown.show);
  const [a, b] = [one("a"), one("b")];
  return a === null || b === null ? null : b - a;
}

/** Whether a mask hides a key row from the query, on a shown side. */
export function hiddenByMask({ names, sides, at, keyRows }, key) {
  return names.some((name) => {
    const token = keyRows[key][name];
    return token !== null && at[name] !== null && isMasked(sides[name], at[name], token);
  });
}

/** The vectors of a key row as drawn: "key", "product" (q × k), "value", "part" (weight × v); null where none are. */
export function stripOf(shown, kind, key) {
  const one = (name) => {
    const token = shown.keyRows[key][name];
    return token === null || !shown.steps[name] ? null : vectorsOf(shown, kind, name, token);
  };
  if (shown.show !== "diff") return one(shown.show);
  const [a, b] = [one("a"), one("b")];
  if (kind === "part") return minus(b, a, shown.header.value_dims); // a key that is not there adds nothing
  return a && b ? minus(b, a, a.length) : null;
}

function vectorsOf({ sides, steps, at }, kind, name, token) {
  const side = sides[name];
  if (kind === "key" || kind === "value") return vectorOf(side, kind, token);
  if (kind === "part") return vectorOf(side, "value", token).map((v) => v * steps[name].weight[token]);
  const q = vectorOf(side, "query", at[name]);
  return vectorOf(side, "key", token).map((k, d) => k * q[d]);
}

function minus(b, a, width) {
  return Float64Array.from({ length: width }, (_, d) => (b ? b[d] : 0) - (a ? a[d] : 0));
}

/** The query's vector, or (of the value part) the head's output of the query: the sum of weight × value. */
export function topStrip(shown) {
  const { state, sides, at, show, header } = shown;
  if (!shown.there) return null;
  const one = (name) =>
    state.part === "weight" ? vectorOf(sides[name], "query", at[name]) : outputOf(sides[name], shown.steps[name]);
  if (show !== "diff") return one(show);
  return minus(one("b"), one("a"), state.part === "weight" ? header.dims : header.value_dims);
}

function outputOf(side, { weight }) {
  const out = new Float64Array(side.valueDims);
  for (let j = 0; j < side.keys; j++) {
    const v = vectorOf(side, "value", j);
    for (let d = 0; d < out.length; d++) out[d] += weight[j] * v[d];
  }
  return out;
}

/** Lengths of the value side: ‖v‖, ‖weight · v‖ of a key row; of B − A the change of the length. */
export function normOf(shown, kind, key) {
  const one = (name) => {
    const token = shown.keyRows[key][name];
    if (token === null || !shown.steps[name]) return kind === "part" ? 0 : null;
    return length(vectorsOf(shown, kind, name, token));
  };
  if (shown.show !== "diff") return one(shown.show);
  const [a, b] = [one("a"), one("b")];
  return a === null || b === null ? null : b - a;
}

export function length(vector) {
  return Math.sqrt(vector.reduce((sum, v) => sum + v * v, 0));
}

// ---- dimensions

/** The dimensions in the order shown: as in the model, or by the size of what each adds to the leading key's score. */
function orderOf(shown) {
  const { state, header } = shown;
  const all = Array.from({ length: state.part === "weight" ? header.dims : header.value_dims }, (_, d) => d);
  const sizes = state.dims === "order" ? null : leadingSizes(shown);
  if (!sizes) return all;
  all.sort((i, j) => Math.abs(sizes[j]) - Math.abs(sizes[i]) || i - j);
  return state.dims === "size" ? all : all.slice(0, Number(state.dims));
}

function leadingSizes(shown) {
  if (shown.state.part === "value") return topStrip(shown);
  const { keep, pins } = shown.state;
  if (!keep) return shown.leading === null ? null : stripOf(shown, "product", shown.leading);
  const kept = { ...shown.state, query: keep[0], pins, keep: null, dims: "order" };
  return stripOf(shownOf(shown, kept), "product", keep[1]);
}

/** What each dimension adds to the score of a key row, scaled; or to its change. null where there is no score. */
export function termsOf(shown, key) {
  const scaling = shown.sides.a.scaling;
  return stripOf(shown, "product", key)?.map((v) => v * scaling) ?? null;
}

/** The running sum of terms, largest first, and how many are enough: from there on it stays within 20 % of the sum. */
export function curveOf(terms) {
  const order = Array.from(terms, (_, d) => d).sort((i, j) => Math.abs(terms[j]) - Math.abs(terms[i]) || i - j);
  let sum = 0;
  const sums = order.map((d) => (sum += terms[d]));
  const away = (v) => Math.abs(v - sum) > (1 - ENOUGH) * Math.abs(sum) + 1e-12;
  const enough = Math.abs(sum) < 1e-9 ? null : sums.findLastIndex(away) + 2;
  return { order, sums, sum, enough };
}

/** Of a score's change: how much the other query does, and how much the other key; they sum to the change exactly. */
export function splitOf({ sides, at, keyRows }, key) {
  const [qa, qb] = ["a", "b"].map((name) => vectorOf(sides[name], "query", at[name]));
  const [ka, kb] = ["a", "b"].map((name) => vectorOf(sides[name], "key", keyRows[key][name]));
  let [query, other] = [0, 0];
  for (let d = 0; d < qa.length; d++) {
    query += ((qb[d] - qa[d]) * (ka[d] + kb[d])) / 2;
    other += ((kb[d] - ka[d]) * (qa[d] + qb[d])) / 2;
  }
  return { query: query * sides.a.scaling, key: other * sides.a.scaling };
}

/** One dimension over a text: the number of every row as query and as key (values: as value); of a pair as shown. */
export function alongText(shown, dim) {
  const { sides, names, show, state, queryRows, keyRows } = shown;
  const over = (rows, kind) =>
    rows.map((row) => {
      const [first, second] = names.map((name) =>
        row[name] === null ? null : vectorOf(sides[name], kind, row[name])[dim],
      );
      if (show !== "diff") return first;
      return first === null || second === null ? null : second - first;
    });
  if (state.part === "value") return { value: over(keyRows, "value") };
  return { query: over(queryRows, "query"), key: over(keyRows, "key") };
}

/** The rows with the largest numbers in size. */
export function largestOf(values, count) {
  const there = values.flatMap((v, i) => (v === null ? [] : [i]));
  return there.sort((i, j) => Math.abs(values[j]) - Math.abs(values[i]) || i - j).slice(0, count);
}

// ---- columns of numbers

/** The columns right of the strips: [name, title]; those that add nothing are left out. */
export function columnsOf({ sides, show }, part) {
  const change = show === "diff" ? "Δ " : "";
  if (part === "value")
    return [
      ["norm", `${change}‖v‖`],
      ["weight", `${change}weight`],
      ["part", `${change}‖w · v‖`],
    ];
  const { softcap, scaling } = sides.a;
  const capped = softcap !== null;
  const biased = Object.values(sides).some((side) => side.biased);
  const columns = [
    ["dot", `${change}q·k`],
    ["scaled", `× ${scalingText(scaling)}`],
  ];
  if (capped) columns.push(["capped", `cap ${softcap}`]);
  if (biased) columns.push(["bias", "+ bias"]);
  if (biased) columns.push(["score", "score"]);
  return [...columns, ["weight", `${change}weight`]];
}

/** Whether a column is what the softmax is taken of (or the bias in it): a masked key has none. */
export function isScore(shown, name) {
  if (shown.state.part === "value") return false;
  const columns = columnsOf(shown, "weight");
  return name === "bias" || name === columns.at(-2)[0];
}

export function scalingText(scaling) {
  return formatRounded(scaling, 4);
}

/** The number of a column of a key row; null where there is none. */
export function columnNumber(shown, name, key) {
  return name === "norm" || name === "part"
    ? normOf(shown, name === "norm" ? "value" : "part", key)
    : numberOf(shown, name, key);
}

/** A number of any size: three decimals, fewer where it is large; with its sign where it is a change. */
export function sayNumber(v, signed = false, decimals = 3) {
  if (Math.abs(v) >= 10000) return formatPower(v, 2);
  const places = Math.abs(v) >= 1000 ? Math.min(1, decimals) : decimals;
  return signed ? formatSigned(v, places) : formatNumber(v, places);
}

/** What is drawn as rows for a spreadsheet: the query (or output), then each key with its numbers and strips. */
export function neuronTable(shown) {
  const { header, show, state, dims, rows } = shown;
  const weight = state.part === "weight";
  const kinds = weight ? ["key", "product"] : ["value", "part"];
  const columns = columnsOf(shown, state.part);
  const strip = (vector) => dims.map((d) => (vector ? vector[d] : NaN));
  const names = kinds.flatMap((kind) => dims.map((d) => `${{ product: "q × k", part: "w × v" }[kind] ?? kind} ${d}`));
  const empty = dims.map(() => "");
  const top = topStrip(shown);
  const first = [weight ? "query" : "output", state.query, bare(header.queries, state.query, show)];
  const about = top ? [weight ? strip(top) : empty, weight ? empty : strip(top)] : [empty, empty];
  return [
    ["row", "token", "text", ...columns.map(([, title]) => title), ...names],
    [...first, ...columns.map(() => ""), ...about.flat()],
    ...rows.map((key) => [
      ...["key", key, bare(header.keys ?? header.queries, key, show)],
      ...columns.map(([name]) =>
        hiddenByMask(shown, key) && isScore(shown, name) ? "masked" : (columnNumber(shown, name, key) ?? NaN),
      ),
      ...kinds.flatMap((kind) => strip(stripOf(shown, kind, key))),
    ]),
  ];
}
