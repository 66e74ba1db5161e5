"""Surroundings that break under a command: a full disk, a folder nobody may write to, a held lock, a wrong clock."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path


class CannotMount(Exception):
    """This machine lets us mount nothing."""


@contextlib.contextmanager
def small_disk(folder: Path, spare_kilobytes: int) -> Iterator[None]:
    """Let what is in `folder` lie on a disk of its own, with so little space left; taken back to the old disk after.

    Raises:
        CannotMount: If we may not.
    """
    kept = folder.with_name(f"{folder.name}.kept")
    folder.rename(kept)
    folder.mkdir()
    used = int(subprocess.run(["du", "-sk", str(kept)], capture_output=True, text=True, check=True).stdout.split()[0])
    try:
        _mount("-t", "tmpfs", "-o", f"size={used + 4096}k", "lepton-test", str(folder))
        try:
            subprocess.run(["cp", "-a", f"{kept}/.", str(folder)], check=True)
            left = shutil.disk_usage(folder).free // 1024
            filling = folder / "somebody-elses-file"
            filling.write_bytes(b"\0" * max(0, left - spare_kilobytes) * 1024)
            yield
            filling.unlink()
            shutil.rmtree(kept)
            subprocess.run(["cp", "-a", str(folder), str(kept)], check=True)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=False)
    finally:
        folder.rmdir()
        kept.rename(folder)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write below `folder`, not even root.

    Raises:
        CannotMount: If we may not.
    """
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,ro,bind", str(folder))
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@contextlib.contextmanager
def locked(database: Path, seconds: float) -> Iterator[None]:
    """Hold an SQLite database for so long, in an exclusive transaction, from a thread of its own."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(database, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        held.set()
        done.wait(seconds)
        connection.execute("ROLLBACK")
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def impatient() -> None:
    """Let this process wait two seconds for MLflow instead of forty."""
    from lepton.registry.mlflow import vendor

    vendor.PATIENCE = 2.0


def clock_set_back() -> None:
    """Let this process take it to be a day earlier when it writes to the ledger."""
    from datetime import timedelta

    from lepton.core.ledger import ledger

    now = ledger._now
    ledger._now = lambda: now() - timedelta(days=1)


def _mount(*arguments: str) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CannotMount(str(error)) from None
    if done.returncode:
        raise CannotMount(done.stderr.strip())
