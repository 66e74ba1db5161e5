"""Great Expectations, behind one function: run checks on a frame, write the Data Docs page, return what failed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.contract.checker import Judge
from lepton.contract.checks import Check
from lepton.contract.pages import Docs, fingerprint
from lepton.contract.vendor import load, quiet
from lepton.core.errors import LeptonError
from lepton.core.work.lock import hold, turn


@dataclass(frozen=True)
class Failed:
    """A check that did not hold."""

    check: Check
    rows: tuple[int, ...]
    """The first few, by the frame's index."""
    values: tuple[Any, ...]
    """What is in them."""
    count: int
    found: dict[str, Any]
    """GX's own result."""


@contextlib.contextmanager
def alone_with_docs(docs: Path) -> Iterator[None]:
    """Be the only one who changes the Data Docs: their index names all pages, and the oldest go.

    Raises:
        LeptonError: If somebody else has been at it for two minutes.
    """
    path = docs / ".lock"
    busy = LeptonError(
        "Another validation has held the Data Docs for two minutes.",
        why=f"The lock is {path}.",
        fix=["wait for the other command to end, then repeat this one"],
    )
    with hold(path, seconds=120, busy=busy):
        yield


@dataclass(frozen=True)
class Asked:
    """Some of the rows, and what to expect of them."""

    frame: pd.DataFrame
    """With the numbers to report as index."""
    checks: Sequence[Check]
    repeated: NDArray[np.bool_] | None = None
    """(n,) true for rows whose id may be that of another row, of all there are; by default those of the frame."""


def run(parts: Iterable[Asked], suite: str, delivery: str, docs: Path) -> tuple[list[Failed], str]:
    """Run the checks and return those that failed, in order, and the URL of the page that shows all of them.

    Args:
        parts: Rows and checks, some rows at a time.
        suite: Name of the suite; one a domain.
        delivery: Name of the run on the page.
        docs: Folder of the Data Docs.

    Raises:
        LeptonError: If a check itself broke, which says nothing about the data.
    """
    with turn("great expectations"), quiet():
        load()
        judge, prints = Judge(), []
        for part in parts:
            judge.add(part.frame, part.checks, part.repeated)
            prints.append(fingerprint(part.frame))
        results = judge.results()
        with alone_with_docs(docs):
            url = Docs(docs).publish(" ".join(prints), results, suite, delivery)
    failed = []
    for check, outcome in zip(judge.checks, results, strict=True):
        if (outcome.exception_info or {}).get("raised_exception"):
            raise LeptonError(
                f"The check {check.expectation} of {check.column!r} broke; the data was not judged.",
                why=outcome.exception_info["exception_message"],
                fix=["see contracts/ for a rule that does not fit its column", f"open {url}"],
            )
        if not outcome.success:
            failed.append(_failed(check, dict(outcome.result)))
    return failed, url


def _failed(check: Check, found: dict[str, Any]) -> Failed:
    if not check.by_row:
        return Failed(check, (), (), 0, found)
    rows = tuple(int(row) for row in found.get("partial_unexpected_index_list") or ())
    values = tuple(found.get("partial_unexpected_list") or ())
    return Failed(check, rows, values, int(found.get("unexpected_count") or 0), found)
