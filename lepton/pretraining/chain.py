"""From rows to a registered-ready base: the objectives of a chain one after the other, then what every base gets."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import nn

from lepton.core.config.pretrain import PretrainConfig, StageFields
from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.metrics import evaluate
from lepton.core.splits import split
from lepton.core.table import Table
from lepton.core.work import Progress, silent
from lepton.models.calibration import fit_temperature
from lepton.models.device import pick_device, placed, repeatable, seeded
from lepton.models.encoders import Encoder, build_encoder
from lepton.models.inputs import fit_inputs
from lepton.models.model import Model
from lepton.models.statistics import summarise
from lepton.pretraining.catalogue import objectives_of
from lepton.pretraining.checkpoint import Keeper
from lepton.pretraining.direct import check_taught, fit_at_once, learn_all
from lepton.pretraining.engine import fit
from lepton.pretraining.head import fit_head
from lepton.pretraining.material import FEWEST, Material
from lepton.pretraining.objective import Pretrained, Stage

APART = 101
"""Between the seeds of two stages."""
TINY = 1e-12
"""Least probability of which a logarithm is taken."""


def pretrain(
    table: Table,
    classes: Sequence[str],
    encoder: EncoderConfig,
    config: PretrainConfig,
    seed: int = 0,
    threads: int = 2,
    progress: Progress = silent,
    others: Mapping[str, Table] | None = None,
    folder: Path | None = None,
) -> Pretrained:
    """Return a base model of the source, trained by the configured chain of objectives.

    It takes nine arguments because all but two of them decide the bits, and it knows no workspace to take them from.

    Args:
        table: All rows of the source; train, validation and test parts are told apart by their ids.
        classes: Names in the order of the model's outputs.
        encoder: The network.
        config: Objectives, epochs, learning rates.
        seed: Same seed and threads, same weights, bit for bit on one platform.
        threads: CPU threads.
        progress: Called after every step.
        others: All rows of further domains, by name.
        folder: Where checkpoints are kept; what an interrupted run left there is gone on from. None keeps none.

    Raises:
        UsageError: If an objective is unknown, or the encoder cannot learn by it.
        LeptonError: If a split has too few labelled rows, a label is none of `classes`, the loss becomes NaN, or a
            checkpoint cannot be gone on from.
    """
    objectives = objectives_of(config.chain)
    started = time.perf_counter()
    train, val, test = (split(table, name).labelled() for name in ("train", "val", "test"))
    _check(train, val, test)
    with repeatable(threads):
        inputs = fit_inputs(train, encoder)
        with seeded(seed):
            network = build_encoder(encoder, inputs.layout)
            check_taught(network, objectives)
            model = Model(inputs, network, nn.Linear(network.feature_dim, len(classes)), classes)
        material = Material(table, others or {}, inputs, tuple(classes), config.stream_above, folder)
        with placed(pick_device()):
            network.meet(material.train.x)
        stages = []
        if not network.by_gradient:
            with placed(pick_device()):
                stages.append(fit_at_once(model, material, seed, config.chain[0], progress))
        for place, objective in enumerate(objectives if network.by_gradient else ()):
            began, plan = time.perf_counter(), suited(config.stage(objective.name), network)
            path = folder / f"stage-{place + 1}-{objective.name}.safetensors" if folder else None
            title = f"{objective.name} " if len(objectives) > 1 else ""
            keeper = Keeper(path, config.checkpoint_seconds)
            with placed(pick_device()):
                learner = objective.learner(model, material, config, plan, seed + APART * place)
                done = fit(learner, plan, seed + APART * place, keeper, progress, title)
            stages.append(Stage(objective.name, done.curves, done.best, time.perf_counter() - began))
        if pick_device().type != "cpu":
            material = dataclasses.replace(material)  # prepared again, where the trained model is now
        if not objectives[-1].head:
            model.head = fit_head(model.features(material.train.x), material.train.y, len(classes))
        base = completed(model, material, tuple(stages), started)
        return base if network.by_gradient else learn_all(base, material, seed, progress)


def suited(plan: StageFields, network: Encoder) -> StageFields:
    """Return a plan with what an encoder asks for where the configuration leaves it open."""
    fewest = network.fewest_steps if plan.fewest_steps is None else plan.fewest_steps
    return plan.model_copy(update={"fewest_steps": fewest, "augment": plan.augment and network.varied})


def completed(model: Model, material: Material, stages: tuple[Stage, ...], started: float) -> Pretrained:
    """Return a trained model with what every base has: temperature, statistics of its source, measured splits.

    Args:
        model: Trained; gets temperature and statistics.
        material: What it learnt from.
        stages: How.
        started: When, by `time.perf_counter`.
    """
    train, test = material.train, split(material.source, "test").labelled()
    features, vy = model.features(material.val.x), material.val.y
    direct = not model.encoder.by_gradient  # knows the rows that it was fitted to too well to tell of any other
    logits = model.logits_of(features)
    model.temperature = fit_temperature(logits, vy)
    model.statistics = summarise(
        model,
        features if direct else model.features(train.x),
        vy if direct else train.y,
        held_back_features=features,
        held_back_labels=vy,
    )
    said, truth = model.probabilities(logits), vy.cpu().numpy()
    return Pretrained(
        model=model,
        stages=stages,
        val=evaluate(said, truth, model.classes),
        test=evaluate(model.predict_proba(test), model.label_indices(test.labels), model.classes),
        seconds=time.perf_counter() - started,
        rows=len(train.x),
        val_losses=-np.log(np.maximum(said[np.arange(len(truth)), truth], TINY)),
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
