"""Views outside the dashboard: joined scripts for a component, a self-contained page, a notebook's output.

Nothing is fetched: scripts, styles and numbers are inside the page.
"""

import base64
import json
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from attnlib.errors import InputError
from attnlib.views.head.payload import head_payload
from attnlib.views.joiner import joined

if TYPE_CHECKING:
    from attnlib.comparison.result import Comparison
    from attnlib.tracing.overview import Overview
    from attnlib.tracing.trace import Trace

FOLDER = Path(__file__).parent


@lru_cache
def script(name: str) -> str:
    """A view's ES module with everything it imports joined into one; `name` is that of its folder, e.g. "head"."""
    return joined(f"{name}/view.js", FOLDER)


def style(name: str) -> str:
    """A view's style sheet with that of its export buttons; `name` is that of its folder, e.g. "head"."""
    return _read(f"{name}/view.css") + _read("shared/export.css")


def _read(file: str) -> str:
    return (FOLDER / file).read_text("utf-8")


class View:
    """A view that shows itself in a notebook and can be saved as a self-contained page."""

    def __init__(
        self,
        title: str,
        frames: dict[str, bytes],
        kind: str = "head",
        details: dict[str, dict[int, bytes]] | None = None,
    ) -> None:
        """`frames` are payloads by the name their choice has on the page, e.g. "Layer 0".

        `details` of a model view: for each frame the head view's payloads by layer, shown when a head is chosen.
        """
        self.title, self.frames, self.kind, self.details = title, frames, kind, details

    def to_html(self, path: str | Path | None = None) -> str:
        """The page as text; written to `path` when one is given. It opens without a network."""
        page = _PAGE.format(
            title=escape(self.title),
            style=_THEME + style(self.kind) + (style("head") if self.details else ""),
            kind=self.kind,
            script=_inline(self.kind),
            frames=_json({name: base64.b64encode(f).decode() for name, f in self.frames.items()}),
            details=self._details(),
        )
        if path is not None:
            Path(path).write_text(page, "utf-8")
        return page

    def _details(self) -> str:
        if not self.details:
            return ""
        frames = {
            name: {layer: base64.b64encode(frame).decode() for layer, frame in layers.items()}
            for name, layers in self.details.items()
        }
        return _DETAILS.format(script=_inline("head"), frames=_json(frames))

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.to_html(), quote=True)}" sandbox="allow-scripts allow-downloads" '
            'style="width:100%;height:820px;border:0"></iframe>'
        )


def head_view(shown: "Trace | Comparison", *, layers: list[int] | None = None, stack: str | None = None) -> View:
    """The attention-head view: which token looks at which, in every head of a layer.

    Args:
        shown (Trace or Comparison): A text, or a pair (A, B and B − A).
        layers (list of int, optional): The layers to show. Default: all that were kept.
        stack (str, optional): Of a trace of an encoder-decoder model "encoder", "decoder" or "cross". Default: all.

    Returns:
        View: Shows itself in a notebook; `.to_html(path)` saves it.

    Raises:
        InputError: If there is no layer to show.

    Source:
        Vig 2019 (arXiv 1904.02679), section 3.1.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> view = attnlib.head_view(attnlib.trace(model, "The nurse said that she"))
        >>> view.to_html().startswith("<!doctype html>")
        True
    """
    from attnlib.comparison.result import Comparison  # brings torch along: not before it is needed
    from attnlib.views.pair.payload import pair_head_payload

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


MOST_DETAILS = 24_000_000  # bytes of large drawings in one page


def model_view(shown: "Trace | Overview | Comparison", targets: Sequence[str] = ()) -> View:
    """The model view: every layer and head at a glance.

    A chosen head is drawn large beside the grid if its layer was kept and the page stays below MOST_DETAILS bytes.

    Args:
        shown (Trace, Overview or Comparison): A text, or a pair that was compared with `small=True` (A, B and B − A).
        targets (sequence of str): Of a comparison, one or two target words for the target shift.

    Returns:
        View: Shows itself in a notebook; `.to_html(path)` saves it.

    Raises:
        InputError: If layers are missing, or a target is not in the prompts.

    Source:
        Vig 2019 (arXiv 1904.02679), section 3.2.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> view = attnlib.model_view(attnlib.overview(model, "The nurse said that she"))
        >>> view.title
        'All heads of demo/gpt2-biased'
    """
    from attnlib.comparison.result import Comparison  # brings torch along: not before it is needed
    from attnlib.tracing.overview import overview_of
    from attnlib.tracing.trace import Trace
    from attnlib.views.model.payload import model_payload, pair_model_payload
    from attnlib.views.pair.payload import pair_head_payload

    details: dict[str, dict[int, bytes]] = {}
    if isinstance(shown, Comparison):
        frames = {shown.stack: pair_model_payload(shown, targets)}
        kept = shown.a.stack(shown.stack).layers
        details = {shown.stack: {layer: pair_head_payload(shown, layer) for layer in kept}}
        title = f"All heads of {shown.a.model}, prompt B − prompt A"
    else:
        small = overview_of(shown) if isinstance(shown, Trace) else shown
        frames = {name: model_payload(small, name) for name in small.stacks}
        title = f"All heads of {small.model}"
        if isinstance(shown, Trace):
            details = {
                name: {layer: head_payload(shown, layer, name) for layer in stack.layers}
                for name, stack in shown.stacks.items()
            }
    large = sum(len(frame) for layers in details.values() for frame in layers.values()) > MOST_DETAILS
    return View(
        title,
        {name.capitalize(): frame for name, frame in frames.items()},
        "model",
        {} if large else {name.capitalize(): layers for name, layers in details.items()},
    )


def neuron_view(shown: "Trace | Comparison", layer: int = 0, head: int = 0, *, stack: str | None = None) -> View:
    """The neuron view of one head: from query and key vectors to the attention weight.

    Args:
        shown (Trace or Comparison): A text, or a pair (A, B and B − A), with the layer kept.
        layer (int): Counted from 0.
        head (int): Counted from 0.
        stack (str, optional): Of a trace of an encoder-decoder model "encoder", "decoder" or "cross". Default: the
            first.

    Returns:
        View: Shows itself in a notebook; `.to_html(path)` saves it.

    Raises:
        InputError: If there is no such head, or the model's query and key vectors are not known.

    Source:
        Vig 2019 (arXiv 1904.02679), section 3.3.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> view = attnlib.neuron_view(attnlib.trace(model, "The nurse said that she"), layer=0, head=2)
        >>> view.title
        'From query to weight: demo/gpt2-biased, layer 0, head 2'
    """
    from attnlib.comparison.result import Comparison  # brings torch along: not before it is needed
    from attnlib.views.neuron.payload import neuron_pair_payload, neuron_payload

    name = f"layer {layer}, head {head}"
    if isinstance(shown, Comparison):
        title = f"From query to weight: {shown.a.model}, {name}, prompt B − prompt A"
        return View(title, {name: neuron_pair_payload(shown, layer, head)}, "neuron")
    title = f"From query to weight: {shown.model}, {name}"
    return View(title, {name: neuron_payload(shown, layer, head, stack)}, "neuron")


def _inline(name: str) -> str:
    """A view's script for a page; no text in it can end the element that it stands in."""
    return script(name).replace("</", "<\\/")


def _json(value: object) -> str:
    """JSON that cannot end the script it stands in, nor begin another."""
    return json.dumps(value).replace("<", "\\u003c")


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
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title><style>{style}</style></head>
<body><h1 style="font-size:18px">{title}</h1>
<p id="frames"><label>Show <select id="frame"></select></label></p>
<div style="display:flex;flex-wrap:wrap;gap:16px 28px;align-items:flex-start">
<div id="view" style="flex:3 1 480px;min-width:0"><div class="attn-{kind}"></div></div>
{details}
</div>
<script type="module">
{script}
const frames = {frames};
const choice = document.getElementById("frame");
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const setTriggerValue = window.attnDetail && ((_, {{ value }}) => window.attnDetail(choice.value, value));
const show = () => {{
  mount({{ data: bytes(frames[choice.value]), parentElement: document.getElementById("view"), setTriggerValue }});
  window.attnDetail?.(choice.value, "none");
}};
choice.append(...Object.keys(frames).map((name) => new Option(name, name)));
document.getElementById("frames").hidden = choice.length < 2;
choice.addEventListener("change", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
show();
</script></body></html>
"""

# A chosen head, large. A module of its own: both views bring the scripts they share.
_DETAILS = """<div id="detail" style="flex:2 1 340px;min-width:0" hidden
><h2 style="font-size:15px"></h2><div class="attn-head"></div></div>
<script type="module">
{script}
const layers = {frames};
const detail = document.getElementById("detail");
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
window.attnDetail = (name, place) => {{
  if (place === null) return true; // what was chosen: there is no link to keep it in
  const [layer, head] = place.split("-").map(Number);
  detail.hidden = !layers[name]?.[layer];
  if (detail.hidden) return true; // it has answered at once (report.js)
  detail.firstChild.textContent = `Layer ${{layer}}, head ${{head}}`;
  mount({{ data: bytes(layers[name][layer]), parentElement: detail }});
  const view = detail.querySelector(".attn-head").headView;
  view.followHead(head, false);
  view.update();
  return true;
}};
</script>"""
