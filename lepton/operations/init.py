"""Make a workspace from a first delivery: configuration, contracts, git and DVC."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton.core.config.names import check_domain, slug
from lepton.core.config.yaml_file import nearest
from lepton.core.errors import LeptonError, UsageError
from lepton.core.kinds import DatePart, Kind
from lepton.operations.first_look import FirstLook, Said

if TYPE_CHECKING:
    from lepton.contract.spec import Contract
    from lepton.core.config.workspace import Workspace
    from lepton.core.table import Table
    from lepton.data.looks import Look

ODD = ("?", "#")
"""What no workspace's path may have."""
HEADER = """lepton workspace. Lines that are commented out show the defaults.
Environment variables win over this file: LEPTON_MONITOR__CONFIRM=3. See every value: lepton config"""


@dataclass(frozen=True)
class Setup:
    """What a new workspace is made of."""

    root: Path
    name: str
    kind: Kind
    source: str
    label: str
    id: str | None
    rows: int
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    settings: dict[str, Any]
    looks: tuple[Look, ...] = ()
    """What each column looks like, and what is unsure about it."""
    doubt: str = ""
    """What is unsure about the classes."""
    dates: Mapping[str, tuple[DatePart, ...]] = field(default_factory=dict)
    """Columns of dates, and the parts of them that are kept."""
    ignore: tuple[str, ...] = ()
    """Columns that are left out."""
    no_value: tuple[str, ...] = ()
    """Further spellings of no value in columns of numbers."""

    def contract(self, first: Table) -> Contract:
        """Return the contract of the source.

        Raises:
            LeptonError: If there is none to be made: one class, or amounts.
        """
        from lepton.contract.infer import infer

        return infer(
            first,
            self.source,
            "source",
            label=self.label,
            id=self.id or "id",
            dates=self.dates,
            ignore=self.ignore,
            no_value=self.no_value,
        )

    def yaml(self) -> str:
        """Return the text of `lepton.yaml`."""
        from lepton.core.config.template import render

        given: dict[str, Any] = {"name": self.name, "kind": self.kind, "source": self.source, "label": self.label}
        if self.id:
            given["id"] = self.id
        return render({**given, **self.settings}, HEADER)


def plan_workspace(
    root: Path,
    file: Path,
    *,
    said: Said = Said(),
    kind: Kind | None = None,
    source: str | None = None,
    name: str | None = None,
    settings: dict[str, Any] | None = None,
) -> tuple[Setup, Table]:
    """Look at a first delivery of the source and return what the workspace would be; writes nothing.

    Args:
        root: The folder that becomes a workspace.
        file: The delivery.
        said: What somebody said of its columns; the rest is guessed.
        kind: What a row is, if the file does not tell.
        source: Name of the source; by default the file's.
        name: Name of the project; by default the folder's.
        settings: What else `lepton.yaml` is to say.

    Raises:
        UsageError: If the folder is a workspace already, or the label's column cannot be told.
        LeptonError: If the delivery cannot be read, or no contract can be made from it: one class, or amounts.
    """
    from lepton.data.looks import doubts_about_labels
    from lepton.data.readers import stem

    again = f"lepton init {shlex.quote(str(root))} --from {shlex.quote(str(file))}"
    _check_free(root, file)
    first = FirstLook(file, said, again, said.label, said.id, kind)
    first.settle()
    if not first.table.known().any():
        raise _no_labels(first.table, file, first.label or "label", again)
    domain = check_domain(source) if source else slug(stem(file))
    table = first.table
    setup = Setup(
        root=root,
        name=name or slug(root.name) or domain,
        kind=table.kind,
        source=domain,
        label=first.label or "label",
        id=first.id,
        rows=len(table),
        classes=(),
        columns=tuple(table.frame.columns) if table.frame is not None else (),
        settings=settings or {},
        looks=first.looks,
        dates=first.dates,
        ignore=first.ignore,
        no_value=said.no_value,
    )
    try:
        classes = setup.contract(table).classes
    except LeptonError as error:
        raise UsageError(
            error.what, error.why, [f"{again} --label COLUMN  (another label column)", *error.fix[1:]]
        ) from None
    return replace(setup, classes=classes, doubt=doubts_about_labels(classes)), table


def _check_free(root: Path, file: Path) -> None:
    """Refuse a folder that cannot become a workspace."""
    from lepton.core.config.workspace import CONFIG_FILE

    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file, not a folder.", fix=[f"lepton init OTHER-FOLDER --from {file}"])
    if odd := [mark for mark in ODD if mark in str(root.absolute())]:
        raise UsageError(
            f"A workspace cannot lie in {str(root.absolute())!r}: its path has a {odd[0]!r}.",
            why="Ledger and MLflow find their files by URLs, in which that mark ends the path.",
            fix=[f"lepton init OTHER-FOLDER --from {shlex.quote(str(file))}"],
        )
    if (root / CONFIG_FILE).exists():
        raise UsageError(
            f"{root} is a workspace already.",
            why=f"{root / CONFIG_FILE} exists; init never overwrites it.",
            fix=[f"edit {root / CONFIG_FILE}", f"lepton init OTHER-FOLDER --from {shlex.quote(str(file))}"],
        )


def create_workspace(setup: Setup, first: Table) -> Workspace:
    """Write configuration and contract, start git and DVC; `lepton.yaml` comes last: a crash leaves no workspace."""
    from lepton.contract.file import save_contract
    from lepton.core.config.workspace import CONFIG_FILE, Workspace
    from lepton.core.work.files import atomic_write
    from lepton.data.versions import init_versioning

    contract = setup.contract(first)
    setup.root.mkdir(parents=True, exist_ok=True)
    ws = Workspace(setup.root.resolve())
    save_contract(ws, contract)
    ignored = setup.root / ".gitignore"
    lines = ignored.read_text().splitlines() if ignored.exists() else []
    wanted = [line for line in ("/data", "/.lepton/", "/quarantine/", "/reports/") if line not in lines]
    atomic_write(ignored, "\n".join([*lines, *wanted]) + "\n")
    remote = (setup.settings.get("data") or {}).get("remote", ".lepton/remote")
    init_versioning(ws.root, remote)
    atomic_write(setup.root / CONFIG_FILE, setup.yaml())
    return ws


def _no_labels(first: Table, file: Path, label: str, again: str) -> UsageError:
    """Return the error for a delivery without a label: its columns, and the nearest to what was named."""
    columns = [str(column) for column in first.frame.columns] if first.frame is not None else []
    if label in columns or not columns:
        return UsageError(
            f"{file.name} has no labels, but a source needs them.",
            why=f"Looked for {label!r}." if not columns else f"The column {label!r} is empty.",
            fix=[f"{again} --label COLUMN"],
        )
    near = nearest(label, columns)
    return UsageError(
        f"{file.name} has no column {label!r}." + (f" Did you mean {near!r}?" if near else ""),
        why=f"Its columns: {', '.join(columns)}.",
        fix=[f"{again} --label {shlex.quote(near or 'COLUMN')}"],
    )
