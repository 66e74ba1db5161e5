"""When a window is called harmless or harmful, and when nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.decisions.harm import better_than_ever, harm
from lepton.core.decisions.observation import Observation

TOLERANCE = 0.02
share = st.floats(0, 1)


def seen(**values) -> Observation:
    facts = {"pair": "a-to-b", "window": "w", "digest": "d", "champion": "c", "rows": 500}
    return Observation(**facts, time=datetime(2026, 1, 1, tzinfo=UTC), **values)


def estimated(low: float, middle: float | None, high: float, expected: float = 0.9, best: float = 0.92) -> Observation:
    return seen(
        estimated_accuracy=middle,
        estimated_low=low,
        estimated_high=high,
        expected_accuracy=expected,
        expected_high=best,
    )


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (estimated(0.885, 0.90, 0.915), "harmless"),
        (estimated(0.65, 0.90, 1.0), "unknown"),
        (estimated(0.65, 0.86, 0.95), "unknown"),
        (estimated(0.40, 0.70, 1.0), "harmful"),
        (estimated(0.70, 0.80, 0.89), "harmful"),
        (estimated(0.30, None, 0.95), "unknown"),
        (estimated(0.30, None, 0.60), "harmful"),
        (seen(), "unknown"),
        (seen(estimated_accuracy=0.9, expected_accuracy=0.9), "unknown"),
        (seen(estimated_accuracy=0.7, expected_accuracy=0.9), "harmful"),
        (seen(measured_cost=0.0, measured_low=-0.01, measured_high=0.01), "harmless"),
        (seen(measured_cost=0.0, measured_low=-0.05, measured_high=0.05), "unknown"),
        (seen(measured_cost=0.1, measured_low=0.06, measured_high=0.14), "harmful"),
    ],
)
def test_what_the_interval_allows_decides(window, expected):
    assert harm(window, TOLERANCE) == expected


def test_an_estimate_above_all_that_was_measured_never_reassures_but_labels_may():
    risen = estimated(0.95, 0.98, 1.0)
    assert better_than_ever(risen)
    assert harm(risen, TOLERANCE) == "unknown"
    assert harm(seen(measured_cost=-0.08, measured_low=-0.1, measured_high=-0.06), TOLERANCE) == "harmless"


def test_labels_are_believed_before_the_estimate():
    both = {"estimated_accuracy": 0.9, "estimated_low": 0.89, "estimated_high": 0.91, "expected_accuracy": 0.9}
    assert harm(seen(**both), TOLERANCE) == "harmless"
    assert harm(seen(**both, measured_cost=0.2, measured_low=0.15, measured_high=0.25), TOLERANCE) == "harmful"


@given(st.lists(share, min_size=3, max_size=3).map(sorted), share, st.floats(0, 0.1))
def test_harmless_is_never_said_while_the_interval_leaves_more_than_the_tolerance_likely(ends, expected, tolerance):
    window = estimated(ends[0], ends[1], ends[2], expected, expected)
    if harm(window, tolerance) == "harmless":
        assert expected - ends[0] <= tolerance
