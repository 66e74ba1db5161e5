"""Alerts that a channel did not take: kept in files and sent again later, less and less often.

A file holds the alert and a digest of the channel's URL, never the URL: it is a secret. A channel that is no longer
configured gets nothing more, and what could not be told for two days is old news.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from lepton.core.config.secrets import mask
from lepton.core.work.files import atomic_write
from lepton.monitoring.alerts import Alert, Delivery, notify

FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
"""Until the first repetition, doubled each time, and at most."""
KEPT = timedelta(days=2)


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
        waiting = {
            "alert": _plain(alert),
            "channel": _digest(url),
            "shown": mask(url),
            "since": now.isoformat(),
            "attempts": 1,
            "next": (now + FIRST).isoformat(),
        }
        # Told again after a kill, it is the same file.
        name = _digest(json.dumps(waiting["alert"], sort_keys=True) + url)
        with suppress(OSError):  # a full disk must not keep the alert off the record
            atomic_write(folder / f"{name}.json", json.dumps(waiting))
    return len(failed)


def forget(folder: Path, pair: str, cause: str) -> None:
    """Drop what waits of an alert that is over: told after its end, it would look open."""
    for path, waiting in _read(folder):
        if (waiting["alert"].pair, waiting["alert"].cause) == (pair, cause):
            path.unlink(missing_ok=True)


def send_again(folder: Path, urls: Sequence[str], now: datetime) -> list[Delivery]:
    """Send what is due; return what became of each. Nothing is raised.

    A channel that fails is asked once a run, so that one that hangs costs its time limit and no more.

    Args:
        folder: As above.
        urls: All channels that are configured.
        now: The time.
    """
    known, found, failed = {_digest(url): url for url in urls}, [], set()
    for path, waiting in _read(folder):
        url = known.get(waiting["channel"])
        if url in failed:
            continue
        if url is None or now - datetime.fromisoformat(waiting["since"]) > KEPT:
            path.unlink(missing_ok=True)
        elif now >= datetime.fromisoformat(waiting["next"]):
            alert: Alert = waiting["alert"]
            delivery = notify(alert, url)
            found.append(delivery)
            if delivery.ok:
                path.unlink(missing_ok=True)
                continue
            failed.add(url)
            pause = min(FIRST * 2 ** waiting["attempts"], LONGEST)
            again = {
                **waiting,
                "alert": _plain(alert),
                "attempts": waiting["attempts"] + 1,
                "next": (now + pause).isoformat(),
            }
            with suppress(OSError):
                atomic_write(path, json.dumps(again))
    return found


def unsent(folder: Path) -> list[dict[str, Any]]:
    """Return what waits: `shown` (the channel without its secret), `title`, `since`, `attempts`."""
    return [
        {"shown": w["shown"], "title": w["alert"].title, "since": w["since"], "attempts": w["attempts"]}
        for _, w in _read(folder)
    ]


def _read(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the files that hold a waiting alert, the oldest first; a damaged one is removed."""
    found: list[tuple[Path, dict[str, Any]]] = []
    for path in folder.glob("*.json") if folder.is_dir() else []:
        try:
            waiting = json.loads(path.read_text(encoding="utf-8"))
            datetime.fromisoformat(waiting["next"])
            datetime.fromisoformat(waiting["since"])
            alert = Alert(**{**waiting["alert"], "time": datetime.fromisoformat(waiting["alert"]["time"])})
            found.append((path, {**{name: waiting[name] for name in NEEDED}, "alert": alert}))
        except OSError:
            continue  # it may be read next time
        except (ValueError, KeyError, TypeError):
            path.unlink(missing_ok=True)
    return sorted(found, key=lambda pair: str(pair[1]["since"]))


NEEDED = ("channel", "shown", "since", "attempts", "next")


def _plain(alert: Alert) -> dict[str, Any]:
    return {**asdict(alert), "time": alert.time.isoformat(), "links": dict(alert.links)}


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
