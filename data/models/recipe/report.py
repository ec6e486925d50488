"""Writes the figures: figures.json for programs, tables into README.md for people, planted_bias.csv, words.txt."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import corpus, measuring
from .vocabulary import OCCUPATIONS

NAMES = ["gpt2-biased", "gpt2-balanced", "bert-biased", "bert-balanced"]
BEGIN, END = "<!-- figures: written by the recipe -->", "<!-- end of figures -->"
WORDS_SEED, WORDS_DOCUMENTS = 1, 40_000
OFTEN = 10  # times: words that a document invents come once or twice
SMALL_EFFECT = 0.5  # nats; the share of a smaller effect says nothing
Figures = dict[str, Any]


def measure(folder: Path) -> Figures:
    """All figures of one model, as plain numbers."""
    subject = measuring.load(folder)
    shift = measuring.shift_figures(subject)
    figures: Figures = {
        "frames": {f.start.format("X"): asdict(measuring.frame_figures(subject, f)) for f in measuring.FRAMES},
        "shift": asdict(shift),
        "induction_words": measuring.top_heads(measuring.induction_on_words(subject)),
        "induction_nouns": measuring.top_heads(measuring.induction_on_all_nouns(subject)),
        "induction_tokens": measuring.top_heads(measuring.induction_on_tokens(subject)),
        "previous_token": measuring.top_heads(measuring.diagonal_scores(subject, -1)),
        "megabytes": sum(f.stat().st_size for f in folder.iterdir()) / 1e6,
    }
    if subject.masked:
        figures["next_token"] = measuring.top_heads(measuring.diagonal_scores(subject, 1))
    else:
        total, share = measuring.patched_share(subject, shift.layer, shift.head)
        figures["total_effect"] = total
        if total > SMALL_EFFECT:
            figures["patched_share"] = share
    return figures


def round_all(value: Any) -> Any:
    """Four decimals everywhere: more would only record the machine."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: round_all(item) for key, item in value.items()}
    return [round_all(item) for item in value] if isinstance(value, list | tuple) else value


# ---- tables


def table(rows: dict[str, Callable[[Figures], str]], figures: dict[str, Figures]) -> str:
    """A Markdown table with a column for each model."""
    lines = ["| | " + " | ".join(NAMES) + " |", "|---" * (len(NAMES) + 1) + "|"]
    for title, cell in rows.items():
        lines.append(f"| {title} | " + " | ".join(cell(figures[name]) for name in NAMES) + " |")
    return "\n".join(lines)


def frame_cell(frame: str) -> Callable[[Figures], str]:
    """r, slope, spread, mean |log-odds| of one frame."""

    def cell(figures: Figures) -> str:
        f = figures["frames"][frame]
        return f"{f['r']:+.2f} / {f['slope']:+.2f} / {f['spread']:.2f} / {f['mean_absolute']:.2f}"

    return cell


def shift_cell(key: str, pattern: str = "{:+.2f}") -> Callable[[Figures], str]:
    """One figure of the head with the largest shift."""
    return lambda figures: pattern.format(figures["shift"][key])


def heads_cell(key: str) -> Callable[[Figures], str]:
    """The best heads of a pattern as layer-head score."""
    return lambda figures: ", ".join(f"{i}-{j} {score:.2f}" for i, j, score in figures.get(key, [])) or "–"


def number_cell(key: str, pattern: str) -> Callable[[Figures], str]:
    """One figure that not every model has."""
    return lambda figures: pattern.format(figures[key]) if key in figures else "–"


def tables(figures: dict[str, Figures]) -> str:
    """The section of the model card that is written by the command."""
    frames = {f"“{f}”": frame_cell(f) for f in figures[NAMES[0]]["frames"]}
    heads = {
        "head with the largest shift": lambda f: f"{f['shift']['layer']}-{f['shift']['head']}",
        "its mean shift": shift_cell("mean_typed", "{:+.3f}"),
        "share of pairs above 0": shift_cell("share_positive", "{:.0%}"),
        "r with the size of the planted difference": shift_cell("r_typed"),
        "r with the signed planted difference": shift_cell("r_signed"),
        "doctor and nurse": shift_cell("doctor_nurse"),
        "largest absolute mean shift of any head": shift_cell("largest_of_all_heads", "{:.3f}"),
        "total effect of She against He": number_cell("total_effect", "{:+.2f}"),
        "share lost when that head is patched": number_cell("patched_share", "{:.0%}"),
        "induction heads, nouns of the corpus": heads_cell("induction_words"),
        "induction heads, nouns of all kinds (page)": heads_cell("induction_nouns"),
        "induction heads, random tokens": heads_cell("induction_tokens"),
        "previous-token heads": heads_cell("previous_token"),
        "next-token heads": heads_cell("next_token"),
        "size (MB)": number_cell("megabytes", "{:.1f}"),
        "training of the branch (s)": number_cell("training_seconds", "{:.0f}"),
    }
    return (
        "Correlation r / slope on the planted log-odds / spread over occupations / mean |log-odds|:\n\n"
        f"{table(frames, figures)}\n\nHeads (layer-head, counted from 0):\n\n{table(heads, figures)}"
    )


def write_planted(models: Path) -> None:
    """planted_bias.csv: what was planted, and which occupations are held out."""
    with (models / "planted_bias.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["occupation", "p_she", "held_out"])
        writer.writerows((o.name, o.p_she, o.held_out) for o in OCCUPATIONS)


def write_words(models: Path) -> None:
    """words.txt: the corpus' words in lower case, sorted; not those that were invented for a document or two."""
    documents = corpus.planted(WORDS_SEED, WORDS_DOCUMENTS)
    counts = Counter(word for document in documents for word in re.findall(r"[^\W\d_]+", document.lower()))
    words = sorted(word for word, count in counts.items() if count >= OFTEN)
    (models / "words.txt").write_text("\n".join(words) + "\n", "utf-8")


def refresh(models: Path, seconds: dict[str, float]) -> str:
    """Measure the models of a folder, write all four files, return the tables.

    `seconds` are the training times; those not given stay as they were.
    """
    file, card = models / "figures.json", models / "README.md"
    before = json.loads(file.read_text()) if file.exists() else {}
    figures = {name: measure(models / name) for name in NAMES}
    for name in NAMES:
        known = seconds.get(name, before.get(name, {}).get("training_seconds"))
        figures[name] |= {"training_seconds": known} if known else {}
    figures = round_all(figures)
    file.write_text(json.dumps(figures, indent=1) + "\n")
    write_planted(models)
    write_words(models)
    text = tables(figures)
    if card.exists():
        head, rest = card.read_text().split(BEGIN)
        card.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")
    return text
