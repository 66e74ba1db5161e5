"""The dead man's switch: an address that hears of every round of the monitor, and cries out when it hears nothing.

The watchdog and the alerts run on this machine; whoever waits for the pings does not, so that the end of the machine is
noticed, too. Made for healthchecks.io and what speaks like it: the address itself for a round that went well, with
`/fail` behind it for one that did not.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

from lepton.core.config.section import mask

ATTEMPTS = 3
PATIENCE = 5.0
"""Seconds that the address may take to answer."""


@dataclass
class Round:
    """A round of the monitor; what goes wrong without ending it is noted here."""

    trouble: str = ""


@contextmanager
def reported(url: str | None, tell: Callable[[str], None]) -> Iterator[Round]:
    """Let an address know how the block ended; what the block raises is let through, what the ping meets is not raised.

    Args:
        url: Whom to ping; None for nobody.
        tell: Told if the ping did not get through; never the address itself, which is a secret.
    """
    found = Round()
    try:
        yield found
    except BaseException as error:
        _report(url, tell, type(error).__name__)
        raise
    _report(url, tell, found.trouble)


def ping(url: str, trouble: str = "", pause: float = 1.0) -> bool:
    """Say that a round has ended; return whether that was heard. Nothing is raised.

    Args:
        url: Whom to ping.
        trouble: What went wrong, in a line; nothing if all went well.
        pause: Seconds before it is tried again.
    """
    goal = failing(url) if trouble else url
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pause * attempt)
        try:
            with urllib.request.urlopen(goal, data=trouble.encode(), timeout=PATIENCE):
                return True
        except (OSError, HTTPException, ValueError):
            continue
    return False


def failing(url: str) -> str:
    """Return the address that hears of failures."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/fail").geturl()


def _report(url: str | None, tell: Callable[[str], None], trouble: str) -> None:
    if url is not None and not ping(url, trouble):
        tell(f"monitor.ping_url ({mask(url)}) was not reached: it does not know that this round has ended.")
