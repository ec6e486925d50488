"""What heads are called after what they do, where that was measured (the page “Recurring patterns”)."""

from attnlib.errors import InputError
from attnlib.model.sources import demo_models
from pages.ui import cached
from pages.ui.state import Choices


def head_names(chosen: Choices) -> list[list[str]]:
    """[layer][head] of the attention that is shown; empty where nothing was measured."""
    if chosen.model is None or chosen.stack != chosen.model.stacks[0]:
        return []
    return cached.head_labels(chosen.name)


def names_in_layer(chosen: Choices) -> list[str]:
    """[head] of the layer that is shown; empty if nothing was measured."""
    names = head_names(chosen)
    return names[chosen.layer] if chosen.layer < len(names) else []


def demo_names(name: str) -> list[list[str]]:
    """[layer][head] of a demo model; nothing for others, which would have to be loaded."""
    try:
        return cached.head_labels(name) if name in demo_models() else []
    except InputError:
        return []
