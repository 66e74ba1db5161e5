"""Great Expectations' verdicts on a frame, in a time that is linear in its columns.

Its own way to run a suite asks for each check anew what it depends on, compares every expectation with every other, and
copies the whole frame for each column: 2,000 columns took half an hour. Here each column is a frame of its own, and the
metrics of a check are computed once, by the functions that Great Expectations registers for them. The verdicts are its
own: what a check expects, how many rows may break it, and what is told of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.contract.check import Check

Result = Any
"""Great Expectations' `ExpectationValidationResult`."""
BATCH = "delivery"
SHOWN = 20
"""Rows and values of a broken check that are told."""
FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": SHOWN}
OF_TYPES = ("ExpectColumnValuesToBeOfType",)
"""Expectations of a column that ask for its type, where that says enough."""
ACROSS = ("ExpectColumnValuesToBeUnique",)
"""Expectations of a row that depend on all others."""


def judged(frame: pd.DataFrame, checks: Sequence[Check]) -> list[Result]:
    """Return the result of every check, in order; one that broke carries what it raised.

    Args:
        frame: Rows, with the numbers to report as index.
        checks: What to expect of it.
    """
    judge = Judge()
    judge.add(frame, checks)
    return judge.results()


@dataclass
class _Asked:
    """A check, and what has been counted for it so far."""

    check: Check
    expectation: Any
    metrics: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    apart: list[pd.DataFrame] = field(default_factory=list)
    """The rows that a check across all rows is still to be made on."""

    def add(self, metrics: dict[str, Any]) -> None:
        for name, found in metrics.items():
            held = self.metrics.get(name)
            if isinstance(found, int):
                found += held or 0
            elif isinstance(found, list) and not name.startswith("table."):
                found = [*(held or ()), *found][:SHOWN]
            elif found is None:
                found = held
            self.metrics[name] = found


class Judge:
    """Looks at rows that come some at a time, with the engine for data frames, which gets a column at a time."""

    def __init__(self) -> None:
        from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine

        self.engine = PandasExecutionEngine()
        self.asked: dict[str, _Asked] = {}
        self.frame = pd.DataFrame()
        self.names: list[str] = []
        self.columns: list[str] = []
        self.missing = 0

    @property
    def checks(self) -> list[Check]:
        """The checks that were made, in the order of their results."""
        return [asked.check for asked in self.asked.values()]

    def add(self, frame: pd.DataFrame, checks: Sequence[Check], repeated: NDArray[np.bool_] | None = None) -> None:
        """Look at some rows.

        Args:
            frame: The rows, with the numbers to report as index.
            checks: What to expect of them; one that was made before goes on.
            repeated: (n,) true for rows whose value may be that of another one, of all that come: only these are looked
                at where a value must be unique. By default those of this very frame.
        """
        import great_expectations.expectations as gxe

        self.frame, self.names, self.columns = frame, list(frame.columns), []
        for check in checks:
            key = f"{check.expectation} {check.arguments}"
            if key not in self.asked:
                made = getattr(gxe, check.expectation)(**check.arguments, meta={"check": len(self.asked)})
                self.asked[key] = _Asked(check, made)
            asked = self.asked[key]
            try:
                if check.expectation in ACROSS and asked.expectation.column in frame.columns:
                    twice = frame[asked.expectation.column].duplicated(keep=False) if repeated is None else repeated
                    asked.apart.append(frame[[asked.expectation.column]][np.asarray(twice)])
                    asked.add(self._counts(asked.expectation.column))
                else:
                    asked.add(self._metrics(asked.expectation))
            except Exception as error:  # of any kind: the check broke, which says nothing about the data
                asked.error = asked.error or error

    def results(self) -> list[Result]:
        """Return the result of every check; one that broke carries what it raised."""
        return [self._result(asked) for asked in self.asked.values()]

    def _result(self, asked: _Asked) -> Result:
        expectation = asked.expectation
        try:
            if asked.error is not None:
                raise asked.error
            if asked.apart:
                self.frame, self.columns = pd.concat(asked.apart), []
                asked.metrics = {**self._metrics(expectation), **asked.metrics}
            told = expectation._validate(asked.metrics, {"result_format": _format()}, self.engine)
            return expectation._build_evr(dict(told))
        except Exception as error:  # see `add`
            return _broken(expectation, error)

    def _metrics(self, expectation: Any) -> dict[str, Any]:
        return self._of_values(expectation) if self._asks_values(expectation) else self._of_frame(expectation)

    def _counts(self, column: str) -> dict[str, int]:
        """Return how many rows there are, and how many have no value."""
        self._load(column)
        return {"table.row_count": len(self.frame), "column_values.nonnull.unexpected_count": self.missing}

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
        counts = self._counts(expectation.column)
        name, domain = expectation.map_metric, {"batch_id": BATCH, "column": expectation.column}
        condition = self._metric(f"{name}.condition", domain, expectation)
        count = int(condition[0].to_numpy(dtype=bool).sum())
        metrics: dict[str, Any] = {**counts, f"{name}.unexpected_count": count}
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
