"""Alerts that a channel did not take: kept in files and sent again later, less and less often.

A file holds the alert and a digest of the channel's URL, never the URL: it is a secret. A channel that is no longer
configured gets nothing more, and what could not be told for two days is old news.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from lepton.core.config.section import mask
from lepton.core.work.files import atomic_write
from lepton.monitoring.alerts import Alert, Delivery, notify

FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
"""Until the first repetition, doubled each time, and at most."""
KEPT = timedelta(days=2)


@dataclass(frozen=True)
class Unsent:
    """An alert that waits for one channel."""

    alert: Alert
    channel: str
    """Digest of the channel's URL."""
    shown: str
    """The channel without its secret."""
    since: datetime
    attempts: int
    next: datetime
    """When it is sent again."""

    @property
    def name(self) -> str:
        """The file's name: told again after a kill, it is the same file."""
        return f"{_digest(json.dumps(_plain(self.alert), sort_keys=True) + self.channel)}.json"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        times = {"since": self.since.isoformat(), "next": self.next.isoformat()}
        return {**asdict(self), "alert": _plain(self.alert), **times}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Unsent:
        """Read what `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: If it is something else.
        """
        alert = Alert(**{**value["alert"], "time": datetime.fromisoformat(value["alert"]["time"])})
        since, again = (datetime.fromisoformat(value[name]) for name in ("since", "next"))
        return cls(alert, value["channel"], value["shown"], since, value["attempts"], again)


def keep_unsent(folder: Path, alert: Alert, urls: Sequence[str], sent: Sequence[Delivery], now: datetime) -> int:
    """Keep an alert for every channel that did not take it; return how many those are.

    Args:
        folder: Made if need be.
        alert: The alert.
        urls: Where it went.
        sent: What became of it at each.
        now: The time.
    """
    failed = [url for url, delivery in zip(urls, sent, strict=True) if not delivery.ok]
    for url in failed:
        waiting = Unsent(alert, _digest(url), mask(url), now, 1, now + FIRST)
        _write(folder / waiting.name, waiting)
    return len(failed)


def forget(folder: Path, pair: str, cause: str) -> None:
    """Drop what waits of an alert that is over: told after its end, it would look open."""
    for path, waiting in _read(folder):
        if (waiting.alert.pair, waiting.alert.cause) == (pair, cause):
            path.unlink(missing_ok=True)


def send_again(folder: Path, urls: Sequence[str], now: datetime) -> list[Delivery]:
    """Send what is due; return what became of each. Nothing is raised.

    A channel that fails is asked once a run, so that one that hangs costs its time limit and no more.

    Args:
        folder: As above.
        urls: All channels that are configured.
        now: The time.
    """
    known, found, failed = {_digest(url): url for url in urls}, list[Delivery](), set[str]()
    for path, waiting in _read(folder):
        url = known.get(waiting.channel)
        if url in failed:
            continue
        if url is None or now - waiting.since > KEPT:
            path.unlink(missing_ok=True)
        elif now >= waiting.next:
            delivery = notify(waiting.alert, url)
            found.append(delivery)
            if delivery.ok:
                path.unlink(missing_ok=True)
                continue
            failed.add(url)
            pause = min(FIRST * 2**waiting.attempts, LONGEST)
            _write(path, replace(waiting, attempts=waiting.attempts + 1, next=now + pause))
    return found


def unsent(folder: Path) -> list[Unsent]:
    """Return what waits, the oldest first."""
    return [waiting for _, waiting in _read(folder)]


def _write(path: Path, waiting: Unsent) -> None:
    with suppress(OSError):  # a full disk must not keep the alert off the record
        atomic_write(path, json.dumps(waiting.to_json()))


def _read(folder: Path) -> list[tuple[Path, Unsent]]:
    """Return the files that hold a waiting alert, the oldest first; a damaged one is removed."""
    found: list[tuple[Path, Unsent]] = []
    for path in folder.glob("*.json") if folder.is_dir() else []:
        try:
            found.append((path, Unsent.from_json(json.loads(path.read_text(encoding="utf-8")))))
        except OSError:
            continue  # it may be read next time
        except (ValueError, KeyError, TypeError):
            path.unlink(missing_ok=True)
    return sorted(found, key=lambda pair: pair[1].since)


def _plain(alert: Alert) -> dict[str, Any]:
    return {**asdict(alert), "time": alert.time.isoformat(), "links": dict(alert.links)}


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
