"""Erasure, as a person asks for it: find the rows everywhere, remove them, version what is left, put it on record.

A journal holds the ids from before the first file is touched until the ledger knows of the erasure. Whoever is killed
in between is finished by the same command again; every step of it may be done twice.

What stays, and why: a registered model is sealed by its checksums, so its weights and the ids in its `rows.json` remain
until the version is deleted; such versions are listed. Figures over many rows (drift scores, accuracy over time) name
nobody; reports of windows show some rows, so those of the domain are removed. Sheets to label lose the rows where they
lie by default. Copies that somebody made elsewhere, backups among them, are not known here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from lepton.core.config.names import check_domain
from lepton.core.errors import Conflict, LeptonError, NotFound, UsageError
from lepton.core.ledger.rows import Forgotten
from lepton.core.refs import Pair
from lepton.core.work.faults import reached
from lepton.core.work.lease import running_transfer
from lepton.core.work.lock import alone, alone_with_data
from lepton.operations.data.consequences import models_that_saw, next_steps, rows_naming
from lepton.operations.data.erasure import Erasure, ForgetResult, Traces
from lepton.operations.data.states import slot_of
from lepton.operations.session import Session


def forget(session: Session, ids: Path | None, domain: str | None, why: str | None, dry_run: bool) -> ForgetResult:
    """Remove rows from everything that holds them; finish first what an interrupted erasure left.

    Args:
        session: The workspace at work.
        ids: A text file with an id a line; None to finish only what was interrupted.
        domain: Look in this domain only; by default in all.
        why: For the record: never a name or an id.
        dry_run: Say what would be removed.

    Raises:
        UsageError: If there are no ids, or no reason.
        NotFound: If none of the rows is anywhere here.
        Conflict: If a transfer or a pretraining, which may be learning from the rows, is running.
    """
    from lepton.data.erase import begin, read_ids, unfinished

    if ids is not None and not why:
        raise UsageError("An erasure needs a reason for the record.", fix=['--why "request 4711"  (no names, no ids)'])
    if domain is not None:
        check_domain(domain)
    asked = sorted(read_ids(ids).ids) if ids is not None else None
    with alone_with_data(session.ws), _nobody_learns(session):
        journal = unfinished(session.ws)
        left = Erasure.from_json(journal) if journal is not None else None
        if asked is None and left is None:
            raise UsageError("No erasure was interrupted.", fix=['lepton data forget --ids FILE --why "..."'])
        if left is not None and (not dry_run or asked is None):
            session.runtime.tell("This erasure was interrupted." if dry_run else "Finishing an interrupted erasure.")
            done = _told(session, left, dry_run) if dry_run else _finish(session, left)
            if asked is None or (tuple(asked), domain) == (left.asked, left.domain):
                return done
        assert asked is not None
        plan = look(session, asked, domain, str(why))
        if not plan.found:
            raise _nothing(session, len(asked), domain)
        if dry_run:
            return _told(session, plan, dry_run)
        begin(session.ws, plan.to_json())
        reached("forget.begun")
        return _finish(session, plan)


def look(session: Session, asked: list[str], domain: str | None, why: str) -> Erasure:
    """Return where the rows are and how many, as the journal keeps it; nothing is written."""
    from lepton.contract.erasure import copies_with
    from lepton.data.erase import Asked, erase_from_log, find
    from lepton.data.versions import check_complete

    check_complete(session.ws)
    wanted, scope = Asked(frozenset(asked)), [domain] if domain else _domains(session)
    with _objects(session, wanted, scope, current=set()) as objects:
        seen = {which for _, _, found in objects for which in found}
        counts = {place.name: len(hit) for place, hit, _ in objects}
    domains: dict[str, Traces] = {}
    for name in scope:
        stored, copies = find(session.ws, name, wanted), copies_with(session.ws, name, wanted)
        logged, in_log = erase_from_log(session.ws.predictions_dir / name, wanted, dry_run=True)
        here = stored.asked | copies.asked | in_log
        seen |= here
        domains[name] = Traces(
            slot=slot_of(session, name),
            rows=sum(stored.batches.values()),
            batches=stored.batches,
            labels=stored.labels,
            predictions=logged,
            quarantine=len(copies.holding),
            unread=tuple(path.relative_to(session.ws.root).as_posix() for path in copies.unread),
            found=len(here),
            ids=tuple(sorted(stored.rows)),
        )
    return Erasure(uuid4().hex, tuple(asked), domain, why, len(seen), counts, domains)


def _finish(session: Session, plan: Erasure) -> ForgetResult:
    """Do, or do again, everything that the journal asks for; only the last step forgets the journal."""
    from lepton.data.erase import Asked, end, now_listed, rewrite
    from lepton.data.repair import broken, repair
    from lepton.data.versions import dvc_md5, push_all, snapshot

    wanted, scope = Asked(frozenset(plan.asked)), list(plan.domains)
    if session.ws.data_dir.exists():
        if dvc_md5(session.ws.root) is not None:
            repair(session.ws, {path: state for path, state in broken(session.ws).items() if state == "missing"})
        for domain in scope:
            rewrite(session.ws, domain, wanted)
            reached("forget.rewritten")
        snapshot(session.ws, push=False)
        reached("forget.versioned")
        push_all(session.ws)
        reached("forget.pushed")
    with _objects(session, wanted, scope, current=now_listed(session.ws)) as objects:
        for place, hit, _ in objects:
            place.remove(sorted(hit))
            reached(f"forget.{place.name}-cleaned")
    for domain in scope:
        if plan.domains[domain].found:  # they show some rows, and which is not on record
            shutil.rmtree(session.ws.reports_dir / "windows" / domain, ignore_errors=True)
    _remove_copies(session, scope, wanted)
    told = _told(session, plan, dry_run=False)
    _record(session, plan, told)
    reached("forget.recorded")
    end(session.ws)
    reached("forget.ended")
    return told


def _remove_copies(session: Session, scope: list[str], wanted: Any) -> None:
    """Remove the rows from what is not versioned: predictions, sheets, quarantine, pages, what can be made again."""
    from lepton.contract.erasure import copies_with, mask, remove_copies, remove_pages
    from lepton.data.erase import erase_from_log
    from lepton.data.sheets import erase_from_sheets
    from lepton.operations.ingest import record_refusals

    for domain in scope:
        erase_from_log(session.ws.predictions_dir / domain, wanted, dry_run=False)
        erase_from_sheets(session.ws, domain, wanted)
        reached("forget.predictions-cleaned")
        holding = copies_with(session.ws, domain, wanted).holding
        mask(holding, wanted.ids)
        record_refusals(session, domain)  # that it was refused must be on record before the copy goes
        remove_copies(holding)
        remove_pages(session.ws, domain)
        reached("forget.quarantine-cleaned")
    # Features, thresholds, work that was interrupted, checked out states, damaged files: which of them holds a row
    # cannot be told, and each can be made again.
    for folder in (
        session.ws.cache_dir,
        session.ws.work_dir,
        session.ws.state_dir / "past",
        session.ws.state_dir / "damaged",
    ):
        shutil.rmtree(folder, ignore_errors=True)
    reached("forget.copies-gone")


def _record(session: Session, plan: Erasure, told: ForgetResult) -> None:
    """Write a row for every domain that lost something; never an id, nor anything that an id could be guessed from."""
    from lepton.data.store import batch_files
    from lepton.data.versions import data_ref

    ledger = session.ledger
    hit = [domain for domain, found in plan.domains.items() if found.found]
    for domain in hit or list(plan.domains)[:1]:  # found in old versions only: they are of the whole folder
        found = plan.domains[domain]
        row = Forgotten(
            key=plan.key,
            domain=domain,
            why=plan.why,
            rows=found.rows,
            asked=len(plan.asked),
            found=found.found,
            batches=found.batches,
            labels=found.labels,
            predictions=found.predictions,
            quarantine=found.quarantine,
            objects=plan.objects,
            models=tuple(model.to_json() for model in told.models if model.domain == domain),
            data=data_ref(session.ws, domain) if batch_files(session.ws, domain) else None,
        )
        ledger.record_once(session.actor, found.slot, row, partial(_is_of, plan.key, domain))


def _is_of(key: str, domain: str, row: Forgotten) -> bool:
    return (row.key, row.domain) == (key, domain)


def _told(session: Session, plan: Erasure, dry_run: bool) -> ForgetResult:
    """Return what a person is told: what the journal found, without the ids, and whom it concerns."""
    models = [
        one
        for domain, found in plan.domains.items()
        for one in models_that_saw(session, domain, list(found.batches), set(found.ids))
    ]
    slots = [found.slot for found in plan.domains.values()]
    return ForgetResult(
        plan.why,
        asked=len(plan.asked),
        found=plan.found,
        domains=plan.domains,
        objects=plan.objects,
        models=tuple(models),
        ledger_rows=tuple(rows_naming(session.ledger, slots, plan.asked)),
        next=tuple(next_steps(session, plan.domains, models)),
        dry_run=dry_run,
    )


@contextmanager
def _objects(
    session: Session, wanted: Any, scope: list[str], current: set[str]
) -> Iterator[list[tuple[Any, Any, Any]]]:
    """Yield the cache and the remote, each with the objects that hold a row and what was found in them.

    Raises:
        LeptonError: If the remote is not there: a row would come back from it.
    """
    from lepton.data.erase import objects_with
    from lepton.data.objects import Cache, Objects, remote
    from lepton.data.retention import domains_of

    with remote(session.ws, "look for the rows in the remote") as there:
        places: list[Objects] = [Cache(session.ws.root), there]
        stored = {place.name: list(place.all()) for place in places}
        listed = domains_of(places, stored)
        yield [(one, *objects_with(one, stored[one.name], scope, listed, current, wanted)) for one in places]


@contextmanager
def _nobody_learns(session: Session) -> Iterator[None]:
    """Keep transfers, pretrainings and scores from starting, and refuse while one runs: it may have read the rows.

    Raises:
        Conflict: If one is running.
    """
    pairs = [Pair(session.ws.source, target).name for target in session.ws.targets()]
    with ExitStack() as stack:
        stack.enter_context(alone(session.ws, "pretrain", session.ws.source))
        for pair in pairs:
            stack.enter_context(alone(session.ws, "transfer", pair))
            stack.enter_context(alone(session.ws, "score", pair))
            if (run := running_transfer(session.ledger, pair, datetime.now(UTC))) is not None:
                raise Conflict(
                    f"A transfer of {pair} is running and may be learning from the rows.",
                    why=f"Run {run}.",
                    fix=["wait for it to end: lepton status"],
                )
        yield


def _domains(session: Session) -> list[str]:
    """Return every domain that anything is kept of, also without a contract."""
    found = set(session.ws.domains())
    for parent in (session.ws.data_dir, session.ws.quarantine_dir, session.ws.predictions_dir):
        found |= {path.name for path in parent.glob("*") if path.is_dir()}
    return sorted(found)


def _nothing(session: Session, asked: int, domain: str | None) -> LeptonError:
    before = session.ledger.last_row(None, Forgotten)
    again = f"\nThe last erasure was on {before.time[:16].replace('T', ' ')} UTC." if before else ""
    return NotFound(
        f"None of the {asked:,} ids is anywhere in {domain or 'this workspace'}; nothing was changed.",
        why="Looked at: data, older versions, predictions, quarantine. An id is written as it was delivered, or, where "
        f"a delivery has none, as lepton derived it; the part before its first ~ will do.{again}",
        fix=["lepton data diff DOMAIN/BATCH DOMAIN --rows  (shows ids)"],
    )
