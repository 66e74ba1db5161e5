"""The work behind the steps of the monitor: which windows wait, and one of them judged and decided about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton.core.decisions.controller import Decision, Observation, State, decide
from lepton.core.decisions.windows import Arrived, group
from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger import DECIDED, INGESTED, MEASURED, OBSERVED, Action, Entry, Ledger
from lepton.core.work.faults import reached
from lepton.core.work.lease import running_transfer
from lepton.operations.events import drift_confirmed
from lepton.operations.monitor.messages import tell
from lepton.operations.regime import refusals_in_a_row
from lepton.operations.session import Loaded, Session, rows_of

MOST_ROWS = 20_000
"""Rows of a window, and of a reference, that are answered by the champion; larger ones are read as a stream."""

if TYPE_CHECKING:
    from lepton.core.table import Table
    from lepton.data.sampling import Sampled
    from lepton.monitoring.answers import Judged
    from lepton.monitoring.window import Extent


def new_windows(session: Session, domain: str, window: str | None) -> list[str]:
    """Return the batches that came after those the champion was adapted to and were not judged against it yet.

    Raises:
        NotFound: If one window is asked for and it does not exist.
    """
    from lepton.data.store import batches as delivered

    known = delivered(session.ws, domain)
    if window is not None:
        if window not in known:
            raise NotFound(
                f"Domain {domain!r} has no batch {window!r}.",
                why=f"Its last batches: {', '.join(known[-8:]) or 'none'}.",
                fix=[f"lepton ingest {domain} FILE --name {window}"],
            )
        return [window]
    return list(waiting(session, domain))


def waiting(session: Session, domain: str) -> dict[str, tuple[str, ...]]:
    """Return the windows that are complete and not judged yet, by name, each with its batches."""

    from lepton.data.store import batches as delivered
    from lepton.data.store import counts

    known, champion, ledger = delivered(session.ws, domain), session.champion_of(domain), session.ledger
    learnt = session.lineage(champion).data["train"].batches
    later = known[max((known.index(batch) for batch in learnt if batch in known), default=-1) + 1 :]
    decided = ledger.entries(session.ws.pair(domain).name, DECIDED)
    judged = {
        batch
        for row in decided
        if row.payload["state"]["champion"] == champion.label
        for batch in row.payload.get("batches") or [row.payload["window"]]
    }
    left, config = [batch for batch in later if batch not in judged], session.ws.config.monitor_for(domain)
    if config.window_rows is None and config.window_hours is None:
        return {batch: (batch,) for batch in left}
    now, times = datetime.now(UTC), delivered_at(session, domain)
    arrived = [Arrived(batch, counts(session.ws, domain, [batch])[0], times.get(batch, now)) for batch in left]
    return group(arrived, config.window_rows, config.window_hours, now)


def delivered_at(session: Session, domain: str) -> dict[str, datetime]:
    """Return when each batch of a target was taken in."""
    rows = session.ledger.entries(session.ws.pair(domain).name, INGESTED)
    return {row.payload["batch"]: row.at for row in rows}


def judge_window(
    session: Session,
    domain: str,
    window: str,
    dry_run: bool,
    before: dict[str, Any] | None = None,
    past: datetime | None = None,
) -> dict[str, Any]:
    """Judge one window: observe, decide, record, then tell.

    A window that is not new (judged before, or older than the champion) is shown, but changes nothing.
    What a killed monitor saw and did not decide about is decided about now, and not looked at again. The ledger is
    written before anybody is told; what a crash keeps from being told, `finish_telling` tells later. Of a window of
    the past, when it came is the controller's clock, and nobody is told: `tell_outcome` does it for all of them.
    """
    from lepton.monitoring.report import add_decision
    from lepton.monitoring.window import policy_of

    pair, champion = session.ws.pair(domain), session.load_champion(domain)
    reached("monitor.loaded")
    report = session.ws.reports_dir / "windows" / domain / f"{window}.v{champion.ref.version}.html"
    ledger = session.ledger
    last, before_us = ledger.last(pair.name, DECIDED), ledger.last(pair.name, OBSERVED)
    undecided = _undecided(ledger, pair.name, window, champion.ref.label)
    new = waiting(session, domain)
    batches = new.get(window, (window,))
    seen = undecided or _observed(
        session, domain, batches, champion, None if dry_run else report, past or datetime.now(UTC)
    )
    reached("monitor.judged")
    remembered = before or (last.payload["state"] if last else None)
    state = State.from_json(remembered) if remembered else State()
    config = session.ws.config.monitor_for(domain)
    running = running_transfer(ledger, pair.name, datetime.now(UTC))
    decision = decide(state, seen, policy_of(config), running, refusals_in_a_row(ledger, pair.name))
    links = {"report": report.as_uri()} if report.exists() else {}
    is_new = window in new
    if not is_new:
        decision = Decision("none", f"{window} is no new window; shown, not recorded", state)
    if is_new and not dry_run:
        if undecided is None:
            _append(session, pair.name, OBSERVED, seen.to_json(), before_us)
            reached("monitor.observed")
        _append(session, pair.name, DECIDED, {**decision.to_json(), "window": window, "batches": list(batches)}, last)
        reached("monitor.decided")
        add_decision(report, decision)
        if past is None:
            tell(session, domain, seen, decision, links)
        reached("monitor.told")
        if past is None and decision.action == "retransfer":
            session.runtime.emit(drift_confirmed(pair.name, domain, seen.to_json(), decision.reason))
            reached("monitor.announced")
    return {"domain": domain, "observation": seen.to_json(), "decision": decision.to_json(), "links": links}


def _observed(
    session: Session, domain: str, batches: Sequence[str], champion: Loaded, report: Path | None, now: datetime
) -> Observation:
    from lepton.data.sampling import sample
    from lepton.monitoring.accuracy import past_error
    from lepton.monitoring.aspects import schema_problems
    from lepton.monitoring.window import breach, observe

    rows, reference = (
        sample(session.ws, domain, batches, MOST_ROWS, session.ws.config.seed),
        reference_of(session, domain, champion),
    )
    pair_name, window = session.ws.pair(domain).name, batches[0]
    if problems := schema_problems(reference.table, rows.table):  # the champion could not even answer
        return breach(pair_name, window, rows.rows, rows.digest, champion.ref.label, now, problems)
    found = observe(
        pair_name,
        window,
        reference,
        answered(champion, rows.table),
        champion.ref.label,
        session.ws.config.monitor_for(domain),
        time=now,
        extent=None if rows.whole else _extent(session, domain, champion, rows),
        cache_dir=session.ws.cache_dir / "calibration",
        report_path=report,
        seed=session.ws.config.seed,
        answer=partial(answered, champion),
        estimate_error=past_error(_observed_earlier(session.ledger, pair_name, window, champion.ref.label)),
    ).observation
    return replace(found, batches=tuple(batches) if len(batches) > 1 else ())


def _extent(session: Session, domain: str, champion: Loaded, window: Sampled) -> Extent:
    """Return what is known of all rows of a window, beside the same of the reference."""

    from lepton.data.sampling import moments
    from lepton.monitoring.window import Extent, Moved

    usual = moments(
        session.ws, domain, session.lineage(champion.ref).data["train"].batches, session.ws.cache_dir / "moments"
    )
    moved = {
        name: Moved(
            mean=(usual[name].mean, now.mean),
            missing=(usual[name].missing / usual[name].rows, now.missing / now.rows),
            infinite=(usual[name].infinite / usual[name].rows, now.infinite / now.rows),
        )
        for name, now in window.moments.items()
        if name in usual
    }
    return Extent(window.rows, window.digest, moved)


def _observed_earlier(ledger: Ledger, pair_name: str, window: str, champion: str) -> list[Observation]:
    """Return what was seen of the pair before this window, with the labels that came since."""
    earlier: dict[tuple[str, str], Observation] = {}
    for row in ledger.entries(pair_name, (OBSERVED, MEASURED)):
        key = (row.payload["window"], row.payload["champion"])
        if key == (window, champion):
            break
        if row.action == OBSERVED:
            earlier[key] = Observation.from_json(row.payload)
        elif key in earlier:
            earlier[key] = earlier[key].with_labels(row.payload)
    return list(earlier.values())


def _undecided(ledger: Ledger, pair_name: str, window: str, champion: str) -> Observation | None:
    """Return what a killed monitor saw of a window and had no time to decide about."""
    row = ledger.last(pair_name, (OBSERVED, DECIDED))
    if row is None or row.action != OBSERVED:
        return None
    seen = Observation.from_json(row.payload)
    return seen if (seen.window, seen.champion) == (window, champion) else None


def _append(session: Session, pair_name: str, action: Action, payload: dict[str, Any], before: Entry | None) -> None:
    """Write a row after the one of its kind that we saw; of two monitors at once, one is told to look again."""
    expected = before.seq if before else 0
    session.ledger.append(session.actor, pair_name, action, payload, expect_seq=expected, expect_of=[action])


def reference_of(session: Session, domain: str, champion: Loaded) -> Judged:
    """Return the rows like those the champion was adapted to, with its answers; fitted rows are marked as such."""
    import numpy as np

    from lepton.data.sampling import sample

    batches = session.lineage(champion.ref).data["train"].batches
    try:
        table = sample(session.ws, domain, batches, MOST_ROWS, session.ws.config.seed).table
    except NotFound as error:
        raise LeptonError(
            f"The rows that {champion.ref.label} was adapted to are not all there, to be compared with.",
            why=str(error),
            fix=[
                "lepton data checkout  (brings back lost files)",
                f"lepton transfer {domain}  (adapts to what is there)",
            ],
        ) from None
    fitted = set(rows_of(champion.folder)["train"])
    return answered(champion, table, np.array([row_id in fitted for row_id in table.ids], dtype=bool))


def answered(champion: Loaded, table: Table, fitted: Any = None) -> Judged:
    """Return rows together with the champion's probabilities and embeddings."""
    from lepton.monitoring.answers import Judged

    features = champion.model.features(table)
    return Judged(
        table=table,
        probabilities=champion.model.probabilities(champion.model.logits_of(features)),
        embedding=features.numpy(),
        classes=champion.model.classes,
        fitted=fitted,
        agreement=champion.model.agreement(features),
    )
