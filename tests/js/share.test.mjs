import test from "node:test";
import assert from "node:assert/strict";
import { MOST_CHARACTERS, sayCopied, sizeOfPack } from "../../attnlib/views/share/view.js";

test("a link is copied, and a long one is said to be long", () => {
  assert.equal(sayCopied("http://localhost/?a=1", true), "Copied.");
  assert.equal(sayCopied("http://localhost/?a=1", false), "Press Ctrl+C to copy it.");
  assert.equal(sayCopied("x".repeat(MOST_CHARACTERS), true), "Copied.");
  assert.match(sayCopied("x".repeat(12_345), true), /12,345 characters.*Save the state to a file/);
});

test("how large a pack's pictures are", () => {
  assert.equal(sizeOfPack([]), 0);
  const picture = { name: "a", title: "b", svg: "12", png: "345", csv: "6" };
  assert.equal(sizeOfPack([picture, picture]), 12);
});
