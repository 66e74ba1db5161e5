"""Replay: what the monitor would have done over a history of deliveries. Nothing is stored, recorded or sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton.core.decisions.controller import State, decide
from lepton.core.errors import NotFound
from lepton.operations.monitor.window import MOST_ROWS, answered, delivered_at, reference_of, waiting
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.core.table import Table


@dataclass(frozen=True)
class Past:
    """One window of the history."""

    name: str
    time: datetime
    rows: Table


def replay(session: Session, domain: str, deliveries: list[str], hours: float) -> list[dict[str, Any]]:
    """Judge a history in order of time with the champion that serves now and the policy of `lepton.yaml`.

    A retransfer is decided but not made: the champion stays, so what comes after one is judged as if it had failed.

    Args:
        session: The workspace at work.
        domain: A target with a champion.
        deliveries: Files, folders, or names of batches, each a window; none: every window that waits to be judged.
        hours: Between two files, which do not say when they came; batches have the time of their ingestion.

    Returns:
        For each window the observation, the decision, and the alerts that would have been sent, as JSON objects.

    Raises:
        NotFound: If the target has no champion, or a delivery is neither a file nor a batch.
        LeptonError: If a file cannot be read.
    """
    from lepton.monitoring.alerts import compose
    from lepton.monitoring.aspects import schema_problems
    from lepton.monitoring.window import breach, observe, policy_of

    pair, champion, config = (
        session.ws.pair(domain).name,
        session.load_champion(domain),
        session.ws.config.monitor_for(domain),
    )
    reference = reference_of(session, domain, champion)
    windows = {name: (name,) for name in deliveries} if deliveries else waiting(session, domain)
    found_at = (_past(session, domain, k, batches, hours) for k, batches in enumerate(windows.values()))
    history = sorted(found_at, key=lambda past: past.time)
    state, found = State(), []
    for k, past in enumerate(history):
        if problems := schema_problems(reference.table, past.rows):
            digest = past.rows.without_labels().content_digest()
            seen = breach(pair, past.name, len(past.rows), digest, champion.ref.label, past.time, problems)
        else:
            seen = observe(
                pair,
                past.name,
                reference,
                answered(champion, past.rows),
                champion.ref.label,
                config,
                time=past.time,
                cache_dir=session.ws.cache_dir / "calibration",
                seed=session.ws.config.seed,
                answer=partial(answered, champion),
            ).observation
        decision = decide(state, seen, policy_of(config))
        state = decision.state
        alerts = [{"kind": alert.kind, "title": alert.title} for alert in compose(seen, decision, domain)]
        found.append({"observation": seen.to_json(), "decision": decision.to_json(), "alerts": alerts})
        session.progress(k + 1, len(history), past.name)
    return found


def _past(session: Session, domain: str, place: int, names: tuple[str, ...], hours: float) -> Past:
    """Return deliveries as a window: batches that are stored, or one file read as its contract says."""
    from lepton.contract.ingest import reading_of
    from lepton.contract.spec import load_contract
    from lepton.data import readers
    from lepton.data.sampling import sample
    from lepton.data.store import batches

    known, name = batches(session.ws, domain), names[0]
    if name in known:
        came = delivered_at(session, domain).get(name, datetime.now(UTC))
        return Past(name, came, sample(session.ws, domain, names, MOST_ROWS, session.ws.config.seed).table)
    path = Path(name)
    if not path.exists():
        raise NotFound(
            f"{name!r} is neither a file nor a batch of {domain!r}.",
            why=f"Its last batches: {', '.join(known[-8:]) or 'none'}.",
            fix=[f"lepton replay {domain} FILE ...", f"lepton replay {domain}  (every batch since the last transfer)"],
        )
    table = readers.read(path, reading_of(session.ws, load_contract(session.ws, domain), True)).identified(
        readers.stem(path)
    )
    start = datetime.now(UTC).replace(microsecond=0)
    return Past(readers.stem(path), start + timedelta(hours=hours * place), table)
