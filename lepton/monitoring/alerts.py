"""Alerts: one message when something that matters has changed, one when it is over.

Every alert becomes a line of a JSON file, whatever happens to the other channels; those are Apprise URLs. A URL holds
a secret as a rule, so none is ever shown: only its scheme is.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from lepton.core.config.alerts import Severity
from lepton.core.config.section import mask
from lepton.core.decisions.memory import Kind

Cause = Literal["drift", "contract", "gone", "overdue", "failed"]
"""The last three are of the machinery, not of a pair; see `lepton.core.decisions.vigil`."""

PATIENCE = 20.0
"""Seconds that a channel may take."""


@dataclass(frozen=True)
class Alert:
    """What is told to whom is on call."""

    pair: str
    kind: Kind
    cause: Cause
    title: str
    body: str
    severity: Severity
    time: datetime
    window: str
    links: Mapping[str, str] = field(default_factory=dict)
    """Where to look closer: name to URL or path."""


@dataclass(frozen=True)
class Delivery:
    """What became of an alert on one channel; never holds the channel's secret."""

    channel: str
    ok: bool
    detail: str


def send(alert: Alert, urls: Sequence[str], file: Path) -> list[Delivery]:
    """Append the alert to `file`, then notify every URL. Nothing is raised: failures are in what is returned."""
    return [_append(alert, file), *(notify(alert, url) for url in urls)]


def _append(alert: Alert, file: Path) -> Delivery:
    line = json.dumps({**asdict(alert), "time": alert.time.isoformat()}, ensure_ascii=False) + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, line.encode())  # one write in append mode: lines of two processes do not mix
        finally:
            os.close(handle)
    except OSError as error:
        return Delivery("file", False, f"{file}: {error.strerror or error}")
    return Delivery("file", True, str(file))


def notify(alert: Alert, url: str, seconds: float = PATIENCE) -> Delivery:
    """Send to one channel, or give up after some seconds: one that hangs must not hold up the monitor."""
    found: list[Delivery] = []
    thread = threading.Thread(target=lambda: found.append(_notify(alert, url)), daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] if found else Delivery(mask(url), False, f"no answer within {seconds:g} s")


def _notify(alert: Alert, url: str) -> Delivery:
    """Send to one channel. Apprise's own messages may quote the URL, so none of them is let through."""
    channel = mask(url)
    # For good: restored by one that hung, it would be open while another one sends.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import apprise

            kinds = {
                "info": apprise.NotifyType.SUCCESS if alert.kind == "resolve" else apprise.NotifyType.INFO,
                "warning": apprise.NotifyType.WARNING,
                "critical": apprise.NotifyType.FAILURE,
            }
            sender = apprise.Apprise()
            if not sender.add(url):
                return Delivery(channel, False, "not a URL that Apprise knows; see `alerts.urls` in lepton.yaml")
            sent = sender.notify(
                title=alert.title,
                body=alert.body,
                notify_type=kinds[alert.severity],
                body_format=apprise.NotifyFormat.TEXT,
            )
    except Exception as error:  # a channel may fail in any way; the monitor goes on
        return Delivery(channel, False, f"failed with {type(error).__name__}")
    return Delivery(channel, True, "delivered") if sent else Delivery(channel, False, "the channel did not take it")
