"""The log of a process that runs for months stays short, while it goes on writing."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from lepton.cli.stack import logs, watchdog
from lepton.cli.stack.logs import earlier, shorten
from lepton.cli.stack.processes import start, stop
from lepton.core.config.addresses import Stack
from lepton.core.config.workspace import Workspace
from lepton.core.work.lock import hold

WRITER = """import sys, time
for k in range(100000):
    print(f"line {k:06d}", flush=True)
    time.sleep(0.002)
"""


def wait_for_size(log: Path, size: int) -> None:
    deadline = time.monotonic() + 20
    while log.stat().st_size < size:
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_log_that_is_written_to_is_cut_off_and_goes_on_from_its_begin(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    writer = start("part", [sys.executable, "-c", WRITER], environ=dict(os.environ), log=log, cwd=tmp_path)
    try:
        wait_for_size(log, 1200)
        assert not shorten(log, most=1_000_000)
        assert shorten(log, most=1000)
        wait_for_size(log, 600)
    finally:
        stop([writer])
    assert b"\0" not in log.read_bytes()  # written at the end, not at where it would have been
    lines = (earlier(log, 1).read_text() + log.read_text()).split("\n")[:-1]
    numbers = [int(line.removeprefix("line ")) for line in lines]
    assert numbers == sorted(numbers)
    assert len(numbers) >= numbers[-1] - 3  # a line or two, written in the instant of the cut
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.1.log", "part.log"]


def test_earlier_logs_move_on_and_the_oldest_goes(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    for number in range(5):
        log.write_text(f"{number}" * 20)
        assert shorten(log, most=10, keep=3)
        assert log.read_text() == ""
    assert [earlier(log, k).read_text()[0] for k in (1, 2, 3)] == ["4", "3", "2"]
    assert not earlier(log, 4).exists()
    assert not shorten(tmp_path / "none.log")


def test_a_log_that_cannot_be_copied_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    log = tmp_path / "part.log"
    log.write_text("long enough")
    monkeypatch.setattr(logs.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        shorten(log, most=3)
    assert log.read_text() == "long enough"
    assert [path.name for path in tmp_path.iterdir()] == ["part.log"]


def test_the_watchdog_keeps_the_logs_short_unless_up_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lepton.yaml").write_text("name: night\nkind: tabular\nsource: plant-1\n")
    ws, log = Workspace(tmp_path), tmp_path / "prefect.log"
    log.write_text("long enough")
    monkeypatch.setattr(watchdog, "shorten", lambda path: shorten(path, most=3))
    service = {"name": "prefect server", "pid": 1, "started": 0.0, "url": None, "log": str(log)}
    stack = Stack("http://127.0.0.1:9", "http://127.0.0.1:9", (service,))
    with hold(ws.state_dir / "locks" / "stack.lock"):
        watchdog.shorten_logs(ws, stack)
    assert log.read_text() == "long enough"
    watchdog.shorten_logs(ws, stack)
    assert (log.read_text(), earlier(log, 1).read_text()) == ("", "long enough")
