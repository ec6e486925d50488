// The neuron view's arithmetic: vectors out of a payload, the way to the weight, order, split, sheet, words.
import test from "node:test";
import assert from "node:assert/strict";
import { initialState, encodeState, decodeState, togglePin } from "../../attnlib/views/neuron/state.js";
import { decode24, decode16, sideOf, arithmetic } from "../../attnlib/views/neuron/vectors.js";
import {
  rowsOf,
  nameOf,
  shownOf,
  weightOf,
  numberOf,
  hiddenByMask,
  stripOf,
  topStrip,
  normOf,
  termsOf,
  curveOf,
  splitOf,
  alongText,
  largestOf,
  columnsOf,
  isScore,
  sayNumber,
} from "../../attnlib/views/neuron/shown.js";
import { layoutOf, under, HEAD, ROW, TITLE } from "../../attnlib/views/neuron/layout.js";
import { sayKeys, sayPlace, sayCurve, sayRow, sayDeviation, noteText } from "../../attnlib/views/neuron/words.js";
import { sheetsOf, sheetKeys, csvOf } from "../../attnlib/views/neuron/worksheet.js";
import { rampOf, rampColor, scaleFor } from "../../attnlib/views/neuron/draw.js";

const MIN = -3.4028234663852886e38;
const close = (a, b, within = 1e-5) => assert.ok(Math.abs(a - b) <= within, `${a} is not ${b}`);

/** Vectors as the payload has them (views/neuron/payload.py). */
function packed(vectors, steps = 2 ** 23 - 1) {
  const scale = Float32Array.from(vectors, (v) => Math.max(...v.map(Math.abs)) / steps || 1);
  const whole = vectors.flatMap((v, i) => v.map((x) => Math.round(x / scale[i])));
  if (steps < 40000) return [Uint16Array.from(whole, (w) => w + steps), scale];
  return [Uint8Array.from(whole.flatMap((w) => [w & 255, (w >> 8) & 255, (w >> 16) & 255])), scale];
}

function arraysOf(name, { query, key, value, bias }) {
  const [q, qs] = packed(query);
  const [k, ks] = packed(key);
  const [v, vs] = packed(value, 32767);
  const arrays = { query: q, query_scale: qs, key: k, key_scale: ks, value: v, value_scale: vs };
  if (bias) arrays.bias = Float32Array.from(bias);
  return Object.fromEntries(Object.entries(arrays).map(([part, array]) => [`${name}_${part}`, array]));
}

const about = (changes = {}) => ({
  ...{ scaling: 0.5, softcap: null, sink: null, bias: "none", edited: false, deviation: 0, tolerance: 1e-4 },
  ...changes,
});

const ONE = {
  query: [
    [1, 2, 0],
    [0, -1, 3],
    [2, 1, 1],
  ],
  key: [
    [1, 1, 1],
    [2, 0, -1],
    [0, 3, 0.5],
  ],
  value: [
    [3, 4],
    [0, 2],
    [1, 0],
  ],
};
const OTHER = { ...ONE, query: [...ONE.query.slice(0, 2), [-2, 1, 4]], key: [...ONE.key.slice(0, 2), [1, 3, 1]] };
const CAUSAL = [0, 0, 0, MIN, MIN]; // by key − query, from −2 to 2

function dataOf(texts, changes = {}, { side = {}, ...rest } = {}) {
  const names = ["a", "b"].slice(0, texts.length);
  const labels = ["x", " y", " z"];
  const pair = { labels: ["x", " y", " z → w"], a: labels, b: ["x", " y", " w"], at_a: [0, 1, 2], at_b: [0, 1, 2] };
  const header = {
    ...{ model: "m", stack: "self", layer: 1, head: 2, heads: 4, dims: 3, value_dims: 2, start: 2, keys: null },
    pair: texts.length > 1,
    queries: texts.length > 1 ? pair : { labels },
    sides: Object.fromEntries(names.map((name) => [name, about(side)])),
    scales: {
      head: { vector: 4, product: 12, value: 4 },
      layer: { vector: 8, product: 30, value: 9 },
      change: { vector: 5, product: 13, value: 4 },
    },
    ...rest,
    ...changes,
  };
  const arrays = Object.assign({}, ...texts.map((text, n) => arraysOf(names[n], text)));
  const sides = Object.fromEntries(names.map((name) => [name, sideOf(header, arrays, name)]));
  const queryRows = rowsOf(header.queries);
  return { header, sides, queryRows, keyRows: header.keys ? rowsOf(header.keys) : queryRows };
}

const show = (data, changes = {}) => shownOf(data, { ...initialState(data.header), ...changes });
const causal = () => dataOf([{ ...ONE, bias: CAUSAL }], {}, { side: { bias: "distance" } });

test("24- and 16-bit steps are read as they were written, the sign included", () => {
  const vectors = [
    [1.5, -1.5, 1e-6],
    [0, 0, 0],
    [-300, 299.99999, 0.5],
  ];
  const [bytes, scale] = packed(vectors);
  const out = decode24(bytes, scale, 3);
  vectors.flat().forEach((v, i) => close(out[i], v, 300 / 2 ** 23));
  const [words, coarse] = packed(vectors, 32767);
  decode16(words, coarse, 3).forEach((v, i) => close(v, vectors.flat()[i], 300 / 32767));
});

test("the way to the weight, step by step, is the formula", () => {
  const { sides } = causal();
  const steps = arithmetic(sides.a, 2);
  const dots = [2 + 1 + 1, 4 + 0 - 1, 0 + 3 + 0.5];
  const total = dots.reduce((sum, v) => sum + Math.exp(v / 2), 0);
  dots.forEach((dot, j) => {
    close(steps.dot[j], dot);
    close(steps.scaled[j], dot / 2);
    close(steps.weight[j], Math.exp(dot / 2) / total);
  });
  const first = arithmetic(sides.a, 0);
  assert.deepEqual([...first.weight], [1, 0, 0]);
});

test("a cap, a bias and a sink are steps of their own", () => {
  const side = { softcap: 3, sink: 1, bias: "all" };
  const bias = [0, 0, 0, 0, 0, 0, 0.5, -0.25, 0];
  const { sides } = dataOf([{ ...ONE, bias }], {}, { side });
  const steps = arithmetic(sides.a, 2);
  const scores = [2, 1.5, 1.75].map((v, j) => 3 * Math.tanh(v / 3) + bias[6 + j]);
  const total = Math.E + scores.reduce((sum, v) => sum + Math.exp(v), 0);
  scores.forEach((score, j) => {
    close(steps.score[j], score);
    close(steps.weight[j], Math.exp(score) / total);
  });
  close(steps.sink, Math.E / total);
  const shown = show({ ...dataOf([{ ...ONE, bias }], {}, { side }) });
  const names = columnsOf(shown, "weight").map(([name]) => name);
  assert.deepEqual(names, ["dot", "scaled", "capped", "bias", "score", "weight"]);
  assert.match(noteText(shown, { single: false }), /learned sink takes \.\d{3}/);
});

test("columns that add nothing are left out: a mask alone is no bias", () => {
  assert.deepEqual(
    columnsOf(show(causal()), "weight").map(([name]) => name),
    ["dot", "scaled", "weight"],
  );
});

test("later tokens are left out and counted; what another mask hides is listed and named", () => {
  const first = show(causal(), { query: 0 });
  assert.deepEqual([first.rows, first.later], [[0], 2]);
  assert.match(noteText(first, { single: false }), /^2 later tokens, which it does not see, are left out/);
  const hidden = dataOf([{ ...ONE, bias: [0, 0, 0, 0, 0, 0, 0, MIN, 0] }], {}, { side: { bias: "all" } });
  const shown = show(hidden);
  assert.deepEqual(shown.rows, [0, 1, 2]);
  assert.deepEqual(
    [0, 1, 2].map((key) => hiddenByMask(shown, key)),
    [false, true, false],
  );
  assert.equal(weightOf(shown, 1), 0);
  assert.equal(numberOf(shown, "score", 1), null);
  assert.equal(isScore(shown, "scaled"), true);
  assert.equal(sayRow(shown, 1), "z → y: hidden by a mask, weight .000");
});

test("keys by attention, and dimensions by what they add to the leading key", () => {
  const data = dataOf([ONE]);
  const shown = show(data, { keys: "weight", dims: "size" });
  assert.deepEqual([shown.rows, shown.leading], [[0, 2, 1], 0]);
  assert.deepEqual(shown.dims, [0, 1, 2]); // 2·1, 1·1, 1·1
  assert.deepEqual(show(data, { pins: [2], dims: "size" }).dims, [1, 2, 0]); // 0, 3, 0.5
  assert.equal(show(data, { pins: [2] }).leading, 2);
  assert.equal(show(data, { dims: "8" }).dims.length, 3);
});

test("an order can be kept while another query is chosen", () => {
  const data = dataOf([ONE]);
  const sorted = show(data, { query: 1, pins: [2], dims: "size" }).dims; // 0·0, −1·3, 3·0.5
  assert.deepEqual(sorted, [1, 2, 0]);
  assert.deepEqual(show(data, { query: 0, dims: "size" }).dims, [1, 0, 2]);
  assert.deepEqual(show(data, { query: 0, dims: "size", keep: [1, 2] }).dims, sorted);
});

test("terms sum to the score, and the curve ends there", () => {
  const shown = show(dataOf([ONE]));
  for (const key of [0, 1, 2]) {
    const terms = termsOf(shown, key);
    close(
      terms.reduce((sum, v) => sum + v, 0),
      numberOf(shown, "scaled", key),
    );
    const { sums, sum } = curveOf(terms);
    close(sums.at(-1), sum);
  }
});

test("how many terms are enough: from there on the sum stays within 20 %", () => {
  assert.equal(curveOf([8, 1, 1]).enough, 1); // 8 of 10
  assert.equal(curveOf([5, 3, 2]).enough, 2);
  assert.equal(curveOf([10, -9, 8, 1]).enough, 3); // 10 is enough, but 1 is not, and 9 is
  assert.equal(curveOf([1, 1, 1, 1, 1]).enough, 4);
  assert.equal(curveOf([3]).enough, 1);
  assert.equal(curveOf([1, -1]).enough, null);
  assert.equal(
    sayCurve(curveOf([8, 1, 1])),
    "1 of 3 dimensions makes 80 % of the score (10.000); the others move it by no more than 20 %.",
  );
  assert.match(sayCurve(curveOf([1, -1])), /cancel/);
});

test("a pair is subtracted, and its split is exact", () => {
  const data = dataOf([ONE, OTHER]);
  const shown = show(data);
  assert.equal(shown.show, "diff");
  for (const key of [0, 1, 2]) {
    const [a, b] = ["a", "b"].map((name) => arithmetic(data.sides[name], 2));
    close(numberOf(shown, "scaled", key), b.scaled[key] - a.scaled[key]);
    close(weightOf(shown, key), b.weight[key] - a.weight[key]);
    const terms = termsOf(shown, key);
    close(
      terms.reduce((sum, v) => sum + v, 0),
      b.scaled[key] - a.scaled[key],
    );
    const split = splitOf(shown, key);
    close(split.query + split.key, b.scaled[key] - a.scaled[key]);
  }
  const before = splitOf(shown, 0); // its key is the same in both
  close(before.key, 0);
  assert.deepEqual([...topStrip(shown)].map(Math.round), [-4, 0, 3]);
  assert.equal(nameOf(data.header.queries, 2, "diff"), " z → w");
  assert.equal(nameOf(data.header.queries, 2, "b"), " w");
});

test("what only one prompt has: no score to subtract, its weight against nothing", () => {
  const row = {
    labels: ["x", " new", " z"],
    a: ["x", null, " z"],
    b: ["x", " new", " z"],
    at_a: [0, null, 1],
    at_b: [0, 1, 2],
  };
  const short = { query: ONE.query.slice(1), key: ONE.key.slice(1), value: ONE.value.slice(1) };
  const data = dataOf([short, ONE], { queries: row });
  const shown = show(data);
  assert.equal(numberOf(shown, "scaled", 1), null);
  close(weightOf(shown, 1), arithmetic(data.sides.b, 2).weight[1]);
  assert.equal(stripOf(shown, "product", 1), null);
  const gone = show(data, { query: 1 });
  assert.deepEqual([gone.there, gone.rows, gone.leading], [false, [], null]);
  assert.equal(noteText(gone, { single: false }), "“new” is only in prompt B: there is nothing to subtract.");
  assert.equal(show(data, { query: 1, show: "b" }).there, true);
  assert.deepEqual(show(data, { show: "a" }).rows, [0, 2]);
  assert.deepEqual(sheetsOf(gone), []);
});

test("the value side: lengths, parts and their sum, the head's output", () => {
  const shown = show(dataOf([ONE]), { part: "value" });
  const weights = [0, 1, 2].map((key) => weightOf(shown, key));
  close(normOf(shown, "value", 0), 5, 1e-3);
  close(normOf(shown, "part", 0), 5 * weights[0], 1e-3);
  const output = topStrip(shown);
  close(output[0], 3 * weights[0] + weights[2], 1e-3);
  close(output[1], 4 * weights[0] + 2 * weights[1], 1e-3);
  const sum = [0, 1, 2].map((key) => stripOf(shown, "part", key)[0]).reduce((a, b) => a + b, 0);
  close(sum, output[0]);
  assert.deepEqual(
    columnsOf(shown, "value").map(([name]) => name),
    ["norm", "weight", "part"],
  );
});

test("a dimension over the text, as query and as key", () => {
  const shown = show(dataOf([ONE]));
  const along = alongText(shown, 1);
  along.query.forEach((v, i) => close(v, [2, -1, 1][i]));
  along.key.forEach((v, i) => close(v, [1, 0, 3][i]));
  assert.deepEqual(largestOf(along.query, 1), [0]);
  assert.deepEqual(largestOf([null, -5, 1], 3), [1, 2]);
  const pair = alongText(show(dataOf([ONE, OTHER])), 0);
  pair.query.forEach((v, i) => close(v, [0, 0, -4][i]));
});

test("the state comes back from its text; what does not fit is as at the start", () => {
  const { header } = dataOf([ONE]);
  const state = {
    ...initialState(header),
    query: 1,
    pins: [2, 0],
    dim: 1,
    dims: "16",
    keep: [1, 2],
    keys: "weight",
    scale: "layer",
  };
  const text = encodeState(state, header);
  assert.equal(text, "q:1,dims:16,keys:weight,scale:layer,pins:2.0,dim:1,keep:1.2");
  assert.deepEqual(decodeState(text, header), state);
  assert.equal(encodeState(initialState(header), header), "");
  const foreign = "q:99,pins:7.1.1.x,dim:3,dims:lots,keep:9.9,show:c,part:value,scale:__proto__";
  assert.deepEqual(decodeState(foreign, header), { ...initialState(header), part: "value", pins: [1] });
  assert.deepEqual(decodeState("keep:1.2", header).keep, null, "an order that is not sorted is not kept");
  assert.deepEqual(togglePin({ pins: [1, 2, 3, 4, 5] }, 6), [2, 3, 4, 5, 6]);
  assert.deepEqual(togglePin({ pins: [1, 2] }, 1), [2]);
});

test("sizes: both strips where there is room, else one; nothing wider than the page", () => {
  const data = dataOf([ONE]);
  for (const [width, dims] of [
    [1200, 64],
    [620, 64],
    [360, 64],
    [900, 256],
    [320, 256],
    [1200, 3],
  ]) {
    const shown = { ...show(data), dims: Array.from({ length: dims }, (_, d) => d) };
    const layout = layoutOf(shown, width, 90);
    assert.ok(layout.width <= width, `${layout.width} of ${width}`);
    assert.equal(layout.strips.length, layout.single ? 1 : 2);
    assert.equal(layout.columns.at(-1).name, "weight");
    const strip = layout.strips.at(-1);
    assert.deepEqual(under(shown, layout, [strip.x + layout.cell * 1.5, HEAD + 5], 0), { row: 0, dim: 1 });
    assert.deepEqual(under(shown, layout, [strip.x - 1, HEAD + ROW + 1], ROW), { row: 2, dim: null });
    assert.equal(under(shown, layout, [5, HEAD + 3 * ROW + 1], 0), null);
    assert.equal(under(shown, layout, [5, TITLE + 3], 0), null);
  }
  assert.equal(layoutOf({ ...show(data), dims: Array(64).fill(0) }, 360, 90).single, true);
});

test("the sheet multiplies out, line by line, as a student would", () => {
  const q = [1.23456, -2.34567, 0.5];
  const key = [
    [0.9876, 1.1111, -3.2],
    [2.22222, 0, 1],
    [0.1, 0.2, 0.3],
  ];
  const data = dataOf([{ ...ONE, query: [q, q, q], key }], {}, { side: { scaling: 0.577350269 } });
  const shown = show(data, { dims: "order", pins: [1, 0] });
  const [sheet] = sheetsOf(shown);
  assert.deepEqual(sheet.head, ["dimension", "q", "k “y”", "q × k", "k “x”", "q × k"]);
  const products = [0, 0];
  for (const [, a, ...rest] of sheet.dims)
    for (const n of [0, 1]) {
      close(Number(a) * Number(rest[2 * n]), Number(rest[2 * n + 1]), 0.00005001);
      products[n] += Number(rest[2 * n + 1]);
    }
  const steps = Object.fromEntries(sheet.steps.map(([what, ...values]) => [what, values]));
  const scores = steps["× .5774"];
  const [power] = Object.keys(steps).filter((what) => what.startsWith("e^"));
  const [divisor] = Object.keys(steps).filter((what) => what.startsWith("÷"));
  const exact = arithmetic(data.sides.a, 2);
  for (const n of [0, 1]) {
    close(steps["q·k: sum of the products"][n], products[n], 1e-9);
    close(scores[n], products[n] * 0.5774, 0.00050001);
    close(steps[power][n], Math.exp(scores[n] - Number(/− (.*)\)/.exec(power)[1].replace("−", "-"))), 0.00005001);
    close(steps[divisor][n], steps[power][n] / Number(divisor.slice(2)), 0.00050001);
    close(steps[divisor][n], exact.weight[[1, 0][n]], 0.003);
    close(steps["weight in the model"][n], exact.weight[[1, 0][n]], 0.00050001);
  }
});

test("of some dimensions the sheet says what the others add", () => {
  const shown = { ...show(dataOf([ONE]), { pins: [0] }), dims: [0] };
  const [{ dims, steps }] = sheetsOf(shown);
  assert.equal(dims.length, 1);
  assert.deepEqual(steps.slice(0, 3), [
    ["sum of these 1 products", 2],
    ["the other 2 dimensions", 2],
    ["q·k", 4],
  ]);
});

test("the sheet of a pair has both prompts; without pins the three strongest keys", () => {
  const shown = show(dataOf([ONE, OTHER]));
  assert.deepEqual(
    sheetsOf(shown).map(({ title }) => /prompt (.)/.exec(title)[1]),
    ["A", "B"],
  );
  assert.deepEqual(sheetsOf(show(dataOf([ONE, OTHER]), { show: "b" })).length, 1);
  assert.equal(sheetKeys(shown).length, 3);
  const masked = dataOf([{ ...ONE, bias: [0, 0, 0, 0, 0, 0, 0, MIN, 0] }], {}, { side: { bias: "all" } });
  const [{ steps }] = sheetsOf(show(masked, { pins: [1] }));
  assert.deepEqual(
    steps.find(([what]) => what === "score"),
    ["score", "masked"],
  );
  assert.equal(steps.at(-1)[1], 0);
});

test("a saved sheet cannot run: text that looks like a formula is text", () => {
  const labels = ["=HYPERLINK(1)", '"quoted", here', "+1"];
  const [sheet] = sheetsOf(show(dataOf([ONE], { queries: { labels }, model: "=cmd" }), { pins: [0, 1] }));
  const csv = csvOf([sheet]);
  assert.match(csv, /^"?'=cmd/);
  for (const line of csv.split("\r\n"))
    for (const cell of line.match(/("([^"]|"")*"|[^,]*)(,|$)/g)) assert.doesNotMatch(cell.replace(/^"/, ""), /^[=@]/);
  assert.match(csv, /""quoted""/);
});

test("colours: by the root, saturated at the scale, of this head or the layer", () => {
  const theme = { background: "#ffffff", dark: false };
  const ramp = rampOf(theme);
  assert.equal(rampColor(ramp, 0), "rgb(255, 255, 255)");
  assert.equal(rampColor(ramp, 5), rampColor(ramp, 1));
  const [, green] = /, (\d+),/.exec(rampColor(ramp, 0.25));
  const [, full] = /, (\d+),/.exec(rampColor(ramp, 1));
  close(Number(green), (255 + Number(full)) / 2, 1.5);
  const shown = show(dataOf([ONE, OTHER]), { show: "a" });
  assert.equal(scaleFor(shown, "product"), 12);
  assert.equal(scaleFor({ ...shown, state: { ...shown.state, scale: "layer" } }, "key"), 8);
  assert.equal(scaleFor({ ...shown, show: "diff" }, "product"), 13);
});

test("words", () => {
  const shown = show(dataOf([ONE]));
  assert.equal(sayRow(shown, 0), `z → x: q·k 4.000, × .5 2.000, weight ${sayNumber(weightOf(shown, 0))}`);
  assert.equal(sayRow(shown, 2, 1), "z → z, dimension 1: 1.000 × 3.000 = 3.000");
  const pair = show(dataOf([ONE, OTHER]));
  assert.match(sayRow(pair, 0, 0), /^z → w → x, dimension 0: change of q −4\.000, of k \.000, of q × k −4\.000$/);
  assert.equal(sayNumber(-0.0004), ".000");
  assert.equal(sayNumber(1234.56), "1234.6");
  assert.equal(sayNumber(-123456), "−1.23e+5");
  assert.equal(sayNumber(0.5, true), "+.500");
  assert.equal(sayNumber(null), "–");
  const says = (changes) => sayDeviation({ header: { sides: { a: about(changes) } } }, ["a"]);
  assert.match(
    says({ deviation: 3.2e-7 }),
    /gives the model's own weights, over the whole text: largest deviation 3\.2e−7/,
  );
  assert.match(says({ deviation: 0.002, tolerance: 0.01 }), /up to the rounding/);
  assert.match(says({ deviation: 0.2 }), /misses the model's own weights by up to 2\.0e−1: do not rely on it/);
  assert.match(says({ edited: true }), /replaced by an edit/);
});

test("only keys that do something are said", () => {
  assert.doesNotMatch(sayKeys({ heads: 12 }, false), /turn/);
  assert.match(sayKeys({ heads: 12 }, true), /digits turn to other heads, \[ and \] to other layers\.$/);
  assert.match(sayKeys({ heads: 1 }, true), /dimension, \[ and \] turn to other layers\.$/);
});

test("a head is named by its place and by what it does", () => {
  const header = { layer: 1, head: 2, heads: 4, labels: ["", "", "induction .70", ""] };
  assert.equal(sayPlace(header), "layer 1 head 2 · induction .70");
  assert.equal(sayPlace({ ...header, head: 0 }), "layer 1 head 0");
  assert.match(sayKeys(header, true), /^layer 1 head 2, induction \.70\. Keys of the query\./);
  assert.match(sayKeys({ ...header, head: 0 }, true), /^Keys of the query\./);
});
