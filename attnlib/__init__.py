"""attnlib: the attention of any transformer, traced, verified and drawn. See docs/architecture.md.

Public names are loaded when first used, so that `import attnlib` costs nothing before a model is wanted.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from attnlib.errors import InputError

if TYPE_CHECKING:
    from attnlib.attention import zero_heads
    from attnlib.comparing import compare
    from attnlib.comparison import Comparison
    from attnlib.dimensions import scale_dimensions
    from attnlib.mediation import HeadEffects, head_effects
    from attnlib.models import Model, load_model
    from attnlib.neurons import HeadVectors, ScoreChange, head_vectors, score_change
    from attnlib.overviews import Overview, overview
    from attnlib.patternruns import HeadPatterns, head_patterns, measure_patterns
    from attnlib.profiles import HeadProfile, head_profile
    from attnlib.score import crows_pairs_scores, word_log_odds
    from attnlib.silencing import Silenced, silence_dimensions
    from attnlib.sources import demo_models
    from attnlib.study import run_study
    from attnlib.studyresults import Study, open_study
    from attnlib.tracing import Trace, trace
    from attnlib.views.html import head_view, model_view, neuron_view

_HOME = {
    "Comparison": "attnlib.comparison",
    "HeadEffects": "attnlib.mediation",
    "HeadPatterns": "attnlib.patternruns",
    "HeadProfile": "attnlib.profiles",
    "HeadVectors": "attnlib.neurons",
    "InputError": "attnlib.errors",
    "Model": "attnlib.models",
    "Overview": "attnlib.overviews",
    "ScoreChange": "attnlib.neurons",
    "Silenced": "attnlib.silencing",
    "Study": "attnlib.studyresults",
    "Trace": "attnlib.tracing",
    "compare": "attnlib.comparing",
    "crows_pairs_scores": "attnlib.score",
    "demo_models": "attnlib.sources",
    "head_effects": "attnlib.mediation",
    "head_patterns": "attnlib.patternruns",
    "head_profile": "attnlib.profiles",
    "head_vectors": "attnlib.neurons",
    "head_view": "attnlib.views.html",
    "load_model": "attnlib.models",
    "measure_patterns": "attnlib.patternruns",
    "model_view": "attnlib.views.html",
    "neuron_view": "attnlib.views.html",
    "open_study": "attnlib.studyresults",
    "overview": "attnlib.overviews",
    "run_study": "attnlib.study",
    "scale_dimensions": "attnlib.dimensions",
    "score_change": "attnlib.neurons",
    "silence_dimensions": "attnlib.silencing",
    "trace": "attnlib.tracing",
    "word_log_odds": "attnlib.score",
    "zero_heads": "attnlib.attention",
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
