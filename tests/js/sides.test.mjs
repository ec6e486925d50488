import { test } from "node:test";
import assert from "node:assert/strict";
import { signColors, rgbOf } from "../../attnlib/views/shared/colors.js";
import { onSharedSide, shareSide, SIDES, SIDE_KEYS } from "../../attnlib/views/shared/sides.js";

test("the two signs differ in each theme, in blue and in red", () => {
  for (const dark of [false, true]) {
    const [more, less] = [signColors(dark).more, signColors(dark).less].map(rgbOf);
    assert.ok(more[0] - less[0] > 100 && less[2] - more[2] > 100);
  }
});

test("a shared side reaches the others until they stop listening; nonsense reaches no one", () => {
  globalThis.document ??= new EventTarget();
  const heard = [];
  const stop = onSharedSide((side) => heard.push(side));
  shareSide("a");
  shareSide("evil");
  stop();
  shareSide("b");
  assert.deepEqual(heard, ["a"]);
});

test("who comes later hears what is shown; who has gone does not", async () => {
  globalThis.document = new EventTarget();
  shareSide("a");
  const heard = [];
  onSharedSide((side) => heard.push(`stays ${side}`));
  onSharedSide((side) => heard.push(`goes ${side}`))();
  assert.deepEqual(heard, [], "not before it is set up");
  await null;
  assert.deepEqual(heard, ["stays a"]);
});

test("every side has a key, none of them a head's", () => {
  assert.deepEqual(Object.values(SIDE_KEYS).sort(), [...SIDES].sort());
  for (const key of Object.keys(SIDE_KEYS)) assert.doesNotMatch(key, /[a-z0-9]/i);
});
