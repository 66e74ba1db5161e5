"""What an alert says: the verdict in one line, then what somebody who was woken up asks, in that order.

What moved, since when, what it costs and how sure that is, what happens next, how to stop it, where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lepton.core.config.alerts import Severity
from lepton.core.decisions.memory import CRITICAL_COST, Decision, Kind
from lepton.core.decisions.observation import Observation
from lepton.core.decisions.refusals import Refusals
from lepton.monitoring.alerts import Alert

MOVED = 3
"""Columns that a message names: a phone shows some ten lines."""


@dataclass(frozen=True)
class Surroundings:
    """What a message says beside the window that it is about."""

    host: str = ""
    """Machine that the monitor ran on."""
    workspace: str = ""
    """Folder on it."""
    since: datetime | None = None
    """When the first window of the drift came."""
    measured: Observation | None = None
    """The last window whose labels are known."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Where to look closer: name to URL or path."""


NOWHERE = Surroundings()


def compose(seen: Observation, decision: Decision, target: str, around: Surroundings = NOWHERE) -> list[Alert]:
    """Return the alerts that a decision asks for: at most one of the contract and one of the drift.

    Args:
        seen: The window that was judged.
        decision: What the controller did about it.
        target: The pair's target domain, for the commands in the text.
        around: What else is known.
    """
    made = []
    if decision.breach is not None:
        made.append(_of_contract(seen, decision.breach, target, around))
    if decision.alert is not None:
        made.append(_of_drift(seen, decision, decision.alert, target, around))
    return made


def compose_refusal(
    pair: str, target: str, kind: Kind, refusals: Refusals, time: datetime, around: Surroundings = NOWHERE
) -> Alert:
    """Return what is said of deliveries that the contract refused, or of the first one that it did not again.

    Args:
        pair: Name of the pair.
        target: Its target.
        kind: What is said.
        refusals: The deliveries that were refused since one was taken in.
        time: Now.
        around: What else is known.
    """
    if kind == "resolve":
        title = f"{pair}: deliveries are taken in again"
        lines = ["The last one meets the contract.", "Nothing is to be done."]
        return _alert(pair, kind, "contract", title, lines, "info", time, "", around)
    last, n = refusals.refused[-1], len(refusals.refused)
    what = "a delivery was" if n == 1 else f"{n} deliveries in a row were"
    title = f"{pair}: {what} refused, so nothing new is watched"
    lines = [
        f"Refused: {last.name or last.delivery[:12]}" + (f", {last.rows:,} rows" if last.rows else ""),
        *(f"  {reason}" for reason in last.reasons[:MOVED]),
        *([f"  ... and {len(last.reasons) - MOVED} more"] if len(last.reasons) > MOVED else []),
        f"Since: {refusals.since:%Y-%m-%d %H:%M} UTC" if refusals.since else "",
        f"What happens next: nothing by itself; the model goes on, unwatched. Mend the file, then"
        f" lepton ingest {target} FILE; or edit contracts/{target}.yaml, if the rows are right",
        *_stop(target),
    ]
    return _alert(pair, kind, "contract", title, lines, refusals.severity, time, last.name, around)


def _of_contract(seen: Observation, kind: Kind, target: str, around: Surroundings) -> Alert:
    """Return what is said of a window that breaks the reference's schema, or of the first one that does not again."""
    severity: Severity
    if kind == "resolve":
        severity = "info"
        title = f"{seen.pair}: windows can be compared again"
        lines = [f"Window {seen.window} has the reference's columns.", "Nothing is to be done."]
    else:
        severity = "critical"
        title = f"{seen.pair}: schema breach in window {seen.window}"
        lines = [
            *seen.problems[:10],
            f"Window {seen.window}, {seen.rows} rows, is not judged: nobody knows how well {seen.champion} answers it.",
            f"What happens next: nothing by itself; mend the delivery, then lepton ingest {target} FILE",
            *_stop(target),
        ]
    return _alert(seen.pair, kind, "contract", title, lines, severity, seen.time, seen.window, around)


def _of_drift(seen: Observation, decision: Decision, kind: Kind, target: str, around: Surroundings) -> Alert:
    severity: Severity
    if kind == "resolve":
        severity = "info"
        title = f"{seen.pair}: resolved"
        lines = [f"Window {seen.window}: {decision.reason}.", "Nothing is to be done."]
    else:
        severity = "critical" if decision.harm != "unknown" and seen.cost >= CRITICAL_COST else "warning"
        title = _verdict(seen, decision)
        begun = f" of {around.since:%Y-%m-%d %H:%M} UTC" if around.since else ""
        lines = [
            f"What moved: {_moved(seen)}",
            f"Since: window {decision.state.since or seen.window}{begun}; now {seen.window}, {seen.rows} rows",
            f"Accuracy: {_accuracy(seen)}",
            f"Last measured: {_measured(seen, around, target)}",
            f"What happens next: {_next(decision, target)}",
            *_stop(target),
            f"Look closer: lepton status {target}",
        ]
    return _alert(seen.pair, kind, "drift", title, lines, severity, seen.time, seen.window, around)


def _alert(
    pair: str,
    kind: Kind,
    cause: str,
    title: str,
    lines: list[str],
    severity: Severity,
    time: datetime,
    window: str,
    around: Surroundings,
) -> Alert:
    """Return an alert; it has many arguments because all kinds of them are put together here."""
    places = f"Where: {around.host}:{around.workspace}" if around.workspace else ""
    links = [f"{name}: {place}" for name, place in around.links.items()]
    body = "\n".join(line for line in (*lines, places, *links) if line)
    cause_: Literal["drift", "contract"] = "drift" if cause == "drift" else "contract"
    return Alert(pair, kind, cause_, title, body, severity, time, window, around.links)


def _verdict(seen: Observation, decision: Decision) -> str:
    """Return the one line that a locked phone shows."""
    drift = f"{seen.aspect} drift {seen.score:.1f} times the threshold" if seen.score >= 1 else "no drift to be seen"
    if decision.harm == "unknown":
        return f"{seen.pair}: {drift}, and nobody knows what it costs"
    lost = f"{100 * seen.cost:.0f} points of accuracy lost"
    how = "on labels" if seen.measured_cost is not None else "by estimate"
    return f"{seen.pair}: {lost} {how}, {drift}" if seen.cost > 0 else f"{seen.pair}: {drift}"


def _moved(seen: Observation) -> str:
    """Return the columns that moved most, with their values before and now where they are known."""
    worst = [name for name, score in seen.columns.items() if score >= 1][:MOVED]
    told = []
    for name in worst:
        told.append(f"{name}{_values(seen, name)} ({seen.columns[name]:.1f})")
    return ", ".join(told) or (seen.aspect if seen.score >= 1 else "nothing that can be seen without labels")


def _values(seen: Observation, column: str) -> str:
    """Return what a column showed before and shows now: a mean, or the share of one of its categories."""
    if column in seen.moved:
        before, now = seen.moved[column]
        return f" {before:.4g} -> {now:.4g}"
    if column in seen.shares:
        which, before, now = seen.shares[column]
        return f" '{which}' {before:.0%} -> {now:.0%}"
    return ""


def _accuracy(seen: Observation) -> str:
    usual = "" if seen.expected_accuracy is None else f"; {seen.expected_accuracy:.3f} without drift"
    if seen.measured_cost is not None and seen.realised_accuracy is not None:
        span = _span(seen.measured_low, seen.measured_high)
        return f"{seen.realised_accuracy:.3f} on {seen.labelled} labels: {seen.measured_cost:.1%} lost{span}{usual}"
    if seen.estimated_accuracy is None:
        between = (
            ""
            if seen.estimated_low is None or seen.estimated_high is None
            else f", probably between {seen.estimated_low:.3f} and {seen.estimated_high:.3f}"
        )
        return f"not known{between}{usual}"
    span = _span(seen.estimated_low, seen.estimated_high)
    off = f"; earlier estimates were off by {seen.estimate_error:.1%}" if seen.estimate_error is not None else ""
    return f"about {seen.estimated_accuracy:.3f}{span}, by estimate{usual}: {seen.cost:.1%} lost{off}"


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"


def _measured(seen: Observation, around: Surroundings, target: str) -> str:
    last = seen if seen.realised_accuracy is not None else around.measured
    if last is None or last.realised_accuracy is None:
        return f"never; some sixty labels would tell: lepton ingest {target} LABELS.csv --labels"
    return f"{last.realised_accuracy:.3f} on {last.labelled} labels of {last.window}, {last.time:%Y-%m-%d}"


def _next(decision: Decision, target: str) -> str:
    if decision.action == "retransfer":
        return "a retransfer is started; a champion that fails its gate is not replaced"
    if decision.harm == "unknown" and decision.action == "alert" and decision.state.phase == "drifted":
        return f"nothing by itself; label some of these rows, then lepton ingest {target} LABELS.csv --labels"
    if decision.state.phase == "retransferring":
        return "the transfer that is running goes on"
    return decision.reason.rsplit("; ", 1)[-1]


def _stop(target: str) -> list[str]:
    """Return how to stop it: the messages, and the model."""
    return [
        f"I am on it: lepton ack {target}; quiet for a while: lepton snooze {target} --hours 8",
        f"Back to the model before: lepton rollback {target}",
    ]
