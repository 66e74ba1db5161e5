"""Alerts about what runs lepton rather than about a pair: a server that is gone, a scheduled run that is overdue.

They take the same channels, lie in the same file, and are rows of the same ledger: pair `stack/worker cpu`, which no
domain can be named, cause `gone`, `overdue` or `failed`. Prefect is not needed for any of it.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast, get_args

from lepton.core.decisions.alerts import ROWS, Standing, open_alerts
from lepton.core.decisions.vigil import Cause, Key, Word
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Alerted, Channel
from lepton.operations.monitor.alerts import link
from lepton.operations.session import Session

PREFIX = "stack/"
"""Of the pair's name in alerts about the machinery."""
MEANS = {
    "prefect server": "Nothing that is scheduled starts, and confirmed drift starts no retransfer.",
    "mlflow server": "Models cannot be registered or loaded by what runs on the stack.",
    "worker cpu": "No monitor, transfer or ingest starts on the stack.",
    "worker gpu": "No pretraining or retraining starts on the stack.",
    "monitor": "New windows are not judged: drift would go unseen.",
    "retrain": "The base and the targets are not adapted to what came since.",
}
"""What follows for who depends on it."""


def standing(ledger: Ledger) -> list[Standing]:
    """Return the open alerts about the machinery, in the order of opening."""
    return [one for one in open_alerts(ledger.entries(None, ROWS)) if one.pair.startswith(PREFIX)]


def open_keys(ledger: Ledger) -> set[Key]:
    """Return which alerts about the machinery are open."""
    found = standing(ledger)
    known = get_args(Cause)
    return {(one.pair.removeprefix(PREFIX), cast("Cause", one.cause)) for one in found if one.cause in known}


def tell(
    session: Session, word: Word, log: str | Path | None = None, pages: Mapping[str, str] | None = None
) -> Alerted:
    """Tell people that a part of the machinery is gone or back, and put it on record; return what went on record.

    Args:
        session: The workspace at work.
        word: What to tell.
        log: Where the part writes its log.
        pages: Servers that answer now, by name, where one may look closer.

    Raises:
        LeptonError: If the ledger cannot be written; people have been told then.
    """
    from lepton.monitoring.alerts import Alert, send
    from lepton.monitoring.outbox import forget, keep_unsent

    ws, look, now = session.ws, word.look, datetime.now(UTC)
    pair = f"{PREFIX}{look.subject}"
    title = f"{ws.config.name}: {look.subject} is {'well again' if word.kind == 'resolve' else look.cause}"
    title = title.replace("is failed", "has failed")
    links = {**({"log": link(session, str(log))} if log else {}), **(pages or {})}
    alert = Alert(
        pair,
        word.kind,
        look.cause,
        title,
        "\n".join([*_lines(session, word), *(f"{name}: {place}" for name, place in links.items())]),
        "info" if word.kind == "resolve" else "critical",
        now,
        window="",
        links=links,
    )
    urls = ws.config.alerts.channels("", "critical")  # who heard of the beginning hears of the end
    if word.kind == "resolve":
        forget(ws.outbox_dir, pair, look.cause)
    sent = send(alert, urls, ws.alerts_file)
    keep_unsent(ws.outbox_dir, alert, urls, sent[1:], now)
    channels = tuple(Channel(one.channel, one.ok, one.detail) for one in sent)
    told = Alerted(word.kind, title, look.cause, alert.severity, channels)
    session.ledger.record(session.actor, pair, told)
    return told


def _lines(session: Session, word: Word) -> list[str]:
    look, where = word.look, f"{session.ws.root} on {socket.gethostname()}"
    if word.kind == "resolve":
        return [f"{look.subject} is well again since {word.since:%Y-%m-%d %H:%M} UTC.", f"Where: {where}"]
    return [
        f"What: {look.why}",
        f"Since: {word.since:%Y-%m-%d %H:%M} UTC",
        *([f"What follows: {MEANS[look.subject]}"] if look.subject in MEANS else []),
        f"Where: {where}",
        "What to do: " + ("lepton status, then the run's log" if look.cause == "failed" else "lepton up"),
    ]
