// The context that writes SVG: one element for each line, words escaped, well-formed; and CSV without formulas.
import test from "node:test";
import assert from "node:assert/strict";
import { SvgContext, pathOn, xmlText } from "../../attnlib/views/shared/svg.js";
import { csvTable } from "../../attnlib/views/shared/export.js";
import { drawLines } from "../../attnlib/views/head/draw.js";

/** The elements of an XML text by name; throws where it is not well-formed. */
function elementsOf(xml) {
  const [open, counts] = [[], {}];
  const rest = xml
    .replace(/^<\?xml[^>]*\?>/, "")
    .replace(/<(\/?)([\w]+)((?:\s[\w:-]+="[^"<]*")*)\s*(\/?)>/g, (...found) => {
      const [, closing, name, , empty] = found;
      if (closing) assert.equal(open.pop(), name);
      else counts[name] = (counts[name] ?? 0) + 1;
      if (!closing && !empty) open.push(name);
      return "";
    });
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest, /[<>]|&(?!(?:amp|lt|gt|quot|#39);)/);
  return counts;
}

const written = (context) => context.document("title", "about");

test("every line is one element", () => {
  const context = new SvgContext(100, 50);
  const path = pathOn(context);
  for (let n = 0; n < 7; n++) {
    path.moveTo(0, n);
    path.lineTo(100, 2 * n);
  }
  context.strokeStyle = "#ff0000";
  context.globalAlpha = 0.5;
  context.stroke(path);
  const svg = written(context);
  assert.equal(elementsOf(svg).line, 7);
  assert.match(svg, /<g fill="none" stroke="#ff0000" stroke-width="1" opacity="0.5">/);
  assert.match(svg, /<line x1="0" y1="6" x2="100" y2="12"\/>/);
  assert.match(svg, /width="100" height="50" viewBox="0 0 100 50"/);
});

test("the head view's lines are as many as it says it drew", () => {
  const context = new SvgContext(400, 200);
  const w = Float32Array.from([0.5, 0, 0, 0.25, 0.75, 0, 0.001, 0.499, 0.5]);
  const at = Int32Array.from([0, 1, 2]);
  const scene = {
    ...{
      context,
      width: 400,
      height: 200,
      top: 0,
      layout: { left: 100, right: 300 },
      colors: ["#123456"],
      rule: "one",
    },
    ...{ on: [0], signed: false, signs: null, scale: 1, queryAt: at, keyAt: at },
    attention: { heads: 1, queries: 3, keys: 3, w },
  };
  const drawn = drawLines(scene, { index: Uint32Array.from([0, 3, 4, 6, 7, 8]), total: 6 });
  assert.equal(drawn, 5, "a weight of 0.001 cannot be seen");
  assert.equal(elementsOf(written(context)).line, drawn);
});

test("what is no single line is a path, a clip is kept, what is moved stands elsewhere", () => {
  const context = new SvgContext(100, 50);
  context.save();
  context.beginPath();
  context.rect(0, 0, 20, 20);
  context.clip();
  context.translate(10, 5);
  context.beginPath();
  context.moveTo(0, 0);
  context.lineTo(1, 1);
  context.lineTo(2, 0);
  context.stroke();
  context.fillRect(1, 2, 3, 4);
  context.restore();
  context.fillRect(1, 2, 3, 4);
  context.beginPath();
  context.arc(8, 8, 4, 0, 7);
  context.fill();
  const svg = written(context);
  const counts = elementsOf(svg);
  assert.equal(counts.clipPath, 1);
  assert.equal(counts.path, 3);
  assert.match(svg, /<path d="M10 5L11 6L12 5"/);
  assert.match(svg, /<g clip-path="url\(#clip1\)"><rect x="11" y="7" width="3" height="4"/);
  assert.match(svg, /\n<rect x="1" y="2" width="3" height="4"/);
  assert.match(svg, /M12 8A4 4 0 0 1 4 8A4 4 0 0 1 12 8/);
});

test("words are words: no markup, nothing that XML forbids, spaces kept", () => {
  const evil = '<script>alert("1")</script> & \u0000\u001b\ud800\ufffe\'🙂';
  assert.equal(xmlText(evil), "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;🙂");
  const context = new SvgContext(100, 50);
  context.font = "600 13px Sans";
  context.textAlign = "right";
  context.fillStyle = '"/><script>';
  context.fillText(evil, 5, 6);
  const svg = context.document(evil, evil);
  const counts = elementsOf(svg);
  assert.equal(counts.script, undefined);
  assert.deepEqual([counts.text, counts.title, counts.desc], [1, 1, 1]);
  assert.match(svg, /text-anchor="end" font-size="13" font-weight="600"/);
  assert.match(svg, /xml:space="preserve"/);
});

test("words that stand upright are turned about their place", () => {
  const context = new SvgContext(100, 50);
  context.translate(20, 30);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "middle";
  context.fillText("up", 0, 0);
  assert.match(written(context), /<text x="0" y="0" transform="matrix\(0 -1 1 -?0 23.5 30\)"/);
});

test("a small picture is rectangles, a large one a picture", () => {
  const pictureOf = (width, height, data) => ({
    ...{ width, height },
    getContext: () => ({ getImageData: () => ({ data }) }),
    toDataURL: () => "data:image/png;base64,AAAA",
  });
  const red = [255, 0, 0, 255];
  const context = new SvgContext(100, 50);
  context.imageSmoothingEnabled = false;
  context.drawImage(pictureOf(3, 2, [...red, ...red, 0, 0, 255, 255, ...red, 0, 0, 0, 0, ...red]), 10, 0, 30, 20);
  const svg = written(context);
  assert.equal(elementsOf(svg).rect, 4, "neighbours of one colour are one, what is not there is none");
  assert.match(svg, /<rect x="10" y="0" width="20" height="10" fill="#ff0000"\/>/);
  context.drawImage(pictureOf(100, 100), 0, 0, 50, 50);
  assert.equal(elementsOf(written(context)).image, 1);
  assert.match(written(context), /image-rendering:pixelated" href="data:image\/png;base64,AAAA"/);
});

test("a drawing is put into another: at its place, no larger than itself, its clips named apart", () => {
  const page = new SvgContext(100, 50);
  const clipped = (context) => {
    context.beginPath();
    context.rect(0, 0, 5, 5);
    context.clip();
    context.fillRect(0, 0, 9, 9);
    return context;
  };
  page.put(clipped(page.child(10, 20)), 3, 4);
  page.put(clipped(page.child(10, 20)), 30, 4);
  const svg = written(page);
  assert.deepEqual(elementsOf(svg).svg, 3);
  assert.match(svg, /<svg x="3" y="4" width="10" height="20"><g><g clip-path="url\(#clip1\)">/);
  assert.match(svg, /<svg x="30" y="4" width="10" height="20"><g><g clip-path="url\(#clip2\)">/);
});

test("no cell is a formula, numbers stay numbers", () => {
  const rows = [
    ["=1+1", "-2", -0.25, "+x", "@a", "a,b", 'say "a"'],
    [1 / 3, NaN, 0, 1e-9, null, "a\nb", "–"],
  ];
  const [first, ...rest] = csvTable(rows).split("\r\n");
  assert.equal(first, `'=1+1,-2,-0.25,'+x,'@a,"a,b","say ""a"""`);
  assert.deepEqual(rest, ['0.3333333,,0,1e-9,,"a\nb",–', ""]);
});
