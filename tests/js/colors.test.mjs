// The colours of signs and of steps stay apart for people who see two kinds of cones (Machado et al. 2009, severity 1).
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { signColors, cellColors, rgbOf } from "../../attnlib/views/shared/colors.js";

const SIGNS_APART = 45; // CIE76 ΔE: some 2 are just seen beside each other
const STEPS_APART = 10; // of quarters of the scale
const TYPES = {
  none: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};
const THEMES = {
  light: { dark: false, background: "#ffffff", accent: "#0b63b0" },
  dark: { dark: true, background: "#12161c", accent: "#7cb8ff" },
};

const times = (matrix, v) => [0, 3, 6].map((row) => v.reduce((sum, x, i) => sum + matrix[row + i] * x, 0));
const linear = (color) =>
  rgbOf(color).map((v) => (v <= 10.31475 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));

/** A colour as it is seen, in CIE L*a*b* (D65). */
function seen(color, type) {
  const rgb = times(TYPES[type], linear(color)).map((v) => Math.min(1, Math.max(0, v)));
  const xyz = times(
    [0.4124564, 0.3575761, 0.1804375, 0.2126729, 0.7151522, 0.072175, 0.0193339, 0.119192, 0.9503041],
    rgb,
  );
  const [x, y, z] = xyz.map((v, i) => {
    const t = v / [0.95047, 1, 1.08883][i];
    return t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27) * (t / 116) + 16 / 116;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const apart = (a, b, type) => Math.hypot(...seen(a, type).map((v, i) => v - seen(b, type)[i]));

test("the simulation knows what it should: grey stays grey, red and green come together", () => {
  for (const type of Object.keys(TYPES)) assert.ok(apart("#808080", "#808080", type) === 0);
  for (const type of ["protanopia", "deuteranopia"]) {
    assert.ok(apart("#c05000", "#6f7f00", type) < apart("#c05000", "#6f7f00", "none") / 2);
    const [, a, b] = seen("#808080", type);
    assert.ok(Math.hypot(a, b) < 1);
  }
});

for (const [name, theme] of Object.entries(THEMES)) {
  for (const type of Object.keys(TYPES)) {
    test(`signs are told apart: ${name}, ${type}`, () => {
      const { more, less } = signColors(theme.dark);
      assert.ok(apart(more, less, type) >= SIGNS_APART, `${apart(more, less, type)}`);
      for (const color of [more, less]) assert.ok(apart(color, theme.background, type) >= SIGNS_APART);
    });

    test(`steps are told apart: ${name}, ${type}`, () => {
      for (const signed of [true, false]) {
        const steps = (signed ? [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1] : [0, 0.25, 0.5, 0.75, 1]).map(
          (value) => cellColors(value, { scale: 1, signed }, theme).background,
        );
        for (let i = 1; i < steps.length; i++) {
          assert.ok(
            apart(steps[i - 1], steps[i], type) >= STEPS_APART,
            `${i}: ${apart(steps[i - 1], steps[i], type)}`,
          );
        }
      }
    });
  }
}

test("the charts' colours of signs, too", () => {
  const figures = readFileSync(new URL("../../attnlib/charts.py", import.meta.url), "utf8");
  const [, more, less] = /MORE, LESS = "(#\w+)", "(#\w+)"/.exec(figures);
  for (const type of Object.keys(TYPES))
    assert.ok(apart(more, less, type) >= SIGNS_APART, `${apart(more, less, type)}`);
});
