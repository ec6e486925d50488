// How long functions are: prints {file: [[line, name, lines], …]} of the scripts it is given, for tests/unit/project/test_house.py.
// Counted are declarations, methods, and arrows with a body of their own; an arrow in one expression is a part of its line.
import { readFileSync } from "node:fs";
import { parse } from "../../.venv/js/node_modules/acorn/dist/acorn.mjs";

const WITH_BODY = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** The functions below a node: [[line, name, lines]]; `name` is that of what holds it. */
function functionsIn(node, name = "") {
  if (Array.isArray(node)) return node.flatMap((part) => functionsIn(part, name));
  if (!node?.type) return [];
  const called = node.id?.name ?? node.key?.name ?? name;
  const counts = WITH_BODY.has(node.type) && node.body.type === "BlockStatement";
  const own = counts ? [[node.loc.start.line, called, node.loc.end.line - node.loc.start.line + 1]] : [];
  return [...own, ...Object.values(node).flatMap((part) => functionsIn(part, called))];
}

const found = process.argv.slice(2).map((file) => {
  const tree = parse(readFileSync(file, "utf8"), { ecmaVersion: "latest", sourceType: "module", locations: true });
  return [file, functionsIn(tree.body)];
});
console.log(JSON.stringify(Object.fromEntries(found)));
