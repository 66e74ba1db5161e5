"""`encoder.name: auto` by the command line: what was tried is told and on record, and the base comes out again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import REGISTERED, Ledger
from tests.conftest import Answer, make_plant
from tests.registry import with_mlflow

Cli = Callable[..., Answer]


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Workspace]:
    """Return a workspace with a labelled source and target, and no base; `mlp`, `trees` and `tabular` learn shortly."""
    from lepton.cli.main import main

    folder, before = tmp_path_factory.mktemp("choice"), dict(os.environ)
    root = folder / "ws"
    os.environ |= {
        "LEPTON_ENCODER__NAME": "auto",
        "LEPTON_PRETRAIN__EPOCHS": "2",
        "LEPTON_PRETRAIN__FEWEST_STEPS": "0",
        "LEPTON_TRANSFER__MARGIN": "0.5",
    }
    try:
        make_plant(500, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
        make_plant(400, 0.9, seed=2).to_csv(folder / "plant-2.csv", index=False)
        assert main(["init", str(root), "--from", str(folder / "plant-1.csv")]) == 0
        with_mlflow(Workspace(root), migrated)
        assert main(["-w", str(root), "ingest", "plant-1", str(folder / "plant-1.csv"), "--local"]) == 0
        assert main(["-w", str(root), "ingest", "plant-2", str(folder / "plant-2.csv"), "--new", "--local"]) == 0
        yield Workspace(root)
    finally:
        os.environ.clear()
        os.environ.update(before)


def record(ws: Workspace, slot: str) -> dict[str, Any]:
    lineage: dict[str, Any] = Ledger(ws.ledger_url).entries(slot, REGISTERED)[-1].payload["lineage"]
    return lineage


def test_what_was_tried_is_told_and_recorded_and_the_base_is_made_again_without_choosing(
    ws: Workspace, lepton: Cli
) -> None:
    answer = lepton("-w", ws.root, "pretrain", "--local")
    assert answer.code == 0, answer.text
    config = record(ws, "plant-1")["config"]
    choice = config["encoder_choice"]
    assert config["encoder"]["name"] == choice["took"]
    assert {one["encoder"] for one in choice["tried"]} == {"mlp", "trees", "tabular"}
    assert f"took {choice['took']}: " in " ".join(answer.out.split())
    shown = lepton("-w", ws.root, "lineage", "show", "plant-1")
    assert f"took {choice['took']}: " in " ".join(shown.out.split())
    again = lepton("-w", ws.root, "reproduce", "plant-1", "--check")
    assert again.out.startswith("identical"), again.text


def test_trees_serve_a_target_after_a_transfer_and_both_come_out_again(
    ws: Workspace, lepton: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPTON_ENCODER__NAME", "trees")
    made = lepton("-w", ws.root, "pretrain", "--local", "--json")
    assert made.code in (0, 3), made.text
    rows = record(ws, "plant-1")["rows"]
    assert rows["train"]["count"] > 3 * rows["validation"]["count"] > 0  # it has learnt from those, too
    moved = lepton("-w", ws.root, "transfer", "plant-2", "--local", "--json", "-s", "residual", "-s", "finetune")
    assert moved.code in (0, 3), moved.text
    out = {step["strategy"]: step["out"] for step in json.loads(moved.out)["plan"]["steps"]}
    assert "needs an encoder that learns by gradient" in out["finetune"]
    for domain in ("plant-1", "plant-2"):
        again = lepton("-w", ws.root, "reproduce", domain, "--check")
        assert again.out.startswith("identical"), again.text


def test_going_on_with_trees_is_refused_with_the_command_that_does(
    ws: Workspace, lepton: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEPTON_ENCODER__NAME", "trees")
    assert lepton("-w", ws.root, "pretrain", "--local").code in (0, 3)
    make_plant(300, 0.1, seed=9).to_csv(tmp_path / "june.csv", index=False)
    assert lepton("-w", ws.root, "ingest", "plant-1", tmp_path / "june.csv", "--local").code == 0
    answer = lepton("-w", ws.root, "pretrain", "--continue", "--local")
    assert answer.code == 2
    assert "does not learn by gradient" in answer.err
    assert "lepton pretrain  (trains a new base" in answer.err
