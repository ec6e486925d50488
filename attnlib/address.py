"""What the address of a page can say: the pages there are, and the choices by the names that they have in it.

Links, saved states, lessons and the pages' widgets all have these names; tests hold them to each other.
"""

from collections.abc import Iterable
from urllib.parse import urlencode

PAGES = {  # title by path; "head" is the first page, whose path is empty
    "head": "Attention heads",
    "model": "All layers and heads",
    "neuron": "Query × key (neurons)",
    "compare": "Compare prompts",
    "study": "Study many pairs",
    "patterns": "Recurring patterns",
    "neurons": "Neurons and behaviour",
    "lessons": "Lessons",
}
SHARED = (  # kept from page to page
    *("model", "model_b", "text", "text_b", "prompt_a", "prompt_b", "second_a", "second_b", "focus", "targets"),
    *("source_language", "target_language", "cut", "stack", "layer", "head"),
)
OF_VIEWS = ("view", "with_pair", "hide", "off")
OF_COMPARISONS = ("align", "at", "control", "more", "stat", "distance", "order", "fits_a", "fits_b")
OF_OTHERS = ("pattern", "study")
OF_LESSONS = ("lesson", "step", "notes", "answers")  # which no lesson sets
CHOICES = frozenset((*SHARED, *OF_VIEWS, *OF_COMPARISONS, *OF_OTHERS))  # of every page that a lesson can show


def address(page: str, choices: Iterable[tuple[str, str]] = ()) -> str:
    """The address of a page with these choices, below the dashboard's own: "/neuron?model=…"."""
    asked = urlencode(tuple(choices))
    return f"/{'' if page == 'head' else page}" + (f"?{asked}" if asked else "")
