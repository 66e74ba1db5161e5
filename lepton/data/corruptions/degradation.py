"""What every simulated degradation is asked for: a known name and a strength."""

from __future__ import annotations

from collections.abc import Collection

from lepton.core.errors import UsageError


def check_asked(name: str, strength: int, known: Collection[str]) -> None:
    """Refuse what cannot be simulated.

    Raises:
        UsageError: If there is no such corruption or strength.
    """
    if name not in known:
        raise UsageError(f"There is no corruption {name!r}.", why=f"Known: {', '.join(sorted(known))}.")
    if strength not in (1, 2, 3):
        raise UsageError(f"A corruption's strength is 1, 2 or 3, not {strength!r}.")
