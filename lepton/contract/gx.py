"""Great Expectations, behind one function: run checks on a frame, write the Data Docs page, return what failed."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from lepton.contract.checks import Check
from lepton.contract.data_docs import make_offline
from lepton.core.config.names import slug
from lepton.core.errors import LeptonError
from lepton.core.extras import require
from lepton.core.work.lock import hold, turn

require("great_expectations")

KEPT = 100
"""Validations whose pages are kept; the index of the Data Docs is written anew each time and reads them all."""


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
    """Be the only one who changes the Data Docs: parallel file contexts corrupt each other.

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


def run(
    frame: pd.DataFrame, checks: Sequence[Check], suite: str, delivery: str, docs: Path
) -> tuple[list[Failed], str]:
    """Run the checks and return those that failed, in order, and the URL of the page that shows all of them.

    Args:
        frame: Rows, with the numbers to report as index.
        checks: What to expect of it.
        suite: Name of the suite; one a domain.
        delivery: Name of the run on the page.
        docs: Folder of the file context. One process at a time works in it: parallel ones corrupt it.

    Raises:
        LeptonError: If a check itself broke, which says nothing about the data.
    """
    docs.mkdir(parents=True, exist_ok=True)
    with turn("great expectations"), alone_with_docs(docs), _quiet(), _mended(docs):
        result, url = _run(frame, checks, suite, delivery, docs)
    failed: list[Failed | None] = [None] * len(checks)
    for outcome in result.results:
        place = outcome.expectation_config.meta["check"]
        message = _raised(outcome.exception_info)
        if message is not None:
            raise LeptonError(
                f"The check {checks[place].expectation} of {checks[place].column!r} broke; the data was not judged.",
                why=message,
                fix=["see contracts/ for a rule that does not fit its column", f"open {url}"],
            )
        if not outcome.success:
            failed[place] = _failed(checks[place], dict(outcome.result))
    return [entry for entry in failed if entry is not None], url


def load_vendor() -> None:
    """Import Great Expectations now: it takes four seconds, which a caller may have to spare."""
    import great_expectations  # noqa: F401


def _run(frame: pd.DataFrame, checks: Sequence[Check], suite: str, delivery: str, docs: Path) -> tuple[Any, str]:
    import great_expectations as gx
    from great_expectations.checkpoint import UpdateDataDocsAction
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.base import ProgressBarsConfig

    _forget_suite(docs, suite)
    context = gx.get_context(mode="file", project_root_dir=str(docs))
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_or_update_pandas(name="deliveries")
    batch = source.add_dataframe_asset(name=suite).add_batch_definition_whole_dataframe("delivery")
    expectations = [
        getattr(gx.expectations, check.expectation)(**check.arguments, meta={"check": place})
        for place, check in enumerate(checks)
    ]
    wanted = context.suites.add(gx.ExpectationSuite(name=suite, expectations=expectations))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=suite, data=batch, suite=wanted))
    checkpoint = gx.Checkpoint(
        name=suite,
        validation_definitions=[definition],
        actions=[UpdateDataDocsAction(name="data docs")],
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": 20},
    )
    checkpoint = context.checkpoints.add(checkpoint)
    _forget_oldest(docs)
    done = checkpoint.run(
        batch_parameters={"dataframe": frame},
        run_id=RunIdentifier(run_name=slug(delivery) or "delivery", run_time=datetime.now(UTC)),
    )
    key, result = next(iter(done.run_results.items()))
    sites = context.get_docs_sites_urls(resource_identifier=key)
    url = str(sites[0]["site_url"])
    make_offline(docs / "gx" / "uncommitted" / "data_docs" / "local_site")
    return result, url


def _forget_suite(docs: Path, suite: str) -> None:
    """Drop what an earlier run kept of the suite: updating it would compare every expectation with every other."""
    for kind in ("expectations", "validation_definitions", "checkpoints"):
        (docs / "gx" / kind / f"{suite}.json").unlink(missing_ok=True)


def _forget_oldest(docs: Path) -> None:
    """Drop the oldest validations beyond `KEPT`, page and stored result."""
    stored = sorted(docs.glob("gx/uncommitted/validations/*/*/*/*.json"), key=lambda path: path.parent.name)
    for path in stored[: max(0, len(stored) - KEPT)]:
        page = Path(str(path).replace("/validations/", "/data_docs/local_site/validations/")).with_suffix(".html")
        path.unlink(missing_ok=True)
        page.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent, page.parent, page.parent.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()  # fails while something is left in it


@contextlib.contextmanager
def _mended(docs: Path) -> Iterator[None]:
    """Let the block find none of what a run that was killed, or met a full disk, left half-written.

    GX writes its files in place, and stops at the first that it cannot read. All but the results are written anew by
    each run; a result that cannot be read has no page either.
    """
    begun = docs / ".begun"
    if begun.exists():
        for path in (docs / "gx").rglob("*.yml"):
            path.unlink()
        for path in (docs / "gx").rglob("*.json"):
            try:
                json.loads(path.read_bytes())
            except ValueError:
                path.unlink()
    begun.touch()
    yield
    begun.unlink()


def _failed(check: Check, found: dict[str, Any]) -> Failed:
    if not check.by_row:
        return Failed(check, (), (), 0, found)
    rows = tuple(int(row) for row in found.get("partial_unexpected_index_list") or ())
    values = tuple(found.get("partial_unexpected_list") or ())
    return Failed(check, rows, values, int(found.get("unexpected_count") or 0), found)


def _raised(info: dict[str, Any] | None) -> str | None:
    """Return the message of an exception within a check: GX nests it by metric, or not."""
    for entry in (info or {}).values() if "raised_exception" not in (info or {}) else [info]:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            return str(entry.get("exception_message"))
    return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep GX from telemetry, warnings and log lines: what it finds is returned."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
