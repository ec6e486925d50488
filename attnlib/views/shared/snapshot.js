// What a view shows, as one SVG: its elements (backgrounds, borders, words) where the browser laid them out, and its
// canvases drawn again as vectors. Controls, which only serve the screen, are left out.
import { recorded, shorten } from "./canvas.js";
import { themeOf } from "./colors.js";
import { SvgContext } from "./svg.js";

const MARGIN = 10;
const TITLE_LINE = 24; // pixels of the line above, which says what it is
const SKIPPED = "select, input, textarea, script, style, .spoken, .tip";
const COLOR = /#[0-9a-f]{3,8}|(?:rgba?|color|oklab|oklch|hsla?)\([^()]*\)/gi;
const RAMP_STEPS = 24; // rectangles of a gradient

/** The view as an SVG document. `view`: root, redraw(); `title` is written above, `about` is its description. */
export function svgOf(view, title, about) {
  const { root } = view;
  const theme = themeOf(root);
  const page = new SvgContext(0, 0, document.createElement("canvas").getContext("2d"));
  const scrolled = [...root.querySelectorAll("*")].filter(({ scrollTop, scrollLeft }) => scrollTop || scrollLeft);
  const places = scrolled.map(({ scrollTop, scrollLeft }) => ({ scrollTop, scrollLeft }));
  root.classList.add("exporting"); // all of it, also what is scrolled out of sight (export.css)
  try {
    paintView(page, view, theme, title);
  } finally {
    root.classList.remove("exporting");
    view.redraw();
    scrolled.forEach((element, n) => Object.assign(element, places[n]));
    view.redraw();
  }
  const background = `<rect width="${page.width}" height="${page.height}" fill="${plainColor(theme.background).hex}"/>`;
  page.parts.unshift(background);
  return page.document(title, about);
}

function paintView(page, view, theme, title) {
  const drawings = new Map();
  recorded(
    (canvas, width, height) => drawings.set(canvas, page.child(width, height)).get(canvas),
    () => view.redraw(),
  );
  const { left, top } = view.root.getBoundingClientRect();
  const origin = [left - MARGIN, top - MARGIN - TITLE_LINE];
  const taken = { page, drawings, origin, behind: theme.background, right: 0, bottom: 0 };
  paintElement(taken, view.root, { alpha: 1, line: "" });
  const words = page.child(0, 0);
  Object.assign(words, { font: `600 13px ${theme.font}`, fillStyle: plainColor(theme.text).hex });
  words.fillText(title, MARGIN, MARGIN + 10);
  page.parts.unshift(...words.parts);
  page.width = Math.ceil(Math.max(taken.right, MARGIN + words.measureText(title).width) + MARGIN);
  page.height = Math.ceil(taken.bottom + MARGIN);
}

/** An element and all in it; `above`: opacity so far, and the line through or under its words. */
function paintElement(taken, element, above) {
  if (element.matches(SKIPPED)) return;
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden") return;
  const own = style.textDecorationLine;
  const here = { alpha: above.alpha * Number(style.opacity), line: own === "none" ? above.line : own };
  if (here.alpha === 0) return;
  const box = boxOf(taken, element.getBoundingClientRect());
  const drawing = taken.drawings.get(element);
  if (box[2] && box[3]) paintBox(taken, style, box, here.alpha, drawing);
  if (drawing) return;
  for (const node of element.childNodes) {
    if (node.nodeType === Node.ELEMENT_NODE) paintElement(taken, node, here);
    else if (node.nodeType === Node.TEXT_NODE) paintText(taken, node, style, here);
  }
}

/** @returns {[number, number, number, number]} */
function boxOf({ origin }, { left, top, width, height }) {
  return [left - origin[0], top - origin[1], width, height];
}

function paintBox(taken, style, [x, y, width, height], alpha, drawing) {
  const { page } = taken;
  const radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, width / 2, height / 2);
  const seen = () => {
    taken.right = Math.max(taken.right, x + width);
    taken.bottom = Math.max(taken.bottom, y + height);
  };
  const back = plainColor(style.backgroundColor);
  if (back.alpha && inked(page, "fillStyle", back, alpha)) {
    if (!radius) page.fillRect(x, y, width, height);
    else rounded(page, [x, y, width, height], radius).fill();
    seen();
  }
  if (style.backgroundImage.startsWith("linear-gradient")) {
    paintRamp(page, rampBetween(style.backgroundImage.match(COLOR), taken.behind), [x, y, width, height], alpha);
    seen();
  }
  if (drawing) {
    page.globalAlpha = alpha;
    page.put(drawing, x, y);
    seen();
  }
  if (paintBorders(page, style, [x, y, width, height], radius, alpha)) seen();
  paintShadow(page, style.boxShadow, [x, y, width, height], radius, alpha);
  paintOutline(page, style, [x, y, width, height], radius, alpha);
  page.globalAlpha = 1;
}

function rounded(page, box, radius) {
  page.beginPath();
  page.roundRect(...box, radius);
  return page;
}

function inked(page, name, { hex, alpha }, above) {
  page[name] = hex;
  page.globalAlpha = alpha * above;
  return true;
}

/** A gradient from left to right as rectangles. */
function paintRamp(page, colors, [x, y, width, height], alpha) {
  page.globalAlpha = alpha;
  const step = width / RAMP_STEPS;
  colors.forEach((color, n) => {
    page.fillStyle = color;
    page.fillRect(x + n * step, y, step + (n < RAMP_STEPS - 1 ? 0.5 : 0), height);
  });
}

/** Colours from one to the next, in steps, on what is behind them. */
function rampBetween(colors, behind) {
  const back = plainColor(behind).rgb;
  const ends = colors.map(plainColor).map(({ rgb, alpha }) => rgb.map((v, i) => v * alpha + back[i] * (1 - alpha)));
  return Array.from({ length: RAMP_STEPS }, (_, n) => {
    const at = (n * (ends.length - 1)) / (RAMP_STEPS - 1);
    const left = Math.min(ends.length - 2, Math.floor(at));
    return hexText(ends[left].map((v, i) => Math.round(v + (ends[left + 1][i] - v) * (at - left))));
  });
}

/** → whether there is one. */
function paintBorders(page, style, [x, y, width, height], radius, alpha) {
  const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
    wide: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]),
    dashed: ["dashed", "dotted"].includes(style[`border${side}Style`]),
    color: style[`border${side}Color`],
  }));
  if (!sides.some(({ wide }) => wide)) return false;
  const [first] = sides;
  const alike = sides.every(({ wide, color }) => wide === first.wide && color === first.color);
  if (alike) {
    inked(page, "strokeStyle", plainColor(first.color), alpha);
    page.lineWidth = first.wide;
    page.setLineDash(first.dashed ? [3, 2] : []);
    const half = first.wide / 2;
    frame(page, [x + half, y + half, width - first.wide, height - first.wide], radius);
    page.setLineDash([]);
    return true;
  }
  const edges = (wide) => [
    [x, y, width, wide],
    [x + width - wide, y, wide, height],
    [x, y + height - wide, width, wide],
    [x, y, wide, height],
  ];
  sides.forEach(({ wide, color }, n) => {
    if (wide && inked(page, "fillStyle", plainColor(color), alpha)) page.fillRect(...edges(wide)[n]);
  });
  return true;
}

function frame(page, box, radius) {
  if (radius) rounded(page, box, radius).stroke();
  else page.strokeRect(...box);
}

/** A frame drawn as an inner shadow without blur. */
function paintShadow(page, shadow, [x, y, width, height], radius, alpha) {
  if (!shadow.endsWith("inset")) return;
  const [color] = shadow.match(COLOR);
  const wide = parseFloat(shadow.replace(color, "").trim().split(/\s+/)[3]);
  inked(page, "strokeStyle", plainColor(color), alpha);
  page.lineWidth = wide;
  frame(page, [x + wide / 2, y + wide / 2, width - wide, height - wide], radius);
}

function paintOutline(page, style, [x, y, width, height], radius, alpha) {
  const wide = parseFloat(style.outlineWidth);
  if (style.outlineStyle !== "solid" || !wide) return;
  const out = parseFloat(style.outlineOffset) + wide / 2;
  inked(page, "strokeStyle", plainColor(style.outlineColor), alpha);
  page.lineWidth = wide;
  frame(page, [x - out, y - out, width + 2 * out, height + 2 * out], radius);
}

/** The words of a text node, line by line, where they stand; cut where the element cuts them. */
function paintText(taken, node, style, { alpha, line }) {
  const { page } = taken;
  page.font = `${style.fontWeight} ${parseFloat(style.fontSize)}px ${style.fontFamily}`;
  page.decoration = line;
  const color = plainColor(style.color);
  const kept = style.whiteSpace.startsWith("pre");
  for (const { text, rect } of linesOf(node)) {
    if (!text.trim()) continue;
    const measure = (part) => page.measureText(kept ? part : part.replace(/\s+/g, " ")).width;
    const [before, words, after] = /^(\s*)(.*?)(\s*)$/s.exec(text).slice(1);
    const [x, top, whole, height] = boxOf(taken, rect);
    const left = x + measure(before); // spaces at the ends are gaps: programs do not agree on them
    const width = whole - measure(before) - measure(after);
    const within = cutTo(node.parentElement, style, rect) - measure(before);
    const shown = within < width - 1 ? shorten(words, within, measure) : words;
    inked(page, "fillStyle", color, alpha);
    page.textBaseline = "middle";
    page.textAlign = { right: "right", end: "right", center: "center" }[style.textAlign] ?? "left";
    const at = { left: 0, center: 0.5, right: 1 }[page.textAlign];
    const wide = Math.min(width, within);
    page.fillText(shown, left + at * wide, top + height / 2, wide);
    taken.right = Math.max(taken.right, left + wide);
    taken.bottom = Math.max(taken.bottom, top + height);
  }
  Object.assign(page, { globalAlpha: 1, decoration: "", textAlign: "left" });
}

/** How wide a line of an element can be before the element (or the one around a <bdi>) cuts it. */
function cutTo(element, style, rect) {
  const box = style.overflowX === "visible" && element.tagName === "BDI" ? element.parentElement : element;
  if (getComputedStyle(box).overflowX === "visible") return Infinity;
  const around = box.getBoundingClientRect();
  return Math.max(
    0,
    around.right - parseFloat(getComputedStyle(box).paddingRight) - Math.max(rect.left, around.left),
  );
}

/** The lines of a text node: [{text, rect}]. */
function linesOf(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  const rects = [...range.getClientRects()].filter(({ width }) => width);
  if (!rects.length) return [];
  const rows = new Set(rects.map(({ top }) => Math.round(top)));
  if (rows.size === 1) return [{ text: node.data, rect: range.getBoundingClientRect() }];
  const lines = [];
  for (const { segment, index } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(node.data)) {
    range.setStart(node, index);
    range.setEnd(node, index + segment.length);
    const rect = range.getClientRects()[0];
    const last = lines.at(-1);
    if (!rect) continue;
    if (last && Math.abs(last.rect.top - rect.top) < 3) {
      last.text += segment;
      last.rect = new DOMRect(last.rect.left, last.rect.top, rect.right - last.rect.left, rect.height);
    } else lines.push({ text: segment, rect });
  }
  return lines;
}

// ---- colours, as every program reads them

const known = new Map();
let pixel = null;

function hexText(rgb) {
  return `#${rgb.map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}

/** Any colour of CSS as {hex, rgb, alpha}: the browser paints it, the pixel is read. */
function plainColor(css) {
  if (!known.has(css)) {
    pixel ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = css;
    pixel.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
    known.set(css, { hex: hexText([r, g, b]), rgb: [r, g, b], alpha: a / 255 });
  }
  return known.get(css);
}
