"""Many pairs at once give what `compare` gives of each: the same numbers, whatever stands beside them in a batch."""

from collections.abc import Sequence

import numpy as np
import pytest

import attnlib
from attnlib.comparison import many as pairbatch
from attnlib.comparison.many import MEASURES, PairRead, batches, measure_pairs, read_pairs_for
from attnlib.comparison.run import SAME_BATCH
from attnlib.errors import InputError
from attnlib.model.loading import Model
from attnlib.prompts.pairs import Pair, builtin_pairs
from attnlib.words.likelihood import likelihoods, sentence_log_likelihoods
from tests.unit.tiny import tiny_model
from tests.unit.tolerance import of_rows

PAIRS = (
    Pair(
        "",
        "The doctor asked the nurse a question. She",
        "The doctor asked the nurse a question. He",
        targets=("nurse", "doctor"),
    ),
    Pair(
        "",
        "The nurse asked the doctor a question. She",
        "The nurse asked the doctor a question. He",
        targets=("nurse", "doctor"),
    ),
    Pair(
        "",
        "The nurse was tired. She slept.",
        "The night nurse was tired. He slept.",
        focus="slept",
        targets=("nurse",),
    ),
    Pair("", "She saw the unbelievable doctor", "The woman saw the doctor", targets=("doctor",)),
    Pair("", "The policewoman said that she was tired", "The policeman said that he was tired"),
    Pair("", "Then Emily was tired", "Then Lakisha was tired", focus="tired", targets=("Emily",)),
)


def measured(model: Model, pairs: Sequence[Pair]) -> list[dict[str, np.ndarray]]:
    reads = read_pairs_for(model, pairs)
    assert not [read for read in reads if isinstance(read, InputError)]
    good = [read for read in reads if isinstance(read, PairRead)]
    found: list[dict[str, np.ndarray]] = [{} for _ in good]
    for batch in batches(model, good):
        numbers = measure_pairs(model, [good[i] for i in batch])
        for n, i in enumerate(batch):
            words = {
                "odds": numbers.log_odds[n],
                "a": numbers.log_likelihoods[n, 0],
                "b": numbers.log_likelihoods[n, 1],
            }
            found[i] = {name: values[n] for name, values in numbers.heads.items()} | words
            found[i]["deviation"] = numbers.deviation[n]
    return found


def check(model: Model, pairs: Sequence[Pair]) -> None:
    """Every number against the comparison of that pair alone."""
    for pair, numbers in zip(pairs, measured(model, pairs), strict=True):
        alone = attnlib.compare(model, pair.prompt_a, pair.prompt_b, focus=pair.focus or None, layers=[])
        for name in MEASURES:
            if name.startswith("shift") and not pair.targets:
                assert np.isnan(numbers[name]).all()
                continue
            np.testing.assert_allclose(numbers[name], alone.statistic(name, pair.targets), atol=of_rows())


@pytest.mark.parametrize("name", ["demo/gpt2-biased", "demo/bert-biased"])
def test_every_built_in_pair_as_compared_alone(name: str) -> None:
    check(attnlib.load_model(name), builtin_pairs())


@pytest.mark.parametrize(
    ("architecture", "family"),
    [
        ("gpt2", "causal"),
        ("llama", "causal"),
        ("gemma2", "causal"),
        ("bert", "masked"),
        ("t5", "seq2seq"),
        ("deberta-v2", "masked"),
        ("gpt_neo", "causal"),
        ("bloom", "causal"),
    ],
)
def test_other_architectures_and_uneven_pairs(architecture: str, family: str) -> None:
    model = tiny_model(architecture, family)
    check(model, PAIRS)


def test_a_target_that_is_the_sink_has_no_corrected_shift() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    pair = Pair("", "Emily said that she", "Emily said that he", targets=("Emily",))
    (numbers,) = measured(model, [pair])
    assert np.isfinite(numbers["shift"]).all()
    assert np.isnan(numbers["shift_corrected"]).all()


def test_scores_come_from_the_pass_that_was_made_where_the_tokenizer_writes_the_prefix() -> None:
    model = tiny_model("llama", "causal", style="byte-fallback")
    (found,) = measured(model, [PAIRS[0]])
    a, b = sentence_log_likelihoods(model, [PAIRS[0].prompt_a, PAIRS[0].prompt_b])
    assert (float(found["a"]), float(found["b"])) == pytest.approx((a, b), abs=1e-4)


def test_scores_are_those_of_the_sentences_alone() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    pairs = [*PAIRS[:2], PAIRS[2]]
    found = measured(model, pairs)
    for pair, numbers in zip(pairs, found, strict=True):
        a, b = sentence_log_likelihoods(model, [pair.prompt_a, pair.prompt_b])
        assert (float(numbers["a"]), float(numbers["b"])) == pytest.approx((a, b), abs=1e-4)
    ((she, he),) = likelihoods(model, ["The doctor asked the nurse a question."], ["She", "He"])
    assert float(found[0]["odds"]) == pytest.approx(she.sum - he.sum, abs=1e-4)
    assert np.isnan(found[2]["odds"])  # more than one word differs


def test_rows_before_the_edit_do_not_move() -> None:
    found = measured(attnlib.load_model("demo/gpt2-biased"), PAIRS[:2])
    assert max(float(numbers["deviation"]) for numbers in found) <= SAME_BATCH


def test_swapped_prompts_change_the_sign_of_a_shift_and_nothing_of_a_distance() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    swapped = [Pair("", p.prompt_b, p.prompt_a, targets=p.targets) for p in PAIRS[:2]]
    for there, back in zip(measured(model, PAIRS[:2]), measured(model, swapped), strict=True):
        np.testing.assert_allclose(there["shift"], -back["shift"], atol=of_rows())
        np.testing.assert_allclose(there["jsd"], back["jsd"], atol=of_rows())


def test_the_size_of_a_batch_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    together = measured(model, PAIRS)
    monkeypatch.setattr(pairbatch, "BATCH_TOKENS", 1)
    for one, other in zip(measured(model, PAIRS), together, strict=True):
        for name, values in one.items():
            np.testing.assert_allclose(values, other[name], atol=of_rows())


def test_what_cannot_be_read_says_why() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    good = PAIRS[0]
    bad = {
        "Prompt A: The text is empty": Pair("", " ", "x"),
        "Prompt B: The text has": Pair("", "x", "word " * 300),
        "half a character": Pair("", "x \ud800", "y"),
        "focus word “zebra” is in neither": Pair("", good.prompt_a, good.prompt_b, focus="zebra"),
        "target word “zebra” is in neither": Pair("", good.prompt_a, good.prompt_b, targets=("zebra",)),
        "one or two target words": Pair("", good.prompt_a, good.prompt_b, targets=("nurse", "doctor", "question")),
    }
    reads = read_pairs_for(model, [*bad.values(), good])
    for words, read in zip(bad, reads, strict=False):
        assert isinstance(read, InputError)
        assert words in str(read)
    assert isinstance(reads[-1], PairRead)
