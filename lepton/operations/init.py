"""Make a workspace from a first delivery: configuration, contracts, git and DVC."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from lepton.core.config.names import check_domain, slug
from lepton.core.config.yaml_file import nearest
from lepton.core.errors import LeptonError, UsageError
from lepton.core.kinds import Kind, kind_of

if TYPE_CHECKING:
    from lepton.core.config.workspace import Workspace
    from lepton.core.table import Table

LABEL_NAMES = ("label", "target", "class", "y", "outcome", "category")
"""Column names taken for the label without asking, in this order."""
ID_NAMES = ("id", "row_id", "uuid", "key")
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
    source: str | None = None,
    label: str | None = None,
    id: str | None = None,
    name: str | None = None,
    kind: Kind | None = None,
    texts: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
) -> tuple[Setup, Table]:
    """Look at a first delivery of the source and return what the workspace would be; writes nothing.

    It takes nine arguments because each is a question that a delivery may leave open, and an option of `lepton init`.

    Raises:
        UsageError: If the folder is a workspace already, or the label's column cannot be told.
        LeptonError: If the delivery cannot be read, or no contract can be made from it: one class, or amounts.
    """
    from lepton.contract.infer import infer
    from lepton.core.config.workspace import CONFIG_FILE
    from lepton.data.readers import read_delivery, stem

    again = f"lepton init {shlex.quote(str(root))} --from {shlex.quote(str(file))}"
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file, not a folder.", fix=[f"lepton init OTHER-FOLDER --from {file}"])
    if (root / CONFIG_FILE).exists():
        raise UsageError(
            f"{root} is a workspace already.",
            why=f"{root / CONFIG_FILE} exists; init never overwrites it.",
            fix=[f"edit {root / CONFIG_FILE}", f"lepton init OTHER-FOLDER --from {shlex.quote(str(file))}"],
        )
    # A sequence of lines becomes one row only once it is known which column tells them apart.
    look: Kind | None = None if kind == "sequence" and file.suffix != ".npz" else kind
    first = read_delivery(file, kind=look, label=label or "label", id=id or "id", texts=texts)
    if first.frame is not None:
        if strange := [column for column in texts if column not in first.frame.columns]:
            raise UsageError(
                f"{file.name} has no column {strange[0]!r} to read as text.",
                why=f"Columns: {', '.join(map(str, first.frame.columns))}.",
                fix=[f"{again} --text COLUMN"],
            )
        id = id or next((c for c in first.frame.columns if c.lower() in ID_NAMES), None)
        label = label or _guess_label(first, file, again)
        first = read_delivery(file, kind=look, label=label, id=id or "id", texts=texts)
        if kind is None and first.kind == "tabular" and _is_prose(first):
            kind = "text"
        if kind not in (None, look) or (kind == "text" and first.kind != "text"):
            first = read_delivery(file, kind=kind, label=label, id=id or "id", texts=texts)
    if kind is not None and first.kind != kind:
        raise UsageError(
            f"{file.name} holds {kind_of(first.kind).words}, not {kind_of(kind).words}.",
            fix=[f"{again}  (without --kind)", "see docs/inputs.md for what a delivery of each kind looks like"],
        )
    if not first.known().any():
        raise _no_labels(first, file, label or "label", again)
    domain = check_domain(source) if source else slug(stem(file))
    try:
        contract = infer(first, domain, "source", label=label or "label", id=id or "id")
    except LeptonError as error:
        raise UsageError(
            error.what, error.why, [f"{again} --label COLUMN  (another label column)", *error.fix[1:]]
        ) from None
    setup = Setup(
        root=root,
        name=name or slug(root.name) or domain,
        kind=first.kind,
        source=domain,
        label=label or "label",
        id=id,
        rows=len(first),
        classes=contract.classes,
        columns=tuple(first.frame.columns) if first.frame is not None else (),
        settings=settings or {},
    )
    return setup, first


def create_workspace(setup: Setup, first: Table) -> Workspace:
    """Write configuration and contract, start git and DVC; `lepton.yaml` comes last: a crash leaves no workspace."""
    from lepton.contract.infer import infer
    from lepton.contract.spec import save_contract
    from lepton.core.config.workspace import CONFIG_FILE, Workspace
    from lepton.core.work.files import atomic_write
    from lepton.data.versions import init_versioning

    contract = infer(first, setup.source, "source", label=setup.label, id=setup.id or "id")
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


def _is_prose(table: Table) -> bool:
    """Return whether the one feature column holds sentences: several words, seldom the same."""
    frame = table.frame
    if frame is None or len(frame.columns) != 1 or table.column_type(str(frame.columns[0])) != "category":
        return False
    values = [str(value) for value in frame.iloc[:, 0].dropna()]
    return len(set(values)) > len(values) / 2 and median(len(value.split()) for value in values) > 1


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


def _guess_label(table: Table, file: Path, again: str) -> str:
    """Return the column that is most likely the label.

    Raises:
        UsageError: If none or several could be; lists them.
    """
    frame = table.frame
    if frame is None:
        raise LeptonError(f"{file.name} has no columns.")
    if table.known().any():
        return "label"
    by_name = {column.lower(): column for column in frame.columns}
    for wanted in LABEL_NAMES:
        if wanted in by_name:
            return str(by_name[wanted])
    few = [str(column) for column in frame.columns if column not in table.series and 2 <= frame[column].nunique() <= 20]
    last = str(frame.columns[-1])
    if few == [last]:
        return last
    raise UsageError(
        f"Which column of {file.name} holds the label?",
        why=f"None is called {', '.join(LABEL_NAMES)}. With 2 to 20 different values: {', '.join(few) or 'none'}.",
        fix=[f"{again} --label {shlex.quote(few[-1]) if few else 'COLUMN'}"],
    )
