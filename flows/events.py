"""The event through which the loop closes: the monitor says it, the server's automation hears it."""

from __future__ import annotations

from typing import Any

from prefect.context import FlowRunContext

DRIFT_CONFIRMED = "lepton.drift.confirmed"
PROPOSED = "lepton.promotion.proposed"


def flush() -> None:
    """Send what is still on its way to the server: log lines and events. To be called before the server is stopped."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogHandler

    APILogHandler().flush()
    EventsWorker.drain_all(timeout=5)


def say_drift_confirmed(pair: str, domain: str, observation: dict[str, Any], reason: str) -> bool:
    """Emit `lepton.drift.confirmed` for a pair; return whether there was a server to hear it."""
    about = {"domain": domain, "window": observation["window"], "reason": reason, "scores": observation["scores"]}
    return _say(DRIFT_CONFIRMED, pair, about)


def say_proposed(pair: str, domain: str, version: str, gate: str) -> bool:
    """Emit `lepton.promotion.proposed`: a version waits for a person; return whether there was a server to hear it."""
    return _say(PROPOSED, pair, {"domain": domain, "version": version, "gate": gate})


def _say(event: str, pair: str, about: dict[str, Any]) -> bool:
    if FlowRunContext.get() is None:
        return False
    from prefect.events import emit_event
    from prefect.events.worker import EventsWorker

    resource = {"prefect.resource.id": f"lepton.pair.{pair}", "prefect.resource.name": pair}
    emit_event(event=event, resource=resource, payload=about)
    EventsWorker.instance().wait_until_empty()
    return True
