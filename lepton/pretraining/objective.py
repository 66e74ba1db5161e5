"""The shape of a pretraining objective, and of what pretraining returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lepton.core.config.pretrain import PretrainConfig, StageFields
from lepton.core.decisions.encoders import Choice
from lepton.models.model import Model
from lepton.pretraining.engine import Curve, Learner
from lepton.pretraining.material import Material


@dataclass(frozen=True)
class Stage:
    """One objective of a chain, done."""

    name: str
    curves: tuple[Curve, ...]
    """One row an epoch: epoch, train_loss, val_loss, what else the objective measures, lr, seconds."""
    best_epoch: int
    """The epoch (from 1) whose weights were kept."""
    seconds: float


@dataclass(frozen=True)
class Pretrained:
    """A base model and how it came to be."""

    model: Model
    stages: tuple[Stage, ...]
    """In the order of the chain."""
    val: dict[str, Any]
    test: dict[str, Any]
    """`core.metrics.evaluate` on the source's validation and test splits."""
    seconds: float
    rows: int
    """Labelled rows of the source trained on."""
    val_losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), compare=False)
    """(n,) log loss of each labelled validation row, as `val` measures it."""
    choice: Choice | None = None
    """Of the encoder, where several were tried."""

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Of the last stage, which made the head."""
        return self.stages[-1].curves

    @property
    def best_epoch(self) -> int:
        """Of the last stage."""
        return self.stages[-1].best_epoch


class Objective(ABC):
    """One way to learn a base model; one file each, found by being there."""

    name: ClassVar[str] = ""
    head: ClassVar[bool] = False
    """Whether it trains the head; where the last one of a chain does not, a head is fitted to its embeddings."""
    direct: ClassVar[bool] = False
    """Whether all it asks is that the source's labels are told apart, so that an encoder which does not learn by
    gradient can be fitted to them at once instead."""
    unlabelled: ClassVar[bool] = False
    """Whether it sees the rows of all domains, labelled or not."""
    tasks: ClassVar[bool] = False
    """Whether it learns from the labels of further domains."""

    @abstractmethod
    def learner(
        self, model: Model, material: Material, config: PretrainConfig, plan: StageFields, seed: int
    ) -> Learner:
        """Return what the engine trains; its module holds parts of `model` itself, which so learns in place.

        Args:
            model: As the stage before left it.
            material: The rows.
            config: The section `pretrain`.
            plan: What holds for this stage.
            seed: Of the weights of what the objective adds to the model (heads, decoders).
        """
