"""Ingest: check a delivery against its contract, store it, version it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lepton.contract import ingest as contract
from lepton.contract.intake import Intake
from lepton.core.errors import Refused
from lepton.core.ledger.rows import DeliveryRefused, Ingested
from lepton.core.refs import Pair
from lepton.core.work.faults import reached
from lepton.operations.delivery import as_file
from lepton.operations.result import Facts, Result
from lepton.operations.session import Session


@dataclass(frozen=True)
class Asked:
    """How a delivery is to be taken; see `ingest`."""

    name: str | None = None
    labels: bool = False
    new: bool = False
    dry_run: bool = False
    sparing: bool = False


@dataclass(frozen=True)
class IngestResult(Intake, Result):
    """What was taken in; the fields are those of `lepton.contract.intake.Intake`."""

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        verb = "would be stored" if self.data is None else "completed" if self.completed else "stored"
        aside = {"set aside": f"{self.set_aside:,} rows out of bounds, in quarantine"} if self.set_aside else {}
        aside |= {"left open": f"{self.left_open:,} rows without a label yet"} if self.left_open else {}
        told: Facts = {
            "delivery": f"{self.batch} {verb} in domain {self.domain}",
            "rows": f"{self.rows:,}, {f'{self.labelled:,} labelled' if self.labelled else 'no labels'}"
            + (f"; {self.repeated:,} more are stored already" if self.repeated else ""),
            "contract": "passed",
            **aside,
        }
        return told | ({"data": self.data.digest} if self.data else {})


def ingest(
    session: Session,
    domain: str,
    path: str,
    name: str | None = None,
    labels: bool = False,
    new: bool = False,
    dry_run: bool = False,
    sparing: bool = False,
) -> IngestResult:
    """Take one delivery into a domain, or refuse it and leave the data as it was.

    Args:
        session: The workspace at work.
        domain: Where the rows come from.
        path: CSV (also packed), Parquet (also a folder of parts), NPZ, or a folder of images by class;
            or the address of one.
        name: Name of the batch; by default made from the file's name.
        labels: The file holds ids and labels of rows that were delivered before.
        new: Add the domain as a new target, with a contract derived from the source's.
        dry_run: Check only.
        sparing: Set aside rows that are out of bounds, however many they are, and store the others.

    Raises:
        Refused: If the delivery breaks the contract; it is in quarantine, with the reason beside it.
    """
    step = session.runtime.step
    asked = Asked(name, labels, new, dry_run, sparing)
    with as_file(path, limits=session.ws.config.limits) as file:
        taken = step("check and store", lambda: check_and_store(session, domain, file, asked))
    if not dry_run:
        step("record", lambda: record(session, domain, taken))
    return taken


def check_and_store(session: Session, domain: str, path: Path, asked: Asked) -> IngestResult:
    """Validate, then store and version; nothing is stored if the contract is broken."""
    dry_run = asked.dry_run
    try:
        taken = contract.ingest(session.ws, domain, path, progress=session.runtime.progress, **vars(asked))
    except Refused:
        if not dry_run:
            record_refusals(session, domain)
        raise
    reached("ingest.taken")
    return IngestResult(**vars(taken))


def record(session: Session, domain: str, taken: IngestResult) -> None:
    """Write the delivery into the ledger, once; only then it is finished, and the same again a repetition."""
    row = row_of(taken)
    session.ledger.record_once(session.actor, session.ws.slot(domain), row, lambda known: known.key == row.key)
    reached("ingest.recorded")
    contract.finished(session.ws, domain, taken.batch, taken.labels)
    tell(session, domain)


def row_of(taken: Intake) -> Ingested:
    """Return what the ledger keeps of a delivery."""
    return Ingested(
        batch=taken.batch,
        domain=taken.domain,
        rows=taken.rows,
        labelled=taken.labelled,
        contract=taken.contract.to_json(),
        data=taken.data,
        labels=taken.labels,
        completed=taken.completed,
        repeated=taken.repeated or None,
        set_aside=taken.set_aside or None,
        left_open=taken.left_open or None,
    )


def record_refusals(session: Session, domain: str) -> None:
    """Write what is in quarantine into the ledger: each content once, however often it is delivered."""
    from lepton.contract.quarantine import quarantined

    slot, ledger = domain if domain == session.ws.source else Pair(session.ws.source, domain).name, session.ledger
    known = {entry.row.delivery for entry in ledger.rows(slot, DeliveryRefused)}
    for entry in reversed(quarantined(session.ws, domain)):
        reason, content = entry.reason, entry.reason.get("digest")
        if content is None or content in known or "set_aside" in reason:
            continue  # refused by an older version, on record, or rows of a delivery that was taken in
        rows = reason["contract"]["rows"] if "contract" in reason else None
        row = DeliveryRefused(content, reason["delivery"], tuple(_without_values(reason)), rows)
        ledger.record_once(session.actor, slot, row, partial(_is_of, content))
    reached("ingest.refusal-recorded")
    tell(session, domain)


def tell(session: Session, domain: str) -> None:
    """Tell people that deliveries of a served target are refused, or taken in again."""
    from lepton.operations.monitor.refusals import tell_refusals

    if domain != session.ws.source and domain in session.ws.targets():
        tell_refusals(session, domain)


def _without_values(reason: Mapping[str, Any]) -> list[str]:
    """Return why a delivery was refused, without what stood in it: the ledger cannot forget, the quarantine can."""
    if "contract" not in reason:
        return [_hidden(line) for line in reason["lines"]]
    lines = []
    for breach in reason["contract"]["breaches"]:
        count = breach["count"]
        if count:
            problem = f"{_hidden(breach['problem'])} ({count:,} {'row' if count == 1 else 'rows'})"
        else:  # about columns, not about what is in them
            problem = breach["problem"]
        lines.append(f"{breach['column']}: {problem}")
    return lines


def _hidden(text: str) -> str:
    """Return a message without what it quotes from a delivery: an id, a label."""
    return re.sub(r"'[^']*'", "'...'", text)


def _is_of(content: str, refusal: DeliveryRefused) -> bool:
    return refusal.delivery == content
