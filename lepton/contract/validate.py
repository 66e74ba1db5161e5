"""Hold a delivery against its contract."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.contract import gx
from lepton.contract.bounds import out_of_bounds, spared_by
from lepton.contract.checks import EARLIER, SHAPE, Check, checks_for, label_checks, rows_frame
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
    return inspect(table, contract, ws, delivery=delivery, has_labels=has_labels, earlier=earlier, names=names).result


def inspect(
    table: Table,
    contract: Contract,
    ws: Workspace,
    *,
    delivery: str = "delivery",
    has_labels: bool | None = None,
    earlier: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    docs: Path | None = None,
) -> Inspected:
    """Do what `validate` does, and return which rows may be stored; see there for the arguments.

    The Data Docs are written to `docs`, by default to those of the workspace.
    """
    check_kind(table, contract, delivery)
    has_labels = bool(table.known().any()) if has_labels is None else has_labels
    frame = rows_frame(table, contract, has_labels, earlier or {})
    checks = checks_for(contract, frame)
    result = _judge(frame, checks, contract, docs or ws.docs_dir, delivery, contract.domain, names)
    aside = out_of_bounds(frame, checks) if result.passed else np.zeros(len(frame), dtype=bool)
    if not aside.any():
        return Inspected(result, ~aside)
    spared = tuple(_breaches(spared_by(frame, checks), frame, names))
    share, allowed = float(aside.mean()), 1 - min([contract.mostly, *(r.mostly or 1 for r in contract.columns)])
    if share <= allowed:
        return Inspected(replace(result, set_aside=int(aside.sum()), spared=spared), ~aside)
    # Each rule is broken by few rows, but together they are too many.
    return Inspected(replace(result, passed=False, breaches=spared), np.ones(len(frame), dtype=bool))


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
) -> ContractResult:
    """Hold labels for stored rows against the contract.

    Args:
        ids: (n,) strings or None.
        labels: (n,) strings or None.
        contract: Names the classes.
        ws: Where the Data Docs lie.
        stored: Row id -> batch that holds it.
        delivery: Name of the file, for the page.
    """
    holders = np.array([stored.get(row_id) for row_id in ids], dtype=object)
    columns = {contract.id: ids, contract.label: labels, EARLIER: holders}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(1, len(ids) + 1), dtype="object")
    return _judge(frame, label_checks(contract), contract, ws.docs_dir, delivery, f"{contract.domain}-labels", None)


def _judge(
    frame: pd.DataFrame,
    checks: list[Check],
    contract: Contract,
    docs: Path,
    delivery: str,
    suite: str,
    names: Sequence[str] | None,
) -> ContractResult:
    began = time.monotonic()
    failed, url = gx.run(frame, checks, suite, delivery, docs)
    return ContractResult(
        domain=contract.domain,
        passed=not failed,
        breaches=tuple(_breaches(failed, frame, names)),
        rows=len(frame),
        checks=len(checks),
        contract=contract.digest(),
        docs_url=url,
        seconds=round(time.monotonic() - began, 3),
        delivery=delivery,
    )


def _breaches(failed: Sequence[gx.Failed], frame: pd.DataFrame, names: Sequence[str] | None) -> list[Breach]:
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
            seen = frame.loc[entry.rows[0], list(SHAPE)]
            problem = check.say([" x ".join(str(size) for size in seen)], entry.found)
        rows = entry.rows[:LISTED]
        found.append(
            Breach(
                column=column,
                problem=problem or check.say(entry.values, entry.found),
                rows=rows,
                count=entry.count,
                names=tuple(names[row - 1] for row in rows) if names is not None else (),
                all_rows=entry.count == len(frame),
            )
        )
    return found
