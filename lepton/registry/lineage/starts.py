"""The knowledge base: which registered versions a new adaptation may start from.

A workspace is one task, so every model in it tells the same classes apart. What once served is a possible ancestor,
because the gate, or a person, let it; a version that was refused is one only if somebody names it.
"""

from __future__ import annotations

from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Move
from lepton.core.refs import ModelRef
from lepton.registry.eligibility import recalled

MOST = 12
"""Versions looked at, newest first: each has to be loaded and asked."""


def sound_ancestors(ledger: Ledger, base: ModelRef) -> list[ModelRef]:
    """Return the base and then every other version that once served any pair, newest first, without what is recalled.

    Args:
        ledger: Nothing else is read.
        base: The model that serves the source now; older bases are left out.
    """
    out, bases = recalled(ledger), base.name
    found: dict[tuple[str, str], ModelRef] = {}
    for entry in reversed(ledger.rows(None, Move)):
        ref = entry.row.model
        if ref.name != bases and ref.key not in out:
            found.setdefault(ref.key, ref)
    return [base, *list(found.values())[:MOST]]
