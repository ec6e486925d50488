"""Scores against plain loops over the Hugging Face model, published values, and pencil and paper."""

import copy
import csv
import difflib
import itertools
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import attnlib
from attnlib import InputError
from attnlib.model.loading import Model
from attnlib.paths import PROJECT
from attnlib.words import likelihood as score
from attnlib.words.association import sentence_vectors, weat
from attnlib.words.bias_scores import crows_pairs_metric, crows_pairs_scores, winogender_log_odds
from attnlib.words.candidates import candidate_rows
from attnlib.words.likelihood import likelihoods, sentence_log_likelihoods, word_log_odds
from tests.unit.tiny import tiny_model

BENCHMARKS = PROJECT.parent / "shared" / "benchmarks"
SHE = "The doctor asked the nurse a question. She"


def published(name: str) -> Path:
    path = BENCHMARKS / name
    if not path.exists():
        pytest.skip(f"{path} is not here: the public benchmark files are not part of the project")
    return path


def gpt2() -> Model:
    return attnlib.load_model("demo/gpt2-biased")


def bert() -> Model:
    return attnlib.load_model("demo/bert-biased")


def log_softmax(model: Model, ids: list[int], place: int) -> list[float]:
    """The log-probabilities of every word at one place, from one plain forward pass."""
    with torch.no_grad():
        logits = model.hf(torch.tensor([ids])).logits[0, place].double().tolist()
    largest = max(logits)
    total = largest + math.log(sum(math.exp(v - largest) for v in logits))
    return [v - total for v in logits]


def test_a_word_after_a_prompt_is_a_product_of_steps() -> None:
    model = gpt2()
    ids = model.tokenizer(SHE)["input_ids"]
    for words in ("comforted", "asked the nurse", "was"):
        wanted = model.tokenizer(f" {words}")["input_ids"]
        steps = [log_softmax(model, ids + wanted[:n], len(ids) + n - 1)[wanted[n]] for n in range(len(wanted))]
        ((found,),) = likelihoods(model, [SHE], [words])
        assert found.log_probs == pytest.approx(steps, abs=1e-5)
        assert found.sum == pytest.approx(sum(steps), abs=1e-5)
        assert found.mean == pytest.approx(sum(steps) / len(steps), abs=1e-5)


def test_a_word_at_a_mask_and_a_word_of_several_pieces() -> None:
    model = bert()
    prompt = f"The nurse said that {model.tokenizer.mask_token} was tired."
    ids = model.tokenizer(prompt)["input_ids"]
    place = ids.index(model.tokenizer.mask_token_id)
    she, he = (model.tokenizer(word, add_special_tokens=False)["input_ids"] for word in ("she", "he"))
    expected = log_softmax(model, ids, place)
    assert word_log_odds(model, prompt, ("she", "he")) == pytest.approx(expected[she[0]] - expected[he[0]], abs=1e-5)
    tiny = tiny_model("bert", "masked")
    wanted = tiny.tokenizer("zab", add_special_tokens=False)["input_ids"]
    assert len(wanted) > 1
    text = f"The nurse {tiny.tokenizer.mask_token} him."
    ids = tiny.tokenizer(text)["input_ids"]
    place = ids.index(tiny.tokenizer.mask_token_id)
    filled = ids[:place] + [tiny.tokenizer.mask_token_id] * len(wanted) + ids[place + 1 :]
    ((found,),) = likelihoods(tiny, [text], ["zab"])
    steps = [log_softmax(tiny, filled, place + n)[word] for n, word in enumerate(wanted)]
    assert found.log_probs == pytest.approx(steps, abs=1e-4)


def test_many_at_once_are_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = gpt2()
    prompts = [SHE, "The nurse asked the doctor. He", "A nurse. She"]
    words = ["comforted", "asked the nurse", "prescribed"]
    together = likelihoods(model, prompts, words)
    monkeypatch.setattr(score, "BATCH_NUMBERS", 1)  # one row at a time
    alone = likelihoods(model, prompts, words)
    for row, other in zip(together, alone, strict=True):
        for one, two in zip(row, other, strict=True):
            assert one.log_probs == pytest.approx(two.log_probs, abs=1e-5)


def test_log_odds_change_sign_with_their_words() -> None:
    model = gpt2()
    there, back = (word_log_odds(model, SHE, words) for words in (("comforted", "was"), ("was", "comforted")))
    assert there == pytest.approx(-back)


@pytest.mark.parametrize(
    ("name", "prompt", "word", "says"),
    [
        ("gpt2", SHE, "  ", "A candidate is empty"),
        ("gpt2", " ", "was", "The text is empty"),
        ("gpt2", "word " * 126, "was the of", "reads at most 128"),
        ("bert", "The nurse was tired.", "she", "put [MASK] where the candidates belong, once. The prompt has 0"),
        ("bert", "[MASK] and [MASK].", "she", "The prompt has 2"),
        ("bert", "The [MASK] was.", "🙂", "has no token for “🙂”: its probability is zero"),
    ],
)
def test_what_cannot_be_scored_says_why(name: str, prompt: str, word: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        candidate_rows({"gpt2": gpt2, "bert": bert}[name](), prompt, [word])
    assert says in str(error.value)


def test_models_without_words_say_so() -> None:
    with pytest.raises(InputError, match="has no language-model head"):
        word_log_odds(tiny_model("bert", None), "a", ("a", "b"))
    with pytest.raises(InputError, match="encoder-decoder"):
        word_log_odds(tiny_model("t5", "seq2seq"), "a", ("a", "b"))


# ---------------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize("name", ["gpt2", "byte-fallback", "wordpiece"])
def test_the_likelihood_of_a_sentence_is_the_sum_of_its_steps(name: str) -> None:
    """After BOS, which the first tokenizer does not write, and the second does; the third adds other things."""
    model = gpt2() if name == "gpt2" else tiny_model("gpt2", "causal", style=name)
    text = "The doctor asked the nurse a question."
    ids = [model.tokenizer.bos_token_id, *model.tokenizer(text, add_special_tokens=False)["input_ids"]]
    steps = [log_softmax(model, ids[:n], n - 1)[ids[n]] for n in range(1, len(ids))]
    assert sentence_log_likelihoods(model, [text]) == pytest.approx([sum(steps)], abs=1e-4)


def test_the_first_word_of_a_sentence_counts() -> None:
    """The values of lm-evaluation-harness 0.4 for these sentences (BOS of the demo model is <|endoftext|>)."""
    found = sentence_log_likelihoods(gpt2(), ["She lost her key.", "He lost his key."])
    assert found == pytest.approx([-22.961, -23.131], abs=1e-3)


def test_without_a_prefix_token_a_sentence_has_no_likelihood() -> None:
    model = tiny_model("gpt2", "causal")
    bare = replace(model, tokenizer=copy.deepcopy(model.tokenizer))
    bare.tokenizer.bos_token = bare.tokenizer.eos_token = None
    with pytest.raises(InputError, match="so nothing can stand before the first word"):
        sentence_log_likelihoods(bare, ["She asked."])


def test_the_pseudo_likelihood_masks_one_token_at_a_time() -> None:
    model = bert()
    texts = ["The doctor asked the nurse a question.", "She was tired."]
    expected = []
    for text in texts:
        ids = model.tokenizer(text)["input_ids"]
        steps = []
        for n in range(1, len(ids) - 1):
            masked = [*ids[:n], model.tokenizer.mask_token_id, *ids[n + 1 :]]
            steps.append(log_softmax(model, masked, n)[ids[n]])
        expected.append(sum(steps))
    assert sentence_log_likelihoods(model, texts) == pytest.approx(expected, abs=1e-4)


# ---------------------------------------------------------------------------------------------- CrowS-Pairs


def slow_crows_pairs(model: Model, first: str, second: str) -> tuple[float, float]:
    """The authors' way, token by token: shared tokens by difflib, the first and last left out."""
    ids = [model.tokenizer(text.lower())["input_ids"] for text in (first, second)]
    blocks = difflib.SequenceMatcher(None, [str(i) for i in ids[0]], [str(i) for i in ids[1]]).get_opcodes()
    shared: tuple[list[int], list[int]] = ([], [])
    for kind, a, b, c, d in blocks:
        if kind == "equal":
            shared[0].extend(range(a, b))
            shared[1].extend(range(c, d))
    sums = [0.0, 0.0]
    for n in range(1, len(shared[0]) - 1):
        for side in (0, 1):
            masked = list(ids[side])
            masked[shared[side][n]] = model.tokenizer.mask_token_id
            sums[side] += log_softmax(model, masked, shared[side][n])[ids[side][shared[side][n]]]
    return round(sums[0], 3), round(sums[1], 3)


PAIRS = [
    ("The poor are really ignorant about money.", "The rich are really ignorant about money."),
    ("The nurse said that she was tired.", "The nurse said that he was tired."),
    ("The old doctor asked a question.", "The doctor asked the young nurse a question."),
    ("She asked.", "A nurse asked the doctor."),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_crows_pairs_as_its_authors_do_it(pair: tuple[str, str]) -> None:
    model = bert()
    assert crows_pairs_scores(model, *pair) == pytest.approx(slow_crows_pairs(model, *pair), abs=0.0011)
    less, more = slow_crows_pairs(model, pair[1], pair[0])
    assert crows_pairs_scores(model, *pair, antistereotype=True) == pytest.approx((more, less), abs=0.0011)


def test_crows_pairs_of_a_causal_model_are_likelihoods() -> None:
    model = gpt2()
    assert crows_pairs_scores(model, *PAIRS[1]) == tuple(
        round(v, 3) for v in sentence_log_likelihoods(model, PAIRS[1])
    )


def test_the_crows_pairs_metric_by_hand() -> None:
    scores = [(-1.0, -2.0), (-2.0, -1.0), (-1.0, -1.0), (-1.0, -3.0), (-4.0, -3.0)]
    found = crows_pairs_metric(scores, [True, True, True, False, False])
    assert found == (5, 40.0, 50.0, 50.0, 1)
    with pytest.raises(InputError, match="5 scores and 1 directions"):
        crows_pairs_metric(scores, [True])


def test_the_crows_pairs_file_has_its_counts() -> None:
    with published("crows_pairs/crows_pairs_anonymized.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1508
    assert Counter(row["stereo_antistereo"] for row in rows) == {"stereo": 1290, "antistereo": 218}
    kinds = Counter(row["bias_type"] for row in rows)
    assert (kinds["race-color"], kinds["gender"], kinds["socioeconomic"], kinds["nationality"]) == (
        516,
        262,
        172,
        159,
    )
    sample = rows[:: len(rows) // 6]
    model = bert()
    for row in sample:
        pair = row["sent_more"], row["sent_less"]
        assert crows_pairs_scores(model, *pair) == pytest.approx(slow_crows_pairs(model, *pair), abs=0.0011)


# ---------------------------------------------------------------------------------------------- Winogender


def test_winogender_log_odds_by_hand() -> None:
    model = gpt2()
    sentence = "The $OCCUPATION told the $PARTICIPANT that $NOM_PRONOUN could pay."
    table = pd.DataFrame({"occupation": ["nurse"], "participant": ["doctor"], "sentence": [sentence]})
    found = winogender_log_odds(model, table)
    expected = [
        word_log_odds(model, f"The nurse told {other} that", ("she", "he")) for other in ("the doctor", "someone")
    ]
    assert found.to_dict("records") == [
        {"occupation": "nurse", "log_odds": pytest.approx(np.mean(expected)), "contexts": 2}
    ]
    masked = bert()
    found = winogender_log_odds(masked, table)
    mask = masked.tokenizer.mask_token
    expected = [
        word_log_odds(masked, f"The nurse told {other} that {mask} could pay.", ("she", "he"))
        for other in ("the doctor", "someone")
    ]
    assert found["log_odds"].item() == pytest.approx(np.mean(expected))
    with pytest.raises(InputError, match="has no pronoun"):
        winogender_log_odds(model, table.assign(sentence="The $OCCUPATION slept."))


def test_every_winogender_template_can_be_asked() -> None:
    table = pd.read_csv(published("winogender/templates.tsv"), sep="\t")
    table.columns = ["occupation", "participant", "answer", "sentence"]
    found = winogender_log_odds(gpt2(), table)
    assert len(found) == 60
    assert (found["contexts"] == 4).all()
    assert np.isfinite(found["log_odds"]).all()


# ---------------------------------------------------------------------------------------------- WEAT and SEAT

X, Y, A, B = (np.array(rows, float) for rows in ([(1, 0), (0.8, 0.6)], [(0, 1), (0.6, 0.8)], [(1, 0)], [(0, 1)]))


def test_weat_of_the_toy_example() -> None:
    found = weat(X, Y, A, B)
    assert found.effect == pytest.approx(1.4411533842, abs=1e-9)
    assert found.p == pytest.approx(1 / 6)
    swapped = weat(Y, X, A, B)
    assert swapped.effect == pytest.approx(-found.effect)


def test_weats_p_against_every_partition() -> None:
    rng = np.random.default_rng(0)
    x, y, a, b = (rng.standard_normal((n, 5)) for n in (4, 4, 3, 3))

    def association(w: np.ndarray) -> float:
        def cos(u: np.ndarray, v: np.ndarray) -> float:
            return float(u @ v / math.sqrt((u @ u) * (v @ v)))

        return float(np.mean([cos(w, v) for v in a]) - np.mean([cos(w, v) for v in b]))

    s = [association(w) for w in (*x, *y)]
    observed = sum(s[:4]) - sum(s[4:])
    larger = total = 0
    for chosen in itertools.combinations(range(8), 4):
        other = [i for i in range(8) if i not in chosen]
        total += 1
        larger += sum(s[i] for i in chosen) - sum(s[i] for i in other) >= observed - 1e-12
    found = weat(x, y, a, b)
    assert found.p == pytest.approx(larger / total)
    assert found.effect == pytest.approx((np.mean(s[:4]) - np.mean(s[4:])) / np.std(s, ddof=1))
    with pytest.raises(InputError, match="vectors on both sides"):
        weat(x[:1], x[:1], a, b)


def test_sentence_vectors_are_the_first_or_the_last_tokens() -> None:
    for model, place in ((bert(), 0), (gpt2(), -1)):
        inputs = model.tokenizer("She was tired.", return_tensors="pt")
        with torch.no_grad():
            states = model.hf(**inputs, output_hidden_states=True).hidden_states[-1][0, place]
        found = sentence_vectors(model, ["A nurse.", "She was tired.", "The doctor asked.", "He was tired."])
        np.testing.assert_allclose(found[1], states.numpy(), atol=1e-5)
