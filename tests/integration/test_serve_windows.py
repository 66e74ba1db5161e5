"""Answers become a window once, however often the delivery is killed; labels go with their rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lepton.contract.file import load_contract
from lepton.core.config.workspace import Workspace
from lepton.data.store import batches, labels_now, load
from lepton.operations.serve.windows import WAITING, batch_name, deliver
from lepton.operations.session import Session
from lepton.serving.journal import Journal
from lepton.serving.record import Record, labels_to_bytes
from tests.crash import SIGKILL, Plant

TARGET = "plant-2"
POINTS = ("ingest.stored", "serve.window-stored", "serve.answers-kept", "serve.segment-gone", "serve.labels-stored")


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return Plant(tmp_path_factory.mktemp("windows") / "plant")


@pytest.fixture
def served(plant: Plant) -> Plant:
    """A target with a champion, and 61 rows that were answered in three requests, one of them out of bounds."""
    plant.put("served")
    return plant


def answered(root: Path) -> dict[str, Any]:
    """Write a log of answers and of labels, each with a segment that ended; return what a delivery is asked."""
    contract = load_contract(Workspace(root), TARGET)
    folder = root / ".lepton" / "serving" / TARGET
    log, labels = Journal(folder), Journal(folder / "labels")
    for request, rows in (("aa-1", 40), ("aa-2", 20), ("aa-3", 1)):
        columns: dict[str, list[Any]] = {}
        for rule in contract.columns:
            low, high = rule.min or 0.0, rule.max or 1.0
            number = [low + (high - low) * (at + 1) / (rows + 1) for at in range(rows)] if rows > 1 else [1e12]
            columns[rule.name] = number if rule.dtype == "number" else [(rule.values or ("x",))[0]] * rows
        model = "lepton-x v1" if request == "aa-1" else "lepton-x v2"
        said = Record(request, "2026-11-30", model, "d", False, columns, [contract.classes[0]] * rows, [0.9] * rows)
        log.append([said.to_bytes()])
    ended = log.roll()
    log.append([Record("aa-4", "t", "lepton-x v2", "d", False, {}, [contract.classes[0]], [0.9]).to_bytes()])
    told = {f"aa-{k}-1": contract.classes[1] for k in (1, 2, 4)}
    labels.append([labels_to_bytes({**told, "aa-9-1": contract.classes[1]})])
    return {"root": str(root), "ended": [str(ended)], "labels": [str(labels.roll())], "open": str(log.path)}


def deliver_all(asked: dict[str, Any]) -> dict[str, Any]:
    """Deliver, in a process of its own."""
    ended, labels = ([Path(one) for one in asked[key] if Path(one).exists()] for key in ("ended", "labels"))
    return vars(deliver(Session(Workspace(Path(asked["root"]))), TARGET, ended, labels, Path(asked["open"])))


def check_delivered(served: Plant, asked: dict[str, Any]) -> None:
    """Hold what is stored against what was answered."""
    ws, name = Workspace(served.root), batch_name(Path(asked["ended"][0]))
    assert batches(ws, TARGET).count(name) == 1
    rows = load(ws, TARGET, [name])
    assert sorted(rows.ids) == sorted([f"aa-1-{k}" for k in range(1, 41)] + [f"aa-2-{k}" for k in range(1, 21)])
    logs = [pd.read_parquet(path) for path in (ws.predictions_dir / TARGET).glob(f"{name}.*")]
    assert sorted(len(log) for log in logs) == [21, 40]  # the row out of bounds was answered, too
    found = labels_now(ws, TARGET)
    assert {found["aa-1-1"], found["aa-2-1"]} == {load_contract(ws, TARGET).classes[1]}
    folder = ws.serving_dir / TARGET / "labels"
    assert list(json.loads((folder / WAITING).read_bytes())) == ["aa-4-1"]
    assert not [path for path in (*asked["ended"], *asked["labels"]) if Path(path).exists()]


def test_answers_are_delivered_and_their_labels_behind_them(served: Plant) -> None:
    asked = answered(served.root)
    done = served.processes.call(deliver_all, asked)
    name = batch_name(Path(asked["ended"][0]))
    assert done == {
        "windows": [name],
        "refused": [],
        "aside": 1,
        "labels": 2,
        "unknown": 1,
        "waiting": 1,
    }
    check_delivered(served, asked)
    assert served.processes.call(deliver_all, asked)["windows"] == []  # nothing is left to do


@pytest.mark.parametrize("point", POINTS)
def test_a_delivery_that_was_killed_is_finished_by_the_next_one(served: Plant, point: str) -> None:
    asked = answered(served.root)
    assert served.processes.attempt(deliver_all, asked, environ={"LEPTON_FAULT_AT": point}).code == SIGKILL
    served.processes.call(deliver_all, asked)
    check_delivered(served, asked)
