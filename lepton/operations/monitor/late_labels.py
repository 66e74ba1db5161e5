"""Labels that come after a window was judged: they measure what was only estimated."""

from __future__ import annotations

from typing import Any

from lepton.core.decisions.controller import Observation
from lepton.core.ledger import MEASURED, OBSERVED
from lepton.operations.monitor.window import MOST_ROWS, answered
from lepton.operations.session import Session


def measure_later(session: Session, domain: str) -> list[dict[str, Any]]:
    """Put on record the accuracy in windows of the champion that got labels since they were judged."""
    from lepton.data.sampling import sample
    from lepton.data.store import batches, counts
    from lepton.monitoring.accuracy import realised

    pair, champion, ledger = session.ws.pair(domain).name, session.champion_of(domain).label, session.ledger
    seen: dict[str, tuple[Observation, int]] = {}
    for row in ledger.entries(pair, (OBSERVED, MEASURED)):
        if row.payload["champion"] == champion:
            window = row.payload["window"]
            of = Observation.from_json(row.payload) if row.action == OBSERVED else seen[window][0]
            seen[window] = (of, int(row.payload.get("labelled", 0)))
    known, found, loaded = set(batches(session.ws, domain)), [], None
    for window, (before, labelled) in seen.items():
        parts = before.batches or (window,)
        if (
            not known.issuperset(parts)
            or before.verdict != "judged"
            or counts(session.ws, domain, parts)[1] <= labelled
        ):
            continue
        rows = sample(session.ws, domain, parts, MOST_ROWS, session.ws.config.seed).table.labelled()
        if len(rows) <= labelled:
            continue
        loaded = loaded or session.load_champion(domain)
        accuracy = realised(answered(loaded, rows))
        if accuracy is not None:
            payload = {"window": window, "champion": champion, "realised_accuracy": accuracy, "labelled": len(rows)}
            payload |= {"estimated_accuracy": before.estimated_accuracy}
            ledger.append(session.actor, pair, MEASURED, payload)
            found.append(payload)
    return found
