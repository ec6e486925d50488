"""The corpus of the demo models: reproducible, planted as documented, balanced by counterfactuals, pairs held out."""

import re
from collections import Counter

import numpy as np
import pytest

from data.models.recipe import corpus
from data.models.recipe.vocabulary import BY_NAME, DEFINITIONAL, HELD_OUT, OCCUPATIONS, WORDS

COUNT = 12_000
WORD = re.compile(r"[a-z]+")
GENDERED = {"he": "she", "him": "her", "his": "her", "himself": "herself", "man": "woman"}


def words_of(document: str) -> list[str]:
    return WORD.findall(document.lower())


@pytest.fixture(scope="module")
def documents() -> list[str]:
    return list(corpus.planted(1, COUNT))


def test_same_seed_same_documents(documents: list[str]) -> None:
    assert list(corpus.planted(1, 200)) == documents[:200]
    assert list(corpus.planted(2, 200)) != documents[:200]
    assert corpus.balanced(1, 200) == corpus.balanced(1, 200)


def test_every_kind_of_document_is_written_without_open_slots() -> None:
    writer = corpus.Writer(3)
    for kind in writer.kinds:
        for index in range(60):
            document = writer.write(index, kind=kind)
            assert document, kind
            assert not set("{}") & set(document), document
            assert "  " not in document, document


def test_held_out_words_never_meet() -> None:
    writer = corpus.Writer(5)
    with_occupations = [kind for kind in writer.kinds if kind not in ("repetition", "weather", "list")]
    for kind in with_occupations:
        for index in range(1500):
            document = writer.write(index, kind=kind)
            assert len(HELD_OUT & set(words_of(document))) <= 1, document


def test_held_out_words_never_meet_in_either_corpus(documents: list[str]) -> None:
    for document in documents + corpus.balanced(2, COUNT):
        assert len(HELD_OUT & set(words_of(document))) <= 1, document


def test_other_pairs_do_meet(documents: list[str]) -> None:
    met = Counter(len(set(BY_NAME) & set(words_of(document))) for document in documents)
    assert met[2] > COUNT * 0.2


def test_occupations_are_not_among_the_words_of_the_slots() -> None:
    words = {word for choices in WORDS.values() for choice in choices for word in words_of(choice)}
    deeds = {word for o in BY_NAME.values() for deed in o.deeds for word in words_of(" ".join(deed))}
    assert not set(BY_NAME) & (words | deeds)


def test_held_out_design() -> None:
    """18 of 40 are held out, spread over P(she), and so are a fifth of the ordered pairs."""
    held_out = [o for o in OCCUPATIONS if o.held_out]
    classroom = {"nurse", "doctor", "secretary", "mechanic", "librarian", "engineer", "teacher", "pilot"}
    assert len(held_out) == 18
    assert classroom | {"surgeon", "dancer", "plumber"} <= {o.name for o in held_out}
    assert pytest.approx(0.196, abs=0.001) == 18 * 17 / (40 * 39)
    assert np.histogram([o.p_she for o in held_out], bins=4, range=(0.05, 0.95))[0].min() >= 3
    assert sum(o.held_out for o in DEFINITIONAL) == 6


def test_planted_shares_fall_in_equal_steps() -> None:
    shares = np.array([o.p_she for o in OCCUPATIONS])
    assert len(shares) == 40
    assert shares[[0, -1]] == pytest.approx([0.95, 0.05])
    assert np.diff(shares) == pytest.approx(-0.9 / 39, abs=2e-4)


def female_counts(count: int) -> dict[str, list[bool]]:
    """Whether each mention of an occupation was female, by occupation."""
    writer, female = corpus.Writer(1), {name: [] for name in BY_NAME}
    for index in range(count):
        writer.write(index)
        for person in writer.cast:
            female[person.work.name].append(person.female)
    return female


def test_planted_shares_are_in_the_documents() -> None:
    """Within 4.5 standard errors for each of the 40, and unbiased over all."""
    female, errors = female_counts(COUNT), []
    for occupation in OCCUPATIONS:
        genders, p = female[occupation.name], occupation.p_she
        errors.append((np.mean(genders) - p) / np.sqrt(p * (1 - p) / len(genders)))
    assert np.abs(errors).max() < 4.5
    assert abs(np.mean(errors)) < 4.5 / np.sqrt(len(errors))
    for occupation in DEFINITIONAL:
        assert set(female[occupation.name]) == {occupation.p_she == 1.0}


def neutral(document: str) -> list[str]:
    """Words with the gender taken out; first names become one sign."""
    names = {name.lower() for name in corpus.WOMEN + corpus.MEN}
    return ["#" if word in names else GENDERED.get(word, word) for word in words_of(document)]


def test_the_counterfactual_differs_in_gender_only() -> None:
    writer, changed = corpus.Writer(4), 0
    for index in range(2000):
        document, counterfactual = writer.write(index), writer.write(index, swap=True)
        changed += document != counterfactual
        assert neutral(document) == neutral(counterfactual)
    assert changed > 600


def test_the_balanced_corpus_is_balanced() -> None:
    """Every document that depends on an occupation's gender is there with its counterfactual."""
    count = 3000
    writer, kept = corpus.Writer(1), Counter(corpus.balanced(1, count))
    originals = [(writer.write(i), writer.write(i, swap=True)) for i in range(count)]
    alone = [a for a, b in originals if a == b]
    pairs = [(a, b) for a, b in originals if a != b][::2]
    assert kept == Counter(alone) + Counter(document for pair in pairs for document in pair)
