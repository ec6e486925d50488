"""attnlib: the attention of any transformer, traced, verified and drawn. See docs/architecture.md.

Public names are loaded when first used, so that `import attnlib` costs nothing before a model is wanted.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attnlib.errors import InputError
from attnlib.version import VERSION

__version__ = VERSION

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # before any room imports transformers
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

if TYPE_CHECKING:
    from attnlib.behaviour.head_patterns import HeadPatterns
    from attnlib.behaviour.head_profile import HeadProfile, head_profile
    from attnlib.behaviour.measure import head_patterns, measure_patterns
    from attnlib.behaviour.scaling import scale_dimensions
    from attnlib.behaviour.silencing import Silenced, silence_dimensions
    from attnlib.comparison.result import Comparison
    from attnlib.comparison.run import compare
    from attnlib.effects.mediation import HeadEffects, head_effects
    from attnlib.model.attention import zero_heads
    from attnlib.model.loading import Model, load_model
    from attnlib.model.sources import demo_models
    from attnlib.study.results import Study, open_study
    from attnlib.study.run import run_study
    from attnlib.tracing.overview import Overview, overview
    from attnlib.tracing.trace import Trace, trace
    from attnlib.tracing.vectors import HeadVectors, ScoreChange, head_vectors, score_change
    from attnlib.views.html import head_view, model_view, neuron_view
    from attnlib.words.bias_scores import crows_pairs_scores
    from attnlib.words.likelihood import word_log_odds

_HOME = {
    "Comparison": "attnlib.comparison.result",
    "HeadEffects": "attnlib.effects.mediation",
    "HeadPatterns": "attnlib.behaviour.measure",
    "HeadProfile": "attnlib.behaviour.head_profile",
    "HeadVectors": "attnlib.tracing.vectors",
    "InputError": "attnlib.errors",
    "Model": "attnlib.model.loading",
    "Overview": "attnlib.tracing.overview",
    "ScoreChange": "attnlib.tracing.vectors",
    "Silenced": "attnlib.behaviour.silencing",
    "Study": "attnlib.study.results",
    "Trace": "attnlib.tracing.trace",
    "compare": "attnlib.comparison.run",
    "crows_pairs_scores": "attnlib.words.bias_scores",
    "demo_models": "attnlib.model.sources",
    "head_effects": "attnlib.effects.mediation",
    "head_patterns": "attnlib.behaviour.measure",
    "head_profile": "attnlib.behaviour.head_profile",
    "head_vectors": "attnlib.tracing.vectors",
    "head_view": "attnlib.views.html",
    "load_model": "attnlib.model.loading",
    "measure_patterns": "attnlib.behaviour.measure",
    "model_view": "attnlib.views.html",
    "neuron_view": "attnlib.views.html",
    "open_study": "attnlib.study.results",
    "overview": "attnlib.tracing.overview",
    "run_study": "attnlib.study.run",
    "scale_dimensions": "attnlib.behaviour.scaling",
    "score_change": "attnlib.tracing.vectors",
    "silence_dimensions": "attnlib.behaviour.silencing",
    "trace": "attnlib.tracing.trace",
    "word_log_odds": "attnlib.words.likelihood",
    "zero_heads": "attnlib.model.attention",
}

__all__ = [
    "Comparison",
    "HeadEffects",
    "HeadPatterns",
    "HeadProfile",
    "HeadVectors",
    "InputError",
    "Model",
    "Overview",
    "ScoreChange",
    "Silenced",
    "Study",
    "Trace",
    "compare",
    "crows_pairs_scores",
    "demo_models",
    "head_effects",
    "head_patterns",
    "head_profile",
    "head_vectors",
    "head_view",
    "load_model",
    "measure_patterns",
    "model_view",
    "neuron_view",
    "open_study",
    "overview",
    "run_study",
    "scale_dimensions",
    "score_change",
    "silence_dimensions",
    "trace",
    "word_log_odds",
    "zero_heads",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'attnlib' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
