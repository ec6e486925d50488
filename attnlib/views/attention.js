// Arithmetic on one layer's attention: words, hidden tokens, thresholds, sums, which lines to draw.
// An attention is {heads, queries, keys, w}: w is a Float32Array [head, query, key]. Pure functions, no DOM.

/** The weights of a payload's layer as an attention; a causal model's come as a packed lower triangle. */
export function decodeWeights(header, packed) {
  const heads = header.heads;
  const queries = header.queries.labels.length;
  const keys = (header.keys ?? header.queries).labels.length;
  const w = new Float32Array(heads * queries * keys);
  if (!header.triangle) {
    for (let i = 0; i < w.length; i++) w[i] = packed[i] / 65535;
  } else {
    for (let h = 0, from = 0; h < heads; h++) {
      for (let q = 0; q < queries; q++) {
        const row = (h * queries + q) * keys;
        for (let k = 0; k <= q; k++) w[row + k] = packed[from++] / 65535;
      }
    }
  }
  return { heads, queries, keys, w };
}

/** Pieces merged into words: attention to a word is the sum over its pieces, from a word the mean. */
export function mergeWords(attention, queryWords, keyWords) {
  const { heads, queries, keys, w } = attention;
  const out = new Float32Array(heads * queryWords.length * keyWords.length);
  let at = 0;
  for (let h = 0; h < heads; h++) {
    for (const from of queryWords) {
      for (const to of keyWords) {
        let sum = 0;
        for (const q of from) for (const k of to) sum += w[(h * queries + q) * keys + k];
        out[at++] = sum / from.length;
      }
    }
  }
  return { heads, queries: queryWords.length, keys: keyWords.length, w: out };
}

/** Keys hidden and each row divided by what is left; `removed` [head, query] is the share taken away. */
export function hideKeys(attention, hidden) {
  const { heads, queries, keys, w } = attention;
  const out = new Float32Array(w.length);
  const removed = new Float32Array(heads * queries);
  for (let row = 0; row < heads * queries; row++) {
    const start = row * keys;
    let gone = 0, left = 0;
    for (let k = 0; k < keys; k++) {
      if (hidden[k]) gone += w[start + k];
      else left += w[start + k];
    }
    removed[row] = gone;
    if (left > 1e-6) {
      for (let k = 0; k < keys; k++) if (!hidden[k]) out[start + k] = w[start + k] / left;
    }
  }
  return { attention: { ...attention, w: out }, removed };
}

/** For each row [head, query] the smallest weight of the smallest set of keys that holds `mass` of the row. */
export function massCutoffs(attention, mass) {
  const { heads, queries, keys, w } = attention;
  const cutoffs = new Float32Array(heads * queries);
  if (mass >= 1) return cutoffs;
  for (let row = 0; row < cutoffs.length; row++) {
    const sorted = w.slice(row * keys, (row + 1) * keys).sort();
    let total = 0;
    for (const v of sorted) total += v;
    let held = 0, i = keys;
    while (i > 0 && held < mass * total - 1e-7) held += sorted[--i];
    cutoffs[row] = i < keys ? sorted[i] : Infinity;
  }
  return cutoffs;
}

const BINS = 4096;

/**
 * The lines of the overview: at most `most` of the strongest, over `on` heads and the shown queries and keys.
 * Of equal ones at the border an even sample is taken, so that flat attention still draws.
 * → {index: Uint32Array into w, total: lines there are, weakest: the smallest weight drawn}
 */
export function chooseLines(attention, { on, queries, keys, cutoffs, most }) {
  const { w } = attention;
  const counts = new Uint32Array(BINS + 1);
  const bin = (v) => Math.min(BINS, Math.ceil(v * BINS));
  let total = 0;
  forEachWeight(attention, { on, queries, keys, cutoffs }, (i) => {
    counts[bin(w[i])]++;
    total++;
  });
  let border = BINS, above = 0;
  while (border > 0 && above + counts[border] <= most) above += counts[border--];
  const room = Math.max(0, most - above);
  const stride = border > 0 ? counts[border] / Math.max(1, room) : 1;
  const index = new Uint32Array(Math.min(total, most));
  let n = 0, tied = 0, taken = 0, weakest = 1;
  forEachWeight(attention, { on, queries, keys, cutoffs }, (i) => {
    const b = bin(w[i]);
    if (b < border || n >= index.length) return;
    if (b === border && tied++ < taken * stride) return;
    if (b === border) taken++;
    index[n++] = i;
    if (w[i] < weakest) weakest = w[i];
  });
  return { index: index.subarray(0, n), total, weakest: n ? weakest : 0 };
}

function forEachWeight(attention, { on, queries, keys, cutoffs }, visit) {
  const { w } = attention;
  for (const h of on) {
    for (const q of queries) {
      const row = h * attention.queries + q;
      const cutoff = cutoffs[row];
      for (const k of keys) {
        const i = row * attention.keys + k;
        if (w[i] > 0 && w[i] >= cutoff) visit(i);
      }
    }
  }
}

/** Where an index into w points: [head, query, key]. */
export function placeOf(attention, index) {
  const k = index % attention.keys;
  const row = (index - k) / attention.keys;
  return [Math.floor(row / attention.queries), row % attention.queries, k];
}

/** Attention of some tokens, summed: [on head, other side], for tokens of side "q" or "k". */
export function profile(attention, on, side, tokens) {
  const { queries, keys, w } = attention;
  const length = side === "q" ? keys : queries;
  return on.map((h) => {
    const sums = new Float32Array(length);
    for (const t of tokens) {
      for (let j = 0; j < length; j++) {
        sums[j] += side === "q" ? w[(h * queries + t) * keys + j] : w[(h * queries + j) * keys + t];
      }
    }
    return sums;
  });
}

/** Several heads as one number per token: their mean, or their maximum. */
export function combine(profiles, rule) {
  const out = new Float32Array(profiles[0]?.length ?? 0);
  for (let j = 0; j < out.length; j++) {
    for (const p of profiles) out[j] = rule === "max" ? Math.max(out[j], p[j]) : out[j] + p[j] / profiles.length;
  }
  return out;
}

/** Keep for every query and key only the line of its strongest head (rule "max"). */
export function strongestOnly(attention, on) {
  const { heads, queries, keys, w } = attention;
  const out = new Float32Array(w.length);
  const size = queries * keys;
  for (let i = 0; i < size; i++) {
    let best = on[0];
    for (const h of on) if (w[h * size + i] > w[best * size + i]) best = h;
    out[best * size + i] = w[best * size + i];
  }
  return { heads, queries, keys, w: out };
}

/** The opacity of a line of weight `v` under a rule: shared among the heads, or its own. */
export function opacity(v, rule, heads) {
  return Math.min(1, rule === "mean" ? v / heads : v);
}

/** A weight as the views write it: three decimals. */
export function format(v) {
  return v.toFixed(3);
}
