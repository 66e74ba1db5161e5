"""Labels that come after a window was judged: they measure what was only estimated."""

from __future__ import annotations

from typing import Any

from flows.champions import champion_of, load_champion
from flows.steps import actor, open_ledger
from flows.windows import MOST_ROWS, answered
from lepton.core.controller import Observation
from lepton.core.ledger import MEASURED, OBSERVED
from lepton.core.workspace import Workspace


def measure_later(ws: Workspace, domain: str) -> list[dict[str, Any]]:
    """Put on record the accuracy in windows of the champion that got labels since they were judged."""
    from lepton.data.sampled import sample
    from lepton.data.store import batches, counts
    from lepton.monitoring.accuracy import realised

    pair, champion, ledger = ws.pair(domain).name, champion_of(ws, domain).label, open_ledger(ws)
    seen: dict[str, tuple[Observation, int]] = {}
    for row in ledger.entries(pair, (OBSERVED, MEASURED)):
        if row.payload["champion"] == champion:
            window = row.payload["window"]
            of = Observation.from_json(row.payload) if row.action == OBSERVED else seen[window][0]
            seen[window] = (of, int(row.payload.get("labelled", 0)))
    known, found, loaded = set(batches(ws, domain)), [], None
    for window, (before, labelled) in seen.items():
        parts = before.batches or (window,)
        if not known.issuperset(parts) or before.verdict != "judged" or counts(ws, domain, parts)[1] <= labelled:
            continue
        rows = sample(ws, domain, parts, MOST_ROWS, ws.config.seed).table.labelled()
        if len(rows) <= labelled:
            continue
        loaded = loaded or load_champion(ws, domain)
        accuracy = realised(answered(loaded, rows))
        if accuracy is not None:
            payload = {"window": window, "champion": champion, "realised_accuracy": accuracy, "labelled": len(rows)}
            payload |= {"estimated_accuracy": before.estimated_accuracy}
            ledger.append(actor(), pair, MEASURED, payload)
            found.append(payload)
    return found
