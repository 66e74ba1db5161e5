"""Where an adaptation starts: from whichever known model's knowledge transfers best to the target.

With labels: how well a model reads the labelled rows as it is, or how well a linear probe on its embedding does,
whichever is better; with few labels its calibrated confidence counts for ten of them. Equal ones are told apart by
LogME (You et al. 2021). Without labels there is the confidence, and the Fréchet distance (Dowson & Landau 1982)
between the target's embeddings and those of the domain that the model was fitted to, in units of its variance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.models.features import FeatureCache
from lepton.models.model import Model
from lepton.models.statistics import DomainStatistics
from lepton.transfer.bandit import BELIEVED_ROWS, remaining_error
from lepton.transfer.signals import Signals, measure
from lepton.transfer.strategy import TargetData

FAR = 0.02
"""Accuracy that a Fréchet distance of one variance costs: it decides between models that are equally confident."""


@dataclass(frozen=True)
class AncestorScore:
    """How well one model's knowledge is expected to transfer."""

    label: str
    score: float
    """Expected accuracy, less what distance costs."""
    accuracy: float | None
    """On the labelled rows as it is."""
    probe_accuracy: float | None
    """Of a linear probe on its embedding, k-fold."""
    log_me: float | None
    confidence: float
    distance: float | None
    """Fréchet distance to the domain that it was fitted to; None if it does not know it."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def choose_ancestor(
    models: Mapping[str, Model], train: Table, cache: FeatureCache | None = None
) -> tuple[str, list[AncestorScore]]:
    """Return the best start and the scores of all, best first: the second is the runner-up to be recorded.

    Ties keep the order given. A model that was fitted to some of these rows must not be among them.

    Args:
        models: By label, e.g. {"base": ..., "champion": ...}.
        train: Rows that may be used for adaptation.
        cache: Of features.

    Raises:
        LeptonError: If there is no model, or a label is none of a model's classes.
    """
    if not models:
        raise LeptonError("There is no model to start from.", fix=["lepton pretrain"])
    scores = [_score(label, model, TargetData.of(model, train, cache, inputs=False)) for label, model in models.items()]
    scores.sort(key=lambda s: (-round(s.score, 6), -(s.log_me or 0.0)))
    return scores[0].label, scores


def _score(label: str, model: Model, target: TargetData) -> AncestorScore:
    seen = measure(model, target)
    distance = frechet(target.features, model.statistics) if model.statistics is not None and len(target) > 1 else None
    score = 1 - min(remaining_error(seen), _probe_error(seen)) - FAR * min(distance or 0.0, 5.0)
    return AncestorScore(label, score, seen.base_accuracy, seen.probe_accuracy, seen.log_me, seen.confidence, distance)


def _probe_error(seen: Signals) -> float:
    """Return the probe's error, with ten rows more on which it errs by chance: a handful of labels proves little."""
    if seen.probe_accuracy is None:
        return 1.0
    chance = 1 - 1 / seen.classes
    return (seen.labels * (1 - seen.probe_accuracy) + BELIEVED_ROWS * chance) / (seen.labels + BELIEVED_ROWS)


@torch.no_grad()
def frechet(features: Tensor, known: DomainStatistics) -> float:
    """Return the squared Fréchet distance between embeddings and a domain, over the domain's total variance.

    Args:
        features: (n, d), n > 1.
        known: The domain.
    """
    h = features.double()
    mean, covariance = known.mean.double(), known.covariance.double()
    root = _root(covariance)
    mine = torch.cov(h.T)
    cross = _root(root @ mine @ root)
    squared = (h.mean(dim=0) - mean).square().sum() + mine.trace() + covariance.trace() - 2 * cross.trace()
    return max(0.0, float(squared / covariance.trace().clamp_min(1e-12)))


def _root(matrix: Tensor) -> Tensor:
    """Return the square root of a symmetric positive matrix."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root
