"""What a batch, a data set or a model has reached: the versions that saw it, and all that descends from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lepton.core.errors import NotFound, UsageError
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Ingested
from lepton.registry.eligibility import Batch, Key
from lepton.registry.lineage.family import Data, Family, Version

SHORTEST = 4
"""Characters of a digest that are asked for, so that a slip does not match everything."""


@dataclass(frozen=True)
class Touched:
    """A version that something reached, and how."""

    version: Version
    how: str
    direct: bool
    """It saw, or is, what was asked about; the others descend from one that does."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        one = self.version
        return {
            "model": one.ref.to_json(),
            "pair": one.pair,
            "how": self.how,
            "direct": self.direct,
            "registered_at": one.registered_at,
            **one.standing_json(),
        }


def of_batch(known: Family, batch: Batch) -> list[Touched]:
    """Return the versions that ever saw a batch, whatever for, or descend from one that did."""
    return _seen(known, lambda data: data.domain == batch[0] and batch[1] in data.batches)


def of_data(known: Family, digest: str) -> list[Touched]:
    """Return the versions that saw data of this digest, a domain's or DVC's own, or descend from one that did."""
    return _seen(known, lambda data: digest in (data.digest, data.dvc_md5))


def of_model(known: Family, version: Version) -> list[Touched]:
    """Return a version and all that descends from it."""
    return _reached(known, {version.key: "is it"}, "")


def find_batch(ledger: Ledger, known: Family, source: str, words: str) -> Batch:
    """Return the batch that the words mean: DOMAIN/BATCH, or a batch's name that only one domain has.

    Raises:
        NotFound: If there was never such a batch.
        UsageError: If several domains have one of that name.
    """
    domain, slash, name = words.rpartition("/")
    there = _batches(ledger, known, source)
    found = sorted(one for one in there if one[1] == name and (not slash or one[0] == domain))
    if len(found) > 1:
        raise UsageError(
            f"Several domains have a batch {name!r}.",
            fix=[f"lepton lineage impact --batch {one[0]}/{one[1]}" for one in found[:5]],
        )
    if not found:
        near = [f"{one[0]}/{one[1]}" for one in there if one[0] == domain] or [f"{one[0]}/{one[1]}" for one in there]
        raise NotFound(
            f"There was never a batch {words!r}.",
            why=f"The last that came in: {', '.join(near[-8:]) or 'none'}.",
            fix=["lepton lineage impact --batch DOMAIN/BATCH", f"lepton data log {domain or source}"],
        )
    return found[0]


def find_data(known: Family, start: str) -> tuple[str, list[Data]]:
    """Return the one digest, a domain's or DVC's own, that starts so, and the data that have it.

    Raises:
        NotFound: If no registered version saw such data.
        UsageError: If it is too short, or different digests start so.
    """
    if len(start) < SHORTEST:
        raise UsageError(f"A digest needs {SHORTEST} characters or more.", fix=["lepton lineage show MODEL"])
    found: dict[str, list[Data]] = {}
    for data in _data(known):
        for digest in (data.digest, data.dvc_md5):
            if digest is not None and digest.startswith(start.lower()):
                found.setdefault(digest, []).append(data)
    if not found:
        raise NotFound(
            f"No registered version saw data whose digest starts with {start!r}.",
            why="A digest is a domain's own, or the md5 in data.dvc.",
            fix=["lepton lineage show MODEL  (prints the digests)"],
        )
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} digests start with {start!r}.", why="\n".join(sorted(found)[:8]), fix=["give more of it"]
        )
    return next(iter(found.items()))


def _seen(known: Family, asked: Callable[[Data], bool]) -> list[Touched]:
    """Return the versions that saw data of some kind, and their descendants; each data set is looked at once."""
    answers: dict[int, bool] = {}
    direct: dict[Key, str] = {}
    for key, one in known.versions.items():
        uses = []
        for use, data in one.saw:
            if id(data) not in answers:
                answers[id(data)] = asked(data)
            if answers[id(data)]:
                uses.append(use)
        if uses:
            direct[key] = f"saw it ({', '.join(uses)})"
    return _reached(known, direct, "saw it")


def _reached(known: Family, direct: dict[Key, str], what: str) -> list[Touched]:
    """Return the versions that something reached directly and their descendants, in the order of registration."""
    found: dict[Key, Touched] = {}
    first: dict[Key, str] = {}  # the nearest ancestor that it reached directly
    for key, one in known.versions.items():
        if key in direct:
            found[key], first[key] = Touched(one, direct[key], True), one.ref.label
        elif one.parent in first:
            first[key] = first[one.parent]
            found[key] = Touched(one, f"descends from {first[key]}" + (f", which {what}" if what else ""), False)
    return list(found.values())


def _batches(ledger: Ledger, known: Family, source: str) -> list[Batch]:
    """Return every batch that came in, or that a version saw, in order."""
    came = {
        (row.pair.removeprefix(f"{source}-to-"), row.row.batch): None
        for row in ledger.each(Ingested)
        if not row.row.labels
    }
    return list({(data.domain, batch): None for data in _data(known) for batch in data.batches} | came)


def _data(known: Family) -> Iterable[Data]:
    """Return each data set that a version saw, once; versions that saw the same share the object."""
    return {id(data): data for one in known.versions.values() for _, data in one.saw}.values()
