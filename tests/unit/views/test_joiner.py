"""Scripts joined into one: scopes of their own, names that are missing, circles, and what is no import at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from attnlib.views.html import FOLDER
from attnlib.views.joiner import JoinError, joined, read_module, statements

NODE = Path(sys.executable).with_name("node")
VIEWS = sorted(path.parent.name for path in FOLDER.glob("*/view.js"))


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def run(script: str, folder: Path) -> object:
    """What the default export returns."""
    (folder / "joined.mjs").write_text(script, "utf-8")
    code = 'import("./joined.mjs").then((m) => console.log(JSON.stringify(m.default())))'
    done = subprocess.run([NODE, "-e", code], cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def test_names_may_repeat_between_modules(tmp_path: Path) -> None:
    write(
        tmp_path,
        shared__one='const MARK = "!";\nfunction helper(text) { return text + MARK; }\nexport const loud = helper;\n',
        shared__two='const MARK = "?";\nfunction helper(text) { return text + MARK; }\nexport { helper as ask };\n',
        view__view="""import { loud } from "../shared/one.js";
import {
  ask as helper, // the same name once more
} from "../shared/two.js";
const MARK = ".";
export default function mount() { return [loud("a"), helper("b"), MARK]; }
""",
    )
    assert run(joined("view/view.js", tmp_path), tmp_path) == ["a!", "b?", "."]


def test_a_module_that_two_need_is_there_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        base="export const seen = new Set();\n",
        a='import { seen } from "./base.js";\nexport function add() { seen.add("a"); }\n',
        b='import { seen } from "./base.js";\nexport class Box { size = seen.size; }\nexport async function* all() {}'
        "\n",
        main="""import { add } from './a.js'
import { Box, all } from "./b.js"
export default function mount() { add(); return [new Box().size, typeof all]; }
""",
    )
    script = joined("main.js", tmp_path)
    assert script.count('$modules["base.js"] = ') == 1
    assert run(script, tmp_path) == [1, "function"]


def test_what_only_looks_like_an_import_is_left(tmp_path: Path) -> None:
    text = r"""
// import { a } from "./nowhere.js";
/* export const b = 1; */
const quoted = "import { c } from './nowhere.js'";
const template = `
export const d = ${((x) => `${x}
import { e } from "./nowhere.js";`)({ export: "}" }.export)}
`;
const pattern = /['"`{]
import/.source;
const half = quoted.length / 2 / 1, import_ = { import: 1 }.import;
export default function mount() { return [template.split("\n").length, pattern, import_, half > 1]; }
""".replace("[\n", "[\\n")
    write(tmp_path, main=text.replace("{]\nimport", "{] import"))
    assert run(joined("main.js", tmp_path), tmp_path) == [4, "['\"`{] import", 1, True]


def test_an_unknown_import_names_file_and_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="export const b = 1;\n",
        main='import { b, c } from "./a.js";\nexport default function mount() {}\n',
    )
    with pytest.raises(JoinError, match=r"main\.js imports “c” from a\.js, which does not export it"):
        joined("main.js", tmp_path)


def test_a_missing_file_and_a_missing_default_are_told(tmp_path: Path) -> None:
    write(tmp_path, main='import { b } from "./a.js";\nexport default function mount() {}\n', other="const a = 1;\n")
    with pytest.raises(JoinError, match=r"main\.js imports a\.js, which is not there"):
        joined("main.js", tmp_path)
    with pytest.raises(JoinError, match=r"other\.js has no default export"):
        joined("other.js", tmp_path)


def test_a_circle_is_told_with_its_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 1;\n',
        main='import { a } from "./a.js";\nexport default function mount() {}\n',
    )
    with pytest.raises(JoinError, match=r"A circle of imports: a\.js → b\.js → a\.js"):
        joined("main.js", tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('import * as a from "./a.js";', "line 1: this is not understood: import"),
        ('\nimport a from "./a.js";', "line 2: this is not understood"),
        ('import "./a.js";', "not understood"),
        ('import { a } from "package";', "not understood"),
        ('import { a-b } from "./a.js";', "“a-b” is no name"),
        ('export * from "./a.js";', "not understood"),
        ('export { a } from "./a.js";', "not understood"),
        ("export let a = 1;", "not understood"),
        ("export const { a } = b;", "not understood"),
        ("export default function () {}", "not understood"),
        ("export default class extends Base {}", "not understood"),
        ("export default 1;", "not understood"),
        ('function f() { return import("./a.js"); }', "no file beside"),
        ("const a = (import.meta.url);", "no file beside"),
        ("const a = `${1}", "does not end"),
        ("const a = 'b\n';", "a text does not end"),
        ("const a = /b\n;", "does not end"),
    ],
)
def test_what_is_not_understood_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(JoinError, match=said):
        read_module("main.js", text)


@pytest.mark.parametrize(
    "value", ["a", "a()", "a[0]", "`a`", '"a"', "1", "{ a: 1 }.a", "`${a}`", "/a/.lastIndex", "a\n"]
)
def test_a_slash_behind_a_value_divides(value: str) -> None:
    text = f"b = {value} / 2; c = '/';\nexport const d = 1 / 2;"
    assert list(statements(text)) == [text.index("export")]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_one_module_with_one_export(view: str, tmp_path: Path) -> None:
    script = joined(f"{view}/view.js", FOLDER)
    assert list(statements(script)) == [script.index("export default mount;")]
    (tmp_path / "joined.mjs").write_text(script, "utf-8")
    code = 'import("./joined.mjs").then((m) => console.log(Object.keys(m), typeof m.default))'
    done = subprocess.run([NODE, "-e", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "[ 'default' ] function", done.stderr


def test_there_are_eight_scripts() -> None:
    assert VIEWS == ["alignment", "grid", "head", "history", "matrix", "model", "neuron", "share"]
