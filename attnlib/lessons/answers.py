"""What a lesson's answers are: measured in the model the step shows, when they are asked for, never written down."""

from typing import Any

from attnlib.behaviour.head_patterns import HeadPatterns
from attnlib.behaviour.measure import measure_patterns
from attnlib.behaviour.store import load_patterns, patterns_key
from attnlib.comparison.result import Comparison
from attnlib.comparison.run import compare
from attnlib.effects.mediation import head_effects
from attnlib.errors import InputError
from attnlib.lessons.measures import Measure, read_number
from attnlib.lessons.parse import Show
from attnlib.model.loading import Model
from attnlib.model.tokens import find_word
from attnlib.prompts.texts import builtin_texts
from attnlib.tracing.trace import Trace, trace
from attnlib.wording import number, signed
from attnlib.words.likelihood import word_log_odds

WHOLE = ("tokens", "layers", "heads")  # told without decimals
SIGNED = ("shift", "log_odds", "total", "indirect")


def measured(model: Model, show: Show, measure: Measure) -> float:
    """The value of a Measure in what a Show shows; `model` is the one it names. Raises InputError."""
    show, words = show.changed(dict(measure.choices)), measure.words
    if measure.name == "number":
        return read_number(words[0])
    if measure.name == "layers":
        return float(len(model.heads[model.stacks[0]]))
    if measure.name == "heads":
        return float(_heads(model, show))
    if measure.name == "log_odds":
        return word_log_odds(model, _text(show), (words[0], words[1]))
    if measure.name in ("total", "indirect"):
        effects = head_effects(model, *_prompts(show), (words[0], words[1]))
        return float(effects.total if measure.name == "total" else effects.indirect[_place(model, show)])
    if measure.name == "shift":
        return float(_compared(model, show).target_shift(words)[_place(model, show)])
    if measure.name == "pattern":
        return _pattern(model, show, words[0])
    return _in_text(model, show, measure)


def told(measure: Measure, value: float) -> str:
    """The value as a page writes it."""
    if measure.name in WHOLE:
        return f"{value:,.0f}"
    if measure.name == "number":
        return measure.words[0]
    places = 1 if abs(value) >= 10 else 2
    return signed(value, places) if measure.name in SIGNED else number(value, places)


def is_right(value: float, guess: float, within: float) -> bool:
    """Whether a guess is as close as the question requires."""
    return abs(value - guess) <= within + 1e-9


def model_of(show: Show, measure: Measure) -> str:
    """The model a measure is taken in."""
    return show.changed(dict(measure.choices)).model


def _in_text(model: Model, show: Show, measure: Measure) -> float:
    """The measures tokens, weight and product, of one text."""
    layer, head = (0, 0) if measure.name == "tokens" else _place(model, show)
    read = trace(model, _text(show), show.get("text_b") or None, layers=[layer], **_languages(show))
    if measure.name == "tokens":
        return float(len(read.tokens))
    query = _positions(read, measure.words[0], last=True)[-1]
    keys = _positions(read, measure.words[1])
    if measure.name == "weight":
        return float(read.stack().layers[layer].weights[head, query, list(keys)].sum())
    vectors = read.query(layer)[head, query] @ read.key(layer)[head, list(keys)].T
    return float(vectors.sum())


def _positions(read: Trace, word: str, last: bool = False) -> tuple[int, ...]:
    """The tokens of a word: its first occurrence, or its last."""
    found = find_word(read.stack().queries, word)
    if not found:
        raise InputError(f"“{word}” is not a word of the text that is shown.")
    return found[-1 if last else 0]


def _compared(model: Model, show: Show) -> Comparison:
    return compare(model, *_prompts(show), focus=show.get("focus") or None, layers=[], **_languages(show))


def _languages(show: Show) -> dict[str, Any]:
    source, target = show.languages
    return {"source_language": source, "target_language": target}


def _pattern(model: Model, show: Show, name: str) -> float:
    layer, head = _place(model, show)
    found = _patterns(model)
    return float(found.score[found.number(name), layer, head])


def _patterns(model: Model) -> HeadPatterns:
    """Over the built-in texts: the demo models come with them."""
    known = load_patterns(patterns_key(model, builtin_texts()))
    return measure_patterns(model) if known is None else known


def _text(show: Show) -> str:
    return show.get("text") or show.get("prompt_a")


def _prompts(show: Show) -> tuple[str, str]:
    a, b = show.get("prompt_a") or show.get("text"), show.get("prompt_b")
    if not a or not b:
        raise InputError("This needs two prompts: set prompt_a and prompt_b in the step's show block.")
    return a, b


def _place(model: Model, show: Show) -> tuple[int, int]:
    """The head that is shown, checked against the model."""
    layer, head = show.place
    if head is None:
        raise InputError("This needs one head: set head in the step's show block.")
    if head >= _heads(model, show):
        raise InputError(f"{model.name} has no head {layer}-{head}.")
    return layer, head


def _heads(model: Model, show: Show) -> int:
    """How many heads the shown layer has."""
    layer, heads = show.place[0], model.heads[model.stacks[0]]
    if layer >= len(heads):
        raise InputError(f"{model.name} has no layer {layer}: it has {len(heads)}, counted from 0.")
    return heads[layer]
