// "Share": the page's address goes to the clipboard, or is shown to be copied by hand; and the pictures of all that the
// page shows go to Python, which makes the evidence pack of them.
import { themeOf } from "../shared/colors.js";
import { pictureOf, pngOf, csvTable, saveFile, SHOWN_VIEWS } from "../shared/export.js";

export const MOST_CHARACTERS = 2000; // longer links are cut by many programs
export const MOST_IN_A_PACK = 90_000_000; // characters of pictures; component.py takes a little more
const waiting = new WeakSet(); // buttons whose pack is being made

/** What is said once a link is copied (or, where the browser forbids that, shown). */
export function sayCopied(link, copied) {
  const what = copied ? "Copied" : "Press Ctrl+C to copy it";
  if (link.length <= MOST_CHARACTERS) return `${what}.`;
  const length = link.length.toLocaleString("en");
  return `${what}. It has ${length} characters, and many programs cut such links. Save the state to a file instead.`;
}

async function toClipboard(link) {
  try {
    await navigator.clipboard.writeText(link);
    return true;
  } catch {
    return false; // not over https, or forbidden
  }
}

// ---- pictures of the page

/** How many characters pictures have. */
export function sizeOfPack(pictures) {
  return pictures.reduce((sum, { svg, png, csv }) => sum + svg.length + png.length + csv.length, 0);
}

/** The views and charts of the page that can be seen, from top to bottom: [{name, title, svg, png, csv}]. */
async function picturesOf(theme) {
  const seen = (element) => element.isConnected && element.getClientRects().length > 0;
  const views = [...(globalThis[SHOWN_VIEWS] ?? [])]
    .filter(({ root }) => seen(root))
    .map((view) => ({ element: view.root, take: () => takeView(view) }));
  const charts = [...document.querySelectorAll(".js-plotly-plot")]
    .filter(seen)
    .map((chart) => ({ element: chart, take: () => takeChart(chart, theme) }));
  const top = ({ element }) => element.getBoundingClientRect().top;
  const pictures = [];
  for (const { take } of [...views, ...charts].sort((a, b) => top(a) - top(b))) {
    const picture = take();
    pictures.push({ ...picture, png: await textOfBlob(await pngOf(picture.svg)) });
  }
  return pictures;
}

function takeView(view) {
  const { name, title, table } = view.exported();
  return { name, title, svg: pictureOf(view), csv: csvTable(table) };
}

/** A Plotly chart: the layers it has drawn, one over the other. */
function takeChart(chart, { background }) {
  const { width, height } = chart.getBoundingClientRect();
  const layers = [...chart.querySelectorAll("svg.main-svg")].map((layer) => {
    const copy = layer.cloneNode(true);
    const words = [layer, copy].map((one) => [...one.querySelectorAll("text, tspan")]);
    words[0].forEach((text, n) => keepWidth(text, words[1][n]));
    return new XMLSerializer().serializeToString(copy);
  });
  const key = /st-key-([\w-]+)/.exec(chart.closest('[class*="st-key-"]')?.className ?? "")?.[1] ?? "chart";
  const axes = ["xaxis", "yaxis"].map((name) => chart.layout?.[name]?.title?.text).filter(Boolean);
  const words = String(chart.layout?.title?.text || axes.join(" × ") || key).replace(/<[^>]*>/g, " ");
  const size = `width="${Math.ceil(width)}" height="${Math.ceil(height)}"`;
  const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  Object.entries({ width: "100%", height: "100%", fill: background }).forEach((about) => back.setAttribute(...about));
  const drawn = [new XMLSerializer().serializeToString(back), ...layers].join("\n");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${drawn}</svg>`;
  return { name: `chart-${key}`, title: `Chart: ${words}`, svg, csv: "" };
}

/** A copied text keeps its width where the font is another. */
function keepWidth(text, copy) {
  if (text.firstElementChild || !text.textContent.trim()) return;
  const width = text.getComputedTextLength();
  if (width)
    Object.entries({ textLength: width, lengthAdjust: "spacingAndGlyphs" }).forEach((of) => copy.setAttribute(...of));
}

/** Bytes as base64. */
async function textOfBlob(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}

// ---- the buttons

/** Mounts the buttons in a Streamlit component; `data` is a pack that was asked for. */
export default function mount({ data, parentElement, setTriggerValue }) {
  const names = [".copy", ".pack", "input", "[role=status]"];
  const [copy, pack, field, said] = names.map((name) => parentElement.querySelector(name));
  copy.onclick = async () => {
    const link = location.href;
    const copied = await toClipboard(link);
    Object.assign(field, { value: link, hidden: copied });
    if (!copied) field.select();
    said.textContent = sayCopied(link, copied);
  };
  pack.onclick = async () => {
    if (waiting.has(pack)) return;
    waiting.add(pack);
    said.textContent = "Drawing the page …";
    try {
      const pictures = await picturesOf(themeOf(parentElement.firstElementChild));
      if (sizeOfPack(pictures) > MOST_IN_A_PACK)
        throw new Error("together they are too large. Close some sections of the page, or choose a shorter text");
      setTriggerValue("pack", pictures);
    } catch (error) {
      waiting.delete(pack);
      said.textContent = `The pictures could not be made: ${error.message}`;
    }
  };
  if (document.activeElement?.closest("[data-testid=stPopover]")) copy.focus(); // else Tab would go on behind what opened
  if (data && waiting.delete(pack)) {
    saveFile("evidence.zip", data, "application/zip");
    said.textContent = "Saved evidence.zip.";
  }
}
