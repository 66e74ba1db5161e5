"""A chain of objectives by the command line: rows of a further domain, a kill -9, the record, and the same again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import REGISTERED, Ledger
from lepton.registry.mlflow.tracking import connect
from tests.conftest import Answer, make_plant
from tests.registry import with_mlflow

LEPTON = [sys.executable, "-c", "from lepton.cli.main import run; run()"]
CHAIN = "pretrain:\n  objectives: [vicreg, supervised]\n  domains: [plant-2]\n  epochs: 3\nthreads: 1\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """Return a workspace with a labelled source, rows of another plant without labels, and no base."""
    from lepton.cli.main import main

    folder, before = tmp_path_factory.mktemp("chain"), dict(os.environ)
    root = folder / "ws"

    def ok(*arguments: object) -> None:
        assert main([str(argument) for argument in arguments]) == 0, arguments

    try:
        make_plant(400, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
        make_plant(300, 0.9, seed=2, labelled=False).to_csv(folder / "plant-2.csv", index=False)
        ok("init", root, "--from", folder / "plant-1.csv")
        with_mlflow(Workspace(root), migrated)
        config = root / "lepton.yaml"
        kept = [line for line in config.read_text().splitlines() if line and line[0] not in "#"]
        text = "\n".join(line for line in kept if line.split(":")[0] in ("name", "kind", "source", "label", "id"))
        config.write_text(f"{text}\n{CHAIN}")
        ok("-w", root, "ingest", "plant-1", folder / "plant-1.csv", "--local")
        ok("-w", root, "ingest", "plant-2", folder / "plant-2.csv", "--new", "--local")
        return root
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def ws(made: Path) -> Iterator[Workspace]:
    """The workspace at a path of its own is another one to MLflow, so it is put back in its place after each test."""
    kept = made.with_name("kept")
    shutil.copytree(made, kept, symlinks=True)
    yield Workspace(made)
    shutil.rmtree(made)
    kept.rename(made)


def digest_of(ws: Workspace) -> str:
    (row,) = Ledger(ws.ledger_url).entries("plant-1", REGISTERED)
    return str(row.payload["model"]["digest"])


def lepton(ws: Workspace, *arguments: str, **environ: str) -> Answer:
    """Run the command line in a process of its own: databases are put back under the others' feet here."""
    command = [*LEPTON, "-w", str(ws.root), *arguments]
    done = subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


OFTEN = {"LEPTON_PRETRAIN__CHECKPOINT_SECONDS": "0.000001"}


def killed(ws: Workspace) -> Path:
    """Kill a training after its first checkpoint, and return that."""
    done = lepton(ws, "pretrain", "--local", **OFTEN, LEPTON_FAULT_AT="pretrain.checkpointed")
    assert done.code == -signal.SIGKILL, done.err
    (left,) = ws.work_dir.glob("pretrain-*/stage-1-vicreg.safetensors")
    return left


def test_a_dry_run_says_what_would_be_learnt_from(ws: Workspace) -> None:
    answer = lepton(ws, "pretrain", "--dry-run", "--local")
    assert "also       300 rows of 'plant-2', 0 of them labelled" in answer.out
    assert "objectives vicreg, then supervised" in answer.out


def test_the_record_names_the_chain_its_rows_and_its_stages_and_it_comes_out_again(ws: Workspace) -> None:
    """By two processes, whose number is part of the record."""
    answer = lepton(ws, "pretrain", "--local", LEPTON_PRETRAIN__PROCESSES="2", LEPTON_THREADS="2")
    assert (answer.code, answer.err.count("Traceback")) == (0, 0), answer.text
    (row,) = Ledger(ws.ledger_url).entries("plant-1", REGISTERED)
    lineage: dict[str, Any] = row.payload["lineage"]
    assert lineage["strategy"] == "vicreg+supervised"
    assert (lineage["config"]["pretrain"]["processes"], lineage["threads"]) == (2, 2)
    assert lineage["data"]["domain:plant-2"]["domain"] == "plant-2"
    assert set(lineage["rows"]) == {"train", "validation", "held_out", "pool:plant-1", "pool:plant-2"}
    assert 200 < lineage["rows"]["pool:plant-2"]["count"] < 300  # those of its test split are not seen
    tracking = connect(ws)
    names = [run.info.run_name for run in tracking.client.search_runs([tracking.experiment_id])]
    assert {"stage 1: vicreg", "stage 2: supervised"} <= set(names)
    again = lepton(ws, "reproduce", "plant-1", "--check")
    assert again.out.startswith("identical"), again.text


def test_a_training_killed_between_two_steps_goes_on_and_ends_with_the_same_bits(ws: Workspace) -> None:
    assert lepton(ws, "pretrain", "--local", **OFTEN).code == 0
    expected = digest_of(ws)
    shutil.rmtree(ws.root)
    shutil.copytree(ws.root.with_name("kept"), ws.root, symlinks=True)
    killed(ws)
    answer = lepton(ws, "pretrain", "--local", **OFTEN)
    assert "training goes on from its last checkpoint" in answer.err
    assert digest_of(ws) == expected
    assert not list(ws.work_dir.glob("pretrain-*"))


def test_a_damaged_checkpoint_is_told_and_fresh_begins_again(ws: Workspace) -> None:
    left = killed(ws)
    left.write_bytes(left.read_bytes()[:-100])
    answer = lepton(ws, "pretrain", "--local", **OFTEN)
    assert answer.code == 1
    assert "cut off or damaged" in answer.err
    assert "lepton pretrain --fresh" in answer.err
    assert lepton(ws, "pretrain", "--local", "--fresh", **OFTEN).code == 0


def test_the_source_and_a_domain_without_rows_are_no_further_domains(ws: Workspace) -> None:
    answer = lepton(ws, "pretrain", "--local", LEPTON_PRETRAIN__DOMAINS="[plant-1]")
    assert "names the source" in answer.err
    answer = lepton(ws, "pretrain", "--local", LEPTON_PRETRAIN__DOMAINS="[plant-3]")
    assert answer.code != 0
    assert "plant-3" in answer.err


def test_recalled_rows_of_a_further_domain_are_not_learnt_from(ws: Workspace) -> None:
    assert lepton(ws, "recall", "--batch", "plant-2/plant-2", "--why", "wrong sensor").code in (0, 4)
    answer = lepton(ws, "pretrain", "--local", "--json")
    assert answer.code != 0
    assert "wrong sensor" in answer.err
    assert json.loads(answer.out or "{}") == {}


def test_a_base_goes_on_with_a_new_batch_and_its_descendant_comes_out_again(ws: Workspace, tmp_path: Path) -> None:
    alone = {"LEPTON_PRETRAIN__OBJECTIVES": "[supervised]", "LEPTON_PRETRAIN__DOMAINS": "[]"}
    assert "no base model yet" in lepton(ws, "pretrain", "--continue", "--local", **alone).err
    assert lepton(ws, "pretrain", "--local", **alone).code == 0
    nothing = lepton(ws, "pretrain", "--continue", "--local", **alone)
    assert nothing.code == 1
    assert "nothing new to go on with" in nothing.err
    make_plant(300, 0.6, seed=9).to_csv(tmp_path / "june.csv", index=False)
    assert lepton(ws, "ingest", "plant-1", str(tmp_path / "june.csv"), "--local").code == 0
    dry = lepton(ws, "pretrain", "--continue", "--dry-run", "--local", **alone)
    assert "with lepton-plant-1 v1; new: june" in dry.out
    wild = {"LEPTON_PRETRAIN__CONTINUATION__LR": "3", "LEPTON_PRETRAIN__CONTINUATION__FLOOR": "0"}
    refused = lepton(ws, "pretrain", "--continue", "--local", **alone, **wild)
    assert refused.code == 3, refused.text
    assert "forgot too much" in refused.out
    killed_at = {"LEPTON_FAULT_AT": "pretrain.checkpointed", **OFTEN}
    assert lepton(ws, "pretrain", "--continue", "--local", **alone, **killed_at).code == -signal.SIGKILL
    done = lepton(ws, "pretrain", "--continue", "--local", **alone, **OFTEN)
    assert done.code == 0, done.text
    assert "going on" in done.err.lower()
    row = Ledger(ws.ledger_url).entries("plant-1", REGISTERED)[-1]
    lineage = row.payload["lineage"]
    assert (lineage["strategy"], lineage["parent"]["version"]) == ("continued", "1")
    assert lineage["config"]["continued"]["batches"] == ["june"]
    again = lepton(ws, "reproduce", "plant-1", "--check")
    assert again.out.startswith("identical"), again.text
