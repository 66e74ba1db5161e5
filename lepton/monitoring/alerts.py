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

from lepton.core.config.secrets import mask
from lepton.core.config.settings import Severity
from lepton.core.decisions.controller import CRITICAL_COST, Decision, Kind, Observation

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


def compose(
    observation: Observation, decision: Decision, target: str, links: Mapping[str, str] | None = None
) -> list[Alert]:
    """Return the alerts that a decision asks for: at most one of the contract and one of the drift.

    Args:
        observation: The window that was judged.
        decision: What the controller did about it.
        target: The pair's target domain, for the commands in the text.
        links: Where to look closer; the window's report is added.
    """
    found = dict(links or {})
    if observation.report:
        found.setdefault("report", observation.report)
    made = []
    if decision.breach is not None:
        made.append(_of_contract(observation, decision.breach, target))
    if decision.alert is not None:
        made.append(_of_drift(observation, decision, decision.alert, target, found))
    return made


def _of_contract(seen: Observation, kind: Kind, target: str) -> Alert:
    """Return what is said of a window that breaks the reference's schema, or of the first one that does not again."""
    if kind == "resolve":
        severity: Severity = "info"
        title = f"{seen.pair}: windows can be compared again"
        lines = [f"Window {seen.window} has the reference's columns.", "Nothing is to be done."]
    else:
        severity = "critical"
        title = f"{seen.pair}: schema breach in window {seen.window}"
        lines = [
            *seen.problems[:10],
            f"Window {seen.window}, {seen.rows} rows, is not judged: nobody knows how well {seen.champion} answers it.",
            f"What happens next: nothing by itself; mend the delivery, then lepton ingest {target} FILE",
        ]
    return Alert(seen.pair, kind, "contract", title, "\n".join(lines), severity, seen.time, seen.window)


def _of_drift(seen: Observation, decision: Decision, kind: Kind, target: str, found: dict[str, str]) -> Alert:
    if decision.alert == "resolve":
        title = f"{seen.pair}: resolved"
        severity: Severity = "info"
        lines = [f"Window {seen.window} is calm again: {decision.reason}.", "Nothing is to be done."]
    else:
        title = f"{seen.pair}: {seen.aspect} drift {seen.score:.1f} times the threshold"
        severity = "critical" if seen.cost >= CRITICAL_COST else "warning"
        worst = [f"{name} ({score:.1f})" for name, score in seen.columns.items() if score >= 1][:3]
        lines = [
            f"What moved: {seen.aspect}" + (f", most of all {', '.join(worst)}" if worst else ""),
            f"Since: window {decision.state.since or seen.window}; now {seen.window}, {seen.rows} rows",
            f"Estimated cost: {_cost(seen)}",
            f"What happens next: {_next(decision)}",
            f"Look closer: lepton status {target}",
        ]
    lines += [f"{name}: {place}" for name, place in found.items()]
    return Alert(seen.pair, kind, "drift", title, "\n".join(lines), severity, seen.time, seen.window, found)


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


def _cost(seen: Observation) -> str:
    if seen.realised_accuracy is not None and seen.expected_accuracy is not None:
        lost = seen.expected_accuracy - seen.realised_accuracy
        return f"{seen.cost:.1%} of accuracy; {lost:.1%} measured on the window's labels"
    if seen.estimated_accuracy is None:
        return "not known"
    return f"{seen.cost:.1%} of accuracy (about {seen.estimated_accuracy:.1%} now)"


def _next(decision: Decision) -> str:
    if decision.action == "retransfer":
        return "a retransfer is started; a champion that fails its gate is not replaced"
    if decision.state.phase == "retransferring":
        return "the transfer that is running goes on"
    return decision.reason.rsplit("; ", 1)[-1]
