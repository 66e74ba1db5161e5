"""Rounds over many targets on a real stack: a flow run a target, shared by processes, one at a time, none lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lepton.core.config.addresses import Stack, read_stack
from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Decided, Observed
from tests.conftest import make_plant

PLAY = """import json, sys
from lepton.cli.main import main
for words in json.load(sys.stdin):
    code = main(words)
    if code not in (0, 3):
        sys.exit(f"{words} ended with {code}")
"""
TARGETS = [f"plant-{k}" for k in range(2, 8)]
SETTINGS = {
    "pretrain": {"epochs": 1},
    "threads": 1,
    "transfer": {"strategies": ["none"], "combine": False, "margin": 0.5},
    "monitor": {"examples": 0},
}

pytestmark = pytest.mark.timeout(500, func_only=True)  # the workspace is made before


def play(*commands: tuple[object, ...]) -> None:
    """Play commands one after the other in one process."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("LEPTON_", "PREFECT_"))}
    told = json.dumps([[str(word) for word in words] for words in commands])
    done = subprocess.run(
        [sys.executable, "-c", PLAY], env=environ, input=told, capture_output=True, text=True, timeout=580, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def deliver(folder: Path, name: str, seed: int, rows: int = 120, labelled: bool = True) -> Path:
    file = folder / f"{name}.csv"
    make_plant(rows, 0.1, seed, labelled).to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A source and six targets with champions, a new window of each, and the stack up without schedules."""
    folder = tmp_path_factory.mktemp("round")
    root = folder / "ws"
    here, source = ("-w", root), deliver(folder, "plant-1", 1, 200)
    play(("init", root, "--from", source))
    config = root / "lepton.yaml"
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | SETTINGS))
    commands: list[tuple[object, ...]] = [
        (*here, "ingest", "plant-1", source, "--local"),
        (*here, "pretrain", "--local"),
    ]
    for seed, target in enumerate(TARGETS, 2):
        commands += [
            (*here, "ingest", target, deliver(folder, target, seed), "--new", "--local"),
            (*here, "transfer", target, "--local"),
            (*here, "ingest", target, deliver(folder, f"{target}-w1", 50 + seed, 80, labelled=False), "--local"),
        ]
    play(*commands)
    try:
        play((*here, "up", "--no-schedules"))
        yield Workspace(root)
    finally:
        play((*here, "down"))


@pytest.fixture(scope="module")
def stack(ws: Workspace) -> Stack:
    found = read_stack(ws)
    assert found is not None
    return found


def test_several_rounds_at_once_judge_every_window_once_each_target_in_a_run_of_its_own(
    ws: Workspace, stack: Stack
) -> None:
    rounds = [start(stack, "monitor/monitor") for _ in range(2)]
    assert [ended(stack, one)["state_type"] for one in rounds] == ["COMPLETED"] * 2
    ledger = Ledger(ws.ledger_url)
    for kind in (Observed, Decided):
        rows = Counter(entry.pair for entry in ledger.rows(None, kind))
        assert rows == Counter(f"plant-1-to-{target}" for target in TARGETS)
    runs = flow_runs(stack, "monitor-pair")
    assert Counter(one["name"] for one in runs) == Counter(f"monitor-{target}" for target in TARGETS * 2)
    assert {one["state_type"] for one in runs} == {"COMPLETED"}
    shares = flow_runs(stack, "several")
    assert [one["state_type"] for one in shares] == ["COMPLETED"] * 2  # half of each round was another process's
    limits = {one["name"]: one["limit"] for one in ask(stack, "v2/concurrency_limits/filter", {})}
    assert {f"lepton-monitor-plant-1-to-{target}": 1 for target in TARGETS}.items() <= limits.items()


def test_a_round_of_retraining_fails_if_a_target_failed_with_every_other_done(ws: Workspace, stack: Stack) -> None:
    for file in (ws.data_dir / TARGETS[2]).glob("*.parquet"):
        file.chmod(0o644)
        file.write_bytes(b"not parquet")
    run = ended(stack, start(stack, "retrain/retrain"))
    assert run["state_type"] == "FAILED"
    assert TARGETS[2] in run["state"]["message"]
    ends = {one["name"]: one["state_type"] for one in flow_runs(stack, "transfer")}
    assert ends.pop(f"transfer-{TARGETS[2]}") == "FAILED"
    assert ends == {f"transfer-{target}": "COMPLETED" for target in TARGETS if target != TARGETS[2]}


def start(stack: Stack, deployment: str) -> str:
    found = ask(stack, f"deployments/name/{deployment}")
    return str(ask(stack, f"deployments/{found['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"])


def ended(stack: Stack, run: str) -> dict[str, Any]:
    """Return a flow run when it has ended."""

    def end() -> dict[str, Any] | None:
        found: dict[str, Any] = ask(stack, f"flow_runs/{run}")
        return found if found["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

    found: dict[str, Any] = wait_for(end, 450)
    return found


def flow_runs(stack: Stack, flow: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(stack, "flow_runs/filter", {"flows": {"name": {"any_": [flow]}}})
    return found


def wait_for(sign: Callable[[], Any], seconds: float) -> Any:
    """Return the first answer that is not empty."""
    deadline = time.monotonic() + seconds
    while not (answer := sign()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.5)
    return answer


def ask(stack: Stack, path: str, body: Any = None) -> Any:
    """Ask the server's API: GET without a body, else POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{stack.prefect_api}/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)
