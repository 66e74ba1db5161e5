"""Drift by Evidently, with the method, the sample and the threshold of every column pinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lepton.monitoring.aspects import Column
from lepton.monitoring.vendor import load, quiet

FEWEST, SHOWN = 6, 16
"""Columns that a page draws, the worst: those that drifted, at least and at most so many. Each costs some 15 kB and a
tenth of a second; nobody opens the page of a quiet window for its thirtieth."""


@dataclass(frozen=True)
class Compared:
    """Two samples, column by column, as Evidently compares them."""

    columns: tuple[Column, ...]
    """What is compared; each has known values on both sides."""
    thresholds: Mapping[str, float]
    """By column: from which statistic on a page calls it drifted."""
    statistics: Mapping[str, float]
    """By column."""

    def save_page(self, path: Path) -> None:
        """Write Evidently's page of the columns that drifted, see `SHOWN`."""
        apart = {c.name: self.statistics[c.name] / self.thresholds[c.name] for c in self.columns}
        drifted = sum(score >= 1 for score in apart.values())
        chosen = sorted(apart, key=lambda name: -apart[name])[: min(max(drifted, FEWEST), SHOWN)]
        with quiet():
            _report([c for c in self.columns if c.name in chosen], self.thresholds).save_html(str(path))


def measure(columns: Sequence[Column], thresholds: Mapping[str, float]) -> Compared:
    """Return Evidently's statistic of every column; nothing is drawn before a page is asked for.

    What Evidently's report does for a column before it draws it: the drawing takes most of its time.

    Args:
        columns: What is compared; each has known values on both sides.
        thresholds: From which statistic on Evidently's report calls a column drifted.
    """
    return Compared(tuple(columns), thresholds, {c.name: _statistic(c, thresholds[c.name]) for c in columns})


def _statistic(column: Column, threshold: float) -> float:
    load()
    with quiet():
        from evidently.legacy.calculations.data_drift import get_one_column_drift
        from evidently.legacy.core import ColumnType
        from evidently.legacy.options.data_drift import DataDriftOptions
        from evidently.legacy.utils.data_operations import DatasetColumns, DatasetUtilityColumns

        number = column.kind == "number"
        found = get_one_column_drift(
            current_data=pd.DataFrame({column.name: column.current}),
            reference_data=pd.DataFrame({column.name: column.reference}),
            column_name=column.name,
            options=DataDriftOptions(all_features_stattest=column.method, all_features_threshold=threshold),
            dataset_columns=DatasetColumns(
                utility_columns=DatasetUtilityColumns(date=None, id=None, target=None, prediction=None),
                target_type=None,
                task=None,
                num_feature_names=[column.name] if number else [],
                cat_feature_names=[] if number else [column.name],
                text_feature_names=[],
                datetime_feature_names=[],
                target_names=None,
            ),
            column_type=ColumnType.Numerical if number else ColumnType.Categorical,
            agg_data=True,
        )
    return float(found.drift_score)


def _report(columns: Sequence[Column], thresholds: Mapping[str, float]) -> Any:
    """Return Evidently's snapshot of these columns."""
    load()
    from evidently.core.datasets import DataDefinition, Dataset
    from evidently.core.report import Report
    from evidently.metrics.column_statistics import ValueDrift

    definition = DataDefinition(
        numerical_columns=[c.name for c in columns if c.kind == "number"],
        categorical_columns=[c.name for c in columns if c.kind == "category"],
    )
    current, reference = (
        Dataset.from_pandas(pd.DataFrame({c.name: getattr(c, side) for c in columns}), data_definition=definition)
        for side in ("current", "reference")
    )
    report = Report(
        [ValueDrift(column=c.name, method=c.method, threshold=thresholds[c.name]) for c in columns],
        include_tests=False,
    )
    return report.run(current, reference)  # current first: the order of older versions is the other way round
