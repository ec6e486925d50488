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

/** The attention of a payload: {heads, queries, keys, w}, or of a prompt pair {a, b}. */
export function decodePayload(header, arrays) {
  const a = decodeWeights(header, arrays.weights);
  return header.pair ? { a, b: decodeWeights(header, arrays.weights_b) } : a;
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
        out[at++] = sum / (from.length || 1); // no pieces: a word that is not there
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
    let gone = 0,
      left = 0;
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
  for (let row = 0; row < cutoffs.length; row++) cutoffs[row] = rowCutoff(w, row * keys, keys, mass);
  return cutoffs;
}

const sums = new Float64Array(257);

/** The cutoff of one row: whole bins of similar weights from above, then the bin at the border one by one. */
function rowCutoff(w, start, keys, mass) {
  const bin = (v) => (Math.sqrt(v) * 256) | 0;
  let total = 0;
  sums.fill(0);
  for (let i = start; i < start + keys; i++) {
    total += w[i];
    sums[bin(w[i])] += w[i];
  }
  const wanted = mass * total - 1e-7;
  if (wanted <= 0) return Infinity;
  let held = 0,
    border = 256;
  while (border > 0 && held + sums[border] < wanted) held += sums[border--];
  const candidates = [];
  for (let i = start; i < start + keys; i++) if (bin(w[i]) === border) candidates.push(w[i]);
  candidates.sort((x, y) => y - x);
  for (const v of candidates) {
    held += v;
    if (held >= wanted) return v;
  }
  return candidates.at(-1) ?? 0;
}

const BINS = 4096;

/**
 * The lines of the overview: at most `most` of the strongest, over `on` heads and the shown queries and keys.
 * Of similar ones at the border an even sample is taken, so that flat attention still draws.
 * → {index: Uint32Array into w, total: lines there are, weakest: the smallest weight drawn}
 */
export function chooseLines(attention, { on, queries, keys, cutoffs, most }) {
  const { w } = attention;
  const rows = on.flatMap((h) => queries.map((q) => h * attention.queries + q));
  const counts = new Uint32Array(BINS + 2);
  let total = 0;
  for (const row of rows) {
    const start = row * attention.keys,
      cutoff = cutoffs[row];
    for (let n = 0; n < keys.length; n++) {
      const v = w[start + keys[n]];
      if (v > 0 && v >= cutoff) {
        counts[(v * BINS) | 0]++;
        total++;
      }
    }
  }
  let border = BINS + 1,
    above = 0;
  while (border > 0 && above + counts[border] <= most) above += counts[border--];
  const stride = counts[border] / Math.max(1, most - above);
  const index = new Uint32Array(Math.min(total, most));
  let count = 0,
    tied = 0,
    taken = 0,
    weakest = 1;
  for (const row of rows) {
    const start = row * attention.keys,
      cutoff = cutoffs[row];
    for (let n = 0; n < keys.length; n++) {
      const v = w[start + keys[n]];
      const b = (v * BINS) | 0;
      if (!(v > 0) || b < border || v < cutoff || count === index.length) continue;
      if (b === border && stride > 1 && tied++ < taken * stride) continue;
      if (b === border) taken++;
      index[count++] = start + keys[n];
      if (v < weakest) weakest = v;
    }
  }
  return { index: index.subarray(0, count), total, weakest: count ? weakest : 0 };
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

/** Several heads as one number per token: their mean, or the largest of them by size. */
export function combine(profiles, rule) {
  const out = new Float32Array(profiles[0]?.length ?? 0);
  for (let j = 0; j < out.length; j++) {
    for (const p of profiles) out[j] = rule === "max" ? larger(out[j], p[j]) : out[j] + p[j] / profiles.length;
  }
  return out;
}

function larger(a, b) {
  return Math.abs(b) > Math.abs(a) ? b : a;
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
