"""The shape of a pretraining objective and of what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lepton.core.config import EncoderConfig, PretrainConfig
from lepton.core.progress import Progress
from lepton.core.table import Table
from lepton.models.model import Model


@dataclass(frozen=True)
class Pretrained:
    """A base model and how it came to be."""

    model: Model
    curves: tuple[dict[str, float], ...]
    """One row an epoch: epoch, train_loss, val_loss, val_accuracy, lr, seconds."""
    val: dict[str, Any]
    test: dict[str, Any]
    """`core.metrics.evaluate` on the source's validation and test splits."""
    best_epoch: int
    """The epoch (from 1) whose weights were kept."""
    seconds: float
    rows: int
    """Rows trained on."""


class Objective(ABC):
    """One way to learn a base model."""

    name: ClassVar[str] = ""

    @abstractmethod
    def pretrain(
        self,
        table: Table,
        classes: Sequence[str],
        encoder: EncoderConfig,
        config: PretrainConfig,
        seed: int,
        threads: int,
        progress: Progress,
    ) -> Pretrained:
        """Return a base model; see `lepton.pretraining.pretrain` for the arguments and errors."""
