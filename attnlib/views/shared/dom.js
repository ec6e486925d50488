// What every view needs: reading a payload, names of heads, colours, the theme, a sharp canvas.
// No DOM at import time, so `node --test` can import it.

// ---- payload (see payload.py)

const TYPES = { uint8: Uint8Array, uint16: Uint16Array, float32: Float32Array };
const MAGIC = "ATTN";

/** Bytes → {header, arrays}. The bytes may start at any offset of their buffer, so arrays are copied. */
export function readPayload(bytes) {
  if (!(bytes instanceof Uint8Array) || String.fromCharCode(...bytes.subarray(0, 4)) !== MAGIC) {
    throw new Error("not an attention payload");
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const start = Math.ceil((8 + length) / 8) * 8;
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays)) {
    const Type = TYPES[dtype];
    const size = shape.reduce((a, b) => a * b, 1) * Type.BYTES_PER_ELEMENT;
    arrays[name] = new Type(bytes.slice(start + offset, start + offset + size).buffer);
  }
  return { header, arrays };
}

// ---- heads and what they do

/** What a head does, in a header's labels ([head], or [layer][head]), on one line; empty where nothing is known. */
export function labelOf(labels, ...place) {
  const label = place.reduce((found, n) => found?.[n], labels);
  return String(label ?? "")
    .replace(/\s+/g, " ")
    .trim();
}

/** Whether any head has a label. */
export function anyLabel(labels) {
  return (labels ?? []).flat().some(Boolean);
}

/** A head by its name and by what it does: "head 2 · previous token .93", or for ears with a comma. */
export function nameHead(name, label, joint = " · ") {
  return label ? `${name}${joint}${label}` : name;
}

// ---- colours

/** One hue per head, never repeated; neighbours far apart, lightness alternating, readable on the theme. */
export function headColors(heads, dark = false) {
  const step = hueStep(heads);
  const [low, high] = dark ? [0.68, 0.82] : [0.48, 0.62];
  return Array.from({ length: heads }, (_, h) => {
    const hue = (25 + (((h * step) % heads) * 360) / heads) % 360;
    return oklch(h % 2 ? high : low, 0.15, hue);
  });
}

/** A step through the circle of `heads` hues that meets each once and keeps neighbours apart. */
function hueStep(heads) {
  const gcd = (a, b) => (b ? gcd(b, a % b) : a);
  let best = 1;
  for (let s = 1; s < heads; s++) {
    const better = Math.abs(s / heads - 0.382) < Math.abs(best / heads - 0.382);
    if (gcd(s, heads) === 1 && better) best = s;
  }
  return best;
}

/** OKLCH → "#rrggbb" (Björn Ottosson's OKLab); chroma is lowered until the colour exists in sRGB. */
export function oklch(lightness, chroma, hue) {
  for (let c = chroma; ; c -= 0.01) {
    const rgb = oklabToRgb(lightness, c * Math.cos((hue * Math.PI) / 180), c * Math.sin((hue * Math.PI) / 180));
    if (c <= 0 || rgb.every((v) => v >= 0 && v <= 1)) {
      return (
        "#" +
        rgb
          .map((v) =>
            Math.round(255 * Math.min(1, Math.max(0, v)))
              .toString(16)
              .padStart(2, "0"),
          )
          .join("")
      );
    }
  }
}

function oklabToRgb(L, a, b) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
}

/** "#rrggbb" or "rgb(…)" → [r, g, b]. */
export function rgbOf(color) {
  const hex = /^#([0-9a-f]{6})/i.exec(color);
  if (hex) return [0, 2, 4].map((i) => parseInt(hex[1].slice(i, i + 2), 16));
  return (color.match(/[\d.]+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
}

/** Whether light text reads better on this colour. */
export function isDark(color) {
  const [r, g, b] = rgbOf(color);
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}

/** The page's colours and fonts, from Streamlit's CSS variables (head/view.css sets them where there is no Streamlit). */
export function themeOf(element) {
  const style = getComputedStyle(element);
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const background = read("--st-background-color", "#ffffff");
  return {
    background,
    dark: isDark(background),
    text: read("--st-text-color", "#1f2328"),
    accent: read("--st-primary-color", "#0f6cbd"),
    font: read("--st-font", "system-ui, sans-serif"),
  };
}

// ---- canvas and DOM

/** A text cut to a width, by whole characters; `measure` gives the width of a text. */
export function shorten(text, width, measure) {
  if (measure(text) <= width) return text;
  const characters = [...new Intl.Segmenter().segment(text.slice(0, 200))].map(({ segment }) => segment);
  let [fits, most] = [0, characters.length];
  while (fits < most) {
    const middle = Math.ceil((fits + most) / 2);
    if (measure(`${characters.slice(0, middle).join("")}…`) <= width) fits = middle;
    else most = middle - 1;
  }
  return `${characters.slice(0, fits).join("")}…`;
}

let recording = null; // what gives a canvas's context while a picture is taken

/** Draws with the contexts that `contextFor(canvas, width, height)` gives, instead of those on the screen. */
export function recorded(contextFor, draw) {
  recording = contextFor;
  try {
    draw();
  } finally {
    recording = null;
  }
}

/** The canvas's context at the screen's resolution, with CSS pixels as units, cleared. */
export function fitCanvas(canvas, width, height) {
  const ratio = globalThis.devicePixelRatio || 1;
  const size = { width: `${width}px`, height: `${height}px` };
  if (canvas.style.width !== size.width || canvas.style.height !== size.height) Object.assign(canvas.style, size);
  if (recording) return recording(canvas, width, height);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Words that begin with a head's name: where its label makes it too long the style cuts it, and what follows stays. */
export function namedWords([name, rest]) {
  return [el("bdi", { class: "named", text: name }), rest];
}

/** An element with attributes ("text" is its text, "on…" a listener) and children. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}
