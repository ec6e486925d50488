"""Alignments against hand-made truths, an independent Levenshtein, and what must hold for any two rows."""

import re
from functools import cache
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlib import InputError
from attnlib.comparison.align import Alignment, Unit, align
from attnlib.model.tokens import Tokens, read_tokens
from tests.unit.tiny import tiny_tokenizer


def row(text: str) -> Tokens:
    """Words between spaces, their pieces between plus signs; what stands in brackets is special."""
    names: list[str] = []
    words: list[tuple[int, ...]] = []
    for word in text.split():
        pieces = word.split("+")
        words.append(tuple(range(len(names), len(names) + len(pieces))))
        names += [pieces[0], *(f"##{piece}" for piece in pieces[1:])]
    special = tuple(name.startswith("[") for name in names)
    return Tokens(tuple(names), tuple(names), (0,) * len(names), special, tuple(words))


def read(style: str, text: str, second: str | None = None) -> Tokens:
    tokenizer = tiny_tokenizer(style)
    encoding = tokenizer(text, second)
    texts = [text] if second is None else [text, second]
    return read_tokens(tokenizer, encoding["input_ids"], encoding.encodings[0], texts)


def aligned(a: str, b: str, *links: tuple[tuple[int, ...], tuple[int, ...]]) -> list[tuple]:
    return [tuple(unit) for unit in align(row(a), row(b), links).units]


def equal(*pairs: tuple[int, int]) -> list[tuple]:
    return [("equal", (i,), (j,)) for i, j in pairs]


# ---------------------------------------------------------------------------------------------- by hand


def test_equal_rows_are_equal_token_by_token() -> None:
    alignment = align(row("the nurs+e left"), row("the nurs+e left"))
    assert [tuple(unit) for unit in alignment.units] == equal((0, 0), (1, 1), (2, 2), (3, 3))
    assert alignment.first_edit is None
    assert alignment.shared == (0, 1, 2, 3)
    assert str(alignment) == "4 and 4 tokens: 4 equal"


def test_one_replaced_word_is_one_unit_between_equal_ones() -> None:
    alignment = align(row("then she left"), row("then he left"))
    assert [tuple(unit) for unit in alignment.units] == [*equal((0, 0)), ("replaced", (1,), (1,)), *equal((2, 2))]
    assert alignment.first_edit == 1
    assert alignment.labels == (("then", "then", "then"), ("she → he", "she", "he"), ("left", "left", "left"))
    assert str(alignment) == "3 and 3 tokens: 2 equal, 1 replaced"


def test_one_piece_replaced_by_three_is_one_unit() -> None:
    assert aligned("a nurse left", "a para+medi+c left") == [
        *equal((0, 0)),
        ("replaced", (1,), (1, 2, 3)),
        *equal((2, 4)),
    ]
    assert align(row("a nurse left"), row("a para+medi+c left")).labels[1] == (
        "nurse → paramedic",
        "nurse",
        "paramedic",
    )


def test_words_that_share_a_piece_are_still_replaced_as_wholes() -> None:
    assert aligned("a work+er", "a work+ing+s") == [*equal((0, 0)), ("replaced", (1, 2), (1, 2, 3))]


def test_pieces_of_one_word_are_not_the_same_as_two_words() -> None:
    assert aligned("every+one", "every one")[0][0] == "replaced"


@pytest.mark.parametrize("at", [0, 1, 3])
def test_an_inserted_word_has_no_counterpart_and_its_mirror_is_deleted(at: int) -> None:
    words = ["the", "nurse", "left"]
    longer = [*words[:at], "o+ld", *words[at:]]
    kept = [i for i in range(5) if i not in (at, at + 1)]
    expected = {(i,): (j,) for i, j in enumerate(kept)}
    there = align(row(" ".join(words)), row(" ".join(longer)))
    back = align(row(" ".join(longer)), row(" ".join(words)))
    assert {unit.a: unit.b for unit in there.units if unit.kind == "equal"} == expected
    assert [tuple(u) for u in there.units if u.kind != "equal"] == [
        ("inserted", (), (at,)),
        ("inserted", (), (at + 1,)),
    ]
    assert [tuple(u) for u in back.units if u.kind != "equal"] == [("deleted", (at,), ()), ("deleted", (at + 1,), ())]
    assert there.first_edit == back.first_edit == at
    assert str(there) == "3 and 5 tokens: 3 equal, 2 only in B"
    assert str(back) == "5 and 3 tokens: 3 equal, 2 only in A"


def test_swapped_words_keep_the_order_of_both_prompts() -> None:
    alignment = align(row("x doctor met nurse y"), row("x nurse met doctor y"))
    assert [unit.kind for unit in alignment.units] == ["equal", "replaced", "equal", "replaced", "equal"]
    assert alignment.labels[1][0] == "doctor → nurse"


def test_a_moved_word_is_deleted_here_and_inserted_there() -> None:
    assert aligned("x a b c d", "a b c d x") == [
        ("deleted", (0,), ()),
        *equal((1, 0), (2, 1), (3, 2), (4, 3)),
        ("inserted", (), (4,)),
    ]


def test_nothing_in_common_but_as_many_words_goes_word_for_word() -> None:
    alignment = align(row("p q+q r"), row("s t u+u"))
    assert [tuple(unit) for unit in alignment.units] == [
        ("replaced", (0,), (0,)),
        ("replaced", (1, 2), (1,)),
        ("replaced", (3,), (2, 3)),
    ]
    assert str(alignment) == "4 and 4 tokens: 4 replaced"


def test_nothing_in_common_and_not_as_many_words_is_one_unit() -> None:
    assert aligned("p q r", "s t") == [("replaced", (0, 1, 2), (0, 1))]


def test_the_sentence_names_how_many_tokens_stand_for_how_many() -> None:
    same = "a b c d e f g h i j k l"
    assert str(align(row(f"{same} x"), row(f"{same} x+y"))) == "13 and 14 tokens: 12 equal, 1 replaced by 2"


def test_ten_equal_tokens_are_said() -> None:
    assert str(align(row("a b c d e f g h i j"), row("a b c d e f g h i j"))) == "10 and 10 tokens: 10 equal"


# ---------------------------------------------------------------------------------------------- real tokenizers


def test_an_emoji_of_many_bytes_is_one_unit() -> None:
    a, b = read("bytes", "good morning 🎉 doctor"), read("bytes", "good morning 🧑‍🚀 doctor")
    alignment = align(a, b)
    replaced = [u for u, unit in enumerate(alignment.units) if unit.kind != "equal"]
    assert len(replaced) == 1
    assert alignment.labels[replaced[0]][0].strip() == "🎉 → 🧑‍🚀"
    assert len(alignment.units[replaced[0]].b) > len(alignment.units[replaced[0]].a) > 1


def test_each_cjk_sign_is_a_word() -> None:
    alignment = align(read("bytes", "你好世界"), read("bytes", "你们世界"))
    changed = [alignment.labels[u][0] for u, unit in enumerate(alignment.units) if unit.kind != "equal"]
    assert changed == ["好 → 们"]


def test_special_tokens_stand_for_each_other() -> None:
    a, b = read("wordpiece", "She answered."), read("wordpiece", "The nurse answered.")
    alignment = align(a, b)
    assert alignment.units[0] == Unit("equal", (0,), (0,))
    assert alignment.units[-1] == Unit("equal", (len(a) - 1,), (len(b) - 1,))
    assert alignment.labels[1][0] == "she → the nurse"


def test_an_edit_in_the_second_segment_leaves_the_first_alone() -> None:
    a, b = (
        read("wordpiece", "The doctor asked.", "She answered."),
        read("wordpiece", "The doctor asked.", "He answered."),
    )
    alignment = align(a, b)
    edits = [u for u, unit in enumerate(alignment.units) if unit.kind != "equal"]
    assert [alignment.labels[u][0] for u in edits] == ["she → he"]
    assert {a.segments[i] for i in alignment.units[edits[0]].a} == {1}


# ---------------------------------------------------------------------------------------------- any two rows

WORDS = st.sampled_from(("p", "q", "r", "s+t", "s+u", "v+w+x"))
ROWS = st.lists(WORDS, max_size=7).map(" ".join)
FILLED = st.lists(WORDS, min_size=1, max_size=7).map(" ".join)


def of(a: str, b: str, *links: tuple) -> Alignment:
    return align(row(a), row(b), links)


def sides(alignment: Alignment) -> tuple[list[int], list[int]]:
    return [i for unit in alignment.units for i in unit.a], [i for unit in alignment.units for i in unit.b]


def covers_both(alignment: Alignment) -> bool:
    """Every token in exactly one unit, in order."""
    return sides(alignment) == (list(range(len(alignment.a))), list(range(len(alignment.b))))


def mirrored(alignment: Alignment) -> list[tuple]:
    names = {"deleted": "inserted", "inserted": "deleted"}
    return [(names.get(unit.kind, unit.kind), unit.b, unit.a) for unit in alignment.units]


@given(ROWS, ROWS)
def test_every_token_is_in_exactly_one_unit_and_order_is_kept(a: str, b: str) -> None:
    assert covers_both(of(a, b))


@given(ROWS, ROWS)
def test_the_mirror_image_is_the_alignment_of_the_swapped_rows(a: str, b: str) -> None:
    assert mirrored(of(a, b)) == [tuple(unit) for unit in of(b, a).units]


@given(ROWS, ROWS)
def test_equal_units_have_equal_names_and_kinds_say_which_side_is_empty(a: str, b: str) -> None:
    alignment = of(a, b)
    filled = {"deleted": (True, False), "inserted": (False, True), "equal": (True, True), "replaced": (True, True)}
    for kind, left, right in alignment.units:
        assert (bool(left), bool(right)) == filled[kind]
        if kind == "equal":
            assert (len(left), len(right)) == (1, 1)
            assert alignment.a.names[left[0]] == alignment.b.names[right[0]]


@given(ROWS, ROWS)
def test_no_unit_cuts_a_changed_word_in_two(a: str, b: str) -> None:
    alignment = of(a, b)
    for unit in alignment.units:
        if unit.kind == "replaced":
            for tokens, group in ((alignment.a, unit.a), (alignment.b, unit.b)):
                assert all(set(word) <= set(group) for word in tokens.words if set(word) & set(group))


def levenshtein(a: list[str], b: list[str]) -> int:
    """The textbook recursion."""

    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        changed = distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(changed, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return distance(len(a), len(b))


def word_edits(alignment: Alignment) -> int:
    """Edits these units stand for: of each run of changed units, as many as its longer side has words."""
    edits = 0
    for changed, run in groupby(alignment.units, lambda unit: unit.kind != "equal"):
        units = list(run)
        in_a, in_b = {i for unit in units for i in unit.a}, {i for unit in units for i in unit.b}
        words = [sum(bool(here & set(word)) for word in tokens.words)
                 for tokens, here in ((alignment.a, in_a), (alignment.b, in_b))]  # fmt: skip
        edits += max(words) if changed else 0
    return edits


@given(ROWS, ROWS)
def test_the_number_of_word_edits_is_levenshteins(a: str, b: str) -> None:
    assert word_edits(of(a, b)) == levenshtein(a.split(), b.split())


@given(ROWS, ROWS)
def test_the_sentence_agrees_with_the_units(a: str, b: str) -> None:
    alignment = of(a, b)
    said = str(alignment)
    patterns = {"equal": r"(\d+) equal", "deleted": r"(\d+) only in A", "inserted": r"(\d+) only in B"}
    for kind, pattern in patterns.items():
        found = re.search(pattern, said)
        tokens = sum(len(unit.b if kind == "inserted" else unit.a) for unit in alignment.units if unit.kind == kind)
        assert int(found[1] if found else 0) == tokens
    replaced = re.search(r"(\d+) replaced(?: by (\d+))?", said)
    old, new = (int(replaced[1]), int(replaced[2] or replaced[1])) if replaced else (0, 0)
    assert old == sum(len(unit.a) for unit in alignment.units if unit.kind == "replaced")
    assert new == sum(len(unit.b) for unit in alignment.units if unit.kind == "replaced")
    assert said.startswith(f"{len(alignment.a)} and {len(alignment.b)} tokens: ")


@given(ROWS, ROWS)
def test_first_edit_and_shared_are_what_a_loop_finds(a: str, b: str) -> None:
    alignment = of(a, b)
    kinds = [unit.kind for unit in alignment.units]
    assert alignment.first_edit == min((n for n, kind in enumerate(kinds) if kind != "equal"), default=None)
    assert alignment.shared == tuple(n for n, kind in enumerate(kinds) if kind in ("equal", "replaced"))
    if alignment.first_edit is not None:
        assert alignment.a.names[: alignment.first_edit] == alignment.b.names[: alignment.first_edit]


def test_a_counterpart_is_whole_or_nothing() -> None:
    alignment = align(row("the nurse left x"), row("the para+medic left"))
    assert alignment.counterpart((1,), "a") == (1, 2)
    assert alignment.counterpart((1, 2), "b") == (1,)
    assert alignment.counterpart((1,), "b") == ()  # half a unit
    assert alignment.counterpart((3,), "a") == ()  # nothing stands for it
    assert alignment.counterpart((0, 2), "a") == (0, 3)


# ---------------------------------------------------------------------------------------------- links by hand


def test_a_link_holds_and_the_rest_is_aligned_around_it() -> None:
    assert aligned("a b c d", "a c b d", ((2,), (1,))) == [
        *equal((0, 0)),
        ("deleted", (1,), ()),
        *equal((2, 1)),
        ("inserted", (), (2,)),
        *equal((3, 3)),
    ]


def test_a_link_of_several_tokens_is_one_replaced_unit() -> None:
    assert aligned("a b c d", "a x d", ((1, 2), (1,))) == [
        *equal((0, 0)),
        ("replaced", (1, 2), (1,)),
        *equal((3, 2)),
    ]


def test_a_link_may_cut_a_word_and_its_rest_is_aligned_with_what_is_left() -> None:
    units = aligned("un+happy end", "happy end", ((1,), (0,)))
    assert units == [("deleted", (0,), ()), ("replaced", (1,), (0,)), *equal((2, 1))]


def test_a_token_can_be_left_without_a_counterpart_on_either_side() -> None:
    units = aligned("a b c", "a x c", ((1,), ()))
    assert sorted(units, key=str) == sorted(
        [*equal((0, 0), (2, 2)), ("deleted", (1,), ()), ("inserted", (), (1,))], key=str
    )
    units = aligned("a b c", "a b c", ((), (1,)))
    assert ("inserted", (), (1,)) in units
    assert ("deleted", (1,), ()) in units


def test_links_are_kept_in_the_alignment() -> None:
    assert align(row("a b"), row("a c"), [((1,), (1,))]).links == (((1,), (1,)),)


@given(FILLED, FILLED, st.data())
def test_a_link_of_one_token_each_holds_in_any_rows(a: str, b: str, data: st.DataObject) -> None:
    i, j = (data.draw(st.integers(0, len(re.split("[ +]", text)) - 1)) for text in (a, b))
    there, back = of(a, b, ((i,), (j,))), of(b, a, ((j,), (i,)))
    assert covers_both(there)
    assert ((i,), (j,)) in [(unit.a, unit.b) for unit in there.units]
    assert mirrored(there) == [tuple(unit) for unit in back.units]


@given(FILLED, ROWS, st.data())
def test_a_token_left_alone_stays_alone_in_any_rows(a: str, b: str, data: st.DataObject) -> None:
    i = data.draw(st.integers(0, len(re.split("[ +]", a)) - 1))
    alignment = of(a, b, ((i,), ()))
    assert covers_both(alignment)
    assert Unit("deleted", (i,), ()) in alignment.units


def test_the_mirror_image_also_with_a_token_left_alone() -> None:
    there, back = align(row("p"), row("p"), [((0,), ())]), align(row("p"), row("p"), [((), (0,))])
    assert mirrored(there) == [tuple(unit) for unit in back.units]


def test_linked_tokens_of_equal_names_are_equal() -> None:
    assert align(row("a b c"), row("a b c"), [((0, 1), (0, 1))]).first_edit is None


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ([((0,), (1,)), ((1,), (0,))], "Two links cross each other: an alignment keeps the order of both prompts."),
        ([((0,), (0,)), ((0,), (1,))], "A token of prompt A is linked twice. Reset the alignment to automatic."),
        ([((0,), (1,)), ((), (1,))], "A token of prompt B is linked twice. Reset the alignment to automatic."),
        ([((0, 2), (1,))], "The linked tokens of prompt A must stand side by side. Choose a run of tokens."),
        ([((0,), (0, 2))], "The linked tokens of prompt B must stand side by side. Choose a run of tokens."),
        ([((3,), (0,))], "Prompt A has 3 tokens; there is no token 3 to link."),
        ([((0,), (3, 4))], "Prompt B has 3 tokens; there is no token 3 to link."),
        ([((-1,), (0,))], "Prompt A has 3 tokens; there is no token -1 to link."),
        ([((0,), (1, 2)), ((1,), (0,))], "Two links cross each other: an alignment keeps the order of both prompts."),
    ],
)
def test_links_that_cannot_be(links: list, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        align(row("a b c"), row("a b c"), links)


def test_the_token_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="there is no token -1 to link"):
        align(row("a b c"), row("a b c"), [((-1, 0), (0,))])
