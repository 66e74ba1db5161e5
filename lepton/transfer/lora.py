"""LoRA: low-rank updates of every layer of the encoder, merged into its weights at the end.

Hu et al. 2022. Between the probe, which moves the head alone, and fine-tuning, which moves everything: an update of
rank r has few degrees of freedom, so a handful of labels cannot bend the encoder far. BatchNorm's scale and shift and
the head are trained as well; its statistics stay the base's. The merged model has the base's shape and size.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lepton.core.kinds import kind_of
from lepton.models.lora import inject, merge
from lepton.models.model import Model
from lepton.models.schedules import batches
from lepton.transfer.prior import Prior
from lepton.transfer.probe import ProbeConfig, fit_head
from lepton.transfer.strategy import Needs, Strategy, TargetData
from lepton.transfer.supervision import fit_labelled


@dataclass(frozen=True)
class LoraConfig:
    """Chosen on semeion -> USPS."""

    rank: int = 4
    alpha: float = 8.0
    """The update is scaled by alpha / rank."""
    lr: float = 3e-3
    """Peak rate of the updates; BatchNorm and head take a third of it."""
    epochs: int = 8
    """Passes over the labelled rows, within the limits of steps."""
    batch_size: int = 32
    fewest_steps: int = 80
    most_steps: int = 400
    smoothing: float = 0.05
    """Label smoothing."""

    def steps(self, labels: int) -> int:
        """Return the number of batches for so many labelled rows."""
        return batches(labels, self.epochs, self.batch_size, self.fewest_steps, self.most_steps)


class Lora(Strategy):
    """Low-rank updates on the rows themselves. Costs seconds."""

    name = "lora"
    needs = Needs(labels=True, features="inputs", gradient=True)
    prior = Prior(shares=(0.0, 0.6, 0.7, 0.75), tables=(0.0, -0.7, -0.35, -0.15), taught=True)
    expensive = True
    folds = 3
    config: LoraConfig = LoraConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` with merged updates, BatchNorm statistics unchanged; see `Strategy.adapt`."""
        rows, c = self.rows(target), self.config
        if not len(rows):
            return base.replace()
        model = base.replace(head=fit_head(base.head, rows.features, rows.labels, ProbeConfig()))
        updates = inject(model.encoder, c.rank, c.alpha, seed)
        model.eval()  # the updates are new modules
        others = [*model.head.parameters(), *_affine(model.encoder)]
        groups = [{"params": updates, "lr": c.lr}, {"params": others, "lr": c.lr / 3}]
        fit_labelled(
            model,
            rows,
            groups,
            steps=c.steps(len(rows)),
            batch_size=c.batch_size,
            smoothing=c.smoothing,
            seed=seed,
        )
        merge(model.encoder)
        return model.eval()

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return four runs, three folds and all rows, of so many steps."""
        return 4 * self.config.steps(labels) * (0.004 if kind_of(kind).light else 0.02)


def _affine(module: nn.Module) -> list[nn.Parameter]:
    """Return BatchNorm's scales and shifts."""
    return [p for m in module.modules() if isinstance(m, _BatchNorm) for p in m.parameters()]
