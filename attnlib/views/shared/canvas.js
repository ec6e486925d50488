// A sharp canvas, the contexts of a picture that is taken, text that fits a width. No DOM at import time.

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
