"""A person's word by the operations' own door, on a real MLflow: what is answered, and what the ledger then says."""

from __future__ import annotations

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.errors import NotFound, UsageError
from lepton.core.ledger import PROMOTED, RECALLED, REGISTERED, REINSTATED, Ledger
from lepton.core.ledger.rows import Cause, Evidence
from lepton.core.refs import ModelRef
from lepton.operations.approval import carry_out, describe, settlement_of
from lepton.operations.promotion import promote_by_hand, roll_back
from lepton.operations.recall import lift_recall, recall_subject
from lepton.operations.session import Session
from lepton.registry.approval import propose
from lepton.registry.champions import champion
from lepton.registry.promotion import promote
from tests.registry import PAIR, Maker

EVIDENCE = Evidence({"passed": True, "summary": "passed on 40 rows"}, {"accuracy": 0.912, "rows": 40})


@pytest.fixture
def session(ws: Workspace) -> Session:
    (ws.contracts_dir / "usps.yaml").write_text("domain: usps\nkind: image\nrole: target\nclasses: [a, b, c]\n")
    return Session(ws)


@pytest.fixture
def two(ws: Workspace, ledger: Ledger, make: Maker) -> tuple[ModelRef, ModelRef]:
    """Version 1, which serves, and version 2."""
    first, second = make(), make(gate=EVIDENCE.gate)
    promote(ws, ledger, PAIR, first, actor="user:ada", cause=Cause("manual"), evidence=Evidence())
    return first, second


def test_a_promotion_by_hand_says_what_served_and_what_the_gate_had_said(
    session: Session, two: tuple[ModelRef, ModelRef]
) -> None:
    first, second = two
    dry = promote_by_hand(session, "usps", "2", "seen", dry_run=True)
    assert (dry.model, dry.before, dry.gate, dry.changed) == (second.label, first.label, "passed on 40 rows", False)
    assert session.find_champion(PAIR) == first
    done = promote_by_hand(session, "usps", "v2", "seen", dry_run=False)
    assert (done.changed, session.find_champion(PAIR)) == (True, second)
    assert "passed on 40 rows" in str(done)
    assert set(done.to_json()) == {"model", "before", "gate", "why", "dry_run", "changed"}
    with pytest.raises(NotFound, match="no version 7"):
        promote_by_hand(session, "usps", "7", "x", dry_run=False)


def test_a_rollback_goes_one_champion_back_and_does_not_speak_of_a_gate(
    session: Session, two: tuple[ModelRef, ModelRef]
) -> None:
    first, second = two
    promote_by_hand(session, "usps", "2", "seen", dry_run=False)
    assert roll_back(session, "usps", None, "worse", dry_run=True).model == first.label
    done = roll_back(session, "usps", None, "worse", dry_run=False)
    assert done.to_json() == {"model": first.label, "before": second.label, "why": "worse", "dry_run": False}
    assert session.find_champion(PAIR) == first


@pytest.mark.parametrize(("decision", "outcome"), [("approve", "approved"), ("reject", "rejected")])
def test_a_form_tells_what_it_is_about_and_is_carried_out_once(
    session: Session, two: tuple[ModelRef, ModelRef], decision: str, outcome: str
) -> None:
    first, second = two
    propose(session.ledger, PAIR, second, actor="flow:x", cause=Cause("manual"), evidence=EVIDENCE)
    assert settlement_of(session, "usps", "2") is None
    told = describe(session, "usps", "2")
    assert all(text in told for text in (second.label, first.label, "passed on 40 rows", "accuracy: 0.912"))
    done = carry_out(session, "usps", "2", decision, "bob", "seen it", "a form")
    assert (done.outcome, done.model, done.by) == (outcome, second.label, "bob")
    serving = champion(session.ledger, PAIR)
    assert serving is not None
    expected = (second, "user:bob") if decision == "approve" else (first, "user:ada")
    assert (serving.ref, serving.actor) == expected
    late = carry_out(session, "usps", "2", decision, "eve", "me too", "a form")
    assert late.outcome == "settled"
    assert f"was {outcome} already" in str(settlement_of(session, "usps", "2"))
    assert f"{outcome} already" in str(late.how)
    assert len(session.ledger.entries(PAIR, PROMOTED)) == 1 + (decision == "approve")


def test_a_recall_finds_the_descendants_moves_champions_back_and_can_be_lifted(
    session: Session, two: tuple[ModelRef, ModelRef], make: Maker
) -> None:
    first, second = two
    child = make(parent=second)
    promote_by_hand(session, "usps", child.version, "seen", dry_run=False)
    dry = recall_subject(session, second.name + "@2", None, "wrong sensor", dry_run=True)
    assert dry.models == (second.label, child.label)
    assert session.ledger.entries(action=RECALLED) == []
    done = recall_subject(session, second.name + "@2", None, "wrong sensor", dry_run=False)
    (moved,) = done.serving
    assert (moved.model, moved.moved_to, done.known) == (child.label, first.label, False)
    assert done.to_json()["serving"][0]["domain"] == "usps"
    assert f"{child.label} -> {first.label}" in str(done)
    assert session.find_champion(PAIR) == first
    assert recall_subject(session, second.name + "@2", None, "again", dry_run=False).known
    lifted = lift_recall(session, second.name + "@2", None, "it was the other one", dry_run=False)
    assert lifted.to_json() == {"subject": done.subject, "why": "it was the other one", "dry_run": False}
    assert len(session.ledger.entries(action=REINSTATED)) == 1
    with pytest.raises(NotFound, match="no recall of"):
        lift_recall(session, second.name + "@2", None, "again", dry_run=False)


@pytest.mark.parametrize(("model", "batch"), [(None, None), ("usps", "usps/a"), (None, "usps")])
def test_a_recall_of_nothing_or_of_two_things_changes_nothing(
    session: Session, two: tuple[ModelRef, ModelRef], model: str | None, batch: str | None
) -> None:
    with pytest.raises(UsageError):
        recall_subject(session, model, batch, "x", dry_run=False)
    assert {row.action for row in session.ledger.entries()} == {REGISTERED, PROMOTED}
