"""Fine-tuning: every weight moves, the early ones least.

Discriminative rates (Howard & Ruder 2018): each group of layers towards the input learns at a fraction of the next
one's rate. BatchNorm keeps the base's statistics (eval mode), because a few dozen rows estimate them badly; its scale
and shift are trained. Every weight is pulled back to where it started (L2-SP, Li et al. 2018) instead of to zero.
Light augmentation only: the target's own look is what is to be learnt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lepton.core.kinds import kind_of
from lepton.models.model import Model
from lepton.models.schedules import batches
from lepton.transfer.prior import Prior
from lepton.transfer.probe import ProbeConfig, fit_head
from lepton.transfer.strategy import Needs, Strategy, TargetData
from lepton.transfer.supervision import fit_labelled


@dataclass(frozen=True)
class Schedule:
    """How far and how fast the weights move."""

    lr: float
    """Peak rate of head, adapters and last group; warmed up, then falling to zero."""
    fade: float
    """Rate of a group as a share of the next one's; 1 moves all alike."""
    epochs: int
    """Passes over the labelled rows, within the limits of `FinetuneConfig`."""
    pull: float
    """Weight of the squared distance of all weights from where they started, halved."""
    probe_first: bool
    """Start from the probe's head, so that a wrong head does not tear at good features (Kumar et al. 2022)."""


@dataclass(frozen=True)
class FinetuneConfig:
    """Chosen on MNIST -> optdigits (3 to 20 labels a class) and white -> red wine (100 a class to all)."""

    images: Schedule = Schedule(lr=7e-4, fade=0.7, epochs=8, pull=1e-2, probe_first=True)
    """Early layers see edges, which are the same everywhere; so for sequences, texts and several inputs."""
    tables: Schedule = Schedule(lr=3e-3, fade=1.0, epochs=20, pull=1e-3, probe_first=False)
    """A table's first layer already mixes columns, whose meaning is what shifts: it must move as much as the rest,
    and may go as far as it has to."""
    batch_size: int = 32
    fewest_steps: int = 80
    most_steps: int = 600
    """Batches. The limit keeps the cost of many labels known."""
    smoothing: float = 0.05
    """Label smoothing: with a hundred rows, certainty would be overfitting."""

    def schedule(self, kind: str) -> Schedule:
        """Return the schedule for rows of this kind."""
        return self.tables if kind_of(kind).light else self.images

    def steps(self, labels: int, kind: str) -> int:
        """Return the number of batches for so many labelled rows."""
        epochs = self.schedule(kind).epochs
        return batches(labels, epochs, self.batch_size, self.fewest_steps, self.most_steps)


class Finetune(Strategy):
    """All weights, on the rows themselves. Costs seconds: it is cross-validated on three folds only."""

    name = "finetune"
    needs = Needs(labels=True, features="inputs", gradient=True)
    prior = Prior(shares=(0.0, 0.6, 0.75, 0.8), tables=(0.0, -0.75, -0.45, -0.15), taught=True)
    expensive = True
    folds = 3
    config: FinetuneConfig = FinetuneConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` with every weight fitted, BatchNorm statistics unchanged; see `Strategy.adapt`."""
        rows, c = self.rows(target), self.config
        if not len(rows):
            return base.replace()
        model = base.replace()
        schedule = c.schedule(base.inputs.kind)
        if schedule.probe_first:
            model.head = fit_head(base.head, rows.features, rows.labels, ProbeConfig())
        fit_labelled(
            model,
            rows,
            _groups(model, schedule),
            steps=c.steps(len(rows), base.inputs.kind),
            batch_size=c.batch_size,
            smoothing=c.smoothing,
            seed=seed,
            pull=schedule.pull,
        )
        return model

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return four runs, three folds and all rows, of so many steps."""
        return 4 * self.config.steps(labels, kind) * (0.004 if kind_of(kind).light else 0.015)


def _groups(model: Model, schedule: Schedule) -> list[dict[str, Any]]:
    """Return parameter groups from the head down to the input, each slower than the one before."""
    top = [*model.head.parameters(), *model.adapters.parameters()]
    groups: list[dict[str, Any]] = [{"params": top, "lr": schedule.lr}]
    for depth, part in enumerate(reversed(model.encoder.depth_groups())):
        groups.append({"params": list(part.parameters()), "lr": schedule.lr * schedule.fade**depth})
    return groups
