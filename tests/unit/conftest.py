"""Settings of every unit test: nothing needs a network, and nothing is random from run to run."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import pytest
import torch
from hypothesis import HealthCheck, settings
from transformers.utils import logging

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
