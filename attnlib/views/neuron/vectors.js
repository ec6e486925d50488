// One text's vectors out of a neuron payload, and the arithmetic from query and key to the weight. Pure: no DOM.
const MASKED = -1e4; // a bias below this hides a key (tracing/vectors.py)

/** 24-bit steps (see payload.py) → numbers. */
export function decode24(bytes, scales, width) {
  const out = new Float64Array(scales.length * width);
  for (let i = 0, at = 0; i < out.length; i++, at += 3) {
    const whole = ((bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)) << 8) >> 8;
    out[i] = whole * scales[Math.floor(i / width)];
  }
  return out;
}

/** 16-bit steps → numbers. */
export function decode16(packed, scales, width) {
  return Float64Array.from(packed, (v, i) => (v - 32767) * scales[Math.floor(i / width)]);
}

/**
 * One text's vectors and what else its arithmetic needs: {query, key, value, queries, keys, biasAt, …}.
 * @param {import("./types").NeuronHeader} header
 */
export function sideOf(header, arrays, name) {
  const { dims, value_dims: valueDims, sides } = header;
  const [queries, keys] = [arrays[`${name}_query_scale`].length, arrays[`${name}_key_scale`].length];
  const bias = arrays[`${name}_bias`];
  const biasAt = {
    none: () => 0,
    distance: (i, j) => bias[j - i + queries - 1],
    all: (i, j) => bias[i * keys + j],
  }[sides[name].bias];
  const biased = Boolean(bias?.some((v) => v !== 0 && v >= MASKED)); // more than a mask
  return {
    ...sides[name],
    ...{ biased, dims, valueDims, queries, keys, biasAt },
    query: decode24(arrays[`${name}_query`], arrays[`${name}_query_scale`], dims),
    key: decode24(arrays[`${name}_key`], arrays[`${name}_key_scale`], dims),
    value: decode16(arrays[`${name}_value`], arrays[`${name}_value_scale`], valueDims),
  };
}

/** A vector of a text, as a view. */
export function vectorOf(side, name, token) {
  const width = name === "value" ? side.valueDims : side.dims;
  return side[name].subarray(token * width, (token + 1) * width);
}

/**
 * The way from a query token to its weights, step by step, an array over all keys each: dot = q·k, scaled = dot ·
 * scaling, capped, bias, score = capped + bias, weight = e^(score − largest) / sum; sink: the weight nobody gets.
 */
export function arithmetic(side, query) {
  const { keys, scaling, softcap, sink } = side;
  const steps = Object.fromEntries(
    ["dot", "scaled", "capped", "bias", "score", "weight"].map((name) => [name, new Float64Array(keys)]),
  );
  const q = vectorOf(side, "query", query);
  for (let j = 0; j < keys; j++) {
    const k = vectorOf(side, "key", j);
    let dot = 0;
    for (let d = 0; d < q.length; d++) dot += q[d] * k[d];
    steps.dot[j] = dot;
    steps.scaled[j] = dot * scaling;
    steps.capped[j] = softcap === null ? steps.scaled[j] : Math.tanh(steps.scaled[j] / softcap) * softcap;
    steps.bias[j] = side.biasAt(query, j);
    steps.score[j] = steps.capped[j] + steps.bias[j];
  }
  const largest = steps.score.reduce((most, v) => Math.max(most, v), sink ?? -Infinity);
  let sum = sink === null ? 0 : Math.exp(sink - largest);
  const none = sum;
  for (let j = 0; j < keys; j++) sum += steps.weight[j] = Math.exp(steps.score[j] - largest);
  for (let j = 0; j < keys; j++) steps.weight[j] /= sum;
  return { ...steps, largest, sum, sink: none / sum };
}

/** Whether a key is hidden from a query by a mask. */
export function isMasked(side, query, key) {
  return side.biasAt(query, key) < MASKED;
}
