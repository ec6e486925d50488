"""The texts that heads are measured on: as built, in the demo models' words, balanced, and what is meant is there."""

import csv
from collections import Counter
from functools import cache
from itertools import chain

import pytest
from transformers import AutoTokenizer

from attnlib.prompts.splitting import split_words
from data.models.recipe.vocabulary import KIN, MEN, WOMEN
from data.texts.build import FOLDER, JOBS, files

MODELS = FOLDER.parent / "models"
PAIRS = FOLDER.parent / "pairs"
IN_PIECES = {"they", "them", "their", "themselves", "itself"}  # the demo models read these in two pieces and more
AS_SHE = {"he": "she", "his": "her", "him": "her", "himself": "herself"}
SHE, HE = set(AS_SHE.values()), set(AS_SHE)
CONTENT = ("noun", "verb", "adjective", "name", "number")
CLOSED = ("pronoun", "determiner", "preposition", "conjunction", "auxiliary")


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sentences() -> list[str]:
    return (FOLDER / "sentences.txt").read_text("utf-8").splitlines()


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return [word.lower() for word in split_words(text) if any(char.isalnum() for char in word)]


@cache
def classes() -> dict[str, str]:
    return {row["word"]: row["class"] for row in rows("word_classes.csv")}


def repeats(text: str) -> bool:
    """Whether a content word, name or number comes twice."""
    twice = [word for word, count in Counter(words(text)).items() if count > 1]
    return any(word.isdigit() or classes()[word] in CONTENT for word in twice)


def places(row: dict[str, str]) -> tuple[int, int, int]:
    """The positions of antecedent, other word and pronoun among the words and signs of a text."""
    found = []
    for column in ("antecedent", "other", "pronoun"):
        at = [i for i, word in enumerate(split_words(row["text"])) if word == row[column]]
        found.append(at[int(row[f"{column}_at"]) - 1])
    return found[0], found[1], found[2]


@pytest.mark.parametrize("name", ["sentences.txt", "coreference.csv", "word_classes.csv"])
def test_building_gives_the_committed_file(name: str) -> None:
    assert (FOLDER / name).read_bytes() == files()[name].encode()


def test_the_demo_models_know_every_word() -> None:
    bert = AutoTokenizer.from_pretrained(MODELS / "bert-biased")
    gpt2 = AutoTokenizer.from_pretrained(MODELS / "gpt2-biased")
    for text in [*sentences(), *(row["text"] for row in rows("coreference.csv"))]:
        assert bert.unk_token_id not in bert(text)["input_ids"]
        assert len(gpt2(text)["input_ids"]) <= 120
        assert {word for word in words(text) if len(bert.tokenize(word)) > 1} <= IN_PIECES


# ---------------------------------------------------------------------------------------------- sentences


def test_sentences_are_many_and_differ() -> None:
    lengths = [len(split_words(text)) for text in sentences()]
    assert len(lengths) == len(set(sentences())) == 400
    assert min(lengths) >= 5
    assert max(lengths) <= 60
    assert 17 <= sum(lengths) / 400 <= 19


def test_many_sentences_repeat_a_word() -> None:
    assert sum(map(repeats, sentences())) >= 400 / 3


def test_sentences_are_of_many_kinds() -> None:
    for sign, least in (("?", 40), ('"', 30), (",", 200), (". ", 40)):
        assert sum(sign in text for text in sentences()) >= least


def test_each_occupation_is_she_as_often_as_he() -> None:
    women, men = Counter[str](), Counter[str]()
    for text in sentences():
        found = words(text)
        for job in set(JOBS) & set(found):
            women[job] += sum(word in SHE for word in found)
            men[job] += sum(word in HE for word in found)
            assert not {name.lower() for name in WOMEN + MEN} & set(found)
    assert women == men
    assert set(women) == set(JOBS)


def test_women_and_men_are_told_of_alike() -> None:
    counts = Counter(chain.from_iterable(map(words, sentences())))
    kin = [*zip(*KIN, strict=True)]
    for women, men in ((SHE, HE), (WOMEN, MEN), (kin[0], kin[1])):
        assert sum(counts[word.lower()] for word in women) == sum(counts[word.lower()] for word in men)
    assert min(counts[name.lower()] for name in WOMEN + MEN) >= 4


# ---------------------------------------------------------------------------------------------- coreference


def test_both_words_stand_before_the_pronoun() -> None:
    table = rows("coreference.csv")
    assert len(table) == len({(row["text"], row["antecedent"]) for row in table}) == 264
    between, ends = [], 0
    for row in table:
        antecedent, other, pronoun = places(row)
        assert max(antecedent, other) < pronoun
        between.append(pronoun - antecedent - 1)
        ends += not words(" ".join(split_words(row["text"])[pronoun + 1 :]))
        assert classes()[row["pronoun"]] == "pronoun"
        assert classes()[row["antecedent"].lower()] == classes()[row["other"].lower()]
    assert min(sum(low <= n <= high for n in between) for low, high in ((0, 4), (5, 8), (9, 15))) >= 50
    assert ends == 132


def test_each_word_is_meant_as_the_first_and_as_the_second() -> None:
    cases = Counter[tuple[str, bool]]()
    for row in rows("coreference.csv"):
        antecedent, other, _ = places(row)
        cases[row["meant"], antecedent < other] += 1
    counts = {"woman": 16, "man": 16, "person": 40, "thing": 40, "several": 10, "one": 10}
    assert cases == {(meant, first): count for meant, count in counts.items() for first in (True, False)}


def test_what_is_meant_is_what_the_pronoun_says() -> None:
    women, men = map(set, zip(*KIN, *zip(WOMEN, MEN, strict=True), strict=True))
    kinds = {"woman": women, "man": men, "person": set(JOBS)}
    said = {"woman": SHE, "man": HE, "person": SHE | HE, "thing": {"it"}, "several": {"they"}, "one": {"it"}}
    others = {"woman": men, "man": women, "thing": set(JOBS)}
    for row in rows("coreference.csv"):
        assert row["pronoun"] in said[row["meant"]]
        assert row["antecedent"] in kinds.get(row["meant"], {row["antecedent"]})
        assert row["other"] in others.get(row["meant"], {row["other"]})


def test_one_text_has_both_pronouns() -> None:
    """What a head does with the one word it must not do with the other: only the pronoun tells."""
    texts: dict[tuple[str, ...], set[str]] = {}
    for row in rows("coreference.csv"):
        if row["meant"] in ("person", "thing", "several", "one"):
            before = split_words(row["text"])[: places(row)[2]]
            texts.setdefault((*before, *sorted((row["antecedent"], row["other"]))), set()).add(row["meant"])
    assert {frozenset(meant) for meant in texts.values()} == {
        frozenset(("person", "thing")),
        frozenset(("several", "one")),
    }


def test_each_occupation_is_she_and_he() -> None:
    told = [row for row in rows("coreference.csv") if row["meant"] == "person"]
    assert Counter(row["antecedent"] for row in told if row["pronoun"] == "she") == dict.fromkeys(JOBS, 1)
    assert Counter(row["antecedent"] for row in told if row["pronoun"] == "he") == dict.fromkeys(JOBS, 1)


# ---------------------------------------------------------------------------------------------- word classes


def test_every_word_has_one_class() -> None:
    table = rows("word_classes.csv")
    assert len(table) == len(classes())
    assert set(classes().values()) == {*CONTENT, *CLOSED, "adverb"}
    assert [(row["class"], row["word"]) for row in table] == sorted((row["class"], row["word"]) for row in table)
    texts = [*sentences(), *(row["text"] for row in rows("coreference.csv"))]
    for path in PAIRS.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            texts += [row[side] for row in csv.DictReader(file) for side in ("prompt_a", "prompt_b") if side in row]
    used = {word for text in texts for word in words(text) if not word.isdigit()}
    assert used <= set(classes())
    known = {word.lower() for word in (MODELS / "words.txt").read_text("utf-8").split()}
    counterparts = {
        word.lower() for word in (PAIRS / "counterparts.csv").read_text("utf-8").replace(",", " ").split()
    }
    open_classes = {word for word, kind in classes().items() if kind not in (*CLOSED, "number")}
    assert open_classes <= used | known | counterparts
