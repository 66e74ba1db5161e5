"""Great Expectations' verdicts on a frame, in a time that is linear in its columns.

Its own way to run a suite asks for each check anew what it depends on, compares every expectation with every other, and
copies the whole frame for each column: 2,000 columns took half an hour. Here each column is a frame of its own, and the
metrics of a check are computed once, by the functions that Great Expectations registers for them. The verdicts are its
own: what a check expects, how many rows may break it, and what is told of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd

from lepton.contract.check import Check

Result = Any
"""Great Expectations' `ExpectationValidationResult`."""
BATCH = "delivery"
SHOWN = 20
"""Rows and values of a broken check that are told."""
FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": SHOWN}
OF_TYPES = ("ExpectColumnValuesToBeOfType",)
"""Expectations of a column that ask for its type, where that says enough."""


def judged(frame: pd.DataFrame, checks: Sequence[Check]) -> list[Result]:
    """Return the result of every check, in order; one that broke carries what it raised.

    Args:
        frame: Rows, with the numbers to report as index.
        checks: What to expect of it.
    """
    import great_expectations.expectations as gxe

    made = [
        getattr(gxe, check.expectation)(**check.arguments, meta={"check": place}) for place, check in enumerate(checks)
    ]
    judge = _Judge(frame)
    return [judge.result(one) for one in made]


class _Judge:
    """The rows, as Great Expectations' engine for data frames sees them: one column at a time."""

    def __init__(self, frame: pd.DataFrame) -> None:
        from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine

        self.frame, self.engine = frame, PandasExecutionEngine()
        self.names = list(frame.columns)
        self.columns: list[str] = []
        self.missing = 0

    def result(self, expectation: Any) -> Result:
        """Return the result of one expectation."""
        try:
            metrics = self._of_values(expectation) if self._asks_values(expectation) else self._of_frame(expectation)
            told = expectation._validate(metrics, {"result_format": _format()}, self.engine)
            return expectation._build_evr(dict(told))
        except Exception as error:  # of any kind: the check broke, which says nothing about the data
            return _broken(expectation, error)

    def _asks_values(self, expectation: Any) -> bool:
        if getattr(expectation, "map_metric", None) is None:
            return False
        if type(expectation).__name__ not in OF_TYPES or expectation.column not in self.frame.columns:
            return True
        return bool(self.frame[expectation.column].dtype == object)

    def _of_frame(self, expectation: Any) -> dict[str, Any]:
        """Return what can be asked without looking at a value."""
        names = [expectation.column] if hasattr(expectation, "column") else []
        return {
            "table.columns": self.names,
            "table.row_count": len(self.frame),
            "table.column_types": [{"name": name, "type": self.frame[name].dtype} for name in names],
        }

    def _of_values(self, expectation: Any) -> dict[str, Any]:
        """Return which values of a column an expectation does not expect."""
        self._load(expectation.column)
        name, domain = expectation.map_metric, {"batch_id": BATCH, "column": expectation.column}
        condition = self._metric(f"{name}.condition", domain, expectation)
        count = int(condition[0].to_numpy(dtype=bool).sum())
        metrics = {
            "table.row_count": len(self.frame),
            "column_values.nonnull.unexpected_count": self.missing,
            f"{name}.unexpected_count": count,
        }
        for part, none in (("unexpected_values", []), ("unexpected_index_list", []), ("unexpected_index_query", None)):
            metrics[f"{name}.{part}"] = self._metric(f"{name}.{part}", domain, condition=condition) if count else none
        return metrics

    def _load(self, column: str) -> None:
        if self.columns == [column]:
            return
        there = column in self.frame.columns
        self.columns = [column] if there else self.names  # an absent one is told by whom it is asked of
        self.engine.load_batch_data(BATCH, self.frame[self.columns])
        self.missing = int(self.frame[column].isna().sum()) if there else 0

    def _metric(self, name: str, domain: dict[str, str], expectation: Any = None, condition: Any = None) -> Any:
        """Return a metric by the function that is registered for it."""
        from great_expectations.expectations.registry import get_metric_provider

        provider, function = get_metric_provider(name, self.engine)
        arguments = {key: getattr(expectation, key, None) for key in provider.condition_value_keys}
        return function(
            cls=provider,
            execution_engine=self.engine,
            metric_domain_kwargs=domain,
            metric_value_kwargs=arguments if condition is None else {"result_format": _format()},
            metrics={"table.columns": self.columns, "unexpected_condition": condition},
            runtime_configuration={},
        )


@cache
def _format() -> dict[str, Any]:
    """Return what results hold, as Great Expectations wants to be told."""
    from great_expectations.expectations.expectation import parse_result_format

    return dict(parse_result_format(FORMAT))


def _broken(expectation: Any, error: Exception) -> Result:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    told = {"raised_exception": True, "exception_message": str(error), "exception_traceback": repr(error)}
    return ExpectationValidationResult(
        success=False, exception_info=told, expectation_config=expectation.configuration, result={}
    )
