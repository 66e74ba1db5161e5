"""The figures of docs/benchmarks.md made small: shipped digits, one seed, bounds with a margin over several seeds.

MNIST (28 x 28) and optdigits (8 x 8) are both read at 16 x 16. Of each domain 1,000 rows are shown, others are unseen.
Nothing here is timed against the machine; costs are compared with each other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

from lepton.core.config.settings import EncoderConfig, PretrainConfig, TransferConfig
from lepton.core.table import Table
from lepton.data import demo
from lepton.models.model import Model
from lepton.pretraining import pretrain
from lepton.transfer.judgement import Rivals, judge
from lepton.transfer.search import Found, Ground, ranking_had, search
from tests.conftest import Answer

CLASSES = tuple("0123456789")
SHOWN, UNSEEN, SIZE = 1000, 797, 16
SEED = 0
EPOCHS = {"mnist": 10, "optdigits": 20}

pytestmark = pytest.mark.timeout(600)


@cache
def domain(name: str) -> tuple[Table, Table, Table]:
    """Return rows for a base, rows to adapt to, and unseen rows."""
    found = demo.mnist() if name == "mnist" else demo.optdigits()
    order = np.random.default_rng(SEED).permutation(len(found))
    return found.take(order[:4000]), found.take(order[:SHOWN]), found.take(order[SHOWN : SHOWN + UNSEEN])


@cache
def base(name: str) -> Model:
    config = PretrainConfig(epochs=EPOCHS[name])
    return pretrain(domain(name)[0], CLASSES, EncoderConfig(image_size=SIZE), config, seed=SEED, threads=1).model


def shown(name: str, per_class: int, *, unlabelled: bool = True) -> Table:
    """Return the rows to adapt to with so many labels a class; without the others' rows if `unlabelled` is not set."""
    rows, random = domain(name)[1], np.random.default_rng(SEED)
    keep = np.full(len(rows), False)
    for label in CLASSES:
        keep[random.permutation(np.flatnonzero(rows.labels == label))[:per_class]] = True
    rows = rows.with_labels(np.where(keep, rows.labels, None))
    return rows if unlabelled else rows.labelled()


def ground(source: str, target: str, per_class: int, unlabelled: bool = True) -> Ground:
    """Return what a search works on; no row is held out with its label, so that the guard decides."""
    rows = shown(target, per_class, unlabelled=unlabelled)
    config = TransferConfig(budget_seconds=300, combine=False)
    return Ground(base(source), rows, rows.take(np.arange(0)), config, SEED)


@dataclass(frozen=True)
class Scored:
    """A search, with what its candidates read of the unseen rows."""

    found: Found
    accuracy: dict[str, float]

    @property
    def first(self) -> float:
        """Accuracy of what is ranked first."""
        return self.accuracy[self.found.ranking[0].label]


@cache
def scored(source: str, target: str, per_class: int, unlabelled: bool = True) -> Scored:
    done, unseen = search(ground(source, target, per_class, unlabelled)), domain(target)[2]
    truth = base(source).label_indices(unseen.labels)
    reads = {name: one.model.predict_proba(unseen).argmax(axis=1) for name, one in done.candidates.items()}
    return Scored(done, {name: float((answers == truth).mean()) for name, answers in reads.items()})


def promoted(source: str, target: str, per_class: int) -> str:
    """Return what is let serve; `none` if it is none of the adapted ones."""
    done = scored(source, target, per_class).found
    order, rivals = [place.label for place in done.ranking], Rivals(base(source))
    at = ground(source, target, per_class)
    judged = judge(at, order, done.candidates, rivals, partial(ranking_had, at.config, done.plan, done.attempts))
    return judged.winner if judged.verdict.passed else "none"


PAIRS = (("mnist", "optdigits"), ("optdigits", "mnist"))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_without_labels_what_is_chosen_reads_the_target_better_than_the_base(source: str, target: str) -> None:
    """T1 and T2."""
    done = scored(source, target, 0)
    assert done.first > done.accuracy["none"] + 0.02


def test_five_labels_a_class_and_nothing_else_go_a_long_way() -> None:
    """T3."""
    done = scored("mnist", "optdigits", 5, unlabelled=False)
    assert done.first > max(done.accuracy["none"] + 0.05, 0.90)


def test_with_the_rows_without_labels_they_go_further() -> None:
    """T4."""
    done, alone = scored("mnist", "optdigits", 5), scored("mnist", "optdigits", 5, unlabelled=False)
    assert done.first > max(alone.first - 0.01, 0.93)


@pytest.mark.parametrize("per_class", [0, 5])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_is_promoted_is_no_worse_than_the_base(source: str, target: str, per_class: int) -> None:
    """T5; 797 unseen rows, so a point and a half is chance."""
    served, done = promoted(source, target, per_class), scored(source, target, per_class)
    assert done.accuracy[served] > done.accuracy["none"] - 0.015


def test_the_guard_lets_most_of_the_gain_through() -> None:
    """T6."""
    cases = [(*pair, per_class) for pair in PAIRS for per_class in (0, 5)]
    gains = [scored(*case).accuracy[promoted(*case)] - scored(*case).accuracy["none"] for case in cases]
    best = [max(scored(*case).accuracy.values()) - scored(*case).accuracy["none"] for case in cases]
    assert sum(gains) > 0.4 * sum(best)


def test_the_planner_ranks_near_the_best_and_leaves_out_what_does_not_pay() -> None:
    """T7."""
    for source, target in PAIRS:
        for per_class in (0, 5):
            done = scored(source, target, per_class)
            assert done.first > max(done.accuracy.values()) - 0.03
            assert "recalibrate" not in done.accuracy
            assert "expected to gain more than it costs" in done.found.stopped


Cli = Callable[..., Answer]


def test_a_target_without_labels_gets_a_champion_where_classes_are_clusters(lepton: Cli, tmp_path: Path) -> None:
    os.environ |= {"LEPTON_PRETRAIN__EPOCHS": "8", "LEPTON_THREADS": "1", "LEPTON_TRANSFER__COMBINE": "false"}
    source, target, unseen = demo.mnist(), demo.optdigits(), tmp_path / "ws"
    order = np.random.default_rng(SEED).permutation(len(source))[:3000]
    assert source.images is not None
    assert target.images is not None
    mnist, digits = tmp_path / "mnist.npz", tmp_path / "optdigits.npz"
    np.savez(mnist, images=source.images[order], labels=source.labels[order].astype(str))
    np.savez(digits, images=target.images[:600])
    ws = unseen

    def ok(*arguments: object) -> str:
        answer = lepton("-w", ws, *arguments)
        assert answer.code == 0, answer.text
        return answer.out

    assert lepton("init", ws, "--from", mnist).code == 0
    ok("ingest", "mnist", mnist, "--local")
    ok("pretrain", "--local")
    ok("ingest", "optdigits", digits, "--new", "--local")
    done = json.loads(ok("transfer", "optdigits", "--local", "--json"))
    assert done["outcome"] == "promoted"
    assert done["gate"]["basis"] == "validators"
    assert "without a test on labels" in ok("transfer", "optdigits", "--explain")
