"""Files that are whole or absent, and locks that go with whoever holds them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.errors import Busy, UsageError
from lepton.core.work.files import atomic_dir, atomic_file, atomic_write
from lepton.core.work.lock import alone, hold

HOLD = (
    "import sys, time; from pathlib import Path; from lepton.core.work.lock import hold\n"
    "with hold(Path(sys.argv[1]), shared=sys.argv[2] == 'shared'):\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


@contextmanager
def held(path: Path, how: str = "alone") -> Iterator[subprocess.Popen[str]]:
    """Let another process hold a lock for the block."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, path, how], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def umask() -> Iterator[None]:
    """Let the group write, and others see nothing."""
    before = os.umask(0o007)
    yield
    os.umask(before)


def test_who_may_read_a_new_file_is_what_the_umask_says(tmp_path: Path, umask: None) -> None:
    file = atomic_write(tmp_path / "new" / "a.json", "{}")
    with atomic_dir(tmp_path / "b") as folder:
        (folder / "c").write_text("c")
    assert [oct(path.stat().st_mode & 0o777) for path in (file, tmp_path / "b")] == ["0o660", "0o770"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", "old")
    with suppress(UsageError), atomic_file(tmp_path / "a") as temporary:
        temporary.write_text("new")
        raise UsageError("x")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_folder_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    with atomic_dir(tmp_path / "a") as folder:
        (folder / "x").touch()
    with suppress(UsageError), atomic_dir(tmp_path / "a") as folder:
        raise UsageError("x")
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["a", "a/x"]


def test_one_process_holds_a_lock_and_the_next_has_it_when_that_one_dies(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "a.lock"
    with held(path) as process:
        for shared in (False, True):
            with pytest.raises(Busy, match="Somebody else holds"), hold(path, seconds=0.1, shared=shared):
                pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with hold(path, seconds=5):
            assert path.read_text() == ""


def test_a_shared_lock_is_held_by_any_number_and_keeps_out_who_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with held(path, "shared"), hold(path, shared=True, seconds=0), pytest.raises(Busy), hold(path, seconds=0):
        pass


def test_a_verb_is_done_once_at_a_time_on_a_pair_but_on_others_meanwhile(tmp_path: Path) -> None:
    ws = Workspace(tmp_path)
    refused = pytest.raises(Busy, match="Another transfer of a-to-b is running already")
    with alone(ws, "transfer", "a-to-b"), alone(ws, "transfer", "a-to-c"), refused, alone(ws, "transfer", "a-to-b"):
        pass
    with alone(ws, "transfer", "a-to-b"):
        pass
