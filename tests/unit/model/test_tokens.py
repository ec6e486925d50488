"""What a reader sees of a token: its text made visible, and the word it belongs to."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnlib import InputError
from attnlib.model.tokens import Tokens, label, read_tokens, token_style, visible
from tests.unit.tiny import STYLES, tiny_tokenizer


def read(style: str, text: str, **options: Any) -> Tokens:
    tokenizer = tiny_tokenizer(style)
    encoding = tokenizer(text, **options)
    return read_tokens(tokenizer, encoding["input_ids"], encoding.encodings[0], [text])


def words_of(style: str, text: str) -> list[str]:
    """The words as the characters of the text that their pieces stand for."""
    offsets = tiny_tokenizer(style)(text, add_special_tokens=False).encodings[0].offsets
    words = read(style, text, add_special_tokens=False).words
    return [text[offsets[word[0]][0] : offsets[word[-1]][1]] for word in words]


# ---------------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    ("style", "expected"),
    [("bytes", "bytes"), ("wordpiece", "wordpiece"), ("metaspace", "metaspace"), ("byte-fallback", "metaspace")],
)
def test_the_style_is_read_from_the_tokenizer(style: str, expected: str) -> None:
    assert token_style(tiny_tokenizer(style)) == expected


class Slow:
    """A tokenizer without a backend, as old ones are."""

    def __init__(self, *vocabulary: str) -> None:
        self.vocabulary = vocabulary

    def get_vocab(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary)}


@pytest.mark.parametrize(
    ("vocabulary", "style"),
    [(("Ġa", "b"), "bytes"), (("▁a", "b"), "metaspace"), (("##a", "b"), "wordpiece"), (("a</w>", "b"), "plain")],
)
def test_the_style_of_a_tokenizer_without_backend_is_read_from_its_words(
    vocabulary: tuple[str, ...], style: str
) -> None:
    assert token_style(Slow(*vocabulary)) == style


@pytest.mark.parametrize(
    ("name", "style", "shown"),
    [
        ("Ġdoctor", "bytes", " doctor"),
        ("doctor", "bytes", "doctor"),
        ("Ġ", "bytes", "␣"),
        ("ĠĠ", "bytes", "␣␣"),
        ("Ċ", "bytes", "⏎"),
        ("ĊĊ", "bytes", "⏎⏎"),
        ("č", "bytes", "␍"),
        ("ĉ", "bytes", "⇥"),
        ("Ã©", "bytes", "é"),
        ("ĠâĢĵ", "bytes", " –"),
        ("ä½ł", "bytes", "你"),
        ("×©", "bytes", "ש"),
        ("ðŁĻĤ", "bytes", "🙂"),
        ("ðŁ", "bytes", "⟨F0 9F⟩"),
        ("ĠðŁ", "bytes", " ⟨F0 9F⟩"),
        ("ĻĤ", "bytes", "⟨99⟩⟨82⟩"),
        ("Ā", "bytes", "␀"),
        ("Ì", "bytes", "⟨CC⟩"),
        ("Ìģ", "bytes", "◌\u0301"),
        ("eÌģ", "bytes", "e\u0301"),
        ("âĢ®", "bytes", "⟨U+202E⟩"),
        ("Âł", "bytes", "⍽"),
        ("<|endoftext|>", "bytes", "<|endoftext|>"),
        ("你好", "bytes", "你好"),
        ("▁doctor", "metaspace", " doctor"),
        ("▁", "metaspace", "␣"),
        ("▁▁▁", "metaspace", "␣␣␣"),
        ("doctor", "metaspace", "doctor"),
        ("<0x0A>", "metaspace", "⏎"),
        ("<0x09>", "metaspace", "⇥"),
        ("<0x41>", "metaspace", "A"),
        ("<0x20>", "metaspace", "␣"),
        ("<0xF0>", "metaspace", "⟨F0⟩"),
        ("<0x00>", "metaspace", "␀"),
        ("<0x0A>", "plain", "<0x0A>"),
        ("##ing", "wordpiece", "##ing"),
        ("doctor", "wordpiece", "doctor"),
        ("世", "wordpiece", "世"),
        ("doctor</w>", "plain", "doctor"),
        ("▁", "plain", "▁"),
        ("[CLS]", "plain", "[CLS]"),
    ],
)
def test_labels(name: str, style: str, shown: str) -> None:
    assert label(name, style) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b", "a b"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("\u2066\u2069\u200e\u200f", "⟨U+2066⟩⟨U+2069⟩⟨U+200E⟩⟨U+200F⟩"),
        ("\u200b", "⟨U+200B⟩"),
        ("\u200d", "⟨U+200D⟩"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("\u3000", "⟨U+3000⟩"),
        ("\u2003", "⟨U+2003⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("\x00\x1b\x7f\x85", "␀␛␡⟨U+0085⟩"),
        ("\ue000\ufeff", "⟨U+E000⟩⟨U+FEFF⟩"),
        ("\u0301", "◌\u0301"),
        ("a\u0301\u0302", "a\u0301\u0302"),
        ("שלום", "שלום"),
        ("<b>&amp;", "<b>&amp;"),
    ],
    ids=ascii,
)
def test_what_is_invisible_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_shown_can_change_direction_or_break_a_line(text: str) -> None:
    shown = visible(text)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\n\r\t\u2028")
    assert bool(shown) == bool(text)


@given(st.text(st.characters(exclude_categories=["C", "M", "Z"]) | st.just(" "), min_size=1))
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_an_emoji_split_over_several_tokens_shows_its_bytes() -> None:
    labels = read("bytes", "🦜").labels
    assert len(labels) > 1
    assert "".join(labels).replace("⟩⟨", " ") == "⟨F0 9F A6 9C⟩"


def test_byte_fallback_shows_its_bytes() -> None:
    tokens = read("byte-fallback", "🦜")
    assert tokens.names[-4:] == ("<0xF0>", "<0x9F>", "<0xA6>", "<0x9C>")
    assert tokens.labels[-4:] == ("⟨F0⟩", "⟨9F⟩", "⟨A6⟩", "⟨9C⟩")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("text", ["The doctor", "שלום עולם", "你好", "x\ny\tz", "a\u202eb", "👩‍🔬 é"], ids=ascii)
def test_no_label_is_empty_or_unprintable(style: str, text: str) -> None:
    tokens = read(style, text)
    assert all(label.strip() for label in tokens.labels)
    assert all(label.replace("\u200d", "").isprintable() for label in tokens.labels)  # joiners inside emoji stay


@given(st.text(min_size=1))
def test_labels_of_byte_level_tokens_keep_all_that_is_plain(text: str) -> None:
    """Where no character had to be written out, the labels are the text."""
    joined = "".join(read("bytes", text).labels)
    if visible(text) == text and not set("⟨␣") & set(joined):
        assert joined == text


# ---------------------------------------------------------------------------------------------- special tokens


def test_special_tokens_are_those_the_tokenizer_added() -> None:
    tokens = read("wordpiece", "The doctor")
    assert tokens.labels == ("[CLS]", "the", "doctor", "[SEP]")
    assert tokens.special == (True, False, False, True)
    assert tokens.segments == (0, 0, 0, 0)


def test_a_mask_or_an_unknown_word_is_the_writers() -> None:
    assert read("wordpiece", "The <mask> ☃").special == (True, False, False, False, True)


@pytest.mark.parametrize("style", ["metaspace", "byte-fallback"])
def test_start_and_end_tokens_are_words_of_their_own(style: str) -> None:
    tokens = read(style, "The doctor")
    (place,) = (i for i, special in enumerate(tokens.special) if special)
    assert (place,) in tokens.words
    assert tokens.labels[place] in ("<s>", "</s>")


# ---------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("style", "text", "words"),
    [
        ("bytes", "The doctor asked.", ["The", " doctor", " asked", "."]),
        ("bytes", "an unbelievable thing", ["an", " unbelievable", " thing"]),
        ("bytes", "it isn't well-known", ["it", " isn't", " well-known"]),
        ("bytes", "don’t", ["don’t"]),
        ("bytes", "(yes!?)", ["(", "yes", "!?)"]),
        ("bytes", "naïve café", ["naïve", " café"]),
        ("bytes", "שלום עולם", ["שלום", " עולם"]),
        ("bytes", "x_1 = 3.14", ["x_1", " =", " 3", ".", "14"]),
        ("bytes", "one\ntwo", ["one", "\n", "two"]),
        ("bytes", "a  b", ["a", " ", " b"]),
        ("wordpiece", "The doctor asked.", ["The", "doctor", "asked", "."]),
        ("wordpiece", "it isn't well-known", ["it", "isn't", "well-known"]),
        ("wordpiece", "你好", ["你", "好"]),
        ("metaspace", "thing doctor", ["thing", " doctor"]),
        ("metaspace", "a zebra", ["a", " zebra"]),
        ("byte-fallback", "The unbelievable", ["The", " unbelievable"]),
    ],
)
def test_words_are_made_of_their_pieces(style: str, text: str, words: list[str]) -> None:
    assert words_of(style, text) == words


@pytest.mark.parametrize("style", ["bytes", "byte-fallback"])
def test_the_pieces_of_an_emoji_are_one_word(style: str) -> None:
    tokens = read(style, "a 🦜 b", add_special_tokens=False)
    split = next(word for word in tokens.words if any("F0" in tokens.labels[i] for i in word))
    assert len(split) >= 2
    assert "⟨9C⟩" in tokens.labels[split[-1]]


def test_a_combining_mark_belongs_to_its_letter() -> None:
    assert len(read("bytes", "e\u0301a").words) == 1


def test_joined_emoji_are_one_word() -> None:
    assert len(read("bytes", "👩\u200d🔬").words) == 1


ANY = st.text() | st.text(st.sampled_from("ab \n\té'-.你🦜\u0301\u200d\u202eש▁Ġ#<>"), max_size=30)


@pytest.mark.parametrize("style", STYLES)
@given(text=ANY)
@example(text="")
@example(text=" a")
@example(text="<0x0A></s><mask>▁")
def test_every_position_is_in_one_word_and_order_is_kept(style: str, text: str) -> None:
    tokens = read(style, text)
    positions = [i for word in tokens.words for i in word]
    assert positions == list(range(len(tokens)))
    assert all(tokens.words)
    assert len(tokens.names) == len(tokens.labels) == len(tokens.segments) == len(tokens.special)


@pytest.mark.parametrize("style", ["wordpiece", "metaspace"])
@given(first=ANY, second=ANY)
def test_no_word_reaches_into_the_other_sentence(style: str, first: str, second: str) -> None:
    tokenizer = tiny_tokenizer(style)
    encoding = tokenizer(first, second)
    tokens = read_tokens(tokenizer, encoding["input_ids"], encoding.encodings[0], [first, second])
    assert all(len({tokens.segments[i] for i in word}) == 1 for word in tokens.words)
    assert list(tokens.segments) == sorted(tokens.segments)


# ---------------------------------------------------------------------------------------------- rows


def test_rows_can_be_joined_cut_and_renamed() -> None:
    one, other = Tokens.plain(["a", "b"]), read("bytes", "unbelievable", add_special_tokens=False)
    both = one + other
    assert both.names == one.names + other.names
    assert both.words == ((0,), (1,), tuple(range(2, 2 + len(other))))
    assert both.first(3).words == ((0,), (1,), (2,))
    assert both.first(None) is both
    assert both.renamed([0], "?").labels[:2] == ("?", "b")


def test_plain_rows_are_made_visible_too() -> None:
    assert Tokens.plain(["a\n", "\u202e"]).labels == ("a⏎", "⟨U+202E⟩")
    with pytest.raises(InputError, match="2 tokens and 1 segments"):
        Tokens.plain(["a", "b"], [0])
