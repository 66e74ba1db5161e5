"""Replay: what the monitor would have done over a history of deliveries. Nothing is stored, recorded or sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.errors import NotFound
from lepton.operations.monitor.judgement import judge_all
from lepton.operations.monitor.results import ReplayResult, WindowReplayed
from lepton.operations.monitor.watch import Watch
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.monitoring.window import Rows, Window


def replay(session: Session, domain: str, deliveries: list[str], hours: float) -> ReplayResult:
    """Judge a history in order of time with the champion that serves now and the policy of `lepton.yaml`.

    A retransfer is decided but not made: the champion stays, so what comes after one is judged as if it had failed.

    Args:
        session: The workspace at work.
        domain: A target with a champion.
        deliveries: Files, folders, or names of batches, each a window; none: every window that waits to be judged.
        hours: Between two files, which do not say when they came; batches have the time of their ingestion.

    Raises:
        NotFound: If the target has no champion, or a delivery is neither a file nor a batch.
        LeptonError: If a file cannot be read.
    """
    from lepton.monitoring.alerts import compose

    watch = Watch(session, domain)
    history = _stored(watch, deliveries, hours)
    found: list[WindowReplayed] = []
    for done in judge_all(watch.baseline, history):
        alerts = tuple(compose(done.observation, done.decision, domain))
        found.append(WindowReplayed(done.observation, done.decision, alerts))
        session.progress(len(found), len(history), done.observation.window)
    return ReplayResult(tuple(found))


def _stored(watch: Watch, deliveries: list[str], hours: float) -> list[Window]:
    """Return the windows of a history in order of time."""
    from lepton.data.store import batches

    named = {name: (name,) for name in deliveries} if deliveries else watch.waiting
    known, times, now = batches(watch.session.ws, watch.domain), watch.delivered_at(), datetime.now(UTC)
    start = now.replace(microsecond=0)
    windows = [
        watch.window(names, times.get(names[0], now))
        if names[0] in known
        else _from_file(watch, names[0], start + timedelta(hours=hours * place), known)
        for place, names in enumerate(named.values())
    ]
    return sorted(windows, key=lambda window: window.time)


def _from_file(watch: Watch, name: str, time: datetime, known: list[str]) -> Window:
    """Return one file as a window, to be read as the target's contract says."""
    from lepton.data import readers
    from lepton.monitoring.window import Window

    path = Path(name)
    if not path.exists():
        raise NotFound(
            f"{name!r} is neither a file nor a batch of {watch.domain!r}.",
            why=f"Its last batches: {', '.join(known[-8:]) or 'none'}.",
            fix=[
                f"lepton replay {watch.domain} FILE ...",
                f"lepton replay {watch.domain}  (every batch since the last transfer)",
            ],
        )
    return Window(readers.stem(path), time, partial(_read, watch, path))


def _read(watch: Watch, path: Path) -> Rows:
    from lepton.contract.ingest import reading_of
    from lepton.contract.spec import load_contract
    from lepton.data import readers
    from lepton.monitoring.window import Rows

    ws = watch.session.ws
    table = readers.read(path, reading_of(ws, load_contract(ws, watch.domain), True))
    return Rows(table.identified(readers.stem(path)))
