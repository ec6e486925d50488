// What views tell Python: once it is quiet, along with requests, one thing after the other.
import test from "node:test";
import assert from "node:assert/strict";
import {
  Line,
  Reporter,
  stepLayer,
  REPORT_AFTER,
  ANSWER_TAKES,
  ANSWER_SETTLES,
} from "../../attnlib/views/shared/report.js";

/** A page of views whose events are kept; `state` is what each of them tells. */
function page(context, views = 1) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const line = new Line();
  const sent = [];
  const made = Array.from({ length: views }, (_, n) => {
    const view = { state: "" };
    view.reporter = new Reporter(() => view.state, line);
    view.reporter.connect((name, told) => {
      sent.push([n, name, told.value, told.view]);
    });
    view.choose = (state) => {
      view.state = state;
      view.reporter.soon();
    };
    return view;
  });
  return { sent, views: made, pass: (time) => context.mock.timers.tick(time) };
}

test("what was chosen is told once, when it is quiet", (context) => {
  const { sent, views, pass } = page(context);
  views[0].choose("q:1");
  pass(REPORT_AFTER - 1);
  views[0].choose("q:2");
  pass(REPORT_AFTER - 1);
  assert.deepEqual(sent, []);
  pass(1);
  assert.deepEqual(sent, [[0, "view", null, "q:2"]]);
  pass(ANSWER_TAKES);
  assert.equal(sent.length, 1);
});

test("a request takes along what was not told yet", (context) => {
  const { sent, views, pass } = page(context);
  views[0].choose("q:1");
  pass(50);
  views[0].reporter.ask("layer", 1);
  assert.deepEqual(sent, [[0, "layer", 1, "q:1"]]);
  pass(ANSWER_TAKES + REPORT_AFTER);
  assert.equal(sent.length, 1, "it is not told a second time");
});

test("nothing is told before the answer, and then all of it", (context) => {
  const { sent, views, pass } = page(context);
  views[0].reporter.ask("layer", 1);
  views[0].choose("q:1");
  pass(REPORT_AFTER + 500);
  views[0].choose("q:2");
  assert.equal(sent.length, 1);
  views[0].reporter.answered();
  assert.equal(sent.length, 1, "its address is still on the way");
  pass(ANSWER_SETTLES);
  assert.deepEqual(sent.slice(1), [[0, "view", null, "q:2"]]);
  pass(REPORT_AFTER);
  assert.equal(sent.length, 2);
});

test("requests wait for each other, also those of other views", (context) => {
  const { sent, views, pass } = page(context, 2);
  views[0].reporter.ask("mask", [5]);
  views[0].reporter.ask("mask", [6]);
  views[1].reporter.ask("pick", "0-2");
  views[1].choose("draw:matrix");
  assert.equal(views[1].reporter.pending, true);
  pass(REPORT_AFTER);
  assert.equal(sent.length, 1);
  views[1].reporter.answered(); // new data of a view that asked nothing
  pass(ANSWER_SETTLES);
  assert.equal(sent.length, 1);
  views[0].reporter.answered();
  pass(ANSWER_SETTLES);
  assert.deepEqual(sent[1], [0, "mask", [6], ""]);
  views[0].reporter.answered();
  pass(ANSWER_SETTLES);
  assert.deepEqual(sent[2], [1, "pick", "0-2", "draw:matrix"]);
  assert.equal(views[1].reporter.pending, true);
  views[1].reporter.answered();
  pass(ANSWER_SETTLES);
  assert.equal(sent.length, 3, "what was chosen went along");
  assert.equal(views[1].reporter.pending, false);
  assert.equal(views[0].reporter.busy, false);
});

test("an answer that never comes holds nobody for ever", (context) => {
  const { sent, views, pass } = page(context);
  views[0].reporter.ask("layer", 1);
  views[0].reporter.ask("head", 3);
  pass(ANSWER_TAKES - 1);
  assert.equal(sent.length, 1);
  pass(1);
  assert.deepEqual(sent[1], [0, "head", 3, ""]);
});

test("a view that is gone tells nothing and lets the others speak", (context) => {
  const { sent, views, pass } = page(context, 2);
  views[0].reporter.ask("open", "1-1");
  views[0].reporter.ask("pick", "1-2");
  views[0].choose("q:1");
  views[1].reporter.ask("pick", "0-2");
  views[0].reporter.leave();
  assert.deepEqual(
    sent.map(([view, name]) => [view, name]),
    [
      [0, "open"],
      [1, "pick"],
    ],
  );
  pass(ANSWER_TAKES + REPORT_AFTER);
  assert.equal(sent.length, 2);
});

test("who answers at once is not waited for; where nobody hears, nothing is told", (context) => {
  const { views, pass } = page(context, 2);
  const sent = [];
  views[0].reporter.connect((_name, told) => {
    sent.push(told.value);
    return true;
  });
  views[0].reporter.ask("pick", "0-1");
  views[0].reporter.ask("pick", "0-2");
  assert.deepEqual(sent, ["0-1", "0-2"]);
  views[1].reporter.connect(undefined);
  assert.equal(views[1].reporter.heard, false);
  views[1].reporter.ask("pick", "0-1");
  views[1].choose("q:1");
  pass(REPORT_AFTER);
  assert.equal(views[1].reporter.pending, false);
});

test("a layer is asked for where there is one; a held key waits for the answer", (context) => {
  const { sent, views, pass } = page(context);
  const view = { reporter: views[0].reporter, header: { layer: 0, layers: 2 } };
  stepLayer(view, { key: "[" });
  assert.deepEqual(sent, []);
  stepLayer(view, { key: "]" });
  stepLayer(view, { key: "]", repeat: true });
  assert.equal(view.reporter.pending, false);
  view.reporter.answered();
  pass(ANSWER_SETTLES);
  view.header.layer = 1;
  stepLayer(view, { key: "]" });
  assert.deepEqual(sent, [[0, "layer", 1, ""]]);
  delete view.header.layers; // not known: Python knows
  stepLayer(view, { key: "]" });
  assert.equal(sent.length, 2);
});
