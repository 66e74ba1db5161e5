"""The training loop: one for all objectives, from top to bottom.

An objective says what a batch costs (`LossLearner.loss`) and how good the weights are (`Learner.validate`); everything
else is here: AdamW with a one-cycle schedule, gradients summed over parts of a batch and clipped, a running mean of the
weights, bfloat16, early stopping, checkpoints. Everything random comes from one generator, whose state is part of a
checkpoint; so a run that was killed ends with the same bits as one that was not.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from lepton.core.config.pretrain import StageFields
from lepton.core.errors import LeptonError
from lepton.core.work.faults import reached
from lepton.core.work.progress import Progress
from lepton.models.device import generator, here
from lepton.models.schedules import one_cycle
from lepton.pretraining.checkpoint import Checkpoint, Keeper
from lepton.pretraining.world import World

WEIGHT_DECAY = 0.02
APART = 7919
"""Between the seeds of augmentation of two processes."""

Curve = dict[str, float]
Weights = dict[str, Tensor]


class Learner(ABC):
    """What an objective hands to the engine.

    Args:
        module: All that learns; its weights are what checkpoints and early stopping keep.
        rows: How many rows an epoch deals.
    """

    def __init__(self, module: nn.Module, rows: int) -> None:
        self.module = module
        self.rows = rows

    @abstractmethod
    def gradients(self, at: Tensor, plan: StageFields, source: torch.Generator) -> float:
        """Leave the gradient of the rows at these positions (b,) in the module, and return their mean loss."""

    @abstractmethod
    def validate(self) -> Curve:
        """Return at least `val_loss` of the weights as they are, the module being in eval mode."""

    def undecayed(self) -> set[str]:
        """Return the names of weights that must not decay, beside biases and norms."""
        return set()


class LossLearner(Learner):
    """A learner whose gradient is that of a loss, as of nearly all."""

    @abstractmethod
    def loss(self, at: Tensor, source: torch.Generator) -> Tensor:
        """Return the mean loss () of the rows at these positions (b,)."""

    def gradients(self, at: Tensor, plan: StageFields, source: torch.Generator) -> float:
        """Leave the gradient of the loss in the module, in parts where the plan asks for it; see `Learner`."""
        parts = [part for part in at.chunk(plan.accumulate) if len(part) > 1] if plan.accumulate > 1 else [at]
        seen, total = sum(map(len, parts)), 0.0
        for part in parts:
            with torch.autocast(
                torch.get_default_device().type, dtype=torch.bfloat16, enabled=plan.precision == "bf16"
            ):
                loss = self.loss(part, source)
            if len(parts) > 1:
                loss = loss * (len(part) / seen)
            total += loss.item()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return total


@dataclass(frozen=True)
class Fitted:
    """What came of a stage; the module holds the best epoch's weights."""

    curves: tuple[Curve, ...]
    """One row an epoch: epoch, train_loss, what `validate` returned, lr, seconds."""
    best: int
    """The epoch, from 1, with the lowest validation loss."""


@dataclass
class Place:
    """Where a run stands between two steps."""

    epoch: int = 1
    step: int = 0
    """Steps done in this epoch."""
    order: Tensor | None = None
    lr: float = 0.0
    """At the beginning of the epoch."""
    losses: list[float] = field(default_factory=list)
    spent: float = 0.0
    """Seconds spent on this epoch before the checkpoint."""
    curves: list[Curve] = field(default_factory=list)
    best: int = 0
    best_loss: float = math.inf


def fit(learner: Learner, plan: StageFields, seed: int, keeper: Keeper, progress: Progress, title: str = "") -> Fitted:
    """Train `learner.module` in place and leave it, on the CPU, with the best epoch's weights.

    Args:
        learner: The objective's.
        plan: Epochs, rates, batches.
        seed: Of the order of rows and of augmentation.
        keeper: Where checkpoints go, and where one may lie.
        progress: Called after every step.
        title: Goes before `epoch 3/12` in its text.

    Raises:
        LeptonError: If the loss becomes NaN or infinite, or a checkpoint cannot be gone on from.
    """
    module, world = learner.module.to(torch.get_default_device()), World.joined()
    dealer = generator(seed + 1, "cpu")  # of the order of rows: the same everywhere
    on_cpu = torch.get_default_device().type == "cpu"
    source = dealer if world.size == 1 and on_cpu else generator(seed + 1 + APART * (world.rank + 1))
    world.check(plan.batch_size)
    batch = min(plan.batch_size, learner.rows // world.size * world.size)
    steps = max(1, learner.rows // batch)  # the last, smaller batch is left out: BatchNorm must never see a single row
    plan = plan.lasting(steps)
    total = steps * plan.epochs
    optimiser = AdamW(_groups(learner), lr=plan.lr, fused=True)
    schedule = one_cycle(optimiser, total)
    at, best = Place(), deepcopy(module.state_dict())
    mean = deepcopy(module.state_dict()) if plan.average else {}
    if (left := keeper.found(module.state_dict)) is not None:
        at, best, mean = _take_up(left, learner, optimiser, schedule, dealer, source, world)
    while at.epoch <= plan.epochs and not _stops(at, plan):
        began = time.perf_counter() - at.spent
        module.train()
        if at.order is None:
            at.order, at.lr = _deal(learner.rows, dealer), float(schedule.get_last_lr()[0])
        while at.step < steps:
            rows = world.share(at.order[at.step * batch : (at.step + 1) * batch])
            optimiser.zero_grad(set_to_none=True)
            with world.normalising(module):
                at.losses.append(world.average(learner.gradients(rows, plan, source)))
            world.average_gradients(module)
            if not math.isfinite(at.losses[-1]):
                raise _not_finite(at, plan, keeper)
            nn.utils.clip_grad_norm_(module.parameters(), plan.clip, foreach=True)
            optimiser.step()
            schedule.step()
            at.step += 1
            done = (at.epoch - 1) * steps + at.step
            if plan.average:
                _forget(mean, module.state_dict(), plan.average, done)
            rate = at.step * batch / (time.perf_counter() - began)
            progress(done, total, f"{title}epoch {at.epoch}/{plan.epochs}  {rate:,.0f} rows/s")
            if world.said({"due": keeper.due()})["due"]:
                at.spent = time.perf_counter() - began
                keep = _checkpoint(at, done, module, best, mean, optimiser, dealer, world.gather(source.get_state()))
                if world.first:
                    keeper.keep(keep)
                    reached("pretrain.checkpointed")
        module.eval()
        now = deepcopy(module.state_dict()) if plan.average else {}
        if plan.average:
            module.load_state_dict(mean)
        found = world.said(learner.validate())
        if found["val_loss"] < at.best_loss:
            at.best, at.best_loss, best = at.epoch, found["val_loss"], deepcopy(module.state_dict())
        if plan.average:
            module.load_state_dict(now)
        trained = {"epoch": float(at.epoch), "train_loss": float(np.mean(at.losses))}
        at.curves.append({**trained, **found, "lr": at.lr, "seconds": time.perf_counter() - began})
        at = Place(at.epoch + 1, curves=at.curves, best=at.best, best_loss=at.best_loss)
    sources = world.gather(source.get_state())
    keep = _checkpoint(at, (at.epoch - 1) * steps, module, best, mean, optimiser, dealer, sources)
    if world.first:
        keeper.keep(keep)  # the next stage begins after it
    if at.epoch <= plan.epochs:
        progress(total, total, f"{title}stopped early after epoch {at.epoch - 1}")
    module.load_state_dict(best)
    module.to("cpu").eval()
    return Fitted(tuple(at.curves), at.best)


def _deal(rows: int, dealer: torch.Generator) -> Tensor:
    """Return the order of an epoch's rows."""
    return torch.randperm(rows, generator=dealer, device=dealer.device)


def _stops(at: Place, plan: StageFields) -> bool:
    """Return whether validation has not improved for long enough, at the end of an epoch.

    The first half is not counted: at the peak rate the validation loss jumps, and the best is yet to come.
    """
    done = at.epoch - 1
    return (
        at.step == 0 and at.order is None and done > at.best and done - max(at.best, plan.epochs // 2) >= plan.patience
    )


def _groups(learner: Learner) -> list[dict[str, object]]:
    """Return parameter groups: weights decay; biases, norms and what the objective names do not."""
    spared = learner.undecayed()
    named = list(learner.module.named_parameters())
    weights = [p for name, p in named if p.ndim > 1 and name not in spared]
    others = [p for name, p in named if p.ndim <= 1 or name in spared]
    return [{"params": weights, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]


@torch.no_grad()
def _forget(mean: Weights, now: Weights, memory: float, steps: int) -> None:
    """Move a running mean towards the weights as they are, faster at the start; counters are copied."""
    keep = min(memory, (1 + steps) / (10 + steps))
    for name, value in now.items():
        if value.is_floating_point():
            mean[name].lerp_(value, 1 - keep)
        else:
            mean[name].copy_(value)


def _not_finite(at: Place, plan: StageFields, keeper: Keeper) -> LeptonError:
    kept = f" The checkpoint before it is kept: {keeper.path}." if keeper.path and keeper.path.exists() else ""
    return LeptonError(
        f"Pretraining stopped: the loss became {at.losses[-1]} in epoch {at.epoch}, step {at.step + 1}.",
        why=f"The learning rate {plan.lr} may be too high, or the rows hold extreme values.{kept}",
        fix=["lower pretrain.lr in lepton.yaml"],
    )


def _checkpoint(
    at: Place,
    done: int,
    module: nn.Module,
    best: Weights,
    mean: Weights,
    optimiser: AdamW,
    dealer: torch.Generator,
    sources: list[Tensor],
) -> Checkpoint:
    """Return the present state; `_take_up` is its inverse."""
    tensors: Weights = {"dealer": dealer.get_state()}
    tensors |= {f"source.{rank}": state for rank, state in enumerate(sources)}
    if at.order is not None:
        tensors["order"] = at.order
    for prefix, weights in (("weights", module.state_dict()), ("best", best), ("mean", mean)):
        tensors |= {f"{prefix}.{name}": tensor for name, tensor in weights.items()}
    for place, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{name}": tensor for name, tensor in state.items()}
    numbers = {name: value for name, value in vars(at).items() if name not in ("order", "best_loss")}
    return Checkpoint(tensors, {**numbers, "done": done, "best_loss": at.best_loss if at.best else None})


def _take_up(
    left: Checkpoint,
    learner: Learner,
    optimiser: AdamW,
    schedule: LambdaLR,
    dealer: torch.Generator,
    source: torch.Generator,
    world: World,
) -> tuple[Place, Weights, Weights]:
    """Put everything where a checkpoint says it was; return the place, the best weights and the running mean."""
    parts: dict[str, Weights] = {"weights": {}, "best": {}, "mean": {}}
    moments: dict[int, Weights] = {}
    learning = [p for group in optimiser.param_groups for p in group["params"]]
    for key, tensor in left.tensors.items():
        prefix, _, name = key.partition(".")
        if prefix in parts:
            parts[prefix][name] = here(tensor)
        elif prefix == "optimiser":
            place, _, moment = name.partition(".")
            if tensor.ndim:  # laid out like the weights: the fused update goes through memory, not through indices
                tensor = torch.empty_like(learning[int(place)]).copy_(tensor)
            moments.setdefault(int(place), {})[moment] = tensor
    learner.module.load_state_dict(parts["weights"])
    dealer.set_state(left.tensors["dealer"])
    source.set_state(left.tensors[f"source.{world.rank}"])
    numbers = dict(left.numbers)
    done, best_loss = numbers.pop("done"), numbers.pop("best_loss")
    at = Place(**numbers, order=left.tensors.get("order"), best_loss=math.inf if best_loss is None else best_loss)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    for group, share in zip(optimiser.param_groups, schedule.lr_lambdas, strict=True):
        group["lr"] = group["initial_lr"] * share(done)
    rates = [group["lr"] for group in optimiser.param_groups]
    schedule.load_state_dict({**schedule.state_dict(), "last_epoch": done, "_step_count": done + 1, "_last_lr": rates})
    return at, parts["best"], parts["mean"]
