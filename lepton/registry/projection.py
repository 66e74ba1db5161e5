"""MLflow's aliases as a projection of the ledger, so that MLflow's own pages and clients see what serves.

Nothing here decides anything, and nothing in lepton reads an alias. MLflow cannot compare and swap one, so whoever
moves it looks into the ledger again afterwards, and goes on until the two agree: of promoters that race, the last to
look puts right what the others left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.ledger import Action, Ledger
from lepton.core.ledger.rows import Abandoned, Decisive, Move, Proposed, Refused, Rejected, actions_of
from lepton.core.refs import ModelRef, base_model_name
from lepton.registry.eligibility import recalled
from lepton.registry.models import aliases, remove_alias, set_alias

CHAMPION = "champion"
CHALLENGER = "challenger"
MOVES: tuple[Action, ...] = actions_of(Move)

_TURNS = 50
"""Times to look again before giving up; each turn after the second means that somebody else moved something."""


@dataclass(frozen=True)
class Realigned:
    """An alias that was moved because the ledger said otherwise."""

    model: str
    was: str | None
    now: str | None
    """None if it was taken away."""
    alias: str = CHAMPION


def wanted(ledger: Ledger, pair: str) -> dict[str, ModelRef | None]:
    """Return what each alias of a pair must point to: the champion, and the newest version that was judged and did not
    get to serve."""
    champion: ModelRef | None = None
    judged: dict[tuple[str, str], ModelRef] = {}
    for entry in ledger.rows(pair, Decisive, Refused, Rejected, Abandoned):
        model = entry.row.model
        if isinstance(entry.row, Refused | Proposed):
            judged[model.key] = model
            continue
        judged.pop(model.key, None)
        if isinstance(entry.row, Move):
            champion = model
    if judged:
        out = recalled(ledger)
        judged = {key: ref for key, ref in judged.items() if key not in out and ref != champion}
    return {CHAMPION: champion, CHALLENGER: list(judged.values())[-1] if judged else None}


def project(
    ws: Workspace, ledger: Ledger, pair: str, check: Callable[[ModelRef], None] | None = None
) -> list[Realigned]:
    """Move a pair's aliases to what the ledger says and read them back; return what was moved.

    Args:
        ws: The workspace.
        ledger: Its ledger; read again after each move.
        pair: The pair, or the source for its base.
        check: Called with each version before an alias points to it; raises if it must not.

    Raises:
        LeptonError: If MLflow cannot be reached, or a version does not pass the check.
    """
    moved: dict[str, Realigned] = {}
    name = base_model_name(pair)
    for turn in range(_TURNS):
        now, have = wanted(ledger, pair), aliases(ws, name)
        differing = [alias for alias, ref in now.items() if (ref.version if ref else None) != have.get(alias)]
        if not differing:
            return list(moved.values())
        if turn > 1:
            time.sleep(0.02 * turn)
        for alias in differing:
            ref = now[alias]
            if ref is None:
                remove_alias(ws, name, alias)
            else:
                if check is not None:
                    check(ref)
                set_alias(ws, ref, alias)
            was = moved[alias].was if alias in moved else have.get(alias)
            moved[alias] = Realigned(name, was, ref.version if ref else None, alias)
    raise LeptonError(
        f"The aliases of {name} do not stay where they are put.",
        why=f"Somebody else moved them {_TURNS} times in a row.",
        fix=["lepton doctor"],
    )


def pairs_of(ledger: Ledger) -> list[str]:
    """Return every pair, and source, that has something to project."""
    return list(dict.fromkeys(row.pair for row in ledger.rows(None, Decisive, Refused)))
