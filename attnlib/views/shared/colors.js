// Colours: of heads, of signs, of cells, of the page. No DOM at import time.

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

/**
 * The page's colours and fonts, from Streamlit's CSS variables (saved pages set them themselves).
 * @param {Element} element
 * @returns {import("./types").Theme}
 */
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

/** The colours of the sign, safe for the three types of colour blindness: more in B orange, less blue. */
export function signColors(dark = false) {
  return dark ? { more: "#ffa04d", less: "#5cb0ff" } : { more: "#c25400", less: "#0b5fb8" };
}

/** The colour of a value: its sign's (or the accent's) mixed into the background by its size; and readable ink. */
export function cellColors(value, { scale, signed }, theme) {
  const { more, less } = signColors(theme.dark);
  const color = rgbOf(signed ? (value < 0 ? less : more) : theme.accent);
  const share = Math.min(1, Math.abs(value) / scale);
  const fill = rgbOf(theme.background).map((v, i) => Math.round(v + (color[i] - v) * share));
  return { background: `rgb(${fill.join(", ")})`, ink: inkOn(fill) };
}

/** Black or white, whichever has more contrast on a colour (WCAG's relative luminance). */
function inkOn(rgb) {
  const [r, g, b] = rgb.map((v) => (v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
