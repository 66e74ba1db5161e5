"""A transfer reads what it works on once: rows and models, however many strategies it tries."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lepton.core.config.workspace import Workspace
from lepton.data import batchfile
from lepton.models.format import WEIGHTS
from lepton.operations.ingest import ingest
from lepton.operations.pretrain.pretrain import pretrain
from lepton.operations.session import Session
from lepton.operations.transfer.transfer import transfer
from lepton.registry.models import fetch
from tests.conftest import Answer, make_plant

STRATEGIES = ["none", "recalibrate", "bn", "prototype", "coral", "probe", "residual", "lora", "finetune", "mcc", "shot"]

pytestmark = pytest.mark.timeout(600)


class Reads:
    """Counts what is read of a target's batches, rows and not only ids, and of the weights of every file."""

    def __init__(self, ws: Workspace, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows, self.weights = Counter[str](), Counter[Path]()
        folder, read_table, read_bytes = ws.data_dir / target, batchfile.pq.read_table, Path.read_bytes

        def table(path: Any, *given: Any, **more: Any) -> Any:
            if Path(path).parent == folder and "columns" not in more:
                self.rows[Path(path).name] += 1
            return read_table(path, *given, **more)

        def whole(path: Path) -> bytes:
            if path.name == WEIGHTS:
                self.weights[path] += 1
            return read_bytes(path)

        monkeypatch.setattr(batchfile.pq, "read_table", table)
        monkeypatch.setattr(Path, "read_bytes", whole)


@pytest.fixture
def ws(lepton: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with a base and a target of 1,000 rows."""
    monkeypatch.setenv("LEPTON_PRETRAIN__EPOCHS", "3")
    monkeypatch.setenv("LEPTON_TRANSFER__BUDGET_SECONDS", "600")
    for name, rows, shift in (("plant-1", 900, 0.0), ("plant-2", 1000, 0.9)):
        make_plant(rows, shift, seed=rows).to_csv(tmp_path / f"{name}.csv", index=False)
    made: Answer = lepton("init", tmp_path / "ws", "--from", tmp_path / "plant-1.csv")
    assert made.code == 0, made.text
    found = Workspace(tmp_path / "ws")
    ingest(Session(found), "plant-1", str(tmp_path / "plant-1.csv"))
    pretrain(Session(found))
    ingest(Session(found), "plant-2", str(tmp_path / "plant-2.csv"), new=True)
    return found


def test_one_transfer_reads_its_rows_and_loads_its_ancestor_once(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Session(ws).sound_base()
    weights = fetch(ws, base.name, base.version)[1] / WEIGHTS
    with monkeypatch.context() as patch:
        reads = Reads(ws, "plant-2", patch)
        done = transfer(Session(ws), "plant-2", strategies=STRATEGIES)
    assert len(done.candidates) > 3
    assert done.model is not None
    assert list(reads.rows.values()) == [1]
    assert reads.weights[weights] == 1
    # A candidate is read back once, to be judged as it was kept; the winner once more, to be registered. The version
    # that comes of it is compared with its checksums, then loaded to be made a graph.
    again = {path.parent.parent.name: times for path, times in reads.weights.items() if times > 1}
    assert again == {done.winner: 2, "data": 2}


def test_with_a_champion_each_of_base_and_champion_is_loaded_once(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = transfer(Session(ws), "plant-2", strategies=["probe"])
    assert first.outcome == "promoted"
    assert first.model is not None
    served, base = fetch(ws, first.model.name, first.model.version)[1], Session(ws).sound_base()
    with monkeypatch.context() as patch:
        reads = Reads(ws, "plant-2", patch)
        transfer(Session(ws), "plant-2", strategies=["residual"])
    assert list(reads.rows.values()) == [1]
    assert reads.weights[served / WEIGHTS] == 1
    assert reads.weights[fetch(ws, base.name, base.version)[1] / WEIGHTS] == 1
