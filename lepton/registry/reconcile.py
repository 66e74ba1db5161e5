"""What a crash left between the ledger and MLflow, put right: the ledger is the truth, MLflow follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.ledger import Ledger
from lepton.core.refs import ModelRef, base_model_name
from lepton.core.work.faults import reached
from lepton.registry.mlflow.gone import bring_back, gone
from lepton.registry.orphans import strangers, sweep
from lepton.registry.projection import CHAMPION, Realigned, pairs_of, project, wanted
from lepton.registry.promotion import verify


@dataclass(frozen=True)
class Reconciled:
    """What `reconcile` found and put right."""

    moved: tuple[Realigned, ...] = ()
    """Aliases that differed from the ledger."""
    removed: tuple[ModelRef, ...] = ()
    """Versions that a crash had kept from getting into the ledger."""
    strangers: tuple[ModelRef, ...] = ()
    """Versions that another ledger knows, or none: left alone."""
    back: tuple[ModelRef, ...] = ()
    """Versions that serve, were gone from MLflow, and are there again."""
    problems: tuple[LeptonError, ...] = ()
    """Aliases that could not be moved, because the version does not verify any more."""


def reconcile(ws: Workspace, ledger: Ledger, pairs: Sequence[str] | None = None) -> Reconciled:
    """Put right what a crash left between the ledger and MLflow; nothing to do costs a few queries.

    Versions that never got into the ledger are removed, what serves is brought back if somebody deleted it on MLflow's
    pages while its files still lie there, and aliases moved to what the ledger says, each after the
    version was verified. `lepton up`, `lepton doctor` and every transfer do it; doing it again changes nothing.

    Args:
        ws: The workspace.
        ledger: Its ledger.
        pairs: Look at these only; by default at everything, and for strangers too.
    """
    removed = sweep(ws, ledger, [base_model_name(pair) for pair in pairs] if pairs is not None else None)
    reached("reconcile.swept")
    known = pairs_of(ledger) if pairs is None else pairs
    serving = [ref for pair in known if (ref := wanted(ledger, pair)[CHAMPION]) is not None]
    back = [ref for ref in gone(ws, serving) if bring_back(ws, ref)]
    moved: list[Realigned] = []
    problems: list[LeptonError] = []
    for pair in known:
        try:
            moved += project(ws, ledger, pair, check=lambda ref: verify(ws, ref))
        except LeptonError as error:
            problems.append(error)
    reached("reconcile.moved")
    others = strangers(ws, ledger) if pairs is None else []
    return Reconciled(tuple(moved), tuple(removed), tuple(others), tuple(back), tuple(problems))
