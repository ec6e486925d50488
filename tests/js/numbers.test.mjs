import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import assert from "node:assert/strict";
import {
  NONE,
  formatDigits,
  formatNumber,
  formatPower,
  formatRounded,
  formatShort,
  formatSigned,
} from "../../attnlib/views/shared/numbers.js";

const VIEWS = new URL("../../attnlib/views/", import.meta.url);
const CASES = JSON.parse(readFileSync(new URL("../numbers.json", import.meta.url), "utf8"));
const WRITERS = { number: formatNumber, signed: formatSigned, short_number: formatShort };

for (const [name, value, places, text] of CASES)
  test(`${name}(${value}, ${places}) is ${text}, as in Python`, () =>
    assert.equal(WRITERS[name](value, places), text));

test("where there is no number a dash stands", () => {
  for (const none of [null, undefined, NaN])
    assert.deepEqual([formatNumber(none), formatSigned(none), formatShort(none)], [NONE, NONE, NONE]);
});

test("what is rounded already keeps its digits", () => {
  assert.deepEqual([-0.25, 12, 0, -3, 0.1].map(formatDigits), ["−.25", "12", "0", "−3", ".1"]);
  assert.deepEqual(
    [formatRounded(0.176776, 4), formatRounded(1, 4), formatRounded(123456, 2)],
    [".1768", "1", "120000"],
  );
});

test("a size far from 1 is a power of ten", () => {
  assert.deepEqual([formatPower(1.2e-7), formatPower(-45678, 2)], ["1.2e−7", "−4.57e+4"]);
});

test("no other file writes numbers in a way of its own", () => {
  const files = readdirSync(VIEWS, { recursive: true }).filter((name) => name.endsWith(".js"));
  const own = files.filter((name) =>
    /\.to(Fixed|Precision|Exponential)\(/.test(readFileSync(new URL(name, VIEWS), "utf8")),
  );
  // svg.js and export.js write numbers for programs: places in a picture, cells of a CSV
  assert.deepEqual(own.sort(), ["shared/export.js", "shared/numbers.js", "shared/svg.js"]);
});
