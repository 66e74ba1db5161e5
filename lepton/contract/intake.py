"""What is asked of an ingest, what was taken in, and what rows and labels have in common on their way."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lepton.contract.result import ContractResult
from lepton.core.config.workspace import Workspace
from lepton.core.errors import UsageError
from lepton.core.refs import DataRef
from lepton.core.work import Progress
from lepton.core.work.faults import reached
from lepton.data import readers, versions


@dataclass(frozen=True)
class Intake:
    """What was taken in."""

    domain: str
    batch: str
    """Name of the batch, or of the delivery of labels."""
    rows: int
    labelled: int
    contract: ContractResult
    data: DataRef | None
    """The new batch; for labels the whole domain. None after a dry run."""
    labels: bool = False
    """Whether it is a delivery of labels."""
    completed: bool = False
    """Whether an earlier ingest stored it and was interrupted before it was versioned, pushed and recorded."""
    repeated: int = 0
    """Further rows of the delivery that are stored already, as of an export of all that there is so far; left out."""
    set_aside: int = 0
    """Rows of the delivery that were out of bounds and are in quarantine instead."""
    left_open: int = 0
    """Rows of a delivery of labels that have no label yet; passed over."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        found = asdict(self)
        found["contract"] = self.contract.to_json()
        if not self.repeated:
            del found["repeated"]
        found["data"] = self.data.to_json() if self.data else None
        if not self.set_aside:  # as an older lepton wrote it
            del found["set_aside"]
        if not self.left_open:
            del found["left_open"]
        return found


@dataclass(frozen=True)
class Call:
    """What was asked for; see `ingest`."""

    domain: str
    path: Path
    name: str | None
    labels: bool
    new: bool
    dry_run: bool
    progress: Progress
    sparing: bool = False


def free_name(path: Path, name: str | None, taken: list[str]) -> str:
    """Return the name of a new batch: the one that was asked for, else one made of the file's name.

    Raises:
        UsageError: If the one that was asked for is taken.
    """
    if name is not None:
        if name in taken:
            raise UsageError(f"The name {name!r} is taken by another delivery.", fix=["use another --name"])
        return name
    stem, batch, number = readers.stem(path), readers.stem(path), 2
    while batch in taken:
        batch, number = f"{stem[:57]}-{number}", number + 1
    return batch


def version(ws: Workspace) -> None:
    """Record the data folder and push it; done again, it does what was left."""
    versions.snapshot(ws, push=False)
    reached("ingest.versioned")
    versions.push_all(ws)
    reached("ingest.pushed")
