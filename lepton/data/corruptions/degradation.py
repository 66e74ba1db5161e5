"""Simulated degradations of rows of any kind: the kind's own module knows what can befall its rows."""

from __future__ import annotations

from collections.abc import Collection

from lepton.core.errors import UsageError
from lepton.core.kinds import kind_of, refer
from lepton.core.table import Table


def check_asked(name: str, strength: int, known: Collection[str]) -> None:
    """Refuse what cannot be simulated.

    Raises:
        UsageError: If there is no such corruption or strength.
    """
    if name not in known:
        raise UsageError(f"There is no corruption {name!r}.", why=f"Known: {', '.join(sorted(known))}.")
    if strength not in (1, 2, 3):
        raise UsageError(f"A corruption's strength is 1, 2 or 3, not {strength!r}.")


def degradations(rows: Table) -> list[str]:
    """Return the names of what can be simulated on such rows; none for rows that nobody simulates drift of."""
    where = kind_of(rows.kind).degradations
    return list(refer(where).able(rows)) if where else []


def degrade(rows: Table, name: str, strength: int, seed: int) -> Table:
    """Return a degraded copy of rows.

    Args:
        rows: Left untouched.
        name: One of `degradations(rows)`.
        strength: 1 (visible), 2 (bad) or 3 (hardly usable).
        seed: Same seed, same result.

    Raises:
        UsageError: If there is no such degradation or strength.
    """
    where = kind_of(rows.kind).degradations
    if where is None:
        raise UsageError(f"Nobody simulates drift of {kind_of(rows.kind).words}.")
    done: Table = refer(where).degrade(rows, name, strength, seed)
    return done
