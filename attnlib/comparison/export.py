"""A comparison as files: the ranking (CSV), the difference (NPZ), all that is needed to defend it (JSON).

Also what every CSV needs: cells that no spreadsheet takes for formulas.
"""

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from attnlib.comparison.controls import Controls
from attnlib.comparison.findings import finding
from attnlib.comparison.result import Comparison
from attnlib.model.loading import Model
from attnlib.model.provenance import provenance
from attnlib.spreadsheet import safe_csv
from attnlib.tracing.checks import refuse_failed

MOST_NUMBERS = 500_000  # of the difference inside the JSON; more belong into the NPZ


def ranking_csv(comparison: Comparison, by: str, targets: Sequence[str] = ()) -> str:
    """The ranking of heads as CSV."""
    refuse_failed(comparison)
    return safe_csv(comparison.ranking(by, targets))


def difference_npz(comparison: Comparison) -> bytes:
    """All layers' attention of A and B over aligned units, their difference and the units' labels, as NPZ.

    Arrays a, b, difference: float32 [layer, head, unit, key_unit]; rows, columns: labels. No pickle inside.
    """
    refuse_failed(comparison)
    kept = sorted(comparison.a.stack(comparison.stack).layers)
    both = [comparison.attention(layer) for layer in kept]
    a, b = (np.stack(side) for side in zip(*both, strict=True))
    labels = [
        np.array([label for label, _, _ in alignment.labels])
        for alignment in (comparison.alignment, comparison.key_alignment)
    ]
    file = io.BytesIO()
    np.savez_compressed(
        file, a=a, b=b, difference=b - a, layers=np.array(kept), rows=labels[0], columns=labels[1], allow_pickle=False
    )
    return file.getvalue()


def comparison_json(
    comparison: Comparison,
    models: tuple[Model, Model],
    statistic: str,
    targets: Sequence[str] = (),
    controls: Controls | None = None,
) -> str:
    """The whole comparison: prompts, tokens, alignment, checks, scores, words, difference.

    `models`, those of A and of B, are described with versions and the hash of their weights; `controls` are those
    that the finding names.
    """
    refuse_failed(comparison)
    about: dict[str, Any] = {
        "what": "attention of prompt B minus attention of prompt A",
        "prompts": {"a": comparison.prompts[0], "b": comparison.prompts[1]},
        "languages": {"source": comparison.a.source_language, "target": comparison.a.target_language},
        "models": {side: provenance(m, fingerprint=True) for side, m in zip("ab", models, strict=True)},
        "stack": comparison.stack,
        "finding": finding(comparison, statistic, targets, controls).text,
        "focus": comparison.focus._asdict(),
        "targets": [comparison.target(word)._asdict() for word in targets],
        "alignment": _alignment(comparison),
        "checks": [
            {"name": c.name, "passed": c.passed, "deviation": c.deviation, "tolerance": c.tolerance, "rows": c.rows}
            for c in comparison.checks
        ],
        "notes": list(comparison.notes),
        "tokenization": {
            side: [note.text for note in t.tokenization] for side, t in (("a", comparison.a), ("b", comparison.b))
        },
        "ranking": json.loads(comparison.ranking(statistic, targets).to_json(orient="records", double_precision=8)),
        "words": [{**word.__dict__, "log_ratio": word.log_ratio} for word in comparison.words],
    }
    layers = sorted(comparison.a.stack(comparison.stack).layers)
    differences = {layer: comparison.layer_difference(layer) for layer in layers}
    if sum(array.size for array in differences.values()) <= MOST_NUMBERS:
        about["difference"] = {str(layer): _numbers(array) for layer, array in differences.items()}
    return json.dumps(about, ensure_ascii=False, indent=1, allow_nan=False)


def _alignment(comparison: Comparison) -> dict[str, Any]:
    alignment = comparison.alignment
    return {
        "sentence": str(alignment),
        "tokens_a": list(alignment.a.names),
        "tokens_b": list(alignment.b.names),
        "units": [unit._asdict() for unit in alignment.units],
        "corrected_by_hand": [link._asdict() for link in alignment.links],
    }


def _numbers(array: np.ndarray) -> list:
    """Nested lists with six decimals; null where a unit is in one prompt only."""
    rounded = np.round(array.astype(np.float64), 6).astype(object)
    rounded[np.isnan(array)] = None
    return rounded.tolist()
