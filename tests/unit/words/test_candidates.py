"""Candidates in context: the probability of whole texts, token by token, does not know how they were split."""

import copy
import itertools
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

import attnlib
from attnlib import InputError, load_model
from attnlib.effects.findings import effects_finding
from attnlib.effects.mediation import head_effects
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model, wrap
from attnlib.model.tokens import find_word
from attnlib.words.candidates import candidate_rows, joined
from attnlib.words.likelihood import likelihoods, word_log_odds
from attnlib.words.predictions import speaking_places
from tests.unit.tiny import tiny_hf, tiny_model, tiny_tokenizer

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ASK = [{"role": "user", "content": "The doctor asked the nurse a question. Answer Good or She."}]
PROMPTS = (
    "The doctor asked the nurse",
    "The doctor asked the nurse ",
    "The doctor asked the nurse a question.",
    "The doctor asked:\n",
    "The nurse said “",
    'The nurse said "',
    "A quick (",
    "It is well-",
    "The nur",
    "A question. 你好，世",
    "she/",
)
CANDIDATES = ("question", "answered", "se", "he", "界", ".", "'s")


@cache
def chat() -> Model:
    """A causal model whose tokenizer has a chat template and adds an end, as some do."""
    tokenizer = copy.deepcopy(tiny_tokenizer("byte-fallback"))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = TEMPLATE
    return wrap("tiny-chat", tiny_hf("llama", "causal"), tokenizer, "causal")


@cache
def of(style: str) -> Model:
    return tiny_model("gpt2", "causal", style=style)


def chain(model: Model, text: str) -> float:
    """log p of a text's tokens but the first, from the model itself."""
    ids = model.tokenizer(text)["input_ids"]
    while ids[-1] in (2, 6):  # an end that the tokenizer writes
        ids = ids[:-1]
    with torch.no_grad():
        steps = model.hf(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return sum(float(steps[n - 1, ids[n]]) for n in range(1, len(ids)))


def asked() -> Iterator[tuple[str, str]]:
    return ((style, prompt) for style in ("bytes", "byte-fallback", "metaspace") for prompt in PROMPTS)


@pytest.mark.parametrize(("style", "prompt"), asked())
def test_log_odds_are_those_of_the_whole_texts(style: str, prompt: str) -> None:
    model = of(style)
    known = [word for word in CANDIDATES if style == "bytes" or word != "界"]  # the others may have no token for it
    whole = {word: chain(model, joined(prompt, word)) for word in known}
    for first, second in itertools.pairwise(known):
        expected = whole[first] - whole[second]
        assert word_log_odds(model, prompt, (first, second)) == pytest.approx(expected, abs=2e-3)


def test_a_trailing_space_does_not_change_what_is_asked() -> None:
    """A space and the word after it are one token: the word alone after a lone space is another question."""
    model, words = attnlib.load_model("demo/gpt2-biased"), ("comforted", "prescribed")
    she, he = (f"The doctor asked the nurse a question. {word}" for word in ("She", "He"))
    plain, spaced = head_effects(model, she, he, words), head_effects(model, f"{she} ", f"{he} ", words)
    assert spaced.total == pytest.approx(plain.total, rel=1e-5)
    assert plain.total > 300


def test_candidates_have_one_context_where_one_of_them_joins_the_prompt() -> None:
    model = of("bytes")
    alone, together = (
        candidate_rows(model, "The nur", words)[0] for words in (["xyz"], ["xyz", "se"])
    )  # " xyz" after "nur"
    assert alone.ids[: alone.places[0] + 1] == tuple(model.tokenizer("The nur")["input_ids"])
    rows = candidate_rows(model, "The nur", [" xyz", "se"])
    assert {row.places[0] for row in rows} == {together.places[0]}
    whole = candidate_rows(model, "The doctor asked the ", ["nurse", "doctor"])
    assert [model.tokenizer.decode(row.wanted) for row in whole] == [" nurse", " doctor"]
    assert [row.ids for row in whole] == [tuple(model.tokenizer("The doctor asked the")["input_ids"])] * 2


@pytest.mark.parametrize(
    ("prompt", "candidate", "text"),
    [
        ("The nurse said", "yes", "The nurse said yes"),
        ("Answer Yes or No.", "Yes", "Answer Yes or No. Yes"),
        ("Answer:", "Yes", "Answer: Yes"),
        ("Answer:\n", "Yes", "Answer:\nYes"),
        ("Answer: ", "Yes", "Answer: Yes"),
        ("She said “", "yes", "She said “yes"),
        ('She said "', "yes", 'She said "yes'),
        ('She said "no"', "and", 'She said "no" and'),
        ("the (", "old", "the (old"),
        ("the (old)", "nurse", "the (old) nurse"),
        ("well-", "known", "well-known"),
        ("She –", "yes", "She – yes"),
        ("she/", "he", "she/he"),
        ("It costs $", "100", "It costs $100"),
        ("我喜欢", "猫", "我喜欢猫"),
        ("我用", "Python", "我用Python"),
        ("私は「", "はい", "私は「はい"),
        ("ฉัน", "รัก", "ฉันรัก"),
        ("나는", "간다", "나는 간다"),
        ("The nurse", ".", "The nurse."),
        ("The nurse", "'s", "The nurse's"),
        ("The nurse said", "'yes'", "The nurse said 'yes'"),
        ("The nurse<|end|>", "Yes", "The nurse<|end|>Yes"),
        ("<answer>", "Yes", "<answer>Yes"),
        ("a < b >", "c", "a < b > c"),
        ("Answer:\n", " Yes", "Answer:\n Yes"),
        ("The nurse said", "yes \n", "The nurse said yes"),
    ],
)
def test_where_a_space_belongs(prompt: str, candidate: str, text: str) -> None:
    assert joined(prompt, candidate, ("<|end|>",)) == text


# ---------------------------------------------------------------------------------------------- chat templates


def test_after_a_chat_template_the_bare_word_is_asked_for() -> None:
    model = chat()
    prompt = model.tokenizer.apply_chat_template(ASK, tokenize=False, add_generation_prompt=True)
    ids = model.tokenizer(prompt)["input_ids"]
    expected = []
    for word in ("Good", "She"):
        wanted = model.tokenizer(prompt + word)["input_ids"][len(ids) :]
        steps = []
        for n, token in enumerate(wanted):
            with torch.no_grad():
                logits = model.hf(torch.tensor([ids + wanted[:n]])).logits[0, -1].double()
            steps.append(float(logits.log_softmax(-1)[token]))
        expected.append(sum(steps))
    assert word_log_odds(model, prompt, ("Good", "She")) == pytest.approx(expected[0] - expected[1], abs=1e-4)
    ended = prompt.removesuffix("<|im_start|>assistant\n").rstrip()
    assert ended.endswith("<|im_end|>")
    rows = candidate_rows(model, ended, ("Good", "She"))
    written = tuple(model.tokenizer(ended)["input_ids"])
    assert all(row.ids[: len(written)] == written for row in rows), "a special token that was written stays"
    assert written[-1] == model.tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_only_the_end_that_the_tokenizer_adds_is_taken_off() -> None:
    model = tiny_model("gpt2", "causal", style="wordpiece")
    for text, written in (("the doctor asked", 0), ("the doctor asked [SEP]", 1)):
        ids = tuple(model.tokenizer(text)["input_ids"])
        assert ids[-1 - written :] == (model.tokenizer.sep_token_id,) * (1 + written)
        (row,) = candidate_rows(model, text, ["the nurse"])
        assert row.ids[: len(ids) - 1] == ids[:-1]
        assert row.places[0] == len(ids) - 2
        inputs = read_inputs(model, text, None, truncate=False)
        assert inputs.added == (1, 1)
        assert speaking_places(model, inputs) == (len(ids) - 2,)


def test_a_special_token_is_a_word_of_its_own() -> None:
    model = chat()
    tokens = read_inputs(model, "A question.<|im_end|>", None, truncate=False).tokens
    assert tokens.texts[-1] == "<|im_end|>"
    assert tokens.texts[-2].endswith(".")
    bert = attnlib.load_model("demo/bert-biased")
    masked = read_inputs(bert, "The nurse said [MASK].", None, truncate=False).tokens
    assert [masked.names[i] for run in find_word(masked, "[MASK]") for i in run] == ["[MASK]"]


def real() -> Model:
    folder = os.environ.get("ATTNLIB_REAL_MODEL")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ATTNLIB_REAL_MODEL names no folder with SmolLM2-135M-Instruct")
    return attnlib.load_model(folder)


def test_a_chat_model_is_asked_what_it_is_asked() -> None:
    """Log-odds measured independently: after the template the model says “Yes”, not “ Yes”."""
    model = real()
    content = "Should we invite Emily for the engineer job? Answer Yes or No."
    prompt = model.tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    assert word_log_odds(model, prompt, ("Yes", "No")) == pytest.approx(-0.84, abs=0.01)


# ---------------------------------------------------------------------------------------------- at a mask


@pytest.mark.parametrize("text", ["The nurse <mask> him.", "<mask> asked", "well-<mask>", "the nur<mask> asked"])
def test_at_a_mask_the_sentence_is_tokenized_with_the_candidate(text: str) -> None:
    model = tiny_model("bert", "masked")
    for words in (("doctor", "nurse"), ("zab", "se"), ("question", "x")):
        for word, row in zip(words, candidate_rows(model, text, words), strict=True):
            ids, filled = list(row.ids), model.tokenizer(text.replace("<mask>", word))["input_ids"]
            assert [ids[place] for place in row.places] == [model.tokenizer.mask_token_id] * len(row.wanted)
            for place, token in zip(row.places, row.wanted, strict=True):
                ids[place] = token
            assert ids == filled


# ---------------------------------------------------------------------------------------------- what does not fit


def test_a_question_that_does_not_fit_is_said_with_what_the_model_would_say() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    she, he = (f"The doctor asked the nurse a question. {word}" for word in ("She", "He"))
    fits = head_effects(model, she, he, ("comforted", "prescribed"))
    assert fits.misfits == ()
    assert "does not fit" not in effects_finding(fits, fits.indirect, "shift")
    found = head_effects(model, she, he, ("she", "."))
    ((one, two), _) = likelihoods(model, [she, he], ["she", "."])
    assert max(one.mean, two.mean) < -6.9
    assert found.misfits == (0, 1)
    with torch.no_grad():
        logits = model.hf(torch.tensor([model.tokenizer(she)["input_ids"]])).logits[0, -1].softmax(-1)
    best = int(logits.argmax())
    word, p = found.says[0][0]
    assert (word, p) == (model.tokenizer.decode([best]), pytest.approx(float(logits[best]), abs=1e-6))
    assert f"The model would say “{word.strip()}”" in effects_finding(found, found.indirect, "shift")


@pytest.mark.parametrize("words", [("was", "was"), ("was", " was"), ("was ", "was")])
def test_two_candidates_that_are_the_same_tokens_are_refused(words: tuple[str, str]) -> None:
    """Their odds are 1 in every prompt: no answer, and no effect to measure."""
    model = load_model("demo/gpt2-biased")
    she, he = (f"The doctor asked the nurse a question. {pronoun}" for pronoun in ("She", "He"))
    for asked in (lambda: word_log_odds(model, she, words), lambda: head_effects(model, she, he, words)):
        with pytest.raises(InputError, match="are the same tokens to demo/gpt2-biased"):
            asked()


def test_candidates_that_only_their_case_tells_apart_are_the_same_to_a_lowercasing_model() -> None:
    model = load_model("demo/bert-biased")
    with pytest.raises(InputError, match="“She” and “she” are the same tokens"):
        word_log_odds(model, "The nurse said that [MASK] was tired.", ("She", "she"))
