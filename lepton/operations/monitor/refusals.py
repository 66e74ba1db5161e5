"""Telling of deliveries that the contract refused: at the door, and by the next monitor where the door was killed."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from lepton.core.decisions.refusals import ROWS, Refusals, refusals_of
from lepton.core.errors import LeptonError
from lepton.operations.monitor.alerts import send_one, surroundings
from lepton.operations.monitor.results import Unseen
from lepton.operations.session import Session


def refusals_in(session: Session, domain: str) -> Refusals:
    """Return the deliveries of a target that were refused since one was taken in."""
    return refusals_of(session.ledger.entries(session.ws.pair(domain).name, ROWS))


def unseen_of(domain: str, found: Refusals) -> Unseen | None:
    """Return what a monitor says of refused deliveries; None if there are none."""
    if not found.refused or found.since is None:
        return None
    last = found.refused[-1]
    return Unseen(domain, len(found.refused), found.since, last.name or last.delivery, last.reasons)


def tell_refusals(session: Session, domain: str) -> Refusals:
    """Tell people what they have not heard of refused deliveries of a target that is served; return those.

    Nobody is told of a target that nothing serves yet: whoever delivers there sees the refusal.
    """
    from lepton.monitoring.messages import compose_refusal

    found, pair = refusals_in(session, domain), session.ws.pair(domain).name
    if found.due is not None and session.find_champion(pair) is not None:
        around = surroundings(session, links=_links(session, domain, found) if found.refused else None)
        send_one(session, domain, compose_refusal(pair, domain, found.due, found, datetime.now(UTC), around))
    return found


def _links(session: Session, domain: str, found: Refusals) -> dict[str, str]:
    """Return where the last refusal is explained: the reason beside it in quarantine, and the Data Docs of its checks.

    Somebody may have cleared the quarantine, or damaged a record in it: people hear of the refusal in any case.
    """
    from lepton.contract.quarantine import quarantined, reason_file

    entries = []
    with suppress(LeptonError):
        entries = quarantined(session.ws, domain)
    last = next((one for one in entries if one.reason.get("digest") == found.refused[-1].delivery), None)
    if last is None:
        return {}
    docs = last.reason.get("docs_url")
    return {"reason": str(reason_file(last.path)), **({"Data Docs": str(docs)} if docs else {})}
