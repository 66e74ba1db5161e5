"""Evidently's own report and dashboard against what lepton takes from its parts, without what it draws."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from lepton.monitoring import dashboard
from lepton.monitoring.aspects import Column
from lepton.monitoring.drift import FEWEST, SHOWN, _report, measure


def columns(rows: int, count: int = 3) -> list[Column]:
    """Numbers with gaps, a constant, and categories of which some are new."""
    random = np.random.default_rng(rows)
    found = []
    for k in range(count):
        before, now = random.normal(size=rows), random.normal(0.3 * k, 1.0, size=rows // 2)
        before[::7] = np.nan
        found.append(Column(f"inputs: number {k}", "inputs", "number", before, now))
    names = np.array(["a", "b", "c", None], dtype=object)
    before, now = names[random.integers(0, 4, rows)], names[random.integers(1, 4, rows // 2)]
    found.append(Column("inputs: category", "inputs", "category", before, now))
    found.append(Column("inputs: constant", "inputs", "number", np.ones(rows), np.ones(rows // 2)))
    return found


@pytest.mark.parametrize("rows", [60, 3000])
def test_the_statistics_are_those_of_evidentlys_report_to_the_last_bit(rows: int) -> None:
    compared = columns(rows)
    thresholds = {column.name: 0.1 for column in compared}
    reported = _report(compared, thresholds).dict()["metrics"]
    expected = {metric["config"]["column"]: float(metric["value"]) for metric in reported}
    found = measure(compared, thresholds).statistics
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == value or (np.isnan(found[name]) and np.isnan(value)), name


@pytest.mark.parametrize(("threshold", "drawn"), [(0.01, SHOWN), (1e6, FEWEST)])
def test_a_page_draws_the_columns_that_moved_most(tmp_path: Path, threshold: float, drawn: int) -> None:
    compared = columns(100, count=SHOWN + 10)
    drift = measure(compared, {column.name: threshold for column in compared})
    drift.save_page(tmp_path / "page.html")
    shown = re.findall(r"Drift in column '(.*?)'", (tmp_path / "page.html").read_text(encoding="utf-8"))
    worst = sorted(drift.statistics, key=lambda name: -drift.statistics[name])
    assert sorted(shown) == sorted(worst[:drawn])


def test_a_window_on_the_dashboard_has_its_numbers_and_no_histograms(tmp_path: Path) -> None:
    from evidently.metrics import column_statistics
    from evidently.ui.workspace import Workspace

    drawn = column_statistics.distribution
    point = dashboard.Point(
        "w1 (v1)", datetime(2026, 1, 1, tzinfo=UTC), {"drift": 0.25, "rows": 100.0}, {"window": "w1"}
    )
    dashboard.draw(tmp_path, "pair", [point])
    assert column_statistics.distribution is drawn, "put back"
    workspace = Workspace(str(tmp_path))
    (project,) = workspace.search_project("pair")
    (run,) = workspace.list_runs(project.id)
    kept = workspace.get_run(project.id, run).metric_results.values()
    assert {found.display_name: found.value for found in kept} == {
        "Mean value of 'drift'": 0.25,
        "Mean value of 'rows'": 100.0,
    }
    assert not [widget for found in kept for widget in found.widget or []]
