"""Bytes from elsewhere into a file, a chunk at a time: never more than is allowed, and never less than was promised."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError
from lepton.data.readers.limits import check_size

CHUNK = 4 << 20
"""Bytes at a time; of a store, each is a question of its own."""


def pour(
    read: Callable[[int], bytes],
    goal: Path,
    source: str,
    limits: LimitsConfig,
    stated: int | None = None,
    before: int = 0,
) -> int:
    """Write what `read` returns to a new file, until it returns nothing.

    Args:
        read: Returns at most so many bytes, and none at the end; its own errors are left to the caller.
        goal: The file.
        source: What it is called in messages.
        limits: How many bytes there may be.
        stated: How many there will be, if that was said: asked of before the first byte is taken.
        before: Bytes of the same delivery that came before this file.

    Returns:
        Bytes written.

    Raises:
        LeptonError: If there are more than `limits.max_bytes`, fewer than stated, or more than the disk holds.
    """
    if stated is not None:
        check_size(source, before + stated, limits)
        if stated > shutil.disk_usage(goal.parent).free:
            raise _full(source, goal)
    count = 0
    try:
        with goal.open("xb") as file:
            while chunk := read(CHUNK):
                count += len(chunk)
                check_size(source, before + count, limits)
                file.write(chunk)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _full(source, goal) from None
        raise
    if stated is not None and count != stated:
        raise cut_off(source, f"{count:,} of {stated:,} bytes came.")
    return count


def cut_off(source: str, why: str) -> LeptonError:
    """Return the error for a transfer that ended too early; nothing of it is kept."""
    return LeptonError(f"{source} was cut off.", why=f"{why} Nothing was kept.", fix=["repeat the command"])


def _full(source: str, goal: Path) -> LeptonError:
    return LeptonError(
        f"{source} does not fit on the disk.",
        why=f"It is kept below {goal.parent.parent} while it is looked at, where too little is free.",
        fix=["free some space there", "set TMPDIR to a folder on a larger disk"],
    )
