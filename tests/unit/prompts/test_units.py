"""Which pairs belong together: by a column, or found in the pairs; crossed words are joined or told."""

from collections import defaultdict
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from attnlib.prompts.builtin import pair_set
from attnlib.prompts.units import Contrast, PairTexts, Units, by_column, by_pair, contrast_of, frame, proposals
from attnlib.study.source import units_in


def texts(pairs: Sequence[tuple[str, str]], *targets: str) -> list[PairTexts]:
    return [PairTexts(a, b, targets=targets) for a, b in pairs]


def names_of(found: Sequence[Units]) -> dict[str, int]:
    return {units.name: units.count for units in found}


def test_an_empty_cell_is_a_unit_of_its_own_and_is_counted() -> None:
    units = by_column("who", ["nurse", "", "nurse", None, " nurse ", "doctor"])
    assert units.count == 4
    assert units.blank == 2
    assert units.labels[0] == units.labels[2] == units.labels[4]
    assert not units.one_by_one
    assert by_pair(3).count == 3
    assert by_pair(3).one_by_one


def test_a_word_of_several_units_is_told_and_one_of_all_is_none() -> None:
    assert by_column("unit", ["Emily/Greg", "Emily/Lakisha", "Anna/Tom"]).shared == ("emily", 2)
    assert by_column("unit", ["nurse pilot", "pilot doctor", "pilot cook"]).shared is None
    assert by_column("unit", ["She said that it was so.", "She slept."]).shared is None


def test_targets_come_first_then_what_differs_then_the_sentence() -> None:
    names = ["Ann/Tom", "Eve/Max", "Mia/Leo", "Ida/Ben", "Zoe/Jim", "Amy/Sam", "Eva/Dan"]
    pairs = [
        (f"{a} {verb}", f"{b} {verb}") for a, b in (one.split("/") for one in names) for verb in ("slept", "sang")
    ]
    assert names_of(proposals(texts(pairs))) == {"same change": 7, "same sentence": 2}
    with_targets = [PairTexts(a, b, targets=(a.split()[0],)) for a, b in pairs]
    assert proposals(with_targets)[0].name == "same targets"


def test_the_orders_of_two_targets_are_one_unit() -> None:
    found = units_in(pair_set("two-occupations"))
    assert names_of(found)["unit"] == names_of(found)["same targets"] == 20


def test_units_do_not_stand_on_both_sides_of_a_contrast() -> None:
    """Names stand before occupations of both kinds; the occupations are what can be a unit."""
    assert names_of(units_in(pair_set("names"))) == {"unit": 40, "same focus": 40, "same sentence": 80}
    assert names_of(units_in(pair_set("occupations"))) == {"unit": 40, "same targets": 40}


def test_what_all_pairs_have_alike_sorts_nothing() -> None:
    assert proposals(texts([(f"The {n} slept as she", f"The {n} slept as he") for n in "abcdefgh"])) == ()
    assert proposals([]) == ()


def test_the_frame_of_a_sentence() -> None:
    assert frame("Emily asked. Emily was", "Lakisha asked. Lakisha was") == "_ asked . _ was"
    assert frame("The old man", "The very young man") == "the _ man"


def test_two_labels_are_a_contrast() -> None:
    assert contrast_of(["b", "a", "b", "", None]) == Contrast("b", "a")
    assert contrast_of(["a", "a"]) is None
    assert contrast_of(["a", "b", "c"]) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=60))
def test_joined_units_are_the_components_of_shared_words(edges: list[tuple[int, int]]) -> None:
    """Against a slow flood: two pairs are one unit where a chain of shared targets leads from one to the other."""
    pairs = [PairTexts(f"x {n} a", f"x {n} b", targets=(f"w{i}", f"v{j}")) for n, (i, j) in enumerate(edges)]
    found = {units.name: units for units in proposals(pairs)}.get("same targets")
    if found is None or not found.joined:
        return
    number = list(range(len(edges)))
    for _ in edges:
        for n, one in enumerate(edges):
            for m, other in enumerate(edges):
                if one[0] == other[0] or one[1] == other[1]:
                    number[n] = number[m] = min(number[n], number[m])
    together = defaultdict(set)
    for label, component in zip(found.labels, number, strict=True):
        together[component].add(label)
    assert all(len(labels) == 1 for labels in together.values())
    assert len(together) == found.count >= 6
