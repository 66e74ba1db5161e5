"""Multi-task pretraining: one encoder, a head for the source and one for every further domain that has labels.

The losses are weighed by uncertainty (Kendall, Gal & Cipolla 2018): exp(-s) L + s / 2 with one learnt s a task, which
is clamped, so that no task can be turned off, and does not decay; or all alike. Rows of a small task are dealt several
times an epoch, so that all tasks are dealt about alike. The source's head becomes the base's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lepton.core.config.pretrain import PretrainConfig, StageFields
from lepton.models.augment import PRETRAINING, augment
from lepton.models.device import seeded
from lepton.models.model import Model
from lepton.pretraining.engine import Curve, Learner, LossLearner
from lepton.pretraining.material import Labelled, Material
from lepton.pretraining.objective import Objective
from lepton.pretraining.supervised import SMOOTHING, validated

REACH = 3.0
"""Largest |s|: the weight of a task stays between 0.05 and 20."""


class Multitask(Objective):
    """Labels of the source and of further domains, a head each."""

    name = "multitask"
    head = True
    tasks = True

    def learner(
        self, model: Model, material: Material, config: PretrainConfig, plan: StageFields, seed: int
    ) -> Learner:
        """Return the model, the other heads and the weights of the tasks as what learns; see `Objective.learner`."""
        tasks = material.tasks()
        with seeded(seed):
            heads = {
                name: nn.Linear(model.feature_dim, len(train.classes)) for name, (train, _) in tasks.items() if name
            }
        learnt = config.weighting == "uncertainty"
        return Tasks(model, heads, {name: train for name, (train, _) in tasks.items()}, material, plan, learnt)


class Tasks(LossLearner):
    """Rows of all tasks in one batch: each row counts for its own task's head."""

    def __init__(
        self,
        model: Model,
        heads: dict[str, nn.Linear],
        tasks: dict[str, Labelled],
        material: Material,
        plan: StageFields,
        learnt: bool,
    ) -> None:
        self.model, self.material, self.plan = model, material, plan
        self.tasks = list(tasks.values())
        # A domain's name may hold what a module's name may not: they are numbered.
        self.heads = nn.ModuleList(heads.values())
        self.uncertainty = nn.Parameter(torch.zeros(len(self.tasks)), requires_grad=learnt)
        module = nn.Module()
        module.model, module.heads = model, self.heads
        module.uncertainty = self.uncertainty
        largest, start, dealt = max(len(task.x) for task in self.tasks), 0, []
        for task in self.tasks:
            times = max(1, round(largest / len(task.x)))
            dealt.append(torch.arange(start, start + len(task.x)).repeat(times))
            start += len(task.x)
        self.dealt = torch.cat(dealt)
        super().__init__(module, len(self.dealt))
        self.x = torch.cat([task.x for task in self.tasks])
        self.y = torch.cat([task.y for task in self.tasks])
        self.task = torch.cat([torch.full((len(task.x),), k) for k, task in enumerate(self.tasks)])

    def loss(self, at: Tensor, source: torch.Generator) -> Tensor:
        """Return the weighted sum of the tasks' losses, over their number."""
        at = self.dealt[at]
        x, y, task = self.x[at], self.y[at], self.task[at]
        seen = augment(x, self.model.inputs, PRETRAINING, source) if self.plan.augment else x
        h = self.model.adapt(self.model.encoder(seen))
        total = torch.zeros(())
        for k in range(len(self.tasks)):
            rows = torch.nonzero(task == k).flatten()
            if not len(rows):
                continue
            head = self.model.head if k == 0 else self.heads[k - 1]
            one = F.cross_entropy(head(h[rows]), y[rows], label_smoothing=SMOOTHING)
            s = self.uncertainty[k].clamp(-REACH, REACH)
            total = total + torch.exp(-s) * one + s / 2
        return total / len(self.tasks)

    def undecayed(self) -> set[str]:
        """Return the weights of the tasks."""
        return {"uncertainty"}

    def validate(self) -> Curve:
        """Return loss and accuracy on the source's validation rows, and the weight of each task by its number."""
        weights = torch.exp(-self.uncertainty.detach().clamp(-REACH, REACH)).tolist()
        return validated(self.model, self.material) | {f"weight_{k}": weight for k, weight in enumerate(weights)}
