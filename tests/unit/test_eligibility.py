"""What the ledger says of a version's standing: recalls and their reach, proposals and what settles them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lepton.core.ledger import PROMOTED, PROPOSED, RECALLED, REGISTERED, REINSTATED, REJECTED, ROLLED_BACK, Ledger
from lepton.core.refs import DataRef, ModelRef
from lepton.registry.eligibility import recalled, waiting
from lepton.registry.lineage.record import Lineage

PAIR = "mnist-to-usps"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def ref(version: int, pair: str = PAIR) -> ModelRef:
    return ModelRef(f"lepton-{pair}", str(version), "d" * 64, "run")


def register(
    ledger: Ledger, model: ModelRef, parent: ModelRef | None = None, batches: tuple[str, ...] = ("a",)
) -> None:
    pair = model.name.removeprefix("lepton-")
    data = DataRef(pair.split("-to-")[-1], batches, "d" * 32, None, None, 10, 10)
    lineage = Lineage(strategy="residual", data={"train": data}, seed=0, parent=parent)
    ledger.append("test", pair, REGISTERED, {"model": model.to_json(), "lineage": lineage.to_json()})


def about(model: ModelRef | None = None, batch: tuple[str, str] | None = None) -> dict[str, Any]:
    if model is not None:
        return {"kind": "model", "model": model.to_json()}
    assert batch is not None
    return {"kind": "batch", "domain": batch[0], "batch": batch[1]}


def recall(ledger: Ledger, subject: dict[str, Any], action: Any = RECALLED, why: str = "poisoned") -> None:
    ledger.append("test", "mnist", action, {"subject": subject, "why": why, "models": [], "pairs": []})


def test_without_a_recall_nothing_is_recalled(ledger: Ledger) -> None:
    register(ledger, ref(1))
    assert recalled(ledger) == {}


def test_a_recalled_model_takes_all_its_descendants_with_it_and_nobody_else(ledger: Ledger) -> None:
    base, other = ref(1, "mnist"), ref(2, "mnist")
    for model, parent in [(base, None), (other, None), (ref(1), base), (ref(2), ref(1)), (ref(3), other)]:
        register(ledger, model, parent)
    recall(ledger, about(base))
    assert recalled(ledger) == {
        ("lepton-mnist", "1"): "poisoned",
        ("lepton-mnist-to-usps", "1"): "it descends from lepton-mnist v1: poisoned",
        ("lepton-mnist-to-usps", "2"): "it descends from lepton-mnist v1: poisoned",
    }


def test_a_recalled_batch_takes_those_that_saw_it_and_their_descendants(ledger: Ledger) -> None:
    register(ledger, ref(1, "mnist"), batches=("a", "b"))
    register(ledger, ref(2, "mnist"), batches=("a",))
    register(ledger, ref(1), parent=ref(1, "mnist"), batches=("b",))  # the target's b is another batch
    register(ledger, ref(2), parent=ref(2, "mnist"), batches=("b",))
    recall(ledger, about(batch=("mnist", "b")))
    assert set(recalled(ledger)) == {("lepton-mnist", "1"), ("lepton-mnist-to-usps", "1")}
    assert recalled(ledger)["lepton-mnist", "1"] == "it saw batch b of mnist: poisoned"


def test_a_model_registered_after_the_recall_of_its_parent_is_recalled_too(ledger: Ledger) -> None:
    register(ledger, ref(1, "mnist"))
    recall(ledger, about(ref(1, "mnist")))
    register(ledger, ref(1), parent=ref(1, "mnist"))
    assert ("lepton-mnist-to-usps", "1") in recalled(ledger)


def test_a_recall_that_is_lifted_counts_no_more_but_others_stay(ledger: Ledger) -> None:
    register(ledger, ref(1, "mnist"))
    register(ledger, ref(1), parent=ref(1, "mnist"))
    recall(ledger, about(ref(1, "mnist")))
    recall(ledger, about(ref(1)), why="worse")
    recall(ledger, about(ref(1, "mnist")), action=REINSTATED)
    assert recalled(ledger) == {("lepton-mnist-to-usps", "1"): "worse"}
    recall(ledger, about(ref(1)), action=REINSTATED)
    assert recalled(ledger) == {}
    recall(ledger, about(ref(1)), why="again")
    assert recalled(ledger) == {("lepton-mnist-to-usps", "1"): "again"}


def say(ledger: Ledger, action: Any, version: int, pair: str = PAIR) -> None:
    ledger.append("test", pair, action, {"model": ref(version, pair).to_json(), "why": "x"})


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        ([], "2"),
        ([(REJECTED, 2)], None),
        ([(PROMOTED, 2)], None),
        ([(PROMOTED, 3)], None),
        ([(ROLLED_BACK, 1)], None),
        ([(REJECTED, 1)], "2"),
        ([(PROPOSED, 3)], "3"),
        ([(REJECTED, 2), (PROPOSED, 2)], "2"),
        ([(PROPOSED, 3), (REJECTED, 3)], None),
    ],
)
def test_a_proposal_waits_until_it_is_settled_or_overtaken(
    ledger: Ledger, after: list[tuple[Any, int]], waits: str | None
) -> None:
    say(ledger, PROMOTED, 1)
    say(ledger, PROPOSED, 2)
    say(ledger, PROMOTED, 9, pair="mnist-to-other")
    for action, version in after:
        say(ledger, action, version)
    found = waiting(ledger, PAIR)
    assert (found.payload["model"]["version"] if found else None) == waits


def test_a_recalled_proposal_waits_no_more(ledger: Ledger) -> None:
    register(ledger, ref(1))
    say(ledger, PROPOSED, 1)
    assert waiting(ledger, PAIR)
    recall(ledger, about(ref(1)))
    assert waiting(ledger, PAIR) is None


def test_nothing_waits_where_nothing_was_proposed(ledger: Ledger) -> None:
    assert waiting(ledger, PAIR) is None
