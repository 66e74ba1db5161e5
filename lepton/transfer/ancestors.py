"""Where an adaptation starts: from whichever known model reads the target's labelled rows best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lepton.core.errors import LeptonError
from lepton.core.metrics import evaluate
from lepton.core.table import Table
from lepton.models.features import FeatureCache
from lepton.models.model import Model


@dataclass(frozen=True)
class AncestorScore:
    """How one model reads the labelled training rows."""

    label: str
    accuracy: float | None
    log_loss: float | None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"label": self.label, "accuracy": self.accuracy, "log_loss": self.log_loss}


def choose_ancestor(
    models: Mapping[str, Model], train: Table, cache: FeatureCache | None = None
) -> tuple[str, list[AncestorScore]]:
    """Return the best start and the scores of all, best first: the second is the runner-up to be recorded.

    By accuracy, then log-loss, then the order given; without labelled rows, the first given. A champion may have
    been fitted to some of these rows, which flatters it; what it leads to is judged on held-out rows all the same.

    Args:
        models: By label, e.g. {"base": ..., "champion": ...}.
        train: Rows that may be used for adaptation.
        cache: Of features.

    Raises:
        LeptonError: If there is no model, or a label is none of a model's classes.
    """
    if not models:
        raise LeptonError("There is no model to start from.", fix=["lepton pretrain"])
    rows = train.labelled()
    if not len(rows):
        return next(iter(models)), [AncestorScore(label, None, None) for label in models]
    scores = []
    for label, model in models.items():
        features = (cache or FeatureCache(None)).get(model, rows)
        found = evaluate(
            model.probabilities(model.logits_of(features)), model.label_indices(rows.labels), model.classes
        )
        scores.append(AncestorScore(label, found["accuracy"], found["log_loss"]))
    scores.sort(key=lambda s: (-(s.accuracy or 0.0), s.log_loss or 0.0))  # stable: ties keep the order given
    return scores[0].label, scores
