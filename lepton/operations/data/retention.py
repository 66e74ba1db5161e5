"""Retention: old states of the data that no registered model, no commit and no work under way refers to are removed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from lepton.core.errors import UsageError
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Abandoned, Forgotten, Ingested, Published, Registered
from lepton.core.work.faults import reached
from lepton.core.work.lock import alone_with_data
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Session

KEEP_DAYS = 30


@dataclass(frozen=True)
class Cleaned:
    """What went from one place."""

    place: str
    """cache or remote."""
    objects: int
    """That it held."""
    removed: tuple[str, ...]
    """Their md5s; of a dry run those that would go."""
    states: int
    """How many of them are lists of files."""
    bytes: int

    def to_json(self) -> Json:
        """Return a JSON object."""
        return asdict(self) | {"removed": list(self.removed)}


@dataclass(frozen=True)
class CleanUpResult(Result):
    """What nothing referred to, and what stays."""

    keep_days: int
    places: tuple[Cleaned, ...]
    kept: Mapping[str, str]
    """State -> who refers to it."""
    dry_run: bool

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        verb = "would remove" if self.dry_run else "removed"
        told: Facts = {
            one.place: f"{verb} {len(one.removed)} of {one.objects} objects, {one.bytes:,} bytes" for one in self.places
        }
        return {**told, "states kept": len(self.kept)}

    def to_json(self) -> Json:
        """Return a JSON object."""
        kept = [{"state": md5, "because": why} for md5, why in self.kept.items()]
        return super().to_json() | {"kept": kept}


def collect_garbage(session: Session, keep_days: int, with_remote: bool, dry_run: bool) -> CleanUpResult:
    """Remove what nothing refers to from DVC's cache and, if asked for, from the remote.

    Killed in between, it is done again: what was decided does not depend on what is gone already.

    Args:
        session: The workspace at work.
        keep_days: What is younger than this stays in any case.
        with_remote: Clean the remote, too.
        dry_run: Say only what would go.

    Raises:
        UsageError: If `keep_days` is negative.
        LeptonError: If it cannot be known what a referred state needs; nothing is removed then.
    """
    from lepton.data.erase import check_none_unfinished
    from lepton.data.objects import Cache, Objects, remote
    from lepton.data.publish import ever_committed
    from lepton.data.retention import check_known, lists, unreferred, used_by_dvc

    if keep_days < 0:
        raise UsageError("--keep-days is a number of days, 0 or more.")
    ledger = session.ledger
    before = time.time() - timedelta(days=keep_days).total_seconds()
    with alone_with_data(session.ws), ExitStack() as stack:
        check_none_unfinished(session.ws)
        places: list[Objects] = [Cache(session.ws.root)]
        if with_remote:
            places.append(stack.enter_context(remote(session.ws, "clean the remote")))
        stored = {place.name: place.all() for place in places}
        used = used_by_dvc(session.ws) | ever_committed(session.ws)
        who = dict.fromkeys(used, "git's history") | referred(session, ledger)
        files = lists(places, stored)
        check_known(session.ws, files, who)
        reached("gc.planned")
        told = []
        for place in places:
            gone = unreferred(stored[place.name], files, who.keys(), before, times(ledger))
            if not dry_run:
                place.remove(sorted(gone))
            reached(f"gc.{place.name}-cleaned")
            told.append(
                Cleaned(
                    place.name,
                    objects=len(stored[place.name]),
                    removed=tuple(sorted(gone)),
                    states=sum(md5.endswith(".dir") for md5 in gone),
                    bytes=sum(stored[place.name][md5].size for md5 in gone),
                )
            )
    kept = {md5: who[md5] for md5 in sorted(who) if md5.endswith(".dir")}
    return CleanUpResult(keep_days, tuple(told), kept, dry_run)


def referred(session: Session, ledger: Ledger) -> dict[str, str]:
    """Return every state that something refers to, with who does: versions, what was published, work, the data now."""
    from lepton.data.versions import dvc_md5

    found: dict[str, str] = {}
    for md5 in _states_in_work(session):
        found[md5] = "work under way"
    for published in ledger.rows(None, Published):
        found[published.row.dvc_md5] = "what was published"
    undone = {entry.row.model.key for entry in ledger.rows(None, Abandoned)}
    for entry in ledger.rows(None, Registered):
        for _, ref in entry.row.data_refs():
            if entry.row.model.key not in undone and ref.dvc_md5:
                found[ref.dvc_md5] = entry.row.model.label
    now = dvc_md5(session.ws.root)
    return found | ({now: "the data as it is now"} if now else {})


def times(ledger: Ledger) -> dict[str, float]:
    """Return when each state was recorded, as far as the ledger says."""
    found: dict[str, float] = {}
    for entry in ledger.rows(None, Ingested, Forgotten):
        data = entry.row.data if isinstance(entry.row, Ingested | Forgotten) else None
        if data is not None and data.dvc_md5:
            found[data.dvc_md5] = entry.at.timestamp()
    return found


def _states_in_work(session: Session) -> Iterator[str]:
    """Yield the states that transfers and pretrainings under way refer to: they are not registered yet."""
    for path in session.ws.work_dir.glob("*/**/*.json"):
        try:
            yield from _md5s(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            continue


def _md5s(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(md5 := value.get("dvc_md5"), str):
            yield md5
        for inner in value.values():
            yield from _md5s(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _md5s(inner)
