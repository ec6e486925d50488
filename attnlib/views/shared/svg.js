// A drawing context that writes SVG: whatever the views draw on a canvas they can draw on it, as lines, rectangles and
// words that other programs edit. It has the part of CanvasRenderingContext2D that the views use; turning and moving,
// but no scaling. No DOM: pictures and a pen that measures text come from outside.

const MOST_CELLS = 4096; // of a picture, up to which its pixels are rectangles
const MOST_IN_ALL = 60_000; // of all pictures of a document
const NOT_XML = /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const ANCHORS = { left: "start", start: "start", center: "middle", right: "end", end: "end" };
const BASELINES = { middle: 0.35, top: 0.8, bottom: -0.2, alphabetic: 0 }; // heights of the font below the point

/** Text as it may stand in XML: markup is none, and what XML does not allow is left out. */
export function xmlText(text) {
  return String(text)
    .replace(NOT_XML, "")
    .replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** A number as SVG has it, to a hundredth. */
export function svgNumber(value) {
  return String(Number(value.toFixed(2)));
}

/** A path for a context: its own kind, where it has one. */
export function pathOn(context) {
  return context.newPath ? context.newPath() : new Path2D();
}

/** What is drawn in one go: [["M", x, y], …]. */
class SvgPath {
  constructor() {
    this.steps = [];
  }

  moveTo(x, y) {
    this.steps.push(["M", x, y]);
  }

  lineTo(x, y) {
    this.steps.push([this.steps.length ? "L" : "M", x, y]);
  }

  bezierCurveTo(...points) {
    this.steps.push(["C", ...points]);
  }

  rect(x, y, width, height) {
    this.steps.push(["M", x, y], ["L", x + width, y], ["L", x + width, y + height], ["L", x, y + height], ["Z"]);
  }

  /** A rectangle with round corners. */
  roundRect(x, y, width, height, radius) {
    const [r, right, bottom] = [Math.min(radius, width / 2, height / 2), x + width, y + height];
    const corner = (toX, toY) => ["A", r, toX, toY];
    this.steps.push(["M", x + r, y], ["L", right - r, y], corner(right, y + r), ["L", right, bottom - r]);
    this.steps.push(corner(right - r, bottom), ["L", x + r, bottom], corner(x, bottom - r), ["L", x, y + r]);
    this.steps.push(corner(x + r, y), ["Z"]);
  }

  /** An arc in the direction of the clock; of a whole turn or more a circle. */
  arc(x, y, radius, from, to) {
    const middle = from + Math.min(Math.PI, (to - from) / 2);
    const end = from + Math.min(2 * Math.PI, to - from);
    const at = (angle) => [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
    this.lineTo(...at(from));
    this.steps.push(["A", radius, ...at(middle)], ["A", radius, ...at(end)]);
  }

  closePath() {
    this.steps.push(["Z"]);
  }

  /** The path as single lines [x1, y1, x2, y2]; null where it is anything else. */
  lines() {
    const { steps } = this;
    const single = steps.every(([kind], n) => kind === (n % 2 ? "L" : "M")) && steps.length % 2 === 0;
    if (!single) return null;
    return Array.from({ length: steps.length / 2 }, (_, n) => [
      ...steps[2 * n].slice(1),
      ...steps[2 * n + 1].slice(1),
    ]);
  }
}

const START = {
  globalAlpha: 1,
  lineWidth: 1,
  strokeStyle: "#000",
  fillStyle: "#000",
  font: "10px sans-serif",
  textAlign: "left",
  textBaseline: "alphabetic",
  imageSmoothingEnabled: true,
  dash: "", // setLineDash
  decoration: "", // a line through or under text, which a canvas has not
};

export class SvgContext {
  globalAlpha = START.globalAlpha;
  lineWidth = START.lineWidth;
  strokeStyle = START.strokeStyle;
  fillStyle = START.fillStyle;
  font = START.font;
  textAlign = START.textAlign;
  textBaseline = START.textBaseline;
  imageSmoothingEnabled = START.imageSmoothingEnabled;
  dash = START.dash;
  decoration = START.decoration;

  /** `pen` measures text: a context of a canvas; without one widths are guessed. `shared` is of one document. */
  constructor(width, height, pen = null, shared = { clips: [], cells: MOST_IN_ALL }) {
    this.width = width;
    this.height = height;
    this.pen = pen;
    this.shared = shared;
    this.matrix = [1, 0, 0, 1, 0, 0];
    this.clipped = null; // the name of what is seen
    this.parts = [];
    this.saved = [];
    this.path = new SvgPath();
  }

  newPath() {
    return new SvgPath();
  }

  /** A drawing within this one, to be put somewhere later. */
  child(width, height) {
    return new SvgContext(width, height, this.pen, this.shared);
  }

  /** Puts a drawing at a place; what it draws outside its size is not seen. */
  put(drawing, x, y) {
    const size = `width="${svgNumber(drawing.width)}" height="${svgNumber(drawing.height)}"`;
    if (drawing.parts.length)
      this.add(`<svg ${this.place(x, y)} ${size}><g${this.opacity()}>${drawing.parts.join("\n")}</g></svg>`);
  }

  // ---- state

  save() {
    const state = Object.fromEntries(Object.keys(START).map((name) => [name, this[name]]));
    this.saved.push({ ...state, matrix: this.matrix, clipped: this.clipped });
  }

  restore() {
    Object.assign(this, this.saved.pop());
  }

  translate(x, y) {
    const [a, b, c, d, e, f] = this.matrix;
    this.matrix = [a, b, c, d, a * x + c * y + e, b * x + d * y + f];
  }

  rotate(angle) {
    const [a, b, c, d, e, f] = this.matrix;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    this.matrix = [a * cos + c * sin, b * cos + d * sin, c * cos - a * sin, d * cos - b * sin, e, f];
  }

  /** Where a point lies on the page, written. */
  at(x, y) {
    const [a, b, c, d, e, f] = this.matrix;
    return [a * x + c * y + e, b * x + d * y + f].map(svgNumber);
  }

  /** What is drawn from here on is only seen within the path. */
  clip() {
    const { clips } = this.shared;
    const name = `clip${clips.length + 1}`;
    const within = this.clipped ? ` clip-path="url(#${this.clipped})"` : "";
    clips.push(`<clipPath id="${name}"${within}><path d="${this.written(this.path)}"/></clipPath>`);
    this.clipped = name;
  }

  // ---- paths

  beginPath() {
    this.path = new SvgPath();
  }

  moveTo(x, y) {
    this.path.moveTo(x, y);
  }

  lineTo(x, y) {
    this.path.lineTo(x, y);
  }

  bezierCurveTo(...points) {
    this.path.bezierCurveTo(...points);
  }

  rect(x, y, width, height) {
    this.path.rect(x, y, width, height);
  }

  roundRect(...box) {
    this.path.roundRect(...box);
  }

  arc(x, y, radius, from, to) {
    this.path.arc(x, y, radius, from, to);
  }

  setLineDash(lengths) {
    this.dash = lengths.map(svgNumber).join(" ");
  }

  closePath() {
    this.path.closePath();
  }

  stroke(path = this.path) {
    const look = `fill="none" ${this.strokeLook()}`;
    const lines = path.lines();
    if (!lines) return this.add(`<path d="${this.written(path)}" ${look}/>`);
    const elements = lines.map(([x1, y1, x2, y2]) => {
      const [[fromX, fromY], [toX, toY]] = [this.at(x1, y1), this.at(x2, y2)];
      return `<line x1="${fromX}" y1="${fromY}" x2="${toX}" y2="${toY}"/>`;
    });
    if (elements.length) this.add(`<g ${look}>${elements.join("\n")}</g>`);
  }

  fill(path = this.path) {
    this.add(`<path d="${this.written(path)}" ${this.fillLook()}/>`);
  }

  written(path) {
    const step = ([kind, ...numbers]) => {
      if (kind === "A") {
        const [radius, x, y] = numbers;
        return `A${svgNumber(radius)} ${svgNumber(radius)} 0 0 1 ${this.at(x, y).join(" ")}`;
      }
      const points = numbers.flatMap((v, n) => (n % 2 ? [] : this.at(v, numbers[n + 1])));
      return kind + points.join(" ");
    };
    return path.steps.map(step).join("");
  }

  // ---- rectangles, words, pictures

  fillRect(x, y, width, height) {
    this.add(this.rectangle(x, y, width, height, this.fillLook()));
  }

  strokeRect(x, y, width, height) {
    this.add(this.rectangle(x, y, width, height, `fill="none" ${this.strokeLook()}`));
  }

  rectangle(x, y, width, height, look) {
    const size = `width="${svgNumber(width)}" height="${svgNumber(height)}"`;
    return `<rect ${this.place(x, y)} ${size} ${look}/>`;
  }

  /** As wide as the pen measures it (or `width`), also where the font is another. */
  fillText(text, x, y, width = this.pen ? this.measureText(text).width : null) {
    const { size, weight } = this.fontOf();
    const below = y + BASELINES[this.textBaseline] * size;
    const anchor = ANCHORS[this.textAlign];
    const line = this.decoration ? ` text-decoration="${this.decoration}"` : "";
    const font = `font-size="${size}"${weight ? ` font-weight="${weight}"` : ""}${line}`;
    const fits = width ? ` textLength="${svgNumber(width)}" lengthAdjust="spacingAndGlyphs"` : "";
    const placed = `${this.place(x, below)} text-anchor="${anchor}" ${font}${fits}`;
    this.add(`<text ${placed} ${this.fillLook()}>${xmlText(text)}</text>`);
  }

  measureText(text) {
    if (!this.pen) return { width: String(text).length * this.fontOf().size * 0.6 };
    this.pen.font = this.font;
    return this.pen.measureText(text);
  }

  fontOf() {
    const [, weight, size] = /^(?:(\d+|bold) )?([\d.]+)px/.exec(this.font) ?? [null, null, 10];
    return { weight, size: Number(size) };
  }

  /** A canvas, or a part of it: few pixels as rectangles, one for neighbours of one colour; many as a picture. */
  drawImage(picture, ...numbers) {
    const whole = [0, 0, picture.width, picture.height];
    const [sx, sy, columns, rows, x, y, width, height] = numbers.length === 8 ? numbers : [...whole, ...numbers];
    if (columns * rows > Math.min(MOST_CELLS, this.shared.cells))
      return this.addPicture(picture, [x, y, width, height]);
    this.shared.cells -= columns * rows;
    const { data } = picture.getContext("2d").getImageData(sx, sy, columns, rows);
    const [wide, tall] = [width / columns, height / rows];
    const cells = runsOf(data, columns).map(([row, from, to, color]) =>
      this.rectangle(x + from * wide, y + row * tall, (to - from) * wide, tall, `fill="${color}"`),
    );
    this.add(`<g shape-rendering="crispEdges"${this.opacity()}>${cells.join("\n")}</g>`);
  }

  addPicture(picture, [x, y, width, height]) {
    const size = `width="${svgNumber(width)}" height="${svgNumber(height)}" preserveAspectRatio="none"`;
    const smooth = this.imageSmoothingEnabled ? "" : ' style="image-rendering:pixelated"';
    const content = `href="${xmlText(picture.toDataURL("image/png"))}"`;
    this.add(`<image ${this.place(x, y)} ${size}${smooth}${this.opacity()} ${content}/>`);
  }

  // ---- what elements have

  /** A place as attributes; where the context is turned, the element is turned with it. */
  place(x, y) {
    const [a, b, c, d] = this.matrix.map(svgNumber);
    const [left, top] = this.at(x, y);
    if (a === "1" && d === "1") return `x="${left}" y="${top}"`;
    return `x="0" y="0" transform="matrix(${[a, b, c, d, left, top].join(" ")})"`;
  }

  fillLook() {
    return `fill="${xmlText(this.fillStyle)}"${this.opacity()}`;
  }

  strokeLook() {
    return `stroke="${xmlText(this.strokeStyle)}" stroke-width="${svgNumber(this.lineWidth)}"${this.opacity()}${this.dash ? ` stroke-dasharray="${this.dash}"` : ""}`;
  }

  opacity() {
    return this.globalAlpha < 1 ? ` opacity="${Number(this.globalAlpha.toFixed(4))}"` : "";
  }

  add(element) {
    this.parts.push(this.clipped ? `<g clip-path="url(#${this.clipped})">${element}</g>` : element);
  }

  /** The whole document; title and description say what is drawn to those who do not see it. */
  document(title, about) {
    const [width, height] = [svgNumber(this.width), svgNumber(this.height)];
    const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
    return [
      `<?xml version="1.0" encoding="UTF-8"?>`,
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" xml:space="preserve" role="img">`,
      `<title>${xmlText(title)}</title>`,
      `<desc>${xmlText(about)}</desc>`,
      ...(this.shared.clips.length ? [`<defs>${this.shared.clips.join("\n")}</defs>`] : []),
      ...this.parts,
      "</svg>",
      "",
    ].join("\n");
  }
}

/** Neighbours of one colour in the rows of RGBA bytes: [row, from, to, colour]; what cannot be seen is left out. */
function runsOf(data, columns) {
  const runs = [];
  const colorAt = (i) =>
    data[4 * i + 3] ? `#${[0, 1, 2].map((c) => data[4 * i + c].toString(16).padStart(2, "0")).join("")}` : null;
  for (let i = 0; i < data.length / 4; i++) {
    const [row, column, color] = [Math.floor(i / columns), i % columns, colorAt(i)];
    const last = runs.at(-1);
    if (last && last[0] === row && last[2] === column && last[3] === color) last[2]++;
    else if (color) runs.push([row, column, column + 1, color]);
  }
  return runs;
}
