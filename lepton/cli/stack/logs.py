"""Logs of the stack's processes: what an earlier process wrote is kept, up to a number of files."""

from __future__ import annotations

from pathlib import Path

KEPT = 5
"""Earlier logs of a process that are kept: NAME.1.log is the last one."""


def rotate(log: Path, keep: int = KEPT) -> None:
    """Move what stands in a log out of the way: NAME.log becomes NAME.1.log, that NAME.2.log; the oldest goes.

    Args:
        log: The file; its folder is made if it is not there. An empty one, or none, moves nothing.
        keep: How many earlier ones are kept.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if not log.exists() or not log.stat().st_size:
        return
    for number in range(keep - 1, 0, -1):
        if earlier(log, number).exists():
            earlier(log, number).replace(earlier(log, number + 1))
    log.replace(earlier(log, 1))


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
