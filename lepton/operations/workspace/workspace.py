"""The front door: a workspace with every verb as a method, for a script, a notebook and the command line alike.

A call loads what it needs and leaves nothing behind in the process, so two workspaces may be at work in two threads.
Defaults and errors are those of the command line: an error is a `LeptonError` that says what, why and what mends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.config.workspace import Workspace as Place
from lepton.core.extras import told
from lepton.core.work import Progress
from lepton.operations.workspace.data import Data
from lepton.operations.workspace.models import Models
from lepton.operations.workspace.people import People
from lepton.operations.workspace.production import Watching
from lepton.operations.workspace.records import Records

if TYPE_CHECKING:
    from lepton.core.kinds import Kind
    from lepton.operations.delivery import Given


class Workspace(Data, Models, Watching, People, Records):
    """A project: one labelled source and any number of targets.

    Args:
        root: The folder with `lepton.yaml`.
        progress: Whether to draw bars: by default where somebody sees them, in a terminal or a notebook. Or a function
            that is called as `progress(done, total, text)`.
        runner: Who runs the verbs; by default this process.

    Raises:
        NotFound: If there is no workspace in that folder.
    """


def open(root: str | Path | None = None, *, progress: bool | Progress | None = None) -> Workspace:
    """Open a workspace.

    Args:
        root: The folder with `lepton.yaml`; by default $LEPTON_WORKSPACE, the current folder or one above it.
        progress: Whether to draw bars; by default where somebody sees them.

    Raises:
        NotFound: If there is none.
    """
    return Workspace(Place.find(None if root is None else Path(root).expanduser()).root, progress=progress)


def init(
    root: str | Path,
    delivery: Given,
    *,
    source: str | None = None,
    label: str | None = None,
    id: str | None = None,
    name: str | None = None,
    kind: Kind | None = None,
    texts: Sequence[str] = (),
    categories: Sequence[str] = (),
    numbers: Sequence[str] = (),
    dates: Sequence[str] = (),
    ignore: Sequence[str] = (),
    no_value: Sequence[str] = (),
    progress: bool | Progress | None = None,
) -> Workspace:
    """Make a workspace from a first labelled delivery of the source: `lepton.yaml`, a contract, git and DVC.

    The delivery is looked at, not taken in: `ingest` does that. It takes fourteen arguments because each is a question
    that a delivery may leave open.

    Args:
        root: The folder; made if it is not there.
        delivery: A path, an address, or rows; as `Workspace.ingest` has them.
        source: Name of the source; by default the file's, or `source`.
        label: Column that holds the label; by default the one that most likely does.
        id: Column that identifies a row.
        name: Name of the project; by default the folder's.
        kind: What a row is, if the delivery does not tell.
        texts: Columns of texts to read.
        categories: Columns of names, also where they look like numbers.
        numbers: Columns of amounts, also where they look like codes.
        dates: Columns of dates of which weekday and hour are kept; other dates are left out.
        ignore: Columns to leave out; deliveries need not have them.
        no_value: Further spellings of no value in columns of numbers.
        progress: Whether to draw bars; by default where somebody sees them.

    Raises:
        UsageError: If the folder is a workspace already, or the label's column cannot be told.
    """
    with told():
        from lepton.operations.delivery import as_file
        from lepton.operations.first_look import Said
        from lepton.operations.init import create_workspace, plan_workspace

    said = Said(
        categories=tuple(categories),
        numbers=tuple(numbers),
        dates=tuple(dates),
        ignore=tuple(ignore),
        texts=tuple(texts),
        no_value=tuple(no_value),
        label=label,
        id=id,
    )
    folder = Path(root).expanduser().absolute()
    with told(), as_file(delivery, source or "source") as file:
        setup, first = plan_workspace(folder, file, said=said, kind=kind, source=source, name=name)
        return Workspace(create_workspace(setup, first).root, progress=progress)
