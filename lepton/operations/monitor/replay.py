"""Replay: what the monitor would have done over a history of deliveries. Nothing is stored, recorded or sent.

Files go through the target's contract, as they would at the door: what is refused there is never judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lepton.core.decisions.memory import Decision, Kind
from lepton.core.decisions.observation import Observation
from lepton.core.decisions.refusals import Refusals
from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger.rows import DeliveryRefused
from lepton.operations.monitor.judgement import Memory, judge
from lepton.operations.monitor.results import ReplayResult, WindowReplayed
from lepton.operations.monitor.watch import Watch
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.monitoring.window import Window


@dataclass(frozen=True)
class Stopped:
    """A delivery that the contract would not have let in."""

    name: str
    time: datetime
    rows: int
    reasons: tuple[str, ...]


def replay(session: Session, domain: str, deliveries: list[str], hours: float) -> ReplayResult:
    """Judge a history in order of time with the champion that serves now and the policy of `lepton.yaml`.

    A retransfer is decided but not made: the champion stays, so what comes after one is judged as if it had failed.
    Each window is looked at as the monitor looks at it, with what labels said of those before, and its own.

    Args:
        session: The workspace at work.
        domain: A target with a champion.
        deliveries: Files, folders, or names of batches, each a window; none: every window that waits to be judged.
        hours: Between two files, which do not say when they came; batches have the time of their ingestion.

    Raises:
        NotFound: If the target has no champion, or a delivery is neither a file nor a batch.
        LeptonError: If a window cannot be compared with the reference.
    """
    from lepton.monitoring.messages import compose, compose_refusal

    watch, refusals = Watch(session, domain), Refusals()
    deliveries_in_order = _in_order(watch, deliveries, hours)
    known = watch.history.before_any({name for name, _ in deliveries_in_order}, watch.ref.label)
    found: list[WindowReplayed] = []
    with TemporaryDirectory() as docs:  # the checks of a contract write pages; those of a trial are nobody's
        for (name, time), path in deliveries_in_order.items():
            if path is None:
                came: Window | Stopped = watch.window(watch.batches_of(name), time)
            else:
                came = _at_the_door(watch, path, time, Path(docs))
            if isinstance(came, Stopped):
                refused = (*refusals.refused, DeliveryRefused(name, name, came.reasons, came.rows))
                kind: Kind = "update" if refusals.refused else "open"
                refusals = Refusals(refused, refusals.since or time, is_open=True)
                decision = Decision("alert", f"refused by the contract: {came.reasons[0]}", known.state, breach=kind)
                alert = compose_refusal(watch.pair, domain, kind, refusals, time)
                found.append(WindowReplayed(_unseen(watch, came), decision, (alert,)))
            else:
                done = judge(partial(watch.look, came, known, None), partial(Memory, known.state), watch.policy)
                alerts = compose(done.observation, done.decision, domain)
                if refusals.refused:
                    alerts = [compose_refusal(watch.pair, domain, "resolve", refusals, time), *alerts]
                known, refusals = known.followed_by(done.observation, done.decision), Refusals()
                found.append(WindowReplayed(done.observation, done.decision, tuple(alerts)))
            session.progress(len(found), len(deliveries_in_order), name)
    return ReplayResult(tuple(found))


def _in_order(watch: Watch, deliveries: list[str], hours: float) -> Mapping[tuple[str, datetime], Path | None]:
    """Return what came, by name and time, in order of time; each with its file, None for what is stored already."""
    from lepton.data import readers
    from lepton.data.store import batches

    named = deliveries or list(watch.waiting)
    known, times, now = batches(watch.session.ws, watch.domain), watch.delivered_at(), datetime.now(UTC)
    start = now.replace(microsecond=0)
    found: dict[tuple[str, datetime], Path | None] = {}
    for place, name in enumerate(named):
        if name in known:
            found[name, times.get(name, now)] = None
            continue
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
        found[readers.stem(path), start + timedelta(hours=hours * place)] = path
    return dict(sorted(found.items(), key=lambda one: one[0][1]))


def _at_the_door(watch: Watch, path: Path, time: datetime, docs: Path) -> Window | Stopped:
    """Return one file as a window, or why `ingest` would refuse it: it cannot be read, or breaks the contract."""
    from lepton.contract.file import load_contract
    from lepton.contract.ingest import reading_of
    from lepton.contract.validate import check_kind, inspect
    from lepton.data import readers
    from lepton.monitoring.window import Rows, Window

    ws, name = watch.session.ws, readers.stem(path)
    contract = load_contract(ws, watch.domain)
    readers.check_path(path)  # what leads out of its folder is no delivery
    try:
        delivery = readers.read(path, reading_of(ws, contract, True))
        check_kind(delivery.table, contract, path.name)
    except LeptonError as error:
        return Stopped(name, time, 0, (error.what, *error.why.splitlines()))
    table = delivery.identified(name)
    found = inspect([table], contract, ws, delivery=path.name, has_labels=delivery.has_labels, docs=docs)
    if not found.result.passed:
        return Stopped(name, time, len(table), tuple(found.result.lines()))
    kept = Rows(table.take(found.kept))
    return Window(name, time, lambda: kept)


def _unseen(watch: Watch, came: Stopped) -> Observation:
    """Return what is seen of a delivery that was refused: nothing but why."""
    facts = Observation(watch.pair, came.name, f"refused {came.name}", watch.ref.label, came.time, came.rows)
    return replace(facts, verdict="refused", problems=came.reasons)
