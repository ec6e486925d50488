// The head view's weights as rows for a spreadsheet: of the heads that are on, of the pinned tokens where there are any.
// Pure: no DOM.

const MOST_ROWS = 1_000_000; // what a spreadsheet can open

/** [["layer", "head", …], …]: one row for each weight that is not zero (of a pair: in A or in B). */
export function headTable({ header, state, shown }) {
  const { full, pair, queryRow, keyRow, on } = shown;
  const values = pair ? ["A", "B", "B − A"] : ["weight"];
  const rows = [["layer", "head", "query", "query token", "key", "key token", ...values]];
  const pinned = state.pins.length ? new Set(state.pins) : null;
  for (const head of on)
    for (let q = 0; q < full.queries; q++) {
      if (pinned && state.side === "q" && !pinned.has(q)) continue;
      for (let k = 0; k < full.keys; k++) {
        if (pinned && state.side === "k" && !pinned.has(k)) continue;
        const numbers = numbersAt(shown, (head * full.queries + q) * full.keys + k, q, k);
        if (!numbers.some((v) => v)) continue;
        rows.push([header.layer, head, q, queryRow.labels[q].trim(), k, keyRow.labels[k].trim(), ...numbers]);
        if (rows.length > MOST_ROWS) return rows;
      }
    }
  return rows;
}

/** The weight; of a pair that in A, in B and the change: NaN where a prompt has no such token. */
function numbersAt({ full, pair, queryRow, keyRow }, i, q, k) {
  if (!pair) return [full.w[i]];
  const there = (side) => queryRow.names[side][q] !== null && keyRow.names[side][k] !== null;
  const sides = ["a", "b"].map((side) => (there(side) ? pair[side].w[i] : NaN));
  return [...sides, queryRow.shared[q] ? pair.diff.w[i] : NaN];
}
