"""The events through which the loop closes: a verb says them, an automation of the server hears them."""

from __future__ import annotations

from typing import Any

from lepton.operations.runtime import Event

DRIFT_CONFIRMED = "lepton.drift.confirmed"
PROPOSED = "lepton.promotion.proposed"


def drift_confirmed(pair: str, domain: str, observation: dict[str, Any], reason: str) -> Event:
    """Return the event that asks for a retransfer of a pair."""
    about = {"domain": domain, "window": observation["window"], "reason": reason, "scores": observation["scores"]}
    return Event(DRIFT_CONFIRMED, pair, about)


def proposed(pair: str, domain: str, version: str, gate: str) -> Event:
    """Return the event that a version waits for a person's word."""
    return Event(PROPOSED, pair, {"domain": domain, "version": version, "gate": gate})
