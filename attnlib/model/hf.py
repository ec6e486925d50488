"""What is used of transformers: every other file takes it from here, so that threads can import it at the same time.

When its import ends, transformers puts another object into `sys.modules`. An `import` statement that waited in
another thread is given the object from before, which lacks most names. `import_module` looks again.
"""

from importlib import import_module

import_module("transformers")
import_module("transformers.models.auto")

import transformers  # noqa: E402
from transformers import AttentionInterface, AutoConfig, AutoTokenizer, BatchEncoding  # noqa: E402
from transformers.masking_utils import AttentionMaskInterface, eager_mask  # noqa: E402
from transformers.models.auto import modeling_auto as auto  # noqa: E402
from transformers.utils import logging  # noqa: E402

VERSION = transformers.__version__

__all__ = [
    "VERSION",
    "AttentionInterface",
    "AttentionMaskInterface",
    "AutoConfig",
    "AutoTokenizer",
    "BatchEncoding",
    "auto",
    "eager_mask",
    "logging",
]
