"""A command killed with SIGKILL, in a real process, and given again: some of the points of benchmark R1."""

from __future__ import annotations

import pytest

from tests.crash import Course, Plant, course, trial, works

SOME = {
    "ingest": ("ingest.stored", "ingest.recorded"),
    "transfer": ("transfer.kept-probe", "register.version-made", "promote.recorded", "transfer.cleaned"),
    "monitor": ("monitor.observed", "monitor.decided"),
}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return Plant(tmp_path_factory.mktemp("crash") / "plant")


@pytest.fixture(scope="module")
def courses(plant: Plant) -> dict[str, Course]:
    """Each work without a kill."""
    return {work.name: course(plant, work) for work in works(*SOME)}


@pytest.mark.parametrize(("work", "point"), [(work, point) for work, points in SOME.items() for point in points])
def test_killed_and_given_again_it_is_as_if_it_had_never_been_killed(
    plant: Plant, courses: dict[str, Course], work: str, point: str
) -> None:
    assert point in courses[work].points
    assert trial(plant, courses[work], point) == []
