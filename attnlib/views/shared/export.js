// A view as a file: the picture as SVG and PNG, its numbers as CSV. Nothing leaves the page: the browser saves it.
import { el } from "./dom.js";
import { svgOf } from "./snapshot.js";

export const SHOWN_VIEWS = Symbol.for("attn-views"); // on the window: views of one page come as separate scripts
const SHARPER = 2; // pixels of a PNG for one of the page
const LONGEST = 16_000; // pixels of a side that browsers can draw
const MOST_PIXELS = 120_000_000;

/** A button for each format. The view's `exported()` says {name, title, about, table: rows of cells}. */
export function exportControl(view) {
  const said = el("span", { class: "said", role: "status" });
  const button = (text, title, save) => {
    const onclick = async () => {
      const about = view.exported();
      try {
        await save(about);
        said.textContent = `Saved ${about.name}.${text.toLowerCase()}`;
      } catch (error) {
        said.textContent = `This could not be saved: ${error.message}`;
      }
    };
    return el("button", { type: "button", text, title, "aria-label": `Export ${text}`, onclick });
  };
  return el(
    "div",
    { class: "export", role: "group", "aria-label": "Export this view" },
    el("span", { class: "name", text: "Export" }),
    button("SVG", "The whole drawing as vector graphics, for a paper", (about) => saveSvg(view, about)),
    button("PNG", "The whole drawing as a picture, for slides", (about) => savePng(view, about)),
    button("CSV", "The numbers that are shown, for a spreadsheet", saveCsv),
    said,
  );
}

/** The picture of a view as an SVG document. */
export function pictureOf(view) {
  const { title, about } = view.exported();
  return svgOf(view, title, about);
}

function saveSvg(view, { name }) {
  saveFile(`${name}.svg`, pictureOf(view), "image/svg+xml");
}

async function savePng(view, { name }) {
  saveFile(`${name}.png`, await pngOf(pictureOf(view)), "image/png");
}

/** An SVG document as a PNG, twice as sharp as the page where the browser can. */
export async function pngOf(svg) {
  const [, width, height] = /<svg [^>]*?width="([\d.]+)" height="([\d.]+)"/.exec(svg).map(Number);
  const sharp = Math.min(SHARPER, LONGEST / Math.max(width, height), Math.sqrt(MOST_PIXELS / (width * height)));
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  const canvas = el("canvas", { width: Math.round(width * sharp), height: Math.round(height * sharp) });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) =>
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("it is too large"))), "image/png"),
  );
}

function saveCsv({ name, table }) {
  saveFile(`${name}.csv`, `\ufeff${csvTable(table)}`, "text/csv"); // the mark says UTF-8 to a spreadsheet
}

/** Rows of cells as CSV. Text that a spreadsheet would take for a formula is kept from being one. */
export function csvTable(rows) {
  return rows.map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");
}

function csvCell(value) {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(Number(value.toPrecision(7)));
  const text = String(value ?? "");
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",;\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Has the browser save a file. */
export function saveFile(name, content, type) {
  const link = el("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** A pair's side in a title and in a file's name; nothing for one text. */
export function sideWords(pair, side) {
  return pair ? { a: ", prompt A", b: ", prompt B", diff: ", B − A" }[side] : "";
}

export function sideName(pair, side) {
  return pair ? { a: "-a", b: "-b", diff: "-b-minus-a" }[side] : "";
}

/** The tokens as one text, for a description; of cross-attention both texts. */
export function sayTexts({ queries, keys }) {
  const text = ({ labels }) => labels.join("").trim();
  return keys ? `Queries: ${text(queries)} Keys: ${text(keys)}` : `Text: ${text(queries)}`;
}
