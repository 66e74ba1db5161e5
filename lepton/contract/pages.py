"""The pages of a validation and of its suite, made by Great Expectations' renderers and written once, as they stay.

No context of Great Expectations' is needed for that: it would keep each suite, definition and checkpoint in files that
it reads again before it believes them, write pages that load what they show from elsewhere, and copy fonts and moving
pictures beside them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from lepton.contract.checker import Result
from lepton.contract.data_docs import make_offline, offline
from lepton.core.config.names import slug
from lepton.core.work.files import atomic_write

KEPT = 100
"""Validations whose pages are kept; the index of the Data Docs is written anew each time and names them all."""
LISTED = 1_000
"""Most checks that a page lists, what failed before what held: one of 10,000 takes long to make, and to be opened."""


@dataclass(frozen=True)
class Docs:
    """The folder of the Data Docs; one process at a time writes in it."""

    root: Path

    @property
    def site(self) -> Path:
        """Where the pages lie."""
        return self.root / "gx" / "uncommitted" / "data_docs" / "local_site"

    @property
    def stored(self) -> Path:
        """Where the results lie."""
        return self.root / "gx" / "uncommitted" / "validations"

    def publish(self, rows: str, results: Sequence[Result], suite: str, delivery: str) -> str:
        """Write result and page of a validation, the page of its suite and the index; return the page's URL.

        Args:
            rows: Their `fingerprint`.
            results: Of every check.
            suite: Name of the suite.
            delivery: Name of the run on the page.
        """
        now = datetime.now(UTC)
        listed = _listed(results)
        whole = _suite_result(rows, results, listed, suite, slug(delivery) or "delivery", now)
        run = Path(suite, slug(delivery) or "delivery", now.strftime("%Y%m%dT%H%M%S.%fZ"), f"deliveries-{suite}")
        self.forget_oldest()
        page = self.site / "validations" / run.with_name(f"{run.name}.html")
        left = len(results) - len(listed)
        # Success stands first: the index reads no further.
        told = {"success": whole.success, **whole.to_json_dict()}
        _write(self.stored / run.with_name(f"{run.name}.json"), json.dumps(told))
        _write(page, offline(_page(whole), _left_out(left)))
        _write(self.site / "expectations" / f"{suite}.html", offline(_suite_page(suite, listed), _left_out(left)))
        make_offline(self.site)
        return page.resolve().as_uri()

    def forget_oldest(self) -> None:
        """Drop the oldest validations, page and stored result, so that with the next one there are `KEPT` and one."""
        found = sorted(self.stored.glob("*/*/*/*.json"), key=lambda path: path.parent.name)
        for path in found[: max(0, len(found) - KEPT)]:
            page = self.site / "validations" / path.relative_to(self.stored).with_suffix(".html")
            for file in (path, page):
                file.unlink(missing_ok=True)
                for folder in (file.parent, file.parent.parent):
                    with suppress(OSError):
                        folder.rmdir()  # fails while something is left in it


def fingerprint(frame: pd.DataFrame) -> str:
    """Return what tells these rows from others, as Great Expectations makes it."""
    from great_expectations.execution_engine.pandas_execution_engine import hash_pandas_dataframe

    return str(hash_pandas_dataframe(frame))


def _listed(results: Sequence[Result]) -> list[Result]:
    """Return the results that a page lists, in order: all, or of very many what failed and the first that held."""
    if len(results) <= LISTED:
        return list(results)
    failed = [one for one in results if not one.success][:LISTED]
    held = islice((one for one in results if one.success), LISTED - len(failed))
    return sorted([*failed, *held], key=lambda one: one.expectation_config.meta["check"])


def _suite_result(
    rows: str, results: Sequence[Result], listed: Sequence[Result], suite: str, run: str, now: datetime
) -> Any:
    """Return Great Expectations' result of a suite, whose numbers count all results and that lists some."""
    from great_expectations import __version__
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.util import convert_to_json_serializable

    good = sum(bool(one.success) for one in results)
    for one in listed:
        one.result = convert_to_json_serializable(one.result)
    return ExpectationSuiteValidationResult(
        results=list(listed),
        success=good == len(results),
        suite_name=suite,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / len(results) if results else None,
        },
        meta={
            "great_expectations_version": __version__,
            "batch_markers": {
                "ge_load_time": now.strftime("%Y%m%dT%H%M%S.%fZ"),
                "pandas_data_fingerprint": rows,
            },
            "batch_parameters": {"dataframe": "<DATAFRAME>"},
            "batch_spec": {"batch_data": "PandasDataFrame"},
            "active_batch_definition": {"datasource_name": "deliveries", "data_asset_name": suite},
            "run_id": {"run_name": run, "run_time": now.isoformat()},
            "validation_time": now.isoformat(),
        },
    )


def _page(result: Any) -> str:
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    return str(DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result)))


def _suite_page(suite: str, listed: Sequence[Result]) -> str:
    from great_expectations import ExpectationSuite
    from great_expectations.render.renderer.page_renderer import ExpectationSuitePageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    whole = ExpectationSuite(name=suite, expectations=[one.expectation_config for one in listed])
    return str(DefaultJinjaPageView().render(ExpectationSuitePageRenderer().render(whole)))


def _left_out(count: int) -> str:
    return f"{count:,} further checks are counted, but not listed: a page of them all would not open." if count else ""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, text)
