"""A command killed with SIGKILL, in a real process, and given again; or given where something is broken.

Some of the points of benchmark R1 and of the cases of R4.
"""

from __future__ import annotations

import os

import pytest

from tests.broken import CannotMount
from tests.crash import Plant, trial
from tests.surroundings import CASES, Bench

SOME = {
    "ingest": ("ingest.stored", "ingest.recorded"),
    "transfer-brief": ("transfer.kept-probe", "register.version-made", "promote.recorded", "transfer.cleaned"),
    "approve": ("promote.recorded",),
    "monitor": ("monitor.observed",),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A workspace that is put back to where each work begins; what a work comes to is found out at its first use."""
    return Bench(Plant(tmp_path_factory.mktemp("crash") / "plant"))


@pytest.mark.parametrize(("work", "point"), [(work, point) for work, points in SOME.items() for point in points])
def test_killed_and_given_again_it_is_as_if_it_had_never_been_killed(bench: Bench, work: str, point: str) -> None:
    known = bench.begin(work)
    assert point in known.points
    assert trial(bench.plant, known, point) == []


@pytest.mark.parametrize("broken", ["DVC remote away", "read-only folder"])
def test_what_is_broken_is_told_and_mended_nothing_is_lost(bench: Bench, broken: str) -> None:
    try:
        assert CASES[broken](bench)
    except CannotMount as reason:
        if os.environ.get("CI"):
            pytest.fail(f"CI must be able to mount: {reason}", pytrace=False)
        pytest.skip(str(reason))
