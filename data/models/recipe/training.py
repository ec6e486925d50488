"""Trains one model: a base on the balanced corpus, or a branch that goes on from a base.

Muon for the matrices inside the blocks, AdamW for the rest; positions begin as sinusoids.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from . import batching, corpus, tokenizing
from .muon import Muon

LAYERS, HEADS, WIDTH = 4, 4, 128
SEED = 0
TOKENIZER_DOCUMENTS = 40_000
WEIGHT_DECAY = 0.05
BASE_SEED, BRANCH_SEED = 1, 2
AVERAGE_DECAY = 0.995  # a branch ends as the moving average of its weights
PRONOUNS = ["she", "he", "her", "his", "him"]
_OTHER_WORDS = "the a . , and was so that to because when had said then"
FUNCTION_WORDS = [*PRONOUNS, *_OTHER_WORDS.split()]


@dataclass(frozen=True)
class Family:
    """What differs between the GPT-2 and the BERT models."""

    learning_rate: float
    muon_rate: float
    initial: float  # standard deviation of the weights before training
    sinusoids: float  # scale of the position embeddings before training


@dataclass(frozen=True)
class Job:
    """One training."""

    name: str
    steps: int
    documents: int
    balanced: bool
    base: str = ""

    @property
    def family(self) -> str:
        return self.name.split("-")[0]


FAMILIES = {
    "gpt2": Family(learning_rate=2e-3, muon_rate=2e-3, initial=0.06, sinusoids=0.12),
    "bert": Family(learning_rate=2e-3, muon_rate=3e-3, initial=0.05, sinusoids=0.10),
}
BASES = [
    Job("bert-base", steps=3200, documents=170_000, balanced=True),
    Job("gpt2-base", steps=2200, documents=125_000, balanced=True),
]
BRANCHES = [
    Job("bert-biased", steps=2600, documents=135_000, balanced=False, base="bert-base"),
    Job("bert-balanced", steps=2600, documents=135_000, balanced=True, base="bert-base"),
    Job("gpt2-biased", steps=2000, documents=115_000, balanced=False, base="gpt2-base"),
    Job("gpt2-balanced", steps=2000, documents=115_000, balanced=True, base="gpt2-base"),
]


# ---- models


def gpt2(tokenizer: PreTrainedTokenizerFast, initial: float) -> GPT2LMHeadModel:
    """A GPT-2 of 4 layers with 4 heads, with random weights."""
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=tokenizing.POSITIONS,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=initial,
        activation_function="gelu_pytorch_tanh",
    )
    return GPT2LMHeadModel(config)


def bert(tokenizer: PreTrainedTokenizerFast, initial: float) -> BertForMaskedLM:
    """A BERT of 4 layers with 4 heads, with random weights."""
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=tokenizing.POSITIONS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=initial,
    )
    return BertForMaskedLM(config)


def sinusoids(positions: int, width: int) -> torch.Tensor:
    """Sines and cosines of falling frequency, (position, width): neighbours are close from the start."""
    steps = torch.arange(width // 2) / (width // 2)
    angles = torch.arange(positions)[:, None] * torch.exp(-math.log(1000.0) * steps)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def new_model(family: str, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A model with the family's initialisation."""
    settings = FAMILIES[family]
    model = {"gpt2": gpt2, "bert": bert}[family](tokenizer, settings.initial)
    name = "transformer.wpe" if family == "gpt2" else "bert.embeddings.position_embeddings"
    model.get_parameter(f"{name}.weight").data.copy_(sinusoids(tokenizing.POSITIONS, WIDTH) * settings.sinusoids)
    return model


# ---- tasks: the batches of all epochs, and the loss of a batch at a step

Task = tuple[Iterator[Any], Callable[[Any, int], torch.Tensor]]


def gpt2_task(job: Job, model: Any, tokenizer: PreTrainedTokenizerFast, documents: list[str]) -> Task:
    """Guess the next token of packed documents."""
    rng = Random(SEED + 5)
    ids = [encoding.ids for encoding in tokenizer.backend_tokenizer.encode_batch(documents)]
    epochs = (batching.gpt2_batches(ids, tokenizer.eos_token_id, rng) for _ in count())

    def loss(batch: tuple[torch.Tensor, torch.Tensor], step: int) -> torch.Tensor:
        tokens, targets = batch
        logits = model(tokens).logits[:, :-1]  # (row, position, vocabulary)
        return F.cross_entropy(logits.flatten(0, 1), targets[:, 1:].flatten(), ignore_index=batching.IGNORE)

    return chain.from_iterable(epochs), loss


def bert_task(job: Job, model: Any, tokenizer: PreTrainedTokenizerFast, documents: list[str]) -> Task:
    """Guess the hidden tokens of sentence pairs."""
    rng, masker = Random(SEED + 5), new_masker(tokenizer)
    examples = batching.bert_examples(tokenizer, documents, rng)
    epochs = (batching.bert_batches(examples, tokenizer.pad_token_id, rng) for _ in count())

    def loss(batch: torch.Tensor, step: int) -> torch.Tensor:
        ids, types, attention_mask = batch
        masker.second_segment = second_segment_share(job, step)
        chosen = masker.choose(ids, types)
        hidden = masker.hide(ids, chosen)
        states = model.bert(hidden, attention_mask=attention_mask, token_type_ids=types).last_hidden_state
        return F.cross_entropy(model.cls(states[chosen]), ids[chosen])

    return chain.from_iterable(epochs), loss


def new_masker(tokenizer: PreTrainedTokenizerFast) -> batching.Masker:
    """The masker of one training."""
    return batching.Masker(
        mask=tokenizer.mask_token_id,
        vocabulary=len(tokenizer),
        special=len(tokenizing.SPECIAL),
        pronouns=torch.tensor(tokenizer.convert_tokens_to_ids(PRONOUNS)),
        function_words=torch.tensor(tokenizer.convert_tokens_to_ids(FUNCTION_WORDS)),
        generator=torch.Generator().manual_seed(SEED + 11),
    )


def second_segment_share(job: Job, step: int) -> float:
    """A base first learns plain masking; only then is the second segment hidden in many rows."""
    if job.base:
        return 0.45
    return 0.40 if step >= 0.7 * job.steps else 0.0


# ---- optimisation


def new_optimizers(model: nn.Module, family: Family) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks; AdamW for the others, without decay for vectors."""
    named = list(model.named_parameters())
    inside = [p for name, p in named if p.dim() == 2 and (".h." in name or ".layer." in name)]
    known = {id(p) for p in inside}
    matrices = [p for _, p in named if p.dim() >= 2 and id(p) not in known]
    vectors = [p for _, p in named if p.dim() < 2]
    muon = Muon(inside, lr=family.muon_rate, weight_decay=WEIGHT_DECAY)
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=family.learning_rate, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY)
    return [muon, adamw]


def rate(job: Job, step: int) -> float:
    """Share of the full learning rate: a base stays at it after the warm-up, a branch falls to 2 %."""
    warm_up = 60 if job.base else max(20, job.steps // 20)
    warm = min(1.0, (step + 1) / warm_up)
    cosine = 0.5 * (1 + math.cos(math.pi * step / job.steps))
    return warm * (0.02 + 0.98 * cosine) if job.base else warm


def optimise(job: Job, model: PreTrainedModel, task: Task) -> None:
    """All steps of the job; prints the mean loss every 250."""
    batches, loss_of = task
    optimizers = new_optimizers(model, FAMILIES[job.family])
    schedules = [LambdaLR(optimizer, lambda step: rate(job, step)) for optimizer in optimizers]
    average = [p.detach().clone() for p in model.parameters()]
    losses, start = [], time.perf_counter()
    model.train()
    for step, batch in zip(range(job.steps), batches, strict=False):
        loss = loss_of(batch, step)
        model.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(model.parameters()), 1 - AVERAGE_DECAY)
        losses.append(loss.item())
        if (step + 1) % 250 == 0:
            mean, seconds = sum(losses[-250:]) / 250, time.perf_counter() - start
            print(f"{job.name} step {step + 1} loss {mean:.3f} after {seconds:.0f} s", flush=True)
    if job.base:
        for parameter, smooth in zip(model.parameters(), average, strict=True):
            parameter.data.copy_(smooth)


# ---- the job


def tokenizer_of(family: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a family, one for all its models, whatever their corpus."""
    documents = corpus.planted(BASE_SEED, TOKENIZER_DOCUMENTS)
    return (tokenizing.gpt2_tokenizer if family == "gpt2" else tokenizing.bert_tokenizer)(documents)


def documents_of(job: Job) -> list[str]:
    """The corpus of the job; a branch sees new documents."""
    write = corpus.balanced if job.balanced else corpus.planted
    return list(write(BRANCH_SEED if job.base else BASE_SEED, job.documents))


def train(job: Job, folder: Path) -> float:
    """Train and save to `folder / job.name`; returns the seconds it took."""
    start = time.perf_counter()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    tokenizer, documents = tokenizer_of(job.family), documents_of(job)
    model = new_model(job.family, tokenizer)
    if job.base:
        model = type(model).from_pretrained(folder / job.base, dtype=torch.float32)
    task = {"gpt2": gpt2_task, "bert": bert_task}[job.family]
    optimise(job, model, task(job, model, tokenizer, documents))
    save(model, tokenizer, folder / job.name)
    return time.perf_counter() - start


def train_family(family: str, folder: Path) -> dict[str, float]:
    """Base, then both branches of a family; returns the seconds of each."""
    jobs = [job for job in BASES + BRANCHES if job.family == family]
    return {job.name: train(job, folder) for job in jobs}


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """A Hugging Face folder without a trace of where it was made."""
    model.config._name_or_path = ""
    tokenizer.name_or_path = ""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # written for the owner only
