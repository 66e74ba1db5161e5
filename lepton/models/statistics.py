"""What a model keeps of the domain it was fitted to: enough to compare another domain with, never a single row.

Prototypes, mean and covariance of the embeddings, the share of each class, and what the model answers to rows of each
class that it was not fitted to. They stand beside the weights as `statistics.safetensors`. Methods that need no source
data at transfer time start from them: label-shift estimates (Lipton et al. 2018), alignment of covariances (Sun &
Saenko 2016), prototypes (Snell et al. 2017), and the choice of an ancestor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor

FEWEST = 5
"""Rows below which a class gets no prototype, so that no row can be read from one."""


class Classifier(Protocol):
    """What is asked of a model here."""

    temperature: float

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the k classes."""

    def logits_of(self, features: Tensor) -> Tensor:
        """Return (n, k) logits from (n, d) embeddings."""


@dataclass(frozen=True)
class DomainStatistics:
    """Of one domain, as one model sees it; k classes, d features."""

    prior: Tensor
    """(k,) float64: share of each class; sums to 1."""
    counts: Tensor
    """(k,) float64: rows behind each prototype; expected ones where rows had no label."""
    prototypes: Tensor
    """(k, d) float32: mean embedding of each class; NaN where fewer than `FEWEST` rows stand behind it."""
    mean: Tensor
    """(d,) float32."""
    covariance: Tensor
    """(d, d) float32."""
    confusion: Tensor
    """(k, k) float64: mean probabilities answered to held-back rows of each true class; NaN where none is known."""
    rows: Tensor
    """() int64: how many rows they describe."""

    def tensors(self) -> dict[str, Tensor]:
        """Return the fields by name, as they are saved."""
        return {field.name: getattr(self, field.name).contiguous() for field in fields(self)}

    @classmethod
    def from_tensors(cls, found: dict[str, Tensor], classes: int, features: int) -> DomainStatistics:
        """Read what `tensors` gave.

        Raises:
            ValueError: If a tensor is missing, or of another shape or type than a model of that size has.
        """
        k, d = classes, features
        shapes = {
            "prior": ((k,), torch.float64),
            "counts": ((k,), torch.float64),
            "prototypes": ((k, d), torch.float32),
            "mean": ((d,), torch.float32),
            "covariance": ((d, d), torch.float32),
            "confusion": ((k, k), torch.float64),
            "rows": ((), torch.int64),
        }
        if set(found) != set(shapes):
            raise ValueError(f"unexpected or missing tensors {sorted(set(found) ^ set(shapes))}")
        for name, (shape, kind) in shapes.items():
            if tuple(found[name].shape) != shape or found[name].dtype != kind:
                raise ValueError(f"{name} is {found[name].dtype} {tuple(found[name].shape)}")
            if name not in ("prototypes", "confusion") and not bool(torch.isfinite(found[name]).all()):
                raise ValueError(f"{name} holds numbers that are not finite")
        return cls(**found)


@torch.no_grad()
def summarise(
    model: Classifier,
    features: Tensor,
    labels: Tensor,
    *,
    held_back_features: Tensor | None = None,
    held_back_labels: Tensor | None = None,
) -> DomainStatistics:
    """Return the statistics of a domain.

    A row without a label counts for each class with the probability that the model gives it.

    Args:
        model: Whose embeddings they are.
        features: (n, d) float32, after the model's adapters; n >= 1.
        labels: (n,) int64, -1 where unknown.
        held_back_features: (m, d) of rows that the model was not fitted to, for the confusion.
        held_back_labels: (m,) their labels.
    """
    k = len(model.classes)
    chances = torch.softmax(model.logits_of(features).double() / model.temperature, dim=1)
    known = labels >= 0
    chances[known] = torch.nn.functional.one_hot(labels[known], k).double()
    counts = chances.sum(dim=0)
    h = features.double()
    prototypes = (chances.T @ h) / counts[:, None].clamp_min(1e-9)
    prototypes[counts < FEWEST] = torch.nan
    mean = h.mean(dim=0)
    centred = h - mean
    return DomainStatistics(
        prior=counts / counts.sum(),
        counts=counts,
        prototypes=prototypes.float(),
        mean=mean.float(),
        covariance=(centred.T @ centred / max(1, len(h) - 1)).float(),
        confusion=_confusion(model, held_back_features, held_back_labels, k),
        rows=torch.tensor(len(h), dtype=torch.int64),
    )


def _confusion(model: Classifier, features: Tensor | None, labels: Tensor | None, k: int) -> Tensor:
    """Return (k, k) mean probabilities by true class."""
    found = torch.full((k, k), torch.nan, dtype=torch.float64)
    if features is None or labels is None or not len(features):
        return found
    chances = torch.softmax(model.logits_of(features).double() / model.temperature, dim=1)
    for label in torch.unique(labels[labels >= 0]).tolist():
        found[label] = chances[labels == label].mean(dim=0)
    return found
