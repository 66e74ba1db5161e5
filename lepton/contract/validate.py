"""Hold a delivery against its contract."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.contract import gx
from lepton.contract.bounds import Bounds
from lepton.contract.checks import EARLIER, SHAPE, checks_for, label_checks, rows_frame
from lepton.contract.result import LISTED, Breach, ContractResult
from lepton.contract.spec import Contract
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.kinds import kind_of
from lepton.core.table import Table


def validate(
    table: Table,
    contract: Contract,
    ws: Workspace,
    *,
    delivery: str = "delivery",
    has_labels: bool | None = None,
    earlier: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
) -> ContractResult:
    """Run every check of the contract on the rows and publish the outcome in the Data Docs.

    Args:
        table: The rows.
        contract: What they must meet.
        ws: Where the Data Docs lie.
        delivery: Name of the file or folder, for the page.
        has_labels: Whether the delivery has a label column; by default whether some label is known.
        earlier: Row id -> batch that already holds it, for rows of other batches.
        names: What a person calls the rows, if not by their number: file names.

    Raises:
        LeptonError: If rows and contract are of different kinds, or a check itself broke.
    """
    return inspect([table], contract, ws, delivery=delivery, has_labels=has_labels, earlier=earlier, names=names).result


def inspect(
    tables: Iterable[Table],
    contract: Contract,
    ws: Workspace,
    *,
    delivery: str = "delivery",
    has_labels: bool | None = None,
    earlier: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    repeated: NDArray[np.bool_] | None = None,
    docs: Path | None = None,
) -> Inspected:
    """Do what `validate` does, and return which rows may be stored; see there for the arguments.

    The rows come some at a time: `repeated`, (n,) over all of them, is true where an id may be that of another row, and
    must be given if there is more than one table. The Data Docs are written to `docs`, by default to those of the
    workspace. It has nine arguments because it is asked by name for all that `validate` is asked for.
    """
    look = _Look(contract, delivery, has_labels, earlier or {}, repeated)
    result = _judge(look.parts(tables), look, contract, docs or ws.docs_dir, contract.domain, names)
    aside = look.bounds.out if result.passed else np.zeros(look.rows, dtype=bool)
    if not aside.any():
        return Inspected(result, ~aside)
    spared = tuple(_breaches(look.bounds.spared, look, names))
    share, allowed = float(aside.mean()), 1 - min([contract.mostly, *(r.mostly or 1 for r in contract.columns)])
    if share <= allowed:
        return Inspected(replace(result, set_aside=int(aside.sum()), spared=spared), ~aside)
    # Each rule is broken by few rows, but together they are too many.
    return Inspected(replace(result, passed=False, breaches=spared), np.ones(len(aside), dtype=bool))


@dataclass
class _Look:
    """Makes of tables what is checked of them, and keeps what is asked for afterwards."""

    contract: Contract
    delivery: str
    has_labels: bool | None
    earlier: Mapping[str, str]
    repeated: NDArray[np.bool_] | None
    rows: int = 0
    checks: int = 0
    first: pd.DataFrame = field(default_factory=pd.DataFrame)
    """What is checked of the first rows; images come in one piece."""
    bounds: Bounds = field(default_factory=Bounds)

    def parts(self, tables: Iterable[Table]) -> Iterator[gx.Asked]:
        for table in tables:
            check_kind(table, self.contract, self.delivery)
            has_labels = bool(table.known().any()) if self.has_labels is None else self.has_labels
            frame = rows_frame(table, self.contract, has_labels, self.earlier, self.rows)
            checks = checks_for(self.contract, frame)
            self.bounds.add(frame, checks)
            self.first = self.first if self.rows else frame
            twice = None if self.repeated is None else self.repeated[self.rows : self.rows + len(frame)]
            self.rows, self.checks = self.rows + len(frame), max(self.checks, len(checks))
            yield gx.Asked(frame, checks, twice)


@dataclass(frozen=True)
class Inspected:
    """The outcome of a validation, and what of the delivery may be stored."""

    result: ContractResult
    kept: NDArray[np.bool_]
    """(n,) false where a row is set aside."""


def check_kind(table: Table, contract: Contract, delivery: str) -> None:
    """Refuse rows of another kind than the contract is about, such as images instead of a table.

    Raises:
        LeptonError: If the kinds differ.
    """
    if table.kind != contract.kind:
        raise LeptonError(
            f"{delivery} holds {kind_of(table.kind).words};"
            f" domain {contract.domain!r} holds {kind_of(contract.kind).words}."
        )


def validate_labels(
    ids: NDArray[np.object_],
    labels: NDArray[np.object_],
    contract: Contract,
    ws: Workspace,
    *,
    stored: Mapping[str, str],
    delivery: str,
    numbers: Sequence[int] | None = None,
) -> ContractResult:
    """Hold labels for stored rows against the contract.

    Args:
        ids: (n,) strings or None.
        labels: (n,) strings or None.
        contract: Names the classes.
        ws: Where the Data Docs lie.
        stored: Row id -> batch that holds it.
        delivery: Name of the file, for the page.
        numbers: (n,) of the rows in the file, where some of it are passed over; by default 1 to n.
    """
    holders = np.array([stored.get(row_id) for row_id in ids], dtype=object)
    columns = {contract.id: ids, contract.label: labels, EARLIER: holders}
    index = pd.RangeIndex(1, len(ids) + 1) if numbers is None else pd.Index(numbers)
    frame = pd.DataFrame(columns, index=index, dtype="object")
    look = _Look(contract, delivery, True, {}, None, rows=len(frame), first=frame)
    return _judge(
        [gx.Asked(frame, label_checks(contract))], look, contract, ws.docs_dir, f"{contract.domain}-labels", None
    )


def _judge(
    parts: Iterable[gx.Asked],
    look: _Look,
    contract: Contract,
    docs: Path,
    suite: str,
    names: Sequence[str] | None,
) -> ContractResult:
    began = time.monotonic()
    failed, url = gx.run(parts, suite, look.delivery, docs)
    return ContractResult(
        domain=contract.domain,
        passed=not failed,
        breaches=tuple(_breaches(failed, look, names)),
        rows=look.rows,
        checks=look.checks,
        contract=contract.digest(),
        docs_url=url,
        seconds=round(time.monotonic() - began, 3),
        delivery=look.delivery,
    )


def _breaches(failed: Sequence[gx.Failed], look: _Look, names: Sequence[str] | None) -> list[Breach]:
    """Say each failure in words; a wrong shape is one breach, however many of its axes are wrong."""
    found: list[Breach] = []
    shape_told = False
    for entry in failed:
        check, column, problem = entry.check, entry.check.column, ""
        if "axis" in check.meta:
            if shape_told:
                continue
            shape_told = True
            column = "shape"
            seen = look.first.loc[entry.rows[0], list(SHAPE)]
            problem = check.say([" x ".join(str(size) for size in seen)], entry.found)
        rows = entry.rows[:LISTED]
        found.append(
            Breach(
                column=column,
                problem=problem or check.say(entry.values, entry.found),
                rows=rows,
                count=entry.count,
                names=tuple(names[row - 1] for row in rows) if names is not None else (),
                all_rows=entry.count == look.rows,
            )
        )
    return found
