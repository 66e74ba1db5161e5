"""Candidates: a strategy fitted, cross-validated on the labels it had, and measured on rows that it never saw."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from lepton.core.errors import LeptonError, NotFound
from lepton.core.metrics import evaluate
from lepton.core.table import Table
from lepton.core.work.files import atomic_dir
from lepton.models import format as model_format
from lepton.models.calibration import fit_temperature
from lepton.models.device import repeatable
from lepton.models.features import FeatureCache
from lepton.models.model import Model
from lepton.models.statistics import summarise
from lepton.transfer import get_strategy
from lepton.transfer.folds import fold_of
from lepton.transfer.strategy import Strategy, TargetData

ARRAYS = ("probabilities", "out_of_fold", "answers", "embedding")
FEWEST_LABELS = 2
"""Labels a class below which an expensive strategy is not cross-validated: it would cost a multiple and say little."""


@dataclass(frozen=True)
class CrossValidated:
    """What the labelled training rows say about a strategy; the ground on which one is chosen."""

    accuracy: float | None
    """Of out-of-fold predictions; None if there were too few labels to hold any back."""
    log_loss: float | None
    """Of out-of-fold probabilities at the fitted temperature, in nats."""
    folds: int
    note: str = ""
    """Why there were fewer folds than the strategy asks for."""


NOT_VALIDATED = CrossValidated(None, None, 0, "not cross-validated: nothing else tried comes near what it promises")


@dataclass(frozen=True)
class Candidate:
    """A fitted strategy with everything that choosing, judging and recording need."""

    strategy: str
    config: dict[str, Any]
    seed: int
    labels: int
    """Labelled rows it was fitted to."""
    seconds: float
    """Whole cost: fitting, cross-validation, reading the held-out rows."""
    fit_seconds: float
    """Of which the fit alone."""
    size: int
    """Bytes of the weights."""
    cv: CrossValidated
    metrics: dict[str, Any]
    """`core.metrics.evaluate` on the held-out rows; empty if none is labelled."""
    probabilities: NDArray[np.float64]
    """(n, k) on the held-out rows, in their order."""
    held_out: str
    """Content digest of the held-out rows: candidates are paired row by row only if it is equal."""
    model: Model
    validated: bool
    """Whether it was to be cross-validated: that decides the temperature, so it belongs to the record."""
    out_of_fold: NDArray[np.float64]
    """(m, k) probabilities of the labelled rows to adapt with, each by a model that had not seen it; (0, k) if nothing
    was held back."""
    answers: NDArray[np.float64]
    """(n, k) probabilities of all rows to adapt with, by the model itself; the guard without labels looks at them."""
    embedding: NDArray[np.float32]
    """(n, d) the model's embeddings of these rows."""

    @cached_property
    def digest(self) -> str:
        """Digest of the model: equal ones answer equally."""
        return self.model.digest()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object with all but arrays and weights."""
        return {
            "strategy": self.strategy,
            "config": self.config,
            "seed": self.seed,
            "labels": self.labels,
            "seconds": round(self.seconds, 3),
            "fit_seconds": round(self.fit_seconds, 3),
            "size": self.size,
            "cv": {
                "accuracy": self.cv.accuracy,
                "log_loss": self.cv.log_loss,
                "folds": self.cv.folds,
                "note": self.cv.note,
            },
            "metrics": self.metrics,
            "held_out": self.held_out,
            "validated": self.validated,
            "model_digest": self.digest,
            "temperature": self.model.temperature,
        }

    def save(self, folder: Path) -> Path:
        """Write candidate.json, probabilities and the model into `folder`, whole or not at all."""
        with atomic_dir(Path(folder)) as temporary:
            model_format.save(self.model, temporary / "model")
            arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in ARRAYS}
            save_file(arrays, temporary / "predictions.safetensors")
            text = json.dumps(self.to_json(), indent=2, allow_nan=False)
            (temporary / "candidate.json").write_text(text + "\n", encoding="utf-8")
        return Path(folder)

    @classmethod
    def load(cls, folder: Path) -> Candidate:
        """Read what `save` wrote.

        Raises:
            NotFound: If the folder or a file in it is missing.
            LeptonError: If a file is damaged.
        """
        folder = Path(folder)
        try:
            value = json.loads((folder / "candidate.json").read_text(encoding="utf-8"))
            found = load_file(folder / "predictions.safetensors")
            arrays = {name: found[name] for name in ARRAYS}
            cv = CrossValidated(**value["cv"])
            keys = (
                "strategy",
                "config",
                "seed",
                "labels",
                "seconds",
                "fit_seconds",
                "size",
                "metrics",
                "held_out",
                "validated",
            )
            fields = {key: value[key] for key in keys}
        except FileNotFoundError as error:
            raise NotFound(
                f"{folder} is not a candidate: {error.filename} is missing.", fix=["run the transfer again"]
            ) from None
        except (ValueError, KeyError, TypeError, SafetensorError) as error:
            raise LeptonError(
                f"The candidate in {folder} is damaged.", why=str(error), fix=["run the transfer again"]
            ) from None
        return cls(**fields, **arrays, cv=cv, model=model_format.load(folder / "model"))


def try_strategy(
    name: str,
    ancestor: Model,
    train: Table,
    held_out: Table,
    seed: int = 0,
    cache: FeatureCache | None = None,
    threads: int = 1,
    config: Mapping[str, Any] | None = None,
    validate: bool = True,
) -> Candidate:
    """Fit a strategy to the target's training rows and measure it.

    Cross-validated on at most `strategy.folds` folds of the labelled rows; the out-of-fold logits also set the
    temperature, so that it owes nothing to rows the model was fitted to. The held-out rows decide nothing here. It
    takes nine arguments because all of them decide the bits: a rebuild gives each as the record has it.

    Args:
        name: Of the strategy.
        ancestor: The base or a champion; left untouched.
        train: Rows to adapt to, labelled or not.
        held_out: Rows to be measured on.
        seed: Same seed and threads, same weights.
        cache: Of frozen features.
        threads: CPU threads.
        config: The strategy's own settings as they were recorded; by default those that it has now.
        validate: Whether to cross-validate; a model that is fitted without is the same but for its temperature.

    Raises:
        UsageError: If there is no such strategy.
        ValueError: If the settings are not of this strategy.
        NotEnoughLabels: If it needs labels and none is known.
        LeptonError: If a label is none of the ancestor's classes.
    """
    started = time.perf_counter()
    strategy = get_strategy(name, config)
    with repeatable(threads):
        inputs = strategy.needs.features == "inputs"
        target = TargetData.of(ancestor, train, cache, inputs)
        began = time.perf_counter()
        model = strategy.adapt(ancestor, target, seed)
        fitted = time.perf_counter() - began
        cv, out_of_fold = (
            cross_validate(strategy, ancestor, target, seed) if validate else (NOT_VALIDATED, torch.empty(0, 0))
        )
        if strategy.needs.features != "none":
            if len(out_of_fold):
                known = target.labels[target.labels >= 0]
                model.temperature = fit_temperature(out_of_fold, known, start=ancestor.temperature)
            embedding = _embedding(strategy, ancestor, model, target)
            model.statistics = summarise(model, embedding, target.labels) if len(target) else ancestor.statistics
        else:
            embedding = target.features
        unseen = TargetData.of(ancestor, held_out, cache, inputs)
        probabilities = model.probabilities(model.logits_of(_embedding(strategy, ancestor, model, unseen)))
        answers = model.probabilities(model.logits_of(embedding))
    labels = ancestor.label_indices(held_out.labels)
    return Candidate(
        strategy=name,
        config=strategy.config_json(),
        seed=seed,
        labels=int((target.labels >= 0).sum()),
        seconds=time.perf_counter() - started,
        fit_seconds=fitted,
        size=model.size,
        cv=cv,
        metrics=evaluate(probabilities, labels, model.classes) if (labels >= 0).any() else {},
        probabilities=probabilities,
        held_out=held_out.content_digest(),
        model=model,
        validated=validate,
        out_of_fold=model.probabilities(out_of_fold) if len(out_of_fold) else np.empty((0, len(model.classes))),
        answers=answers,
        embedding=embedding.numpy(),
    )


def cross_validate(strategy: Strategy, ancestor: Model, target: TargetData, seed: int) -> tuple[CrossValidated, Tensor]:
    """Return what out-of-fold predictions of the labelled rows say, and their logits (m, k): (0, k) if there are none.

    Unlabelled rows stay in every fold's training part; held-back rows leave it entirely. The scores are at the
    temperature that suits the logits best.
    """
    known = torch.nonzero(target.labels >= 0).flatten()
    y, k = target.labels[known], len(ancestor.classes)
    nothing = torch.empty(0, k)
    if strategy.needs.features == "none":  # nothing is fitted: every row is out of fold, the temperature stays
        if not len(y):
            return CrossValidated(None, None, 0, "no labels"), nothing
        logits = ancestor.logits_of(target.features[known])
        return _scores(logits, y, ancestor.temperature, 0, ""), logits
    if strategy.expensive and len(y) < FEWEST_LABELS * k:
        note = f"{len(y)} labels of {k} classes: too few to hold some back from a strategy that costs so much"
        return CrossValidated(None, None, 0, note), nothing
    parts, note = fold_of(y.numpy(), strategy.folds, seed)
    if parts is None:
        return CrossValidated(None, None, 0, note), nothing
    logits = torch.zeros(len(y), k)
    for fold in range(int(parts.max()) + 1):
        out = torch.from_numpy(parts == fold)
        keep = torch.ones(len(target), dtype=torch.bool)
        keep[known[out]] = False
        fitted = strategy.adapt(ancestor, target.take(torch.nonzero(keep).flatten()), seed)
        logits[out] = fitted.logits_of(_embedding(strategy, ancestor, fitted, target.take(known[out])))
    temperature = fit_temperature(logits, y, start=ancestor.temperature)
    return _scores(logits, y, temperature, int(parts.max()) + 1, note), logits


def _embedding(strategy: Strategy, ancestor: Model, model: Model, rows: TargetData) -> Tensor:
    """Return (n, d) embeddings of rows: through the new parts only, if the encoder is the ancestor's."""
    if strategy.needs.features == "rows" and rows.table is not None:
        return model.features(rows.table)
    if strategy.needs.features == "inputs" and rows.inputs is not None:
        return model.features(rows.inputs)
    with torch.no_grad():
        return model.adapt(rows.features, start=len(ancestor.adapters))


def _scores(logits: Tensor, labels: Tensor, temperature: float, folds: int, note: str) -> CrossValidated:
    loss = torch.nn.functional.cross_entropy(logits.double() / temperature, labels).item()
    return CrossValidated((logits.argmax(1) == labels).float().mean().item(), loss, folds, note)
