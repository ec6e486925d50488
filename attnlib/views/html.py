"""Views outside the dashboard: joined scripts for a component, a self-contained page, a notebook's output.

Nothing is fetched: scripts, styles and numbers are inside the page.
"""

import base64
import json
import re
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from attnlib.errors import InputError
from attnlib.views.payload import head_payload

if TYPE_CHECKING:
    from attnlib.comparison import Comparison
    from attnlib.tracing import Trace

FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|let|function|class)\b)", re.MULTILINE)


@lru_cache
def script(name: str) -> str:
    """A view's ES module with everything it imports joined into one, e.g. "head.js"."""
    order: list[str] = []

    def visit(file: str) -> None:
        for needed in _IMPORT.findall(_read(file)):
            visit(needed)
        if file not in order:
            order.append(file)

    visit(name)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", _read(file))) for file in order)


def style(name: str) -> str:
    """A view's style sheet, e.g. "head.css"."""
    return _read(name)


def _read(file: str) -> str:
    return (FOLDER / file).read_text("utf-8")


class View:
    """A view that shows itself in a notebook and can be saved as a self-contained page."""

    def __init__(self, title: str, frames: dict[str, bytes], kind: str = "head") -> None:
        """`frames` are payloads by the name their choice has on the page, e.g. "Layer 0"."""
        self.title, self.frames, self.kind = title, frames, kind

    def to_html(self, path: str | Path | None = None) -> str:
        """The page as text; written to `path` when one is given. It opens without a network."""
        page = _PAGE.format(
            title=escape(self.title),
            style=_THEME + style(f"{self.kind}.css"),
            kind=self.kind,
            script=script(f"{self.kind}.js").replace("</", "<\\/").replace("export default function", "function"),
            frames=json.dumps({name: base64.b64encode(f).decode() for name, f in self.frames.items()}).replace(
                "</", "<\\/"
            ),
        )
        if path is not None:
            Path(path).write_text(page, "utf-8")
        return page

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.to_html(), quote=True)}" sandbox="allow-scripts" '
            'style="width:100%;height:820px;border:0"></iframe>'
        )


def head_view(shown: "Trace | Comparison", *, layers: list[int] | None = None, stack: str | None = None) -> View:
    """The attention-head view of a trace, or of a comparison (A, B and B − A): all layers, or `layers`.

    Of a trace every attention it has, or `stack`; a comparison has one.
    """
    from attnlib.comparison import Comparison  # brings torch along: not before it is needed
    from attnlib.views.pair import pair_head_payload

    if isinstance(shown, Comparison):
        kept = shown.a.stack(shown.stack).layers if layers is None else layers
        frames = {f"Layer {layer}": pair_head_payload(shown, layer) for layer in kept}
        title = f"Attention heads of {shown.a.model}, prompt B − prompt A"
    else:
        frames = _trace_frames(shown, layers, stack)
        title = f"Attention heads of {shown.model}"
    if not frames:
        raise InputError("There is no layer to show: none of those asked for was kept.")
    return View(title, frames)


def _trace_frames(trace: "Trace", layers: list[int] | None, stack: str | None) -> dict[str, bytes]:
    stacks = trace.stacks if stack is None else {stack: trace.stack(stack)}
    frames = {}
    for name, attention in stacks.items():
        for layer in attention.layers if layers is None else layers:
            title = f"Layer {layer}" if len(trace.stacks) == 1 else f"{name.capitalize()}, layer {layer}"
            frames[title] = head_payload(trace, layer, name)
    return frames


_THEME = """
:root { color-scheme: light dark; --st-text-color: #1f2328; --st-background-color: #ffffff;
  --st-secondary-background-color: #f0f2f5; --st-border-color: #d0d7de; --st-primary-color: #0b63b0; }
@media (prefers-color-scheme: dark) { :root { --st-text-color: #e8eaed; --st-background-color: #14171c;
  --st-secondary-background-color: #222831; --st-border-color: #3a424d; --st-primary-color: #7cb8ff; } }
body { margin: 16px; font-family: system-ui, sans-serif;
  background: var(--st-background-color); color: var(--st-text-color); }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head>
<body><h1 style="font-size:18px">{title}</h1>
<p><label>Show <select id="frame"></select></label></p>
<div id="view"><div class="attn-{kind}"></div></div>
<script type="module">
{script}
const frames = {frames};
const choice = document.getElementById("frame");
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const show = () => mount({{ data: bytes(frames[choice.value]), parentElement: document.getElementById("view") }});
choice.append(...Object.keys(frames).map((name) => new Option(name, name)));
choice.addEventListener("change", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
show();
</script></body></html>
"""
