"""Erasure, as a person asks for it: find the rows everywhere, remove them, version what is left, put it on record.

A journal holds the ids from before the first file is touched until the ledger knows of the erasure. Whoever is killed
in between is finished by the same command again; every step of it may be done twice.

What stays, and why: a registered model is sealed by its checksums, so its weights and the ids in its `rows.json` remain
until the version is deleted; such versions are listed. Figures over many rows (drift scores, accuracy over time) name
nobody; reports of windows show some rows, so those of the domain are removed. Copies that somebody made elsewhere,
backups among them, are not known here.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from flows.data import slot_of
from flows.forgotten import models_that_saw, next_steps, rows_naming
from flows.resume import alone as only_one
from flows.resume import append_once
from flows.steps import open_ledger
from lepton.core.errors import Conflict, LeptonError, NotFound, UsageError
from lepton.core.faults import reached
from lepton.core.lease import running_transfer
from lepton.core.ledger import FORGOTTEN
from lepton.core.names import check_domain
from lepton.core.refs import Pair
from lepton.core.workspace import Workspace

Json = dict[str, Any]


def forget(ws: Workspace, ids: Path | None, domain: str | None, why: str | None, dry_run: bool) -> Json:
    """Remove rows from everything that holds them; finish first what an interrupted erasure left.

    Args:
        ws: The workspace.
        ids: A text file with an id a line; None to finish only what was interrupted.
        domain: Look in this domain only; by default in all.
        why: For the record: never a name or an id.
        dry_run: Say what would be removed.

    Raises:
        UsageError: If there are no ids, or no reason.
        NotFound: If none of the rows is anywhere here.
        Conflict: If a transfer or a pretraining, which may be learning from the rows, is running.
    """
    from lepton.data.alone import alone
    from lepton.data.erase import begin, read_ids, unfinished

    if ids is not None and not why:
        raise UsageError("An erasure needs a reason for the record.", fix=['--why "request 4711"  (no names, no ids)'])
    if domain is not None:
        check_domain(domain)
    asked = sorted(read_ids(ids).ids) if ids is not None else None
    with alone(ws), _nobody_learns(ws):
        left = unfinished(ws)
        if asked is None and left is None:
            raise UsageError("No erasure was interrupted.", fix=['lepton data forget --ids FILE --why "..."'])
        if left is not None and (not dry_run or asked is None):
            sys.stderr.write("This erasure was interrupted.\n" if dry_run else "Finishing an interrupted erasure.\n")
            done = _told(ws, left, dry_run) if dry_run else _finish(ws, left)
            if asked is None or (asked, domain) == (left["asked"], left["domain"]):
                return done
        assert asked is not None
        plan = look(ws, asked, domain, str(why))
        if not plan["found"]:
            raise _nothing(ws, len(asked), domain)
        if dry_run:
            return _told(ws, plan, dry_run)
        begin(ws, plan)
        reached("forget.begun")
        return _finish(ws, plan)


def look(ws: Workspace, asked: list[str], domain: str | None, why: str) -> Json:
    """Return where the rows are and how many, as the journal keeps it; nothing is written."""
    from lepton.contract.erasure import copies_with
    from lepton.data.erase import Asked, erase_from_log, find
    from lepton.data.versions import check_complete

    check_complete(ws)
    wanted, scope = Asked(frozenset(asked)), [domain] if domain else _domains(ws)
    with _objects(ws, wanted, scope, current=set()) as objects:
        seen = {which for _, _, found in objects for which in found}
        counts = {place.name: len(hit) for place, hit, _ in objects}
    domains: Json = {}
    for name in scope:
        stored, copies = find(ws, name, wanted), copies_with(ws, name, wanted)
        logged, in_log = erase_from_log(ws.predictions_dir / name, wanted, dry_run=True)
        here = stored.asked | copies.asked | in_log
        seen |= here
        domains[name] = {
            "slot": slot_of(ws, name),
            "rows": sum(stored.batches.values()),
            "batches": stored.batches,
            "labels": stored.labels,
            "predictions": logged,
            "quarantine": len(copies.holding),
            "unread": [path.relative_to(ws.root).as_posix() for path in copies.unread],
            "found": len(here),
            "ids": sorted(stored.rows),
        }
    return {
        "key": uuid4().hex,
        "asked": asked,
        "domain": domain,
        "why": why,
        "found": len(seen),
        "objects": counts,
        "domains": domains,
    }


def _finish(ws: Workspace, plan: Json) -> Json:
    """Do, or do again, everything that the journal asks for; only the last step forgets the journal."""
    from lepton.data.erase import Asked, end, now_listed, rewrite
    from lepton.data.repair import broken, repair
    from lepton.data.versions import dvc_md5, push_all, snapshot

    wanted, scope = Asked(frozenset(plan["asked"])), list(plan["domains"])
    if ws.data_dir.exists():
        if dvc_md5(ws.root) is not None:
            repair(ws, {path: state for path, state in broken(ws).items() if state == "missing"})
        for domain in scope:
            rewrite(ws, domain, wanted)
            reached("forget.rewritten")
        snapshot(ws, push=False)
        reached("forget.versioned")
        push_all(ws)
        reached("forget.pushed")
    with _objects(ws, wanted, scope, current=now_listed(ws)) as objects:
        for place, hit, _ in objects:
            place.remove(sorted(hit))
            reached(f"forget.{place.name}-cleaned")
    for domain in scope:
        if plan["domains"][domain]["found"]:  # they show some rows, and which is not on record
            shutil.rmtree(ws.reports_dir / "windows" / domain, ignore_errors=True)
    _remove_copies(ws, scope, wanted)
    told = _told(ws, plan, dry_run=False)
    _record(ws, plan, told)
    reached("forget.recorded")
    end(ws)
    reached("forget.ended")
    return told


def _remove_copies(ws: Workspace, scope: list[str], wanted: Any) -> None:
    """Remove the rows from what is not versioned: predictions, quarantine, pages, and all that can be made again."""
    from flows.ingest import record_refusals
    from lepton.contract.erasure import copies_with, mask, remove_copies, remove_pages
    from lepton.data.erase import erase_from_log

    for domain in scope:
        erase_from_log(ws.predictions_dir / domain, wanted, dry_run=False)
        reached("forget.predictions-cleaned")
        holding = copies_with(ws, domain, wanted).holding
        mask(holding, wanted.ids)
        record_refusals(domain)  # that it was refused must be on record before the copy goes
        remove_copies(holding)
        remove_pages(ws, domain)
        reached("forget.quarantine-cleaned")
    # Features, thresholds, work that was interrupted, checked out states, damaged files: which of them holds a row
    # cannot be told, and each can be made again.
    for folder in (ws.cache_dir, ws.work_dir, ws.state_dir / "past", ws.state_dir / "damaged"):
        shutil.rmtree(folder, ignore_errors=True)
    reached("forget.copies-gone")


def _record(ws: Workspace, plan: Json, told: Json) -> None:
    """Write a row for every domain that lost something; never an id, nor anything that an id could be guessed from."""
    from lepton.data.store import batch_files
    from lepton.data.versions import data_ref

    ledger = open_ledger(ws)
    hit = [domain for domain, found in plan["domains"].items() if found["found"]]
    for domain in hit or list(plan["domains"])[:1]:  # found in old versions only: they are of the whole folder
        found = plan["domains"][domain]
        row = {key: value for key, value in found.items() if key not in ("ids", "slot", "unread")}
        row |= {
            "key": plan["key"],
            "domain": domain,
            "why": plan["why"],
            "asked": len(plan["asked"]),
            "objects": plan["objects"],
            "models": [model for model in told["models"] if model["domain"] == domain],
            "data": data_ref(ws, domain).to_json() if batch_files(ws, domain) else None,
        }
        append_once(ledger, found["slot"], FORGOTTEN, row, partial(_is_of, plan["key"], domain))


def _is_of(key: str, domain: str, row: Json) -> bool:
    return (row["key"], row["domain"]) == (key, domain)


def _told(ws: Workspace, plan: Json, dry_run: bool) -> Json:
    """Return what a person is told: what the journal found, without the ids, and whom it concerns."""
    ledger = open_ledger(ws)
    models = [
        one
        for domain, found in plan["domains"].items()
        for one in models_that_saw(ws, ledger, domain, list(found["batches"]), set(found["ids"]))
    ]
    domains = {
        name: {key: value for key, value in found.items() if key not in ("ids", "slot")}
        for name, found in plan["domains"].items()
    }
    return {
        "why": plan["why"],
        "asked": len(plan["asked"]),
        "found": plan["found"],
        "domains": domains,
        "objects": plan["objects"],
        "models": models,
        "ledger_rows": rows_naming(ledger, [found["slot"] for found in plan["domains"].values()], plan["asked"]),
        "next": next_steps(ws, domains, models),
        "dry_run": dry_run,
    }


@contextmanager
def _objects(ws: Workspace, wanted: Any, scope: list[str], current: set[str]) -> Iterator[list[tuple[Any, Any, Any]]]:
    """Yield the cache and the remote, each with the objects that hold a row and what was found in them.

    Raises:
        LeptonError: If the remote is not there: a row would come back from it.
    """
    from lepton.data.erase import objects_with
    from lepton.data.objects import Cache, Objects, remote
    from lepton.data.retention import domains_of

    with remote(ws, "look for the rows in the remote") as there:
        places: list[Objects] = [Cache(ws.root), there]
        stored = {place.name: list(place.all()) for place in places}
        listed = domains_of(places, stored)
        yield [(one, *objects_with(one, stored[one.name], scope, listed, current, wanted)) for one in places]


@contextmanager
def _nobody_learns(ws: Workspace) -> Iterator[None]:
    """Keep transfers and pretrainings from starting, and refuse while one is running: it may have read the rows.

    Raises:
        Conflict: If one is running.
    """
    pairs = [Pair(ws.source, target).name for target in ws.targets()]
    with ExitStack() as stack:
        stack.enter_context(only_one(ws, "pretrain", ws.source))
        for pair in pairs:
            stack.enter_context(only_one(ws, "transfer", pair))
            if (run := running_transfer(open_ledger(ws), pair, datetime.now(UTC))) is not None:
                raise Conflict(
                    f"A transfer of {pair} is running and may be learning from the rows.",
                    why=f"Run {run}.",
                    fix=["wait for it to end: lepton status"],
                )
        yield


def _domains(ws: Workspace) -> list[str]:
    """Return every domain that anything is kept of, also without a contract."""
    found = set(ws.domains())
    for parent in (ws.data_dir, ws.quarantine_dir, ws.predictions_dir):
        found |= {path.name for path in parent.glob("*") if path.is_dir()}
    return sorted(found)


def _nothing(ws: Workspace, asked: int, domain: str | None) -> LeptonError:
    before = open_ledger(ws).last(action=FORGOTTEN)
    again = f"\nThe last erasure was on {before.time[:16].replace('T', ' ')} UTC." if before else ""
    return NotFound(
        f"None of the {asked:,} ids is anywhere in {domain or 'this workspace'}; nothing was changed.",
        why="Looked at: data, older versions, predictions, quarantine. An id is written as it was delivered, or, where "
        f"a delivery has none, as lepton derived it; the part before its first ~ will do.{again}",
        fix=["lepton data diff DOMAIN/BATCH DOMAIN --rows  (shows ids)"],
    )
