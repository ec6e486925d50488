"""Settings of every unit test: nothing needs a network, and nothing is random from run to run."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import pytest
import torch
from hypothesis import HealthCheck, settings
from transformers.utils import logging

from attnlib.behaviour.silencing import Silenced, silence_dimensions
from attnlib.model.loading import load_model
from attnlib.prompts.builtin import pair_set
from attnlib.study.results import Study
from attnlib.study.run import run_study

torch.set_num_threads(1)  # tiny models are slower on more
logging.set_verbosity_error()
logging.disable_progress_bar()
settings.register_profile(
    "steady", deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


# ---------------------------------------------------------------------------------------------- measured once

BOTH = ("demo/gpt2-biased", "demo/gpt2-balanced")


@pytest.fixture(scope="session")
def two_occupations(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study of the README: every pair of two occupations, in the biased model and in its twin."""
    return run_study("two-occupations", list(BOTH), tmp_path_factory.mktemp("two") / "study")


@pytest.fixture(scope="session")
def one_occupation(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Every pair of one occupation, in the biased model and in its twin."""
    return run_study("occupations", list(BOTH), tmp_path_factory.mktemp("one") / "study")


@pytest.fixture(scope="session")
def silenced() -> dict[str, Silenced]:
    """Every pair of two occupations without four dimensions of head 0-2, in the biased model and in its twin."""
    pairs = pair_set("two-occupations")
    return {name: silence_dimensions(load_model(name, device="cpu"), pairs, 0, 2, 4) for name in BOTH}
