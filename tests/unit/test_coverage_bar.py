"""The bar of what the tests must reach: silent above it, a line for all that is below."""

from __future__ import annotations

from typing import Any

from tests.coverage_bar import below


def report(together: float, **files: float) -> dict[str, Any]:
    measured = {f"lepton/{name}.py": {"summary": {"percent_covered": share}} for name, share in files.items()}
    return {"files": measured, "totals": {"percent_covered": together}}


def test_above_both_bars_nothing_is_said() -> None:
    assert below(report(90.0, a=70.0, b=100.0)) == []


def test_a_file_below_its_bar_is_named_though_the_whole_is_above() -> None:
    (line,) = below(report(95.0, a=69.9, b=100.0))
    assert "69.9 %  lepton/a.py" in line


def test_the_whole_below_its_bar_is_named_though_every_file_is_above() -> None:
    (line,) = below(report(89.0, a=89.0, b=89.0))
    assert "89.0 %  together" in line
