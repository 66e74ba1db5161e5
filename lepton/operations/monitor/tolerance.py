"""Whether a tolerance can be told: read from the ledger where a champion is settled and where settings are shown.

`monitor.tolerance` says which loss does not matter. Where the labelled rows behind a champion cannot tell so little
from chance, no window can ever be called harmless, and that should be known before the first night.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lepton.core.config.workspace import Workspace
from lepton.core.decisions.history import history_of
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Move, Promoted


def remark_on(ws: Workspace, ledger: Ledger, domain: str, metrics: Mapping[str, Any]) -> str | None:
    """Return a sentence where a target's tolerance is finer than what is known of its champion; None where it is not.

    Where nobody measured the champion, what labels said last of the pair stands in.

    Args:
        ws: The workspace.
        ledger: Its ledger.
        domain: The target.
        metrics: Of the champion, on its held-out rows.
    """
    from lepton.monitoring.reference_accuracy import carried, on_record, untold

    found = on_record(metrics)
    if found is None:
        records = history_of(ledger, ws.pair(domain).name).records.values()
        found = carried(record.observation for record in records)
    return untold(ws.config.monitor_for(domain).tolerance, found)


def remarks(ws: Workspace, ledger: Ledger) -> dict[str, str]:
    """Return, by target, what is to be said of the tolerance; targets that nothing serves are left out."""
    found = {}
    for domain in ws.targets():
        pair = ws.pair(domain).name
        serving = ledger.last_row(pair, Move)
        if serving is None:
            continue
        earned = (entry.row for entry in reversed(ledger.rows(pair, Promoted)))
        own = (row.evidence.metrics for row in earned if row.model == serving.row.model)
        metrics = next(own, None) or {}
        if told := remark_on(ws, ledger, domain, metrics):
            found[domain] = told
    return found


def told_of_all(ws: Workspace) -> str:
    """Return in a line what is to be said of every target's tolerance."""
    found = remarks(ws, Ledger(ws.ledger_url))
    return "; ".join(f"{domain}: {told}" for domain, told in found.items()) or "can be told wherever a model serves"
