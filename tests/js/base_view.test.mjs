import test from "node:test";
import assert from "node:assert/strict";
import { ChoosingView, onKeys } from "../../attnlib/views/shared/base_view.js";
import { shareSide } from "../../attnlib/views/shared/sides.js";
import { REPORT_AFTER } from "../../attnlib/views/shared/report.js";

const element = () => Object.assign(new EventTarget(), { setAttribute() {}, append() {}, replaceChildren() {} });

/** A document with as much as the base uses. */
function page() {
  globalThis.document = Object.assign(new EventTarget(), { createElement: element });
  globalThis.getComputedStyle = () => ({ getPropertyValue: () => "" });
  globalThis.ResizeObserver = class {
    observe() {}
  };
}

/** A payload with a header and no arrays. */
function payload(header) {
  const text = new TextEncoder().encode(JSON.stringify({ ...header, arrays: {} }));
  const bytes = new Uint8Array(8 + text.length);
  bytes.set(new TextEncoder().encode("ATTN"));
  new DataView(bytes.buffer).setUint32(4, text.length, true);
  bytes.set(text, 8);
  return bytes;
}

class Plain extends ChoosingView {
  shown = [];

  constructor(root) {
    super(root);
    this.begin([]);
  }

  receive(before) {
    this.state = before ? this.state : { show: "diff", head: 0 };
    this.update();
  }

  update() {
    this.shown.push(this.state);
  }

  stateText() {
    return `show:${this.state.show}`;
  }
}

const key = (name, more = {}) => Object.assign(new Event("keydown", { cancelable: true }), { key: name, ...more });

test("what is chosen is shown at once and told once it is quiet", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  page();
  const view = new Plain(element());
  const told = [];
  view.connect((name, event) => told.push([name, event]));
  view.setData(payload({ view: "plain", pair: true }));
  view.change({ head: 1 });
  view.change({ head: 2 });
  assert.deepEqual(view.shown.at(-1), { show: "diff", head: 2 });
  assert.deepEqual(told, []);
  context.mock.timers.tick(REPORT_AFTER);
  assert.deepEqual(told, [["view", { value: null, view: "show:diff" }]]);
});

test("a state stays when new data comes, and the header before is told", () => {
  page();
  const view = new Plain(element());
  view.setData(payload({ view: "plain", layer: 1 }));
  view.change({ head: 3 });
  view.setData(payload({ view: "plain", layer: 2 }));
  assert.equal(view.state.head, 3);
  assert.equal(view.header.layer, 2);
});

test("views of a page show one side, until they are gone; a single text has none", () => {
  page();
  const [one, two, alone] = [0, 1, 2].map(() => new Plain(element()));
  for (const view of [one, two]) view.setData(payload({ view: "plain", pair: true }));
  alone.setData(payload({ view: "plain", pair: false }));
  one.setSide("a");
  assert.deepEqual(
    [one, two, alone].map(({ state }) => state.show),
    ["a", "a", "diff"],
  );
  two.leave();
  shareSide("b");
  assert.deepEqual(
    [one, two].map(({ state }) => state.show),
    ["b", "a"],
  );
  assert.equal(one.sideOf(key("-")), "diff");
  assert.equal(one.sideOf(key("-", { ctrlKey: true })), undefined);
  assert.equal(alone.sideOf(key("-")), undefined);
});

test("keys that are answered go no further; others do, and those of the browser", () => {
  const field = element();
  onKeys(field, (event) => (event.key === "x" ? undefined : false));
  const prevented = (event) => {
    field.dispatchEvent(event);
    return event.defaultPrevented;
  };
  assert.deepEqual([key("x"), key("y"), key("x", { altKey: true }), key("x", { metaKey: true })].map(prevented), [
    true,
    false,
    false,
    false,
  ]);
});
