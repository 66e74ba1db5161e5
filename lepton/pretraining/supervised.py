"""Supervised pretraining: cross-entropy on the source's labels, with augmentation, one-cycle AdamW and early stopping.

Labels are smoothed a little (Mueller et al. 2019; SHOT uses 0.1 for the same purpose): a less extreme base
adapts better and is better calibrated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lepton.core.config import EncoderConfig, PretrainConfig
from lepton.core.errors import LeptonError
from lepton.core.metrics import evaluate
from lepton.core.progress import Progress
from lepton.core.splits import split
from lepton.core.table import Table
from lepton.models.augment import PRETRAINING, augment
from lepton.models.calibration import fit_temperature
from lepton.models.device import generator, repeatable, seeded
from lepton.models.encoders import build_encoder
from lepton.models.inputs import fit_inputs
from lepton.models.model import Model
from lepton.models.schedules import one_cycle
from lepton.models.statistics import summarise
from lepton.pretraining.objective import Objective, Pretrained

SMOOTHING = 0.05
WEIGHT_DECAY = 0.02
FEWEST = 20
"""Labelled rows without which training a base makes no sense."""


class Supervised(Objective):
    """Cross-entropy on labels."""

    name = "supervised"

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
        """Return the weights of the epoch with the lowest validation loss; see `lepton.pretraining.pretrain`."""
        started = time.perf_counter()
        train, val, test = (split(table, name).labelled() for name in ("train", "val", "test"))
        _check(train, val, test)
        with repeatable(threads):
            inputs = fit_inputs(train, encoder)
            with seeded(seed):
                network = build_encoder(encoder, inputs.kind, inputs.tensor_shape)
                model = Model(inputs, network, nn.Linear(network.feature_dim, len(classes)), classes)
            x, y = inputs.to_tensor(train), torch.from_numpy(model.label_indices(train.labels))
            vx, vy = inputs.to_tensor(val), torch.from_numpy(model.label_indices(val.labels))
            curves, best = _fit(model, x, y, vx, vy, config, seed, progress)
            logits = model.logits_of(model.features(vx))
            model.temperature = fit_temperature(logits, vy)
            model.statistics = summarise(
                model, model.features(x), y, held_back_features=model.features(vx), held_back_labels=vy
            )
            return Pretrained(
                model=model,
                curves=tuple(curves),
                val=evaluate(model.probabilities(logits), vy.numpy(), model.classes),
                test=evaluate(model.predict_proba(test), model.label_indices(test.labels), model.classes),
                best_epoch=best,
                seconds=time.perf_counter() - started,
                rows=len(train),
            )


def _check(train: Table, val: Table, test: Table) -> None:
    """Refuse what cannot be learnt from."""
    if len(train) < FEWEST or not len(val) or not len(test):
        raise LeptonError(
            "The source has too few labelled rows to train a base.",
            why=f"Found {len(train)} to train on, {len(val)} to validate on, {len(test)} to test on; "
            f"at least {FEWEST} to train on and one each of the others are needed.",
            fix=["lepton ingest SOURCE FILE  (more labelled rows)"],
        )
    if len(set(train.labels)) < 2:
        raise LeptonError(
            "All labelled rows of the source have one label; there is nothing to tell apart.",
            why=f"The label is {train.labels[0]!r}.",
            fix=["deliver rows of at least two classes", "check which column is the label: lepton config"],
        )


def _fit(
    model: Model, x: Tensor, y: Tensor, vx: Tensor, vy: Tensor, config: PretrainConfig, seed: int, progress: Progress
) -> tuple[list[dict[str, float]], int]:
    """Train `model` in place, leave it with the best epoch's weights, return the curves and that epoch."""
    source = generator(seed + 1)
    batch = min(config.batch_size, len(x))
    steps = max(1, len(x) // batch)  # the last, smaller batch is left out: BatchNorm must never see a single row
    total = steps * config.epochs
    optimiser = torch.optim.AdamW(_decayed(model), lr=config.lr)
    schedule = one_cycle(optimiser, total)
    curves: list[dict[str, float]] = []
    best, best_loss, best_weights = 0, math.inf, deepcopy(model.state_dict())
    for epoch in range(1, config.epochs + 1):
        began, losses = time.perf_counter(), []
        model.train()
        order = torch.randperm(len(x), generator=source)
        lr = float(schedule.get_last_lr()[0])
        for step in range(steps):
            rows = order[step * batch : (step + 1) * batch]
            seen = augment(x[rows], model.inputs, PRETRAINING, source) if config.augment else x[rows]
            loss = F.cross_entropy(model(seen), y[rows], label_smoothing=SMOOTHING)
            if not torch.isfinite(loss):
                raise LeptonError(
                    f"Pretraining stopped: the loss became {loss.item()} in epoch {epoch}, step {step + 1}.",
                    why=f"The learning rate {config.lr} may be too high, or the rows hold extreme values.",
                    fix=["lower pretrain.lr in lepton.yaml"],
                )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
            progress((epoch - 1) * steps + step + 1, total, f"epoch {epoch}/{config.epochs}")
        model.eval()
        val_logits = model.logits_of(model.features(vx))
        # At its best temperature, because augmentation and smoothing make confidence, not answers, swing.
        val_loss = F.cross_entropy(val_logits / fit_temperature(val_logits, vy), vy).item()
        curves.append(
            {
                "epoch": float(epoch),
                "train_loss": float(np.mean(losses)),
                "val_loss": val_loss,
                "val_accuracy": (val_logits.argmax(1) == vy).float().mean().item(),
                "lr": lr,
                "seconds": time.perf_counter() - began,
            }
        )
        if val_loss < best_loss:
            best, best_loss, best_weights = epoch, val_loss, deepcopy(model.state_dict())
        # The first half is not counted: at the peak rate the validation loss jumps, and the best is yet to come.
        elif epoch - max(best, config.epochs // 2) >= config.patience:
            progress(total, total, f"stopped early after epoch {epoch}")
            break
    model.load_state_dict(best_weights)
    return curves, best


def _decayed(model: Model) -> list[dict[str, object]]:
    """Return parameter groups: weights decay, biases and BatchNorm do not."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": weights, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
