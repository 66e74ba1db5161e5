"""The data of a domain through time: its log, two states compared, an old one brought back, the pointer published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton.core.config.names import check_domain
from lepton.core.errors import NotFound, UsageError
from lepton.core.ledger import INGESTED, PUBLISHED, REGISTERED, Ledger
from lepton.core.refs import DataRef, Pair
from lepton.core.work.faults import reached
from lepton.core.work.lock import alone_with_data
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.data.past import Past

NOW = "now"
SHORTEST = 4
"""Digits of a digest or md5 that may stand for all of it."""


@dataclass(frozen=True)
class Named:
    """A state of a domain, and the words for it on screen."""

    was: Past
    words: str

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"state": self.words, "domain": self.was.domain, "dvc_md5": self.was.md5, "batches": self.was.names}


def history(session: Session, domain: str) -> list[dict[str, Any]]:
    """Return everything that happened to a domain's data, oldest first; see `lepton.data.history`."""
    from lepton.contract.quarantine import quarantined
    from lepton.data.history import fold
    from lepton.data.store import batch_files, label_files

    slot = slot_of(session, domain)
    refused = [entry.reason for entry in reversed(quarantined(session.ws, domain))]
    events = fold(
        session.ledger.entries(),
        domain,
        slot,
        refused,
        list(batch_files(session.ws, domain)),
        list(label_files(session.ws, domain)),
    )
    if all(event.kind == "published" for event in events):  # that speaks of every domain there is
        session.ws.check_known(domain)
    return [event.to_json() for event in events]


def slot_of(session: Session, domain: str) -> str:
    """Return the name under which the ledger keeps a domain, also one that has no contract (any more)."""
    return domain if check_domain(domain) == session.ws.source else Pair(session.ws.source, domain).name


def state_of(session: Session, words: str, use: str = "train") -> Named:
    """Return the state of a domain that some words mean.

    DOMAIN, DOMAIN@now     as it is recorded now
    DOMAIN@2, @champion    what this version of its model learnt from (or another `use` of its data)
    DOMAIN/BATCH           when this batch had just been delivered
    DOMAIN@BATCH           the same, where no version or alias is called so
    DOMAIN@4f3a09          a state by the first digits of its md5, or a DataRef by those of its digest

    Raises:
        NotFound: If there is no such state, or nobody has it any more.
        UsageError: If the digits mean several.
    """
    name, _, when = words.partition("@")
    if "/" in name and not when:
        domain, _, batch = name.partition("/")
        found = _at_batch(session, domain, batch)
        if found is None:
            raise NotFound(f"Domain {domain!r} never had a batch {batch!r}.", fix=[f"lepton data log {domain}"])
        return found
    if when in ("", NOW) and name in session.ws.domains():
        return _now(session, name)
    found = _of_model(session, words, use)
    if found is None:
        session.ws.check_known(name)
        found = _at_batch(session, name, when) or _by_digits(session, name, when)
    if found is None:
        raise NotFound(
            f"{words!r} names no state of {name!r}.",
            why="After the @: now, a version or alias of its model, a batch, or the first digits of an md5 or digest.",
            fix=[f"lepton data log {name}", f"lepton lineage tree {name}"],
        )
    return found


def compare_states(session: Session, a: str, b: str | None, use: str, with_rows: bool) -> dict[str, Any]:
    """Return what was added and removed from state `a` to state `b`, by default to now.

    Raises:
        UsageError: If they are states of different domains.
        NotFound: If one of them does not exist.
    """
    from lepton.data.past import compare

    first = state_of(session, a, use)
    second = state_of(session, b, use) if b else _now(session, first.was.domain)
    if first.was.domain != second.was.domain:
        raise UsageError(
            f"{a} and {b} are states of two domains, {first.was.domain} and {second.was.domain}.",
            fix=[f"lepton data diff {a} {first.was.domain}@now"],
        )
    found = compare(session.ws, first.was, second.was)
    return {"a": first.to_json(), "b": second.to_json(), **found.to_json(with_rows)}


def bring_back(session: Session, domain: str, at: str, use: str, into: Path | None, dry_run: bool) -> dict[str, Any]:
    """Copy a past state of a domain into a folder outside `data/`, which only ingest writes to.

    Raises:
        NotFound: If there is no such state, or nobody has it any more.
        UsageError: If the folder holds something.
    """
    from lepton.data.past import check_free, checkout

    state = state_of(session, at if "/" in at or "@" in at else f"{domain}@{at}", use)
    if state.was.domain != domain:
        raise UsageError(f"{at} is a state of {state.was.domain!r}, not of {domain!r}.")
    goal = into or session.ws.state_dir / "past" / f"{domain}-{at.replace('/', '-').replace('@', '-')}"
    check_free(session.ws, goal)
    if not dry_run:
        checkout(session.ws, state.was, goal)
    return {**state.to_json(), "folder": str(goal), "files": len(state.was.files), "dry_run": dry_run}


def mend(session: Session, domain: str | None, dry_run: bool) -> dict[str, Any]:
    """Bring back files of the current state that are missing in `data/` or damaged; nothing else is touched.

    Raises:
        LeptonError: If an erasure was interrupted: mending would bring the erased rows back.
        NotFound: If neither cache nor remote has a file.
    """
    from lepton.data.erase import check_none_unfinished
    from lepton.data.repair import broken, repair

    if domain is not None:
        check_domain(domain)
    with alone_with_data(session.ws):
        check_none_unfinished(session.ws)
        found = broken(session.ws, domain)
        aside = [] if dry_run else repair(session.ws, found)
    return {"mended": found, "aside": [str(path) for path in aside], "dry_run": dry_run}


def publish(session: Session, message: str | None, dry_run: bool) -> dict[str, Any]:
    """Commit `data.dvc` in the workspace's git repository and put it on record; nothing to do if it is committed.

    Raises:
        LeptonError: If the data is not clean or not in the remote, or git refuses.
    """
    from lepton.data.erase import check_none_unfinished
    from lepton.data.publish import check_publishable, commit_pointer, committed

    with alone_with_data(session.ws):
        check_none_unfinished(session.ws)
        md5 = check_publishable(session.ws)
        known, revision = committed(session.ws)
        answer = {"dvc_md5": md5, "git_revision": revision, "new": known != md5, "dry_run": dry_run}
        if dry_run:
            return answer
        if known != md5:
            answer["git_revision"] = revision = commit_pointer(session.ws, message or f"Data: {md5[:12]}")
            reached("publish.committed")
        ledger, row = session.ledger, {"dvc_md5": md5, "git_revision": revision, "message": message}
        last = ledger.last(session.ws.source, PUBLISHED)
        if last is None or (last.payload["dvc_md5"], last.payload["git_revision"]) != (md5, revision):
            ledger.append(session.actor, session.ws.source, PUBLISHED, row)
        reached("publish.recorded")
    return answer


def _now(session: Session, domain: str) -> Named:
    from lepton.data.past import past
    from lepton.data.versions import dvc_md5

    session.ws.check_known(domain)
    md5 = dvc_md5(session.ws.root)
    if md5 is None:
        raise NotFound("No data was recorded yet.", fix=[f"lepton ingest {domain} FILE"])
    return Named(past(session.ws, domain, md5), f"{domain} now")


def _of_model(session: Session, words: str, use: str) -> Named | None:

    from lepton.data.past import past_of
    from lepton.registry.lineage.find import find_model

    try:
        ref = find_model(session.ws, session.ledger, words)
    except (NotFound, UsageError):
        return None
    data = session.lineage(ref).data
    if use not in data:
        raise NotFound(f"{ref.label} has no data of the use {use!r}.", why=f"It has: {', '.join(data)}.")
    return Named(past_of(session.ws, data[use]), f"{data[use].domain} as {ref.label} saw it ({use})")


def _at_batch(session: Session, domain: str, batch: str) -> Named | None:
    from lepton.data.past import past

    rows = [row.payload for row in session.ledger.entries(slot_of(session, domain), INGESTED)]
    named = [one for one in rows if one["batch"] == batch and one.get("data")]
    named.sort(key=lambda one: bool(one.get("labels")))  # a delivery of labels may bear a batch's name: rows come first
    return (
        Named(past(session.ws, domain, named[0]["data"]["dvc_md5"]), f"{domain} when {batch} came") if named else None
    )


def _by_digits(session: Session, domain: str, digits: str) -> Named | None:
    from lepton.data.past import past, past_of

    if len(digits) < SHORTEST or not set(digits.lower()) <= set("0123456789abcdef.dir"):
        return None
    refs = {ref.digest: ref for ref in _refs(session, session.ledger, domain) if ref.digest.startswith(digits)}
    states = {md5 for md5 in _states(session, session.ledger, domain) if md5.startswith(digits)}
    if len(refs) + len(states) > 1:
        raise UsageError(
            f"{digits!r} means {len(refs) + len(states)} states of {domain!r}.",
            why=", ".join([*sorted(refs), *sorted(states)]),
            fix=["write more digits"],
        )
    if refs:
        return Named(past_of(session.ws, next(iter(refs.values()))), f"{domain} {digits}")
    return Named(past(session.ws, domain, next(iter(states))), f"{domain} {digits}") if states else None


def _refs(session: Session, ledger: Ledger, domain: str) -> list[DataRef]:
    """Return every reference to data of a domain that the ledger holds."""
    rows = ledger.entries(action=(INGESTED, REGISTERED))
    given = [row.payload.get("data") for row in rows if row.action == INGESTED]
    given += [ref for row in rows if row.action == REGISTERED for ref in row.payload["lineage"]["data"].values()]
    return [DataRef.from_json(ref) for ref in given if ref and ref["domain"] == domain]


def _states(session: Session, ledger: Ledger, domain: str) -> set[str]:
    """Return the states of the data folder that are known here: on record, in the cache, and the one of now."""
    from lepton.data.objects import DIRECTORY, Cache
    from lepton.data.versions import dvc_md5

    known = {ref.dvc_md5 for ref in _refs(session, ledger, domain)} | {dvc_md5(session.ws.root)}
    known |= {row.payload["dvc_md5"] for row in ledger.entries(action=PUBLISHED)}
    known |= {md5 for md5 in Cache(session.ws.root).all() if md5.endswith(DIRECTORY)}
    return {md5 for md5 in known if md5}
