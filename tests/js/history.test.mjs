import test from "node:test";
import assert from "node:assert/strict";
import { entryOf, isByPerson, isEntry } from "../../attnlib/views/history/view.js";

const HERE = "http://localhost/compare?head=2&text=a";

test("the order of choices, a view's own state and answers make no entry", () => {
  assert.equal(
    entryOf(HERE),
    entryOf("http://localhost/compare?text=a&view=pins%3Aq8&head=2&at=4~4&answers=1.0%3A9"),
  );
  assert.notEqual(entryOf(HERE), entryOf("http://localhost/compare?head=2&text=b"));
  assert.notEqual(entryOf(HERE), entryOf("http://localhost/model?head=2&text=a"));
});

test("what a person changes in a widget is an entry, whatever is under way", () => {
  const how = { byPerson: true, acted: false, rests: false };
  assert.ok(isEntry(HERE, "http://localhost/compare?head=3&text=a", how));
  assert.ok(!isEntry(HERE, "http://localhost/compare?head=2&text=a&view=x", how));
});

test("what Python says is one entry for one thing that a person did", () => {
  const there = "http://localhost/model?head=2";
  const how = { byPerson: false, acted: true, rests: true };
  assert.ok(isEntry(HERE, there, how));
  assert.ok(!isEntry(HERE, there, { ...how, acted: false })); // on loading; a second time
  assert.ok(!isEntry(HERE, there, { ...how, rests: false })); // the rest of an answer
});

test("Streamlit writes a whole address for a person", () => {
  assert.ok(isByPerson("http://localhost/?a=1"));
  assert.ok(!isByPerson("/compare?a=http://x"));
});
