"""Great Expectations as this room wants it: quiet, without telemetry, and without what it has for other rooms.

`import great_expectations` imports every source of data, store, expectation and metric that it has: two and a half
seconds of processor time, of which the checks of a contract and their pages need a fifth. See `lepton.core.deferral`.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lepton.core.deferral import imported_without
from lepton.core.extras import require

require("great_expectations")

UNUSED = (
    "altair",
    "great_expectations.checkpoint",
    "great_expectations.core",
    "great_expectations.data_context",
    "great_expectations.data_context.data_context",
    "great_expectations.datasource",
    "great_expectations.datasource.fluent",
    "great_expectations.execution_engine",
    "great_expectations.expectations",
    "great_expectations.expectations.core",
    "great_expectations.expectations.metrics",
    "great_expectations.expectations.metrics.column_map_metrics",
    "great_expectations.render.renderer",
    "scipy.stats",
)
"""Modules that are imported when they are used; of the packages among them, those modules that are used."""
METRICS = ("between", "in_set", "match_regex", "non_null", "null", "of_type", "unique")
"""Of the values of a column. A metric can be asked for once its module is imported."""
USED = (
    "great_expectations",
    "great_expectations.core.expectation_validation_result",
    "great_expectations.execution_engine.pandas_execution_engine",
    "great_expectations.render.renderer.page_renderer",
    "great_expectations.render.view",
    *(f"great_expectations.expectations.metrics.column_map_metrics.column_values_{name}" for name in METRICS),
)


def load() -> None:
    """Import what is used of Great Expectations: half a second, which a caller may have to spare."""
    with quiet():
        imported_without(UNUSED, *USED)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Great Expectations from telemetry, warnings and log lines: what it finds is returned."""
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
