"""Logs of the stack's processes: what was written earlier is kept, up to a number of files, each up to a size.

A process that starts finds an empty log (`rotate`). One that is well runs for months: its log is copied away and cut
off under its hands (`shorten`), which works because it writes at the end of the file, wherever that is (O_APPEND).
"""

from __future__ import annotations

import shutil
from pathlib import Path

KEPT = 5
"""Earlier logs of a process that are kept: NAME.1.log is the last one."""
MOST_BYTES = 20_000_000
"""Of a log that is written to; some weeks of a busy server."""


def rotate(log: Path, keep: int = KEPT) -> None:
    """Move what stands in a log out of the way: NAME.log becomes NAME.1.log, that NAME.2.log; the oldest goes.

    Args:
        log: The file; its folder is made if it is not there. An empty one, or none, moves nothing.
        keep: How many earlier ones are kept.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if not log.exists() or not log.stat().st_size:
        return
    _make_room(log, keep)
    log.replace(earlier(log, 1))


def shorten(log: Path, most: int = MOST_BYTES, keep: int = KEPT) -> bool:
    """Copy a log that has grown too long to NAME.1.log and empty it, while its process goes on writing to it.

    What is written in the instant between the end of the copy and the cut is lost.

    Args:
        log: The file; its writers append to it.
        most: Bytes that it may hold.
        keep: How many earlier ones are kept.

    Returns:
        Whether it was too long.

    Raises:
        OSError: If it cannot be copied; it is left as it is then.
    """
    if not log.exists() or log.stat().st_size <= most:
        return False
    copy = log.with_name(f"{log.name}.copy")
    try:
        shutil.copyfile(log, copy)
        with log.open("rb+") as writing, copy.open("ab") as kept:
            writing.seek(kept.tell())
            shutil.copyfileobj(writing, kept)  # what was written while it was copied
            writing.truncate(0)
        _make_room(log, keep)
        copy.replace(earlier(log, 1))
    finally:
        copy.unlink(missing_ok=True)
    return True


def _make_room(log: Path, keep: int) -> None:
    for number in range(keep - 1, 0, -1):
        if earlier(log, number).exists():
            earlier(log, number).replace(earlier(log, number + 1))


def earlier(log: Path, number: int) -> Path:
    """Return where the log before, or the one so many processes before, is kept."""
    return log.with_name(f"{log.stem}.{number}{log.suffix}")


def tail(log: str, lines: int = 8) -> str:
    """Return the end of a log with its name, nothing if it cannot be read."""
    try:
        text = Path(log).read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return ""
    return "\n".join([f"The end of {log}:", *text])
