"""How a registered version stands: recalled or not, waiting for a person's word or not. Folded from the ledger alone.

A recall speaks of a subject, a model or a batch, and its effect is worked out when it is asked for: a version that
was registered after the recall, by a transfer that was already running, is caught like those that were there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lepton.core.ledger import (
    ABANDONED,
    PROMOTED,
    PROPOSED,
    RECALLED,
    REINSTATED,
    REJECTED,
    ROLLED_BACK,
    Entry,
    Ledger,
)
from lepton.core.ledger.rows import Registered

Key = tuple[str, str]
"""Name and version of a registered model."""
Batch = tuple[str, str]
"""Domain and name of a batch."""
Born = tuple[Key, Key | None, Iterable[Batch]]
"""A version, what it was adapted from, and what it saw, whatever for."""


def recalled(ledger: Ledger) -> dict[Key, str]:
    """Return why each version that must not serve was recalled: the subjects and what descends from them.

    Args:
        ledger: Nothing else is read; without a recall in force this is one quick query.
    """
    standing = in_force(ledger)
    parts = (("model",), ("lineage", "parent"), ("lineage", "data"))
    return affected(ledger.each(Registered, parts=parts), standing) if standing else {}


def in_force(ledger: Ledger) -> list[Entry]:
    """Return the recalls that were not lifted since, oldest first."""
    return not_lifted(ledger.entries(action=(RECALLED, REINSTATED)))


def not_lifted(rows: Iterable[Entry]) -> list[Entry]:
    """Return the recalls that stand, given all recalls and what lifted them, in order."""
    found: dict[str, Entry] = {}
    for row in rows:
        subject = subject_line(row.payload["subject"])
        if row.action == RECALLED:
            found.setdefault(subject, row)
        else:
            found.pop(subject, None)
    return list(found.values())


def affected(registered: Iterable[Entry], recalls: Iterable[Entry]) -> dict[Key, str]:
    """Return the versions that some recalls concern, in the order of their registration, each with the reason.

    Args:
        registered: All registrations; a parent stands before its children.
        recalls: Rows of recalls.
    """
    return concerned(map(_born, registered), recalls)


def concerned(born: Iterable[Born], recalls: Iterable[Entry]) -> dict[Key, str]:
    """Return what `affected` does, of versions whose registrations were taken apart before."""
    models: dict[Key, str] = {}
    batches: dict[Batch, str] = {}
    for row in recalls:
        subject, why = row.payload["subject"], str(row.payload["why"])
        if subject["kind"] == "model":
            models[key_of(subject["model"])] = why
        else:
            batches[subject["domain"], subject["batch"]] = why
    found: dict[Key, str] = {}
    for key, parent, saw in born:
        if key in models:
            found[key] = models[key]
        elif batches and (seen := next((batch for batch in saw if batch in batches), None)):
            found[key] = f"it saw batch {seen[1]} of {seen[0]}: {batches[seen]}"
        elif parent is not None and parent in found:
            reason = found[parent]
            line = "it descends from "
            found[key] = reason if reason.startswith(line) else f"{line}{parent[0]} v{parent[1]}: {reason}"
    return found


def waiting(ledger: Ledger, pair: str) -> Entry | None:
    """Return the proposal of a pair that waits for a person's word, if there is one.

    A proposal is settled when it was promoted, rejected or recalled, and overtaken when another champion serves since:
    the gate compared it with the one before. Of several only the newest waits.
    """
    proposed = ledger.last(pair, PROPOSED)
    if proposed is None:
        return None
    model = key_of(proposed.payload["model"])
    for row in ledger.entries(pair, (PROMOTED, ROLLED_BACK, REJECTED, ABANDONED), after=proposed.seq):
        if row.action in (PROMOTED, ROLLED_BACK) or key_of(row.payload["model"]) == model:
            return None
    return None if model in recalled(ledger) else proposed


def subject_line(subject: Mapping[str, Any]) -> str:
    """Return what was recalled in one line: `lepton-mnist v1`, `batch site-7 of mnist`."""
    if subject["kind"] == "model":
        name, version = key_of(subject["model"])
        return f"{name} v{version}"
    return f"batch {subject['batch']} of {subject['domain']}"


def key_of(model: Mapping[str, Any]) -> Key:
    """Return what identifies a version, from a reference in JSON."""
    return str(model["name"]), str(model["version"])


def _born(row: Entry) -> Born:
    lineage = row.payload["lineage"]
    parent = lineage.get("parent")
    saw = [(ref["domain"], batch) for ref in lineage["data"].values() if ref for batch in ref["batches"]]
    return key_of(row.payload["model"]), key_of(parent) if parent else None, saw
