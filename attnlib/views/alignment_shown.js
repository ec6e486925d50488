// From an alignment payload to what is shown: folded runs of equal units, words about a unit, selections. No DOM.

const FOLD_FROM = 20; // equal units in a row
const KEEP = 6; // of them shown at each end
export const MOST = 500; // columns drawn at once

/** The columns: {unit} to draw, or {fold: [from, to]} for a run of equal units that is folded away. */
export function columnsOf(units, opened = new Set()) {
  const columns = [];
  for (let u = 0; u < units.length;) {
    let end = u;
    while (end < units.length && units[end][0] === "equal") end++;
    if (end - u >= FOLD_FROM && !opened.has(u)) {
      const [from, to] = [u + (u ? KEEP : 2), end - (end < units.length ? KEEP : 2)];
      for (let i = u; i < from; i++) columns.push({ unit: i });
      columns.push({ fold: [from, to], run: u });
      for (let i = to; i < end; i++) columns.push({ unit: i });
    } else {
      for (let i = u; i < end; i++) columns.push({ unit: i });
    }
    if (end < units.length) columns.push({ unit: end });
    u = end + 1;
  }
  return columns;
}

/** A unit in words, for screen readers: “She” replaced by “He”. */
export function sayUnit([kind, inA, inB], { a, b }) {
  const text = (row, positions) =>
    `“${positions
      .map((i) => row.labels[i])
      .join("")
      .trim()}”`;
  if (kind === "deleted") return `${text(a, inA)} only in A`;
  if (kind === "inserted") return `${text(b, inB)} only in B`;
  return kind === "equal" ? `${text(a, inA)} equal` : `${text(a, inA)} replaced by ${text(b, inB)}`;
}

/** A token chosen or released; with `extend` the run from the chosen ones to it. */
export function choose(chosen, token, extend) {
  if (extend && chosen.length) {
    const [from, to] = [Math.min(...chosen, token), Math.max(...chosen, token)];
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  }
  if (chosen.includes(token)) return chosen.filter((i) => i !== token);
  const beside = chosen.some((i) => Math.abs(i - token) === 1);
  return beside ? [...chosen, token].sort((x, y) => x - y) : [token];
}
