"""Whether a registered version may serve: not recalled, not waiting for a person's word. Folded from the ledger alone.

A recall speaks of a subject, a model or a batch, and its effect is worked out when it is asked for: a version that
was registered after the recall, by a transfer that was already running, is caught like those that were there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from lepton.core.ledger import Entry, Ledger
from lepton.core.ledger.rows import (
    Abandoned,
    Move,
    OfRecall,
    Proposed,
    Recalled,
    Registered,
    Reinstated,
    Rejected,
)

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
    return affected(ledger.each(Registered, parts=parts), (entry.row for entry in standing)) if standing else {}


def in_force(ledger: Ledger) -> list[Entry[Recalled]]:
    """Return the recalls that were not lifted since, oldest first."""
    return not_lifted(ledger.rows(None, OfRecall))


def not_lifted(entries: Iterable[Entry]) -> list[Entry[Recalled]]:
    """Return the recalls that stand, given all recalls and what lifted them, in order."""
    found: dict[str, Entry[Recalled]] = {}
    for entry in entries:
        if (lifted := entry.of(Reinstated)) is not None:
            found.pop(lifted.subject.line, None)
        elif (mark := entry.of(Recalled)) is not None:
            found.setdefault(mark.subject.line, cast("Entry[Recalled]", entry))
    return list(found.values())


def affected(registered: Iterable[Entry[Registered]], recalls: Iterable[Recalled]) -> dict[Key, str]:
    """Return the versions that some recalls concern, in the order of their registration, each with the reason.

    Args:
        registered: All registrations; a parent stands before its children.
        recalls: What is recalled.
    """
    return concerned((_born(entry.row) for entry in registered), recalls)


def concerned(born: Iterable[Born], recalls: Iterable[Recalled]) -> dict[Key, str]:
    """Return what `affected` does, of versions whose registrations were taken apart before."""
    models: dict[Key, str] = {}
    batches: dict[Batch, str] = {}
    for recall in recalls:
        subject = recall.subject
        if subject.model is not None:
            models[subject.model.key] = recall.why
        else:
            batches[str(subject.domain), str(subject.batch)] = recall.why
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


def waiting(ledger: Ledger, pair: str) -> Entry[Proposed] | None:
    """Return the proposal of a pair that waits for a person's word, if there is one.

    A proposal is settled when it was promoted, rejected or recalled, and overtaken when another champion serves since:
    the gate compared it with the one before. Of several only the newest waits.
    """
    proposed = ledger.last_row(pair, Proposed)
    if proposed is None:
        return None
    model = proposed.row.model.key
    for entry in ledger.rows(pair, Move, Rejected, Abandoned, after=proposed.seq):
        if isinstance(entry.row, Move) or entry.row.model.key == model:
            return None
    return None if model in recalled(ledger) else proposed


def _born(made: Registered) -> Born:
    saw = [(ref.domain, batch) for _, ref in made.data_refs() for batch in ref.batches]
    return made.model.key, made.parent.key if made.parent else None, saw
