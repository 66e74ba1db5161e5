"""What the planner is told of earlier transfers, and what a verdict against several rivals says."""

from __future__ import annotations

from pathlib import Path

from lepton.core.config.workspace import Workspace
from lepton.core.decisions.gate import Verdict
from lepton.core.ledger import TRANSFER_FINISHED
from lepton.operations.session import Session
from lepton.operations.transfer.stories import records_of
from lepton.transfer.judgement import together
from lepton.transfer.signals import Signals

SIGNALS = Signals("image", 10, 1000, 50, 0.8, 0.7, None, None, None, 1.0, 0.0)


def story(accuracy: float) -> dict[str, object]:
    """Return the story of a transfer that tried `probe`."""
    tried = {"share": 1, "seconds": 3.0, "predicted": 2.0, "measured": {"gain": None}}
    return {
        "signals": SIGNALS.to_json(),
        "winner": "probe",
        "candidates": [
            {**tried, "label": "none", "strategy": "none", "metrics": {"accuracy": 0.5}},
            {**tried, "label": "probe", "strategy": "probe", "metrics": {"accuracy": accuracy}},
        ],
    }


def test_a_pairs_own_held_out_rows_teach_costs_but_no_gains(tmp_path: Path) -> None:
    (tmp_path / "lepton.yaml").write_text("name: t\nkind: image\nsource: a\n")
    session = Session(Workspace(tmp_path))
    ledger = session.ledger
    for pair, accuracy in (("a-to-b", 0.9), ("a-to-c", 0.7)):
        ledger.append("user:ada", pair, TRANSFER_FINISHED, {"run": {"id": "r"}, "ok": True, "story": story(accuracy)})
    own, other = records_of(session, "a-to-b")
    assert (own.gain, own.seconds, own.predicted) == (None, 3.0, 2.0)
    assert round(other.gain, 6) == 20.0
    assert [record.gain is None for record in records_of(session, "a-to-c")] == [False, True]


def test_a_reason_says_which_rival_it_holds_for_unless_it_holds_for_all() -> None:
    base = Verdict(False, ("rank: collapsed", "confident: 40 % agree", "ill rated below the base"), (), 100)
    champion = Verdict(False, ("rank: collapsed", "confident: 70 % agree"), (), 100)
    found = together({"base": base, "champion": champion})
    assert not found.passed
    assert found.reasons == (
        "rank: collapsed",
        "confident: 40 % agree (against the base)",
        "ill rated below the base",
        "confident: 70 % agree (against the champion)",
    )
    assert together({"base": Verdict(True, (), (), 100)}).passed
