// From an alignment payload to what is shown: folded runs of equal units, words about a unit, selections. No DOM.

const FOLD_OVER = 12; // equal units in a row that are shown without folding
const KEEP = 4; // of a folded run shown beside an edit
const KEEP_AT_ENDS = 2; // and where the text begins or ends
export const MOST = 400; // columns drawn at once

/** The columns: {unit} to draw, or {fold: [from, to], run} for what is folded away of the run that starts at `run`. */
export function columnsOf(units, opened = new Set()) {
  const columns = [];
  const show = (from, to) => {
    for (let unit = from; unit < to; unit++) columns.push({ unit });
  };
  for (let start = 0; start < units.length; ) {
    let end = start;
    while (end < units.length && units[end][0] === "equal") end++;
    if (end - start > FOLD_OVER && !opened.has(start)) {
      const from = start + (start > 0 ? KEEP : KEEP_AT_ENDS);
      const to = end - (end < units.length ? KEEP : KEEP_AT_ENDS);
      show(start, from);
      columns.push({ fold: [from, to], run: start });
      show(to, end);
    } else show(start, end);
    if (end < units.length) show(end, end + 1);
    start = end + 1;
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
  return kind === "equal" ? `${text(a, inA)} in both` : `${text(a, inA)} replaced by ${text(b, inB)}`;
}

/**
 * A token selected or released; what is chosen is always a run without gaps. A neighbour of the chosen ones joins them,
 * with `extend` all up to the token do; another token is chosen instead.
 */
export function choose(chosen, token, extend) {
  if (chosen.includes(token) && !extend) return release(chosen, token);
  const beside = chosen.some((i) => Math.abs(i - token) === 1);
  if (!chosen.length || !(extend || beside)) return [token];
  const [from, to] = [Math.min(...chosen, token), Math.max(...chosen, token)];
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Without a token: from the middle of a run what is after it goes, too. */
function release(chosen, token) {
  const before = chosen.filter((i) => i < token);
  return before.length ? before : chosen.filter((i) => i > token);
}

/** What is chosen, in words: A “old”, B “very old”. */
export function sayChosen(chosen, { a, b }) {
  const text = (name, row, positions) =>
    positions.length
      ? [
          `${name} “${positions
            .map((i) => row.labels[i])
            .join("")
            .trim()}”`,
        ]
      : [];
  return [...text("A", a, chosen.a), ...text("B", b, chosen.b)].join(", ");
}

/**
 * The units as rows for a spreadsheet.
 * @param {import("./types").AlignmentHeader} header
 */
export function alignmentTable({ a, b, units }) {
  const text = (row, positions) =>
    positions
      .map((i) => row.labels[i])
      .join("")
      .trim();
  return [
    ["unit", "tokens in A", "text in A", "tokens in B", "text in B"],
    ...units.map(([kind, inA, inB]) => [kind, inA.join(" "), text(a, inA), inB.join(" "), text(b, inB)]),
  ];
}
