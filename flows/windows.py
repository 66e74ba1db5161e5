"""The work behind the steps of the monitor: one window judged, the decision recorded, people and the server told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flows.champions import Loaded, champion_of, load_champion, rows_of
from flows.events import say_drift_confirmed
from flows.steps import actor, open_ledger
from lepton.core.controller import Decision, Observation, State, decide
from lepton.core.errors import NotFound
from lepton.core.lease import running_transfer
from lepton.core.workspace import Workspace

PATIENCE = timedelta(minutes=3)
"""How long a worker may take to start a retransfer before the event is repeated."""

if TYPE_CHECKING:
    from lepton.core.table import Table
    from lepton.monitoring.judged import Judged


def new_windows(ws: Workspace, domain: str, window: str | None) -> list[str]:
    """Return the batches that came after those the champion was adapted to and were not judged against it yet.

    Raises:
        NotFound: If one window is asked for and it does not exist.
    """
    from flows.records import lineage_of_model
    from lepton.data.store import batches as delivered

    known = delivered(ws, domain)
    if window is not None:
        if window not in known:
            raise NotFound(
                f"Domain {domain!r} has no batch {window!r}.",
                why=f"Its last batches: {', '.join(known[-8:]) or 'none'}.",
                fix=[f"lepton ingest {domain} FILE --name {window}"],
            )
        return [window]
    champion = champion_of(ws, domain)
    learnt = lineage_of_model(ws, champion).data["train"].batches
    later = known[max((known.index(batch) for batch in learnt if batch in known), default=-1) + 1 :]
    decided = open_ledger(ws).entries(ws.pair(domain).name, "decided")
    judged = {e.payload["window"] for e in decided if e.payload["state"]["champion"] == champion.label}
    return [batch for batch in later if batch not in judged]


def judge_window(
    ws: Workspace, domain: str, window: str, dry_run: bool, before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Judge one window: observe, decide, record, then tell.

    A window that is not new (judged before, or older than the champion) is shown, but changes nothing.
    The ledger is written before anybody is told; what a crash keeps from being told, `finish_telling` tells later.
    """
    from lepton.data.store import load
    from lepton.monitoring.window import observe, policy_of

    pair, champion = ws.pair(domain), load_champion(ws, domain)
    config = ws.config.monitor_for(domain)
    report = ws.reports_dir / "windows" / domain / f"{window}.v{champion.ref.version}.html"
    observed = observe(
        pair.name,
        window,
        reference_of(ws, domain, champion),
        answered(champion, load(ws, domain, [window])),
        champion.ref.label,
        config,
        time=datetime.now(UTC),
        cache_dir=ws.cache_dir / "calibration",
        report_path=None if dry_run else report,
        seed=ws.config.seed,
    )
    seen = observed.observation
    ledger = open_ledger(ws)
    last = ledger.last(pair.name, "decided")
    remembered = before or (last.payload["state"] if last else None)
    state = State.from_json(remembered) if remembered else State()
    decision = decide(state, seen, policy_of(config), running_transfer(ledger, pair.name, seen.time))
    links = {"report": report.as_uri()} if report.exists() else {}
    is_new = window in new_windows(ws, domain, None)
    if not is_new:
        decision = Decision("none", f"{window} is no new window; shown, not recorded", state)
    if is_new and not dry_run:
        who = actor()
        ledger.append(who, pair.name, "observed", seen.to_json())
        verdict = {**decision.to_json(), "window": window}
        # Of two monitors at once, one is told to look again: each decision builds on the one before.
        expected = last.seq if last else 0
        ledger.append(who, pair.name, "decided", verdict, expect_seq=expected, expect_of=["decided"])
        tell(ws, domain, seen, decision, links)
        if decision.action == "retransfer":
            say_drift_confirmed(pair.name, domain, seen.to_json(), decision.reason)
    return {"domain": domain, "observation": seen.to_json(), "decision": decision.to_json(), "links": links}


def tell(ws: Workspace, domain: str, seen: Observation, decision: Decision, links: dict[str, str]) -> None:
    """Send the alert that the decision asks for and record on which channels it went out."""
    from lepton.monitoring.alerts import compose, send

    alert = compose(seen, decision, domain, links)
    if alert is None:
        return
    sent = send(alert, ws.config.alerts.urls, ws.alerts_file)
    channels = [{"channel": d.channel, "ok": d.ok, "detail": d.detail} for d in sent]
    open_ledger(ws).append(
        actor(), ws.pair(domain).name, "alerted", {"kind": alert.kind, "title": alert.title, "channels": channels}
    )


def finish_telling(ws: Workspace, domain: str, now: datetime) -> list[str]:
    """Tell what a crash kept from being told after the last decision; return what was told.

    The event is repeated only if nothing started for a while: the worker needs its seconds to begin.
    """
    pair, ledger = ws.pair(domain), open_ledger(ws)
    last, observed = ledger.last(pair.name, "decided"), ledger.last(pair.name, "observed")
    if last is None or observed is None:
        return []
    state = State.from_json(last.payload["state"])
    decision = Decision(last.payload["action"], last.payload["reason"], state, last.payload["alert"])
    seen = Observation.from_json(observed.payload)
    since = {entry.action for entry in ledger.entries(pair.name, after=last.seq)}
    told = []
    if decision.alert and "alerted" not in since:
        tell(ws, domain, seen, decision, {})
        told.append("alert")
    overdue = now - last.at > PATIENCE
    if decision.action == "retransfer" and overdue and not since & {"transfer_started", "promoted", "rolled_back"}:
        say_drift_confirmed(pair.name, domain, seen.to_json(), decision.reason)
        told.append("event")
    return told


def reference_of(ws: Workspace, domain: str, champion: Loaded) -> Judged:
    """Return the rows like those the champion was adapted to, with its answers; fitted rows are marked as such."""
    import numpy as np

    from flows.records import lineage_of_model
    from lepton.data.store import load

    table = load(ws, domain, lineage_of_model(ws, champion.ref).data["train"].batches)
    fitted = set(rows_of(champion.folder)["train"])
    return answered(champion, table, np.array([row_id in fitted for row_id in table.ids], dtype=bool))


def answered(champion: Loaded, table: Table, fitted: Any = None) -> Judged:
    """Return rows together with the champion's probabilities and embeddings."""
    from lepton.monitoring.judged import Judged

    features = champion.model.features(table)
    return Judged(
        table=table,
        probabilities=champion.model.probabilities(champion.model.logits_of(features)),
        embedding=features.numpy(),
        classes=champion.model.classes,
        fitted=fitted,
    )
