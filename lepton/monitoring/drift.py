"""Drift by Evidently, with the method, the sample and the threshold of every column pinned."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from lepton.core.extras import require
from lepton.monitoring.aspects import Column

require("evidently")

Snapshot = Any
"""Evidently's result: its `save_html` and `dict` are all that is used."""

SHOWN = 60
"""Most columns in a report: each costs some 15 kB, and a page of all columns of a wide table would not open."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Evidently's warnings (deprecations, empty slices of constant columns) from the user."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def measure(columns: Sequence[Column], thresholds: Mapping[str, float]) -> tuple[dict[str, float], Snapshot]:
    """Return Evidently's statistic of every column, and its snapshot for a report.

    Args:
        columns: What is compared; each has known values on both sides.
        thresholds: From which statistic on Evidently's report calls a column drifted.

    Returns:
        The statistics by column, and a snapshot that shows all columns, or the SHOWN worst ones of many.
    """
    if not columns:
        return {}, None
    found, snapshot = _run(columns, thresholds)
    if len(columns) > SHOWN:
        worst = sorted(columns, key=lambda c: -found[c.name] / thresholds[c.name])[:SHOWN]
        _, snapshot = _run(worst, thresholds)
    return found, snapshot


def load_vendor() -> None:
    """Import Evidently now: it takes three seconds, which a caller may have to spare."""
    with quiet():
        import evidently
        import evidently.metrics  # noqa: F401


def _run(columns: Sequence[Column], thresholds: Mapping[str, float]) -> tuple[dict[str, float], Snapshot]:
    with quiet():
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift

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
        snapshot = report.run(current, reference)  # current first: the order of older versions is the other way round
        found = {metric["config"]["column"]: float(metric["value"]) for metric in snapshot.dict()["metrics"]}
    return found, snapshot
