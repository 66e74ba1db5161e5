"""All versions with their descent and standing: one pass over the ledger, which every view of the lineage shares.

A registration holds kilobytes, and a view needs all of them only for the few versions it shows. So a pass keeps of
each what descent and impact hang on; the whole records of those that are shown are read by their row's number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger import Entry, Ledger
from lepton.core.ledger.rows import (
    Abandoned,
    Cause,
    Move,
    OfModel,
    OfRecall,
    Proposed,
    Refused,
    Registered,
    Rejected,
    Row,
)
from lepton.core.refs import ModelRef
from lepton.registry.eligibility import Batch, Key, concerned, not_lifted
from lepton.registry.lineage.record import Lineage

KINDS: tuple[type[Row], ...] = (OfModel, OfRecall)
"""The rows that say how versions descend and stand."""
PARTS = (
    ("model",),
    ("lineage", "parent"),
    ("lineage", "data"),
    ("lineage", "strategy"),
    ("cause",),
    ("why",),
    ("subject",),
)
"""What of their payloads is looked at for that."""


@dataclass(frozen=True, slots=True)
class Data:
    """Which data a version saw, as far as an impact is asked for."""

    domain: str
    digest: str
    dvc_md5: str | None
    batches: tuple[str, ...]


@dataclass(slots=True)
class Reign:
    """A time in which a version served its pair."""

    since: str
    """UTC, ISO 8601."""
    by: str
    because: Cause
    row: int
    """Of the ledger."""
    until: str | None = None
    """None while it serves."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        times = {"since": self.since, "until": self.until, "by": self.by}
        return {**times, "because": self.because.to_json(), "row": self.row}


@dataclass(slots=True)
class Version:
    """A registered version: where it comes from, what comes of it, how it stands."""

    ref: ModelRef
    pair: str
    row: int
    """The ledger's row of its registration."""
    registered_at: str
    actor: str
    strategy: str
    parent: Key | None
    saw: tuple[tuple[str, Data], ...]
    """(use, data)."""
    children: list[Key] = field(default_factory=list)
    reigns: list[Reign] = field(default_factory=list)
    recalled: str = ""
    """Why it must not serve; empty if it may."""
    waits: bool = False
    """Whether it waits for a person's word."""
    verdict: str = ""
    """The last word that kept it from serving: refused, rejected or abandoned."""
    why: str = ""
    """A person's, or the reason that it was abandoned."""

    @property
    def key(self) -> Key:
        """Name and version."""
        return self.ref.name, self.ref.version

    @property
    def serves(self) -> bool:
        """Whether it is its pair's champion."""
        return bool(self.reigns) and self.reigns[-1].until is None

    def batches(self) -> Iterator[Batch]:
        """Yield all that it saw, whatever for; what several uses share comes more than once."""
        for _, data in self.saw:
            for batch in data.batches:
                yield data.domain, batch

    def standing(self) -> str:
        """Return how it stands, in one word."""
        if self.serves:
            return "champion"
        if self.recalled:
            return "recalled"
        if self.waits:
            return "waiting"
        return "served" if self.reigns else self.verdict or "unused"

    def standing_json(self) -> dict[str, Any]:
        """Return all that is known of how it stands, as a JSON object."""
        return {
            "standing": self.standing(),
            "champion": self.serves,
            "served": [reign.to_json() for reign in self.reigns],
            "recalled": self.recalled or None,
            "waiting": self.waits,
            "verdict": self.verdict or None,
            "why": self.why or None,
        }


@dataclass(frozen=True)
class Family:
    """All versions, in the order of their registration: a parent stands before its children."""

    versions: Mapping[Key, Version]

    def ancestors(self, version: Version) -> list[Version]:
        """Return what a version descends from, its parent first, as far as it is registered here."""
        found = []
        while (parent := self.versions.get(version.parent) if version.parent else None) is not None:
            found.append(parent)
            version = parent
        return found

    def descendants(self, version: Version) -> list[Version]:
        """Return what descends from a version, in the order of registration."""
        found: set[Key] = set()
        waiting = [version.key]
        while waiting:
            below = self.versions[waiting.pop()].children
            found.update(below)
            waiting += below
        return [one for key, one in self.versions.items() if key in found]

    def __getitem__(self, key: Key) -> Version:
        """Return a version.

        Raises:
            NotFound: If it is not registered.
        """
        if key not in self.versions:
            raise NotFound(f"The ledger has no registration of {key[0]} v{key[1]}.", fix=["lepton lineage tree"])
        return self.versions[key]


def family(ledger: Ledger) -> Family:
    """Return all versions of a ledger, as of one moment."""
    return fold(ledger.each(*KINDS, parts=PARTS))


def fold(rows: Iterable[Entry]) -> Family:
    """Return the versions that rows of `KINDS`, in order, speak of."""
    versions: dict[Key, Version] = {}
    seen: dict[tuple[Any, ...], Data] = {}
    marks: list[Entry] = []
    champions: dict[str, Reign] = {}
    waits: dict[str, Key] = {}
    for entry in rows:
        row = entry.row
        if isinstance(row, Registered):
            made = _version(entry, row, seen)
            versions[made.key] = made
            if made.parent in versions:
                versions[made.parent].children.append(made.key)
        elif isinstance(row, OfRecall):
            marks.append(entry)
        elif isinstance(row, OfModel):
            _judged(entry, row, versions.get(row.model.key), champions, waits)
    born = ((one.key, one.parent, one.batches()) for one in versions.values())
    recalls = [entry.row for entry in not_lifted(marks)]
    for key, why in (concerned(born, recalls) if recalls else {}).items():
        versions[key].recalled = why
    for key in waits.values():
        if key in versions:
            versions[key].waits = not versions[key].recalled
    return Family(versions)


def records(ledger: Ledger, versions: Collection[Version]) -> dict[Key, Lineage]:
    """Return the whole lineage records of some versions.

    Raises:
        LeptonError: If one cannot be read.
    """
    return {entry.row.model.key: _record(entry) for entry in _rows(ledger, versions)}


def _rows(ledger: Ledger, versions: Collection[Version]) -> Iterator[Entry[Registered]]:
    numbers = sorted(version.row for version in versions)
    for start in range(0, len(numbers), 10_000):  # databases take some 30,000 values in one statement
        yield from ledger.each(Registered, numbers=numbers[start : start + 10_000])


def _record(entry: Entry[Registered]) -> Lineage:
    try:
        return Lineage.from_json(entry.row.lineage)
    except (ValueError, TypeError, KeyError) as error:
        raise LeptonError(
            f"The lineage in row {entry.seq} of the ledger cannot be read.",
            why=f"{error}.",
            fix=["pip install --upgrade lepton  (if a newer lepton wrote it)", "lepton audit verify"],
        ) from None


def _version(entry: Entry, made: Registered, seen: dict[tuple[Any, ...], Data]) -> Version:
    """Return what is kept of a registration; data that several versions saw is kept once."""
    saw = []
    for use, ref in made.data_refs():
        known = (ref.domain, ref.digest, ref.dvc_md5, len(ref.batches))
        if (data := seen.get(known)) is None:
            data = seen[known] = Data(ref.domain, ref.digest, ref.dvc_md5, ref.batches)
        saw.append((use, data))
    return Version(
        ref=made.model,
        pair=entry.pair,
        row=entry.seq,
        registered_at=entry.time,
        actor=entry.actor,
        strategy=made.strategy,
        parent=made.parent.key if made.parent else None,
        saw=tuple(saw),
    )


def _judged(
    entry: Entry, row: OfModel, version: Version | None, champions: dict[str, Reign], waits: dict[str, Key]
) -> None:
    """Note what one row says of a version, and of the one that served its pair before."""
    if isinstance(row, Move):
        reign = Reign(entry.time, entry.actor, row.cause, entry.seq)
        if entry.pair in champions:
            champions[entry.pair].until = entry.time
        champions[entry.pair] = reign
        waits.pop(entry.pair, None)
        if version is not None:
            version.reigns.append(reign)
            version.verdict = version.why = ""
    elif isinstance(row, Proposed):
        waits[entry.pair] = row.model.key
    else:
        if not isinstance(row, Refused) and waits.get(entry.pair) == row.model.key:
            del waits[entry.pair]
        if version is not None:
            version.verdict = row.action
            version.why = row.why if isinstance(row, Rejected | Abandoned) else ""
