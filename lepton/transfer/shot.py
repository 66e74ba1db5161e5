"""SHOT: the encoder moves until the frozen head reads the target with confidence, in plausible shares, and in clusters.

Liang et al. 2020, "Do We Really Need to Access the Source Data?": with the head as the source's hypothesis, the encoder
is trained on unlabelled rows for low entropy of each answer and high entropy of their mean (information maximisation),
and on the labels of the nearest class centroids. What differs here: the mean of the answers is pulled to the estimated
share of each class instead of to equal shares; the centroid labels also teach strongly augmented views of rows that
are read with confidence (FixMatch, Sohn et al. 2020); the weights returned are a running mean, which also
teaches; labelled rows, where there are any, take part with cross-entropy.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lepton.core.kinds import kind_of
from lepton.models.augment import LIGHT, PRETRAINING, augment
from lepton.models.model import Model
from lepton.models.schedules import batches
from lepton.transfer.label_shift import plausible_prior
from lepton.transfer.prior import Prior
from lepton.transfer.selftraining import ENOUGH, FEWEST, SMOOTHING, Training
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class ShotConfig:
    """Chosen on MNIST -> USPS and semeion -> USPS."""

    epochs: int = 20
    """Passes over the rows, within the limits of steps."""
    batch_size: int = 128
    fewest_steps: int = 250
    most_steps: int = 700
    """Batches. The limit keeps the cost of many rows known: an image set takes a minute on one core."""
    lr: float = 1e-3
    """Peak rate of AdamW."""
    clusters: float = 0.3
    """Weight of the centroid labels on lightly augmented rows (the paper: 0.1 to 0.3)."""
    consistency: float = 1.0
    """Weight of the centroid labels on strongly augmented rows that the teacher reads with confidence."""
    confident: float = 0.9
    """Probability from which it does."""
    refreshes: int = 8
    """How often the centroid labels are found anew."""

    def steps(self, rows: int) -> int:
        """Return the number of batches for so many rows."""
        return batches(rows, self.epochs, self.batch_size, self.fewest_steps, self.most_steps)


class Shot(Strategy):
    """Encoder on the rows themselves, with or without labels. Costs seconds."""

    name = "shot"
    needs = Needs(labels=False, features="inputs", rows=ENOUGH, gradient=True)
    prior = Prior(shares=(1.3, 1.2, 0.95, 0.9), tables=(-0.2, -0.5, -0.3, -0.1))
    batchnorm = "target"
    expensive = True
    folds = 2
    config: ShotConfig = ShotConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` with another encoder and the target's BatchNorm statistics; see `Strategy.adapt`."""
        if len(target) < FEWEST:
            return base.replace()
        c = self.config
        training = Training(base, target, c.steps(len(target)), c.batch_size, c.lr, seed)
        prior = plausible_prior(base, target.features).float()
        pseudo, sure = torch.zeros_like(target.labels), torch.zeros(len(target))

        def refresh(teacher: Model, coming: Tensor) -> None:
            inputs, labels = training.inputs[coming], target.labels[coming]
            pseudo[coming], sure[coming] = centroid_labels(teacher, inputs, labels, c.confident)

        def loss_of(at: Tensor) -> Tensor:
            light = training.student(augment(training.inputs[at], base.inputs, LIGHT, training.source))
            strong = training.student(augment(training.inputs[at], base.inputs, PRETRAINING, training.source))
            views = F.cross_entropy(strong, pseudo[at], reduction="none", label_smoothing=SMOOTHING)
            return (
                information(light, prior)
                + c.clusters * F.cross_entropy(light, pseudo[at])
                + c.consistency * (views * sure[at]).mean()
            )

        return training.run(loss_of, refresh, c.refreshes)

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return the cost of all rows and, with labels, two folds of them."""
        runs = 1 if labels < 2 else 1 + self.folds
        return runs * self.config.steps(rows) * (0.01 if kind_of(kind).light else 0.08)


def information(logits: Tensor, prior: Tensor) -> Tensor:
    """Return mean entropy of the answers (n, k) plus the divergence of their mean from the prior (k,), in nats."""
    log_p = torch.log_softmax(logits, dim=1)
    p = log_p.exp()
    mean = p.mean(dim=0).clamp_min(1e-6)
    return -(p * log_p).sum(dim=1).mean() + (mean * (mean / prior.clamp_min(1e-6)).log()).sum()


@torch.no_grad()
def centroid_labels(model: Model, inputs: Tensor, labels: Tensor, confident: float) -> tuple[Tensor, Tensor]:
    """Return (n,) the class of the nearest centroid of each row, and whether it is sure: 1.0 or 0.0.

    Centroids are means of embeddings, weighted by the model's answers, then once more by the labels found; near means
    by cosine. A row is sure if the model says the same with at least `confident`; a known label always is.

    Args:
        model: The teacher, in eval mode.
        inputs: (n, ...) prepared rows.
        labels: (n,) known labels, -1 where unknown.
        confident: Probability.
    """
    features = model.features(inputs)
    chances = torch.softmax(model.logits_of(features), dim=1)
    known = labels >= 0
    chances[known] = F.one_hot(labels[known], chances.shape[1]).float()
    h = F.normalize(torch.cat([features, torch.ones(len(features), 1)], dim=1), dim=1)
    weights, found = chances, chances.argmax(dim=1)
    for _ in range(2):
        centroids = F.normalize(weights.T @ h, dim=1)
        found = (h @ centroids.T).argmax(dim=1)
        weights = F.one_hot(found, chances.shape[1]).float()
    found = torch.where(known, labels, found)
    best = chances.max(dim=1)
    return found, ((best.values >= confident) & (best.indices == found)).float()
