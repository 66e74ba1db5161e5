"""Ctrl-C while a transfer or the monitor works: said so, nothing half-done, and the same command works afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import PROMOTED, ROLLED_BACK, Entry, Ledger
from tests.conftest import make_plant

MOVES = (PROMOTED, ROLLED_BACK)
WINDOWS = ("w1", "w2", "w3")
START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from lepton.cli.main import run; run()"
)
"""The command, hearing SIGINT even where whoever started the tests ignores it (a shell's `&` does)."""


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return a workspace with a quick base, a target `served` with windows to judge, and a target `waiting`."""
    from lepton.cli.main import main

    folder, before = tmp_path_factory.mktemp("interrupt"), dict(os.environ)
    root = folder / "ws"

    def ok(*arguments: object) -> None:
        assert main([str(argument) for argument in arguments]) == 0, arguments

    def deliver(domain: str, name: str, seed: int, rows: int, *options: str, labelled: bool = True) -> None:
        make_plant(rows, 0.9, seed=seed, labelled=labelled).to_csv(folder / f"{name}.csv", index=False)
        ok("-w", root, "ingest", domain, folder / f"{name}.csv", *options, "--local")

    os.environ["LEPTON_PRETRAIN__EPOCHS"] = "1"
    try:
        make_plant(1200, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
        ok("init", root, "--from", folder / "plant-1.csv")
        ok("-w", root, "ingest", "plant-1", folder / "plant-1.csv", "--local")
        ok("-w", root, "pretrain", "--local")
        deliver("served", "served", 2, 700, "--new")
        ok("-w", root, "transfer", "served", "--local", "-s", "probe")
        for number, name in enumerate(WINDOWS):
            deliver("served", name, 10 + number, 200, labelled=False)
        deliver("waiting", "waiting", 3, 700, "--new")
        yield Workspace(root)
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_an_interrupted_transfer_changes_nothing_and_can_be_run_again(ws: Workspace, tmp_path: Path) -> None:
    pair = ws.pair("waiting").name

    def adapting() -> bool:
        """Return whether the first candidate is there: the next one is being made."""
        return _last(ws, pair, "transfer_started") is not None and any(ws.work_dir.glob("*/candidates/[a-z]*"))

    command = ("transfer", "waiting", "--local", "-s", "probe", "-s", "residual")
    _interrupt(ws, tmp_path, adapting, *command)
    ledger = Ledger(ws.ledger_url)
    assert ledger.verify() == []
    ended = _last(ws, pair, "transfer_finished")
    assert ended is not None
    assert ended.payload["ok"] is False
    assert ended.seq > ledger.entries(pair, "transfer_started")[-1].seq
    assert ledger.entries(pair, MOVES) == []
    assert _leftovers(ws) == []
    assert len(_going_on(ws, pair)) == 1
    again = _run(ws, tmp_path, *command, "--json")
    assert json.loads(again.stdout)["outcome"] == "promoted", again.stderr
    assert re.search(r"^Going on from an interrupted run: [12] of 3 strategies are done\.$", again.stderr, re.MULTILINE)
    assert _leftovers(ws) == _going_on(ws, pair) == []


def test_a_transfer_interrupted_as_soon_as_it_starts_gives_the_pair_free(ws: Workspace, tmp_path: Path) -> None:
    pair = ws.pair("served").name
    serving, begun = _last(ws, pair, *MOVES), len(Ledger(ws.ledger_url).entries(pair, "transfer_started"))
    _interrupt(
        ws,
        tmp_path,
        lambda: len(Ledger(ws.ledger_url).entries(pair, "transfer_started")) > begun,
        *("transfer", "served", "--local", "-s", "probe"),
    )
    assert Ledger(ws.ledger_url).verify() == []
    assert _last(ws, pair, *MOVES) == serving
    assert _leftovers(ws) == []
    plan = _run(ws, tmp_path, "status", "served", "--json")
    assert json.loads(plan.stdout)["pairs"][0]["state"] != "retransferring"


def test_an_interrupted_monitor_goes_on_where_it_was(ws: Workspace, tmp_path: Path) -> None:
    pair = ws.pair("served").name
    _interrupt(ws, tmp_path, lambda: _last(ws, pair, "observed") is not None, "monitor", "served", "--local")
    ledger = Ledger(ws.ledger_url)
    assert ledger.verify() == []
    first = [row.payload["window"] for row in ledger.entries(pair, "decided")]
    assert first == list(WINDOWS[: len(first)])
    assert len(first) < len(WINDOWS)
    assert _leftovers(ws) == []
    again = _run(ws, tmp_path, "monitor", "served", "--local", "--json")
    assert again.returncode in (0, 4), again.stderr
    assert [seen["observation"]["window"] for seen in json.loads(again.stdout)["windows"]] == list(
        WINDOWS[len(first) :]
    )
    decided = [row.payload["window"] for row in Ledger(ws.ledger_url).entries(pair, "decided")]
    assert decided == list(WINDOWS)
    assert Ledger(ws.ledger_url).verify() == []


def _interrupt(ws: Workspace, tmp_path: Path, sign: Callable[[], bool], *arguments: str) -> None:
    """Start a command, wait for a sign of progress, press Ctrl-C, and check that it ends as it should."""
    command = [sys.executable, "-c", START, "-w", str(ws.root), *arguments]
    child = subprocess.Popen(
        command,
        env=_environ(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the signal reaches all it started, as a terminal's would, and not us
    )
    deadline = time.monotonic() + 120
    while not sign():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, out + err
    assert "Interrupted." in err
    assert "Traceback" not in out + err
    left = [path for path in (tmp_path / "tmp").iterdir() if not path.name.startswith("torchinductor")]
    assert left == []  # torch makes its own empty cache folder at will


def _run(ws: Workspace, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", START, "-w", str(ws.root), *arguments]
    return subprocess.run(command, env=_environ(tmp_path), capture_output=True, text=True, check=False, timeout=200)


def _environ(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a command whose temporary files are seen."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(tmp_path / "tmp")}


def _last(ws: Workspace, pair: str, *actions: str) -> Entry | None:
    return next((row for row in reversed(Ledger(ws.ledger_url).entries(pair)) if row.action in actions), None)


def _going_on(ws: Workspace, pair: str) -> list[Path]:
    """Return where an interrupted transfer left what it had done, for the same command to go on from."""
    return list(ws.work_dir.glob(f"transfer-{pair}-*"))


def _leftovers(ws: Workspace) -> list[Path]:
    """Return what should not outlive a command: folders of no interrupted transfer, files that were being written."""
    work = [path for path in ws.work_dir.glob("*") if not path.name.startswith("transfer-")]
    return work + [path for path in ws.root.rglob(".*") if re.fullmatch(r"\..+\.[a-z0-9_]{8}", path.name)]
