"""What a crash leaves in MLflow: versions that the ledger never heard of, and how they are told from all others.

A version gets its number in MLflow first and its row in the ledger second. Between the two a lock is held, which the
system frees if the process dies; so whoever gets the lock alone knows that nobody is between the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lepton.core.config.workspace import Workspace
from lepton.core.errors import Busy
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Registered
from lepton.core.refs import ModelRef
from lepton.core.work.lock import hold
from lepton.registry.mlflow.store import delete_version, list_models, list_versions, ref_of
from lepton.registry.mlflow.tracking import connect

AFTER = "lepton.after"
"""Tag: number and seal of the newest row of the ledger when the version was made. It tells a version that a crash
left from one whose ledger was exchanged or restored from an older copy."""

_SEAL = 16


@contextmanager
def registering(ws: Workspace) -> Iterator[None]:
    """Hold off `sweep` between the version's number and its row in the ledger; any number of processes may be there."""
    with hold(_lock_of(ws), shared=True):
        yield


def position(ledger: Ledger) -> str:
    """Return where the ledger stands, for the tag `AFTER`."""
    newest = ledger.last()
    return f"{newest.seq}:{newest.hash[:_SEAL]}" if newest else "0:"


def orphans(ws: Workspace, ledger: Ledger, names: Sequence[str] | None = None) -> list[ModelRef]:
    """Return the versions in MLflow that a crash kept from getting into the ledger.

    Args:
        ws: The workspace.
        ledger: Its ledger.
        names: Registered models to look at; by default all.
    """
    return [ref for ref, ours in _unknown(ws, ledger, names) if ours]


def strangers(ws: Workspace, ledger: Ledger, names: Sequence[str] | None = None) -> list[ModelRef]:
    """Return the versions in MLflow that were registered with another ledger or not by lepton: nobody touches them."""
    return [ref for ref, ours in _unknown(ws, ledger, names) if not ours]


def sweep(ws: Workspace, ledger: Ledger, names: Sequence[str] | None = None) -> list[ModelRef]:
    """Remove the orphans from MLflow and return them; none while somebody is registering."""
    found: list[ModelRef] = []
    try:
        with hold(_lock_of(ws), seconds=0):
            tracking = connect(ws)
            for ref in orphans(ws, ledger, names):
                delete_version(tracking, ref.name, ref.version)
                found.append(ref)
    except Busy:
        return []
    return found


def _unknown(ws: Workspace, ledger: Ledger, names: Sequence[str] | None) -> list[tuple[ModelRef, bool]]:
    """Return the versions that the ledger does not know, each with whether it was made with this very ledger."""
    tracking = connect(ws)
    found = [version for name in (names or list_models(tracking)) for version in list_versions(tracking, name)]
    pairs = {name.removeprefix("lepton-") for name in (names or ())}
    slots = pairs if names else (None,)
    known = {entry.row.model.key for slot in slots for entry in ledger.rows(slot, Registered)}
    unknown = [version for version in found if (version.name, str(version.version)) not in known]
    return [(ref_of(version), _is_ours(ledger, version)) for version in unknown]


def _is_ours(ledger: Ledger, version: Any) -> bool:
    number, _, seal = version.tags.get(AFTER, "").partition(":")
    if not number.isdigit():
        return False
    if number == "0":
        return True
    rows = ledger.entries(after=int(number) - 1)
    return bool(rows) and rows[0].seq == int(number) and rows[0].hash[:_SEAL] == seal


def _lock_of(ws: Workspace) -> Path:
    return ws.state_dir / "registering.lock"
