"""What a lesson may ask to be measured, and in what: names, words and choices, each checked before a model is loaded.

Measuring is in answers.py. Nothing in this file imports torch.
"""

import math
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from attnlib.address import CHOICES
from attnlib.errors import InputError
from attnlib.model.sources import demo_models
from attnlib.model.weight_files import read_json
from attnlib.paths import DEMO_FOLDER

USUAL_MODEL = "demo/gpt2-biased"
MEASURES = {  # name: how many words it takes, and what it is
    "number": (1, "a number that is known"),
    "tokens": (0, "how many tokens the text has"),
    "layers": (0, "how many layers the model has"),
    "heads": (0, "how many heads a layer has"),
    "weight": (2, "attention of the shown head, from a word to a word"),
    "product": (2, "query times key of the shown head, before scaling"),
    "shift": (2, "target shift G of the shown head, B − A"),
    "log_odds": (2, "log p(first word) − log p(second word) after the text"),
    "total": (2, "total effect of the edit on the odds of two words"),
    "indirect": (2, "indirect effect of the shown head on these odds"),
    "pattern": (1, "score of the shown head for a pattern"),
}
OF_ONE_HEAD = ("weight", "product", "shift", "indirect", "pattern")
OF_TWO_PROMPTS = ("shift", "total", "indirect")
PATTERN_NAMES = (  # of behaviour/patterns.py, which imports torch; a test holds them to it
    *("previous", "next", "self", "same", "first", "special", "punctuation", "uniform", "distance"),
    *("induction", "duplicate", "induction_words", "duplicate_words", "coreference", "person"),
    *(f"coreference_{meant}" for meant in ("woman", "man", "person", "thing", "several", "one")),
)
INLINE = re.compile(r"\{=([^{}]*)\}")  # {= weight "She" "nurse"}


@dataclass(frozen=True)
class Measure:
    """What a lesson asks to be measured: one of MEASURES, its words, and settings that differ from what is shown."""

    name: str
    words: tuple[str, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()


def inline_texts(text: str) -> Iterator[tuple[int, str]]:
    """The measures inside a text, for `parse_measure`, each with its line, counted from 0."""
    for found in INLINE.finditer(text):
        yield text.count("\n", 0, found.start()), found[1]


def parse_measure(text: str) -> Measure:
    """`weight "She" "nurse" head=2` as a Measure. Raises InputError."""
    try:
        name, *rest = shlex.split(text)
    except ValueError as error:
        raise InputError(
            f"“{text.strip()[:60]}” is not a measure: write its name and its words in quotes."
        ) from error
    choices = tuple((key, value) for key, mark, value in (word.partition("=") for word in rest) if mark)
    words = tuple(word for word in rest if "=" not in word)
    if name not in MEASURES:
        raise InputError(f"There is no measure “{name[:60]}”. Choose one of {', '.join(MEASURES)}.")
    needed = MEASURES[name][0]
    if len(words) != needed:
        raise InputError(f"“{name}” takes {needed} word{'s' * (needed != 1)}; {len(words)} given.")
    if name == "number":
        read_number(words[0])
    if name == "pattern" and words[0] not in PATTERN_NAMES:
        raise InputError(f"There is no pattern “{words[0][:60]}”. Choose one of {', '.join(PATTERN_NAMES)}.")
    for key, value in choices:
        check_choice(key, value)
    return Measure(name, words, choices)


def read_number(text: str) -> float:
    """A finite number, with − or - for minus. Raises InputError."""
    try:
        number = float(text.replace("−", "-"))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"“{text[:60]}” is not a number.")
    return number


def check_choice(name: str, value: str) -> None:
    """Refuse a setting that no page has, and a layer or head that is not a number. Raises InputError."""
    if name not in CHOICES:
        raise InputError(f"“{name[:60]}” is not a setting of a page. Known: {', '.join(sorted(CHOICES))}.")
    is_place = value.isascii() and value.isdigit() and len(value) < 5
    if name in ("layer", "head") and not is_place and (name, value) != ("head", "all"):
        raise InputError(f"“{name}” is a number, counted from 0, not “{value[:60]}”.")


def check_place(choices: Mapping[str, str]) -> None:
    """Refuse a demo model that does not exist, and a layer or head that it does not have. Raises InputError.

    Of other models it is not known before they are loaded.
    """
    model = choices.get("model", USUAL_MODEL)
    if not model.startswith("demo/"):
        return
    if model not in demo_models():
        raise InputError(f"There is no demo model “{model[:60]}”. There are {', '.join(demo_models())}.")
    config = read_json(model, DEMO_FOLDER / model.removeprefix("demo/") / "config.json")
    layers = config.get("n_layer", config.get("num_hidden_layers", 0))
    heads = config.get("n_head", config.get("num_attention_heads", 0))
    layer, head = (choices.get(name, "0") for name in ("layer", "head"))
    if int(layer) >= layers:
        raise InputError(f"{model} has no layer {layer}: it has {layers}, counted from 0.")
    if head != "all" and int(head) >= heads:
        raise InputError(f"{model} has no head {layer}-{head}: a layer has {heads}, counted from 0.")


def check_measure(measure: Measure, shown: Mapping[str, str]) -> None:
    """Refuse a measure that needs something the step's show block does not set. Raises InputError."""
    choices = {**shown, **dict(measure.choices)}
    check_place(choices)
    if measure.name in OF_ONE_HEAD and choices.get("head", "all") == "all":
        raise InputError(f"“{measure.name}” needs one head: set head in the step's show block.")
    prompts = choices.get("prompt_a") or choices.get("text"), choices.get("prompt_b")
    if measure.name in OF_TWO_PROMPTS and not all(prompts):
        raise InputError(f"“{measure.name}” needs two prompts: set prompt_a and prompt_b in the step's show block.")
