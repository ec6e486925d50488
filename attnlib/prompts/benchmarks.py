"""Readers of public sets of sentences about bias, each from the file its authors publish. Nothing of them is here.

A reader takes a path and gives pairs one after the other; what it leaves out it gives as `Dropped`, with the reason.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from attnlib.bounded import MOST_UPLOADED, parse_json, read_bytes, read_lines
from attnlib.errors import InputError
from attnlib.prompts.pairs import Dropped, Pair, table_pairs
from attnlib.prompts.splitting import split_words
from attnlib.prompts.tables import Table, read_table
from attnlib.prompts.units import frame

LONGEST = 2_000  # characters of a sentence: those that are published have at most 300
MOST_ALONE = 10_000  # sentences of Winogender that wait for the one of the other gender: 720 are published
# ---------------------------------------------------------------------------------------------- Winogender

PRONOUNS = {"she": "he", "her": "his", "hers": "his", "herself": "himself"}
GENDERS = ("female", "male", "neutral")


def winogender(path: Path) -> Iterator[Pair | Dropped]:
    """Winogender schemas (Rudinger et al. 2018): the sentence with she is A, the same with he is B.

    `path` is all_sentences.tsv or its folder; with occupations-stats.tsv beside it, every pair has the share of women
    of its occupation. The neutral sentences (they) are left out.
    """
    table, path = _columns(path, "all_sentences.tsv", ("sentid", "sentence"))
    shares = _occupations(path.with_name("occupations-stats.tsv"))
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for place, cells in table.rows:
        row = dict(zip(table.columns, cells, strict=False))
        parts = row.get("sentid", "").removesuffix(".txt").split(".")
        if len(parts) != 4 or parts[3] not in GENDERS or not row.get("sentence"):
            yield Dropped(
                place, "this is not a Winogender sentence: its name is not occupation.participant.answer.gender"
            )
            continue
        if len(row["sentence"]) > LONGEST or len(row["sentid"]) > LONGEST:
            yield Dropped(place, f"the sentence has more than {LONGEST:,} characters")
            continue
        key, gender = tuple(parts[:3]), parts[3]
        if gender == "neutral":
            yield Dropped(place, "the neutral sentence (they): she is compared with he")
            continue
        sides = found.setdefault(key, {})
        sides[gender] = row["sentence"]
        if len(sides) == 2:
            occupation, participant, answer = key
            del found[key]
            yield _winogender_pair(sides, occupation, participant, answer, shares.get(occupation, ()))
        elif len(found) > MOST_ALONE:
            raise InputError(
                f"{place}: more than {MOST_ALONE:,} sentences have none of the other gender. Keep the file as it is "
                "published, with both."
            )
    for alone in found:
        yield Dropped(path.name, f"{'.'.join(alone)} has no sentence of the other gender")


def _winogender_pair(
    sides: dict[str, str], occupation: str, participant: str, answer: str, shares: tuple[tuple[str, str], ...]
) -> Pair:
    a, b = sides["female"], sides["male"]
    focus = next((one for one, two in zip(split_words(a), split_words(b), strict=False) if one != two), "")
    targets = tuple(_as_written(word, a) for word in (occupation, participant))
    known = (("occupation", occupation), ("participant", participant), ("answer", answer), *shares)
    further = (*known, ("unit", occupation))
    return Pair("Winogender", a, b, focus, targets, "she/he", further=further)


def _as_written(word: str, sentence: str) -> str:
    """A word with the capital letter it has in a sentence."""
    found = re.search(rf"\b{re.escape(word)}\b", sentence, re.IGNORECASE)
    return found[0] if found else word


def _occupations(path: Path) -> dict[str, tuple[tuple[str, str], ...]]:
    """Every further column of the occupation statistics; none if the file is missing."""
    if not path.exists():
        return {}
    table = read_table(path)
    return {cells[0]: tuple(zip(table.columns[1:], cells[1:], strict=False)) for _, cells in table.rows}


def _columns(path: Path, name: str, needed: tuple[str, ...]) -> tuple[Table, Path]:
    """The table of that name in a folder, or the file itself, which must have these columns."""
    path = path / name if path.is_dir() else path
    table = read_table(path)
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise InputError(
            f"{table.start}: no column {' and no column '.join(missing)}. The file is published as {name}."
        )
    return table, path


# ---------------------------------------------------------------------------------------------- WinoBias

MALE = {"she": "he", "her": "his"}
BRACKETS = re.compile(r"\[([^\[\]]*)\]")
LOOKED_AT = 100  # lines, to see whether a file has brackets at all


def winobias(path: Path) -> Iterator[Pair | Dropped]:
    """WinoBias (Zhao et al. 2018), paired as by Vig et al. 2020 for causal mediation.

    Lines come in twos with one beginning; A is that beginning with she (her), B with he (his). Candidates: how it
    goes on for the occupation of the woman, of the man, by stereotype. Left out: lines without exactly two brackets,
    with [him], with unlike beginnings, or one with she or he and the other with her or his. Two sentences of type 2
    name the occupations in the other order, so that they begin differently: each is a pair by itself.
    Unit: the two occupations.
    """
    path, lines = _winobias_lines(path)
    pair = _of_type_two if "type2" in path.name else _of_type_one
    while one := next(lines, None):
        two = next(lines, None)
        if two is None:
            yield Dropped(f"{path.name}, line {one[0]}", "there is no second line")
        else:
            yield from pair(f"{path.name}, lines {one[0]} and {two[0]}", one[1], two[1])


def _winobias_lines(path: Path) -> tuple[Path, Iterator[tuple[int, str]]]:
    """The file, and its lines that are not blank, each with its number. Raises InputError where none has brackets."""
    if path.is_dir():
        named = [path / f"pro_stereotyped_type1.txt.{split}" for split in ("dev", "test")]
        path = next((file for file in named if file.exists()), named[0])
    lines = read_lines(path)
    first = list(islice(lines, LOOKED_AT))
    if not any(BRACKETS.search(line) for _, line in first):
        raise InputError(
            f"{path.name}: no line has [brackets]. The file is published as pro_stereotyped_type1.txt.dev."
        )
    return path, ((number, re.sub(r"^\d+ ", "", line)) for number, line in chain(first, lines))


def _of_type_one(place: str, *two: str) -> Iterator[Pair | Dropped]:
    if any(len(line) > LONGEST for line in two):
        yield Dropped(place, f"a line has more than {LONGEST:,} characters")
    elif any(len(BRACKETS.findall(line)) != 2 for line in two):
        yield Dropped(place, "a line has not exactly two brackets")
    elif any("[him]" in line for line in two):
        yield Dropped(place, "the pronoun is [him]")
    else:
        yield _winobias_pair(place, *two)


def _winobias_pair(place: str, one: str, two: str) -> Pair | Dropped:
    sides = {}
    for line in (one, two):
        entity, pronoun = BRACKETS.findall(line)
        before, _, after = line.rpartition(f"[{pronoun}]")
        context = BRACKETS.sub(r"\1", before).strip()
        gender = "female" if pronoun.lower() in MALE else "male"
        sides[gender] = (context, pronoun.lower(), after.strip(), re.sub("^(the|a|an) ", "", entity.lower()))
    if len(sides) != 2 or sides["female"][0] != sides["male"][0]:
        return Dropped(place, "the sentences begin differently")
    (context, pronoun, female, woman), (_, his, male, man) = sides["female"], sides["male"]
    if MALE[pronoun] != his:
        return Dropped(place, "one pronoun is she or he, the other her or his")
    prompts = f"{context} {pronoun}", f"{context} {MALE[pronoun]}"
    targets = tuple(_as_written(occupation, context) for occupation in (woman, man))
    further = _typed(woman, man)
    group = f"{pronoun}/{MALE[pronoun]}"
    return Pair("WinoBias", prompts[0], prompts[1], pronoun, targets, group, "", (female, male), further)


def _typed(woman: str, man: str) -> tuple[tuple[str, str], ...]:
    return ("female_typed", woman), ("male_typed", man), ("unit", f"{woman}/{man}")


def _of_type_two(place: str, *two: str) -> Iterator[Pair | Dropped]:
    """Sentences of type 2: each up to its pronoun, with her (she) as A and him, his (he) as B; no candidates."""
    found = [_sentence_of_two(line) for line in two]
    parts = [one for one in found if one is not None]
    if len(parts) < 2 or {part[2] in MALE for part in parts} != {True, False}:
        yield Dropped(place, "these are not two sentences with two brackets, one about a woman and one about a man")
        return
    entities = {part[2] in MALE: part[1] for part in parts}
    for context, _, _ in parts:
        male = next((his for his in ("he", "him", "his") if his in {part[2] for part in parts}), "")
        if not male:
            yield Dropped(place, "the pronoun of the man is none of he, him, his")
            continue
        female = "she" if male == "he" else "her"
        targets = tuple(_as_written(entities[side], context) for side in (True, False))
        a, b = f"{context} {female}", f"{context} {male}"
        group = f"{female}/{male}"
        yield Pair("WinoBias", a, b, female, targets, group, further=_typed(entities[True], entities[False]))


def _sentence_of_two(line: str) -> tuple[str, str, str] | None:
    """The text before the pronoun, the person it refers to, and the pronoun."""
    marked = BRACKETS.findall(line)
    if len(marked) != 2 or len(line) > LONGEST:
        return None
    entity, pronoun = marked
    context = BRACKETS.sub(r"\1", line.rpartition(f"[{pronoun}]")[0]).strip()
    return context, re.sub("^(the|a|an) ", "", entity.lower()), pronoun.lower()


# ---------------------------------------------------------------------------------------------- CrowS-Pairs


def crows_pairs(path: Path) -> Iterator[Pair | Dropped]:
    """CrowS-Pairs (Nangia et al. 2020): A is the more stereotyping sentence, B the less; group: the direction.

    Unit: the words that both have. Its authors warn of noise and of unreliable pairs; see Blodgett et al. 2021.
    """
    names = {"prompt_a": "sent_more", "prompt_b": "sent_less", "category": "bias_type", "group": "stereo_antistereo"}
    table, _ = _columns(path, "crows_pairs_anonymized.csv", tuple(names.values()))
    for record in table_pairs(table, names):
        if isinstance(record, Pair):  # who annotated what is left out
            record = replace(record, further=(("unit", frame(record.prompt_a, record.prompt_b)),))
        yield record


# ---------------------------------------------------------------------------------------------- StereoSet


def stereoset(path: Path) -> Iterator[Pair | Dropped]:
    """StereoSet (Nadeem et al. 2021): stereotype A, anti-stereotype B; unit: target term. Unrelated is not read."""
    path = path / "dev.json" if path.is_dir() else path
    told = parse_json(read_bytes(path, MOST_UPLOADED), path.name)
    data = told.get("data") if isinstance(told, dict) else None
    items = (
        {kind: data.get(kind, []) for kind in ("intrasentence", "intersentence")} if isinstance(data, dict) else {}
    )
    if not any(items.values()) or not all(isinstance(found, list) for found in items.values()):
        raise InputError(
            f"{path.name} is not StereoSet's file: it has no list “intrasentence” or “intersentence” in “data”. It "
            "is published as dev.json."
        )
    for kind, found in items.items():
        for number, item in enumerate(found, 1):
            yield _stereoset_pair(f"{path.name}, {kind} {number}", kind, item)


def _stereoset_pair(place: str, kind: str, item: Any) -> Pair | Dropped:
    try:
        by_label = {one["gold_label"]: one["sentence"] for one in item["sentences"]}
        told = [by_label["stereotype"], by_label["anti-stereotype"], item["bias_type"], item["target"]]
        told += [item["context"]] if kind == "intersentence" else []
    except KeyError as error:
        return Dropped(place, f"it lacks {error}")
    except TypeError:
        told = [None]
    if not all(isinstance(text, str) for text in told):
        return Dropped(place, "it is not built as StereoSet's items are")
    if not all(text.strip() for text in told[:2]) or any(len(text) > LONGEST for text in told):
        return Dropped(place, f"a sentence is empty or has more than {LONGEST:,} characters")
    a, b, category, target, *context = told
    a, b = (" ".join([*context, sentence]) for sentence in (a, b))
    further = (("target", target), ("kind", kind), ("unit", target))
    return Pair(category, a, b, group="stereotype/anti-stereotype", further=further)
