"""What a window is: nothing is lost, nothing is judged twice, whatever the clocks say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.decisions.windows import Arrived, group

START = datetime(2026, 3, 1, tzinfo=UTC)


def arrived(*rows: int, hours: float = 1.0) -> list[Arrived]:
    return [Arrived(f"b{k}", count, START + timedelta(hours=hours * k)) for k, count in enumerate(rows)]


def test_by_default_each_batch_is_a_window():
    assert group(arrived(5, 500), None, None, START) == {"b0": ("b0",), "b1": ("b1",)}


def test_batches_are_joined_until_they_hold_enough_rows_and_the_rest_waits():
    found = group(arrived(200, 200, 200, 900, 100), 500, None, START)
    assert found == {"b0": ("b0", "b1", "b2"), "b3": ("b3",)}


def test_a_span_of_time_is_judged_when_it_is_over():
    batches = arrived(10, 10, 10, 10, hours=10)  # 0, 10, 20 and 30 o'clock
    assert group(batches, None, 24, START + timedelta(hours=31)) == {"b0": ("b0", "b1", "b2")}
    found = group(batches, None, 24, START + timedelta(hours=48))
    assert found == {"b0": ("b0", "b1", "b2"), "b3": ("b3",)}


def test_a_clock_that_goes_backwards_tears_no_window_apart():
    batches = [Arrived(n, 5, START + timedelta(hours=h)) for n, h in (("a", 1), ("b", 30), ("c", 2), ("d", 31))]
    assert group(batches, None, 24, START + timedelta(hours=72)) == {"a": ("a",), "b": ("b", "c", "d")}


def test_both_at_once_are_refused():
    with pytest.raises(ValueError, match="not by both"):
        group(arrived(1), 5, 5.0, START)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(-100, 100)), max_size=30),
    st.one_of(st.tuples(st.integers(1, 200), st.none()), st.tuples(st.none(), st.sampled_from([0.5, 24.0, 100.0]))),
    st.integers(-100, 300),
)
def test_windows_are_runs_of_batches_in_order_and_only_the_last_ones_wait(sizes, by, now):
    batches = [Arrived(f"b{k}", rows, START + timedelta(hours=h)) for k, (rows, h) in enumerate(sizes)]
    found = group(batches, *by, START + timedelta(hours=now))
    joined = [name for names in found.values() for name in names]
    assert joined == [batch.name for batch in batches][: len(joined)]
    if by[0] is not None:
        rows = {batch.name: batch.rows for batch in batches}
        assert all(sum(rows[n] for n in names) >= by[0] > sum(rows[n] for n in names[:-1]) for names in found.values())
        assert sum(rows[batch.name] for batch in batches[len(joined) :]) < by[0]
