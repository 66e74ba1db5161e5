"""Rows to label next, the whole way: a refusal names the command, its sheet is filled in, taken in, and decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lepton as api
from lepton.core.config.workspace import Workspace
from lepton.core.decisions.gate import GatePolicy, judge
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Ingested, Refused
from lepton.core.splits import split_of
from tests.conftest import Answer, make_plant

Cli = Callable[..., Answer]
PAIR = "plant-1-to-plant-2"
ROWS = 120


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEPTON_PRETRAIN__EPOCHS", "4")
    monkeypatch.delenv("LEPTON_WORKSPACE", raising=False)


def plant(rows: int, shift: float, seed: int) -> pd.DataFrame:
    """Return labelled rows with ids."""
    frame = make_plant(rows, shift, seed)
    frame.insert(0, "id", [f"{seed}-{k}" for k in range(rows)])
    return frame


TRUTH = plant(ROWS, 1.2, 2).set_index("id")["label"]


@pytest.fixture
def ws(tmp_path: Path) -> api.Workspace:
    """A workspace with a base, and a target of which no row is labelled yet."""
    source = plant(600, 0.0, 1)
    made = api.init(tmp_path / "shop", source, source="plant-1", id="id", progress=False)
    made.ingest("plant-1", source, name="first")
    made.ingest("plant-2", plant(ROWS, 1.2, 2).drop(columns="label"), name="first", new=True)
    return made


@pytest.fixture
def refused(ws: api.Workspace) -> api.Workspace:
    """The same, after a transfer that the gate refused for want of labels."""
    ws.pretrain()
    done = ws.transfer("plant-2", strategies=["standardise"])
    assert done.outcome == "refused"
    assert done.next.startswith("lepton label-next plant-2 ")
    return ws


def fill_in(sheet: Path, leave_open: int = 0) -> int:
    """Write the true labels into a sheet but for its last rows; return how many that were."""
    rows = pd.read_csv(sheet, dtype=str, keep_default_na=False)
    assert set(rows["label"]) == {""}
    rows["label"] = [TRUTH[one] for one in rows["id"]]
    rows.loc[len(rows) - leave_open :, "label"] = ""
    rows.to_csv(sheet, index=False)
    return len(rows) - leave_open


def test_the_sheet_is_filled_in_taken_in_and_the_next_transfer_is_judged_on_it(
    refused: api.Workspace, lepton: Cli
) -> None:
    told = lepton("-w", refused.root, "label-next", "plant-2", "--n", "40")
    assert (told.code, told.err) == (0, "")
    assert f"Wrote 40 of {ROWS} unlabelled rows of 'plant-2' to {refused.root}" in told.out
    assert "each row with the same chance" in told.out
    assert "more labels if the challenger is right on all of these" in " ".join(told.out.split())
    sheet = refused.root / "reports" / "labels" / "plant-2" / "next.csv"
    assert list(pd.read_csv(sheet).columns) == ["id", "label", "heat", "speed", "wear", "line"]
    labelled = fill_in(sheet, leave_open=4)

    taken = lepton("-w", refused.root, "ingest", "plant-2", sheet, "--labels", "--local")
    assert taken.code == 0
    assert f"{labelled} labelled" in taken.out
    assert "left open  4 rows have no label yet and count as not delivered" in taken.out
    row = Ledger(Workspace(refused.root).ledger_url).last_row(PAIR, Ingested)
    assert row is not None
    assert (row.row.labelled, row.row.left_open) == (36, 4)

    judged = refused.transfer("plant-2", strategies=["standardise", "probe", "residual"])
    assert judged.gate is not None
    assert judged.gate.verdict.basis == "labels"
    assert judged.gate.verdict.rows >= 36 or judged.gate.verdict.rows == judged.held_out_rows

    again = refused.label_next("plant-2", n=10)
    assert again.labelled == 36
    assert again.file.name == "next-2.csv"  # the first one holds labels
    assert set(again.ids) <= set(TRUTH.index) - set(pd.read_csv(sheet)["id"][:36])


def test_a_result_says_what_was_drawn_from_what_and_is_the_same_again(refused: api.Workspace, lepton: Cli) -> None:
    found = refused.label_next("plant-2", n=12)
    assert (len(found.ids), found.unlabelled, found.labelled, found.held_out) == (12, ROWS, 0, False)
    assert found.challenger == f"lepton-{PAIR} v1"
    assert found.provisional
    assert sum(found.classes.values()) == 12
    assert found.outlook.basis == "answers"
    assert "to label    12 of 120 unlabelled rows" in repr(found)
    assert refused.label_next("plant-2", n=12) == found
    assert set(refused.label_next("plant-2", n=6, dry_run=True).ids) < set(found.ids)
    assert [path.name for path in found.file.parent.iterdir()] == ["next.csv"]
    told = json.loads(lepton("-w", refused.root, "label-next", "plant-2", "--n", "12", "--json", "--dry-run").out)
    assert told["ids"] == list(found.ids)
    assert told["outlook"]["basis"] == "answers"
    assert told["next"] == f"lepton ingest plant-2 {found.file} --labels"
    assert len(refused.label_next("plant-2", n=1000).ids) == ROWS


def test_once_held_out_rows_decide_only_these_are_drawn(refused: api.Workspace) -> None:
    place = Workspace(refused.root)
    ledger = Ledger(place.ledger_url)
    last = ledger.last_row(PAIR, Refused)
    assert last is not None
    truth = np.zeros(200, dtype=np.int64)
    challenger, base = truth.copy(), truth.copy()
    base[:20], challenger[20:40] = 1, 1
    verdict = judge(truth, challenger, {"base": base}, GatePolicy())
    ledger.record("ada", PAIR, Refused(last.row.model, gate=verdict.to_json()))
    found = refused.label_next("plant-2", n=10)
    assert found.held_out
    assert set(split_of(found.ids)) == {"test"}
    assert found.unlabelled == int((split_of(TRUTH.index) == "test").sum())
    assert found.outlook.basis == "labels"
    assert "20 won, 20 lost against the base on 200 rows" in found.verdict


def test_without_a_challenger_the_doubt_of_the_base_spreads_them(ws: api.Workspace, lepton: Cli) -> None:
    ws.pretrain()
    found = ws.label_next("plant-2", n=5)
    assert (found.challenger, found.differing, found.provisional) == (None, None, True)
    assert found.verdict.startswith("nobody can say")
    told = lepton("-w", ws.root, "label-next", "plant-2", "--n", "5", "--dry-run")
    assert told.out.startswith("Would write 5 of 120 unlabelled rows")


def test_what_cannot_be_done_is_refused_with_cause_and_remedy(ws: api.Workspace, tmp_path: Path) -> None:
    def why(domain: str = "plant-2", **asked: object) -> api.LeptonError:
        with pytest.raises(api.LeptonError) as caught:
            ws.label_next(domain, **asked)  # type: ignore[arg-type]
        assert caught.value.fix
        return caught.value

    assert "not known" in why("plant-9").what
    assert "is the source" in why("plant-1").what
    assert why(n=0).code == 2
    assert "no base model" in why().what
    ws.pretrain()
    mine = tmp_path / "mine.csv"
    mine.write_text("id,label\n1,good\n")
    assert "there already" in why(out=mine).what
    assert mine.read_text() == "id,label\n1,good\n"
    with pytest.raises(api.LeptonError, match="holds no label yet"):
        ws.ingest("plant-2", ws.label_next("plant-2", n=3).file, labels=True)
    assert not (ws.root / "quarantine").exists()
    ws.ingest("plant-2", TRUTH.reset_index(), labels=True, name="all")
    assert "No row of 'plant-2' is left" in why().what


def test_an_erasure_takes_the_rows_out_of_the_sheets(refused: api.Workspace) -> None:
    found = refused.label_next("plant-2", n=8)
    refused.forget([found.ids[0]], why="request 1")
    assert set(pd.read_csv(found.file)["id"]) == set(found.ids[1:])
