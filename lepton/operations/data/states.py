"""States of a domain's data, past and present, by what a person calls them."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from lepton.core.config.names import check_domain
from lepton.core.errors import NotFound, UsageError
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Ingested, Published, Registered
from lepton.core.refs import DataRef, Pair
from lepton.operations.result import Json
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

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {"state": self.words, "domain": self.was.domain, "dvc_md5": self.was.md5, "batches": self.was.names}


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
        return state_now(session, name)
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


def state_now(session: Session, domain: str) -> Named:
    """Return the state of a domain as it is recorded now.

    Raises:
        NotFound: If nothing was recorded yet.
    """
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

    rows = [entry.row for entry in session.ledger.rows(slot_of(session, domain), Ingested)]
    named = [(one.labels, one.data.dvc_md5) for one in rows if one.batch == batch and one.data and one.data.dvc_md5]
    if not named:
        return None
    _, md5 = min(named, key=itemgetter(0))  # a delivery of labels may bear a batch's name: rows come first
    return Named(past(session.ws, domain, md5), f"{domain} when {batch} came")


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
    given = [entry.row.data for entry in ledger.rows(None, Ingested)]
    given += [ref for entry in ledger.rows(None, Registered) for _, ref in entry.row.data_refs()]
    return [ref for ref in given if ref is not None and ref.domain == domain]


def _states(session: Session, ledger: Ledger, domain: str) -> set[str]:
    """Return the states of the data folder that are known here: on record, in the cache, and the one of now."""
    from lepton.data.objects import DIRECTORY, Cache
    from lepton.data.versions import dvc_md5

    known = {ref.dvc_md5 for ref in _refs(session, ledger, domain)} | {dvc_md5(session.ws.root)}
    known |= {entry.row.dvc_md5 for entry in ledger.rows(None, Published)}
    known |= {md5 for md5 in Cache(session.ws.root).all() if md5.endswith(DIRECTORY)}
    return {md5 for md5 in known if md5}
