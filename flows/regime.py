"""What the domain looks like now: the batches that a transfer works on, and whether a drift waits for an answer."""

from __future__ import annotations

from typing import Any

from flows.champions import find_champion
from flows.steps import open_ledger
from lepton.core.controller import State
from lepton.core.refs import ModelRef, Pair
from lepton.core.workspace import Workspace


def unanswered_drift(ws: Workspace, domain: str) -> bool:
    """Return whether the last decision about the champion that serves found drift, and no transfer ended well since."""
    pair, ledger = ws.pair(domain), open_ledger(ws)
    champion, last = find_champion(ws, pair.name), ledger.last(pair.name, "decided")
    if champion is None or last is None:
        return False
    state = State.from_json(last.payload["state"])
    ended = ledger.entries(pair.name, "transfer_finished", after=last.seq)
    confirmed = state.phase in ("drifted", "retransferring") and state.champion == champion.label
    return confirmed and not any(entry.payload["ok"] for entry in ended)


def current_regime(ws: Workspace, pair: Pair, champion: ModelRef | None) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the batches that show the domain as it is now, and the decision that drift was found by.

    Since the drift set in, if it has; else what the champion was adapted to and what was labelled since. Windows that
    nobody labelled stay out: they would move the reference along with a slow drift, until nobody could see it.
    """
    from flows.records import lineage_of_model
    from lepton.data.store import batches as delivered
    from lepton.data.store import counts

    known = delivered(ws, pair.target)
    last = open_ledger(ws).last(pair.name, "decided")
    if champion is None:
        return tuple(known), {}
    learnt = lineage_of_model(ws, champion).data["train"].batches
    if last is not None:
        state = State.from_json(last.payload["state"])
        confirmed = state.phase in ("drifted", "retransferring")
        if confirmed and state.since in known and state.champion == champion.label:
            seen = open_ledger(ws).last(pair.name, "observed")
            trigger = {
                "since": state.since,
                "ledger_row": last.seq,
                "reason": last.payload["reason"],
                "observation": seen.payload if seen else None,
            }
            return tuple(known[known.index(state.since) :]), trigger
    later = known[max((known.index(batch) for batch in learnt if batch in known), default=-1) + 1 :]
    return (*learnt, *(batch for batch in later if counts(ws, pair.target, [batch])[1])), {}
