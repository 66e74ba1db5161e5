"""What is drawn of a window: an estimate until labels take its place."""

from __future__ import annotations

from datetime import UTC, datetime

from lepton.core.decisions import testimony
from lepton.core.decisions.observation import Observation
from lepton.core.decisions.testimony import Answers
from lepton.operations.monitor.views import values_of

SEEN = Observation(
    *("plant-1-to-plant-2", "w1", "d", "m v1", datetime(2026, 3, 1, tzinfo=UTC), 200),
    scores={"inputs": 2.0},
    estimated_accuracy=0.9,
    expected_accuracy=0.92,
    estimated_low=0.85,
    estimated_high=0.95,
)
ESTIMATE = ("estimated", "estimated low", "estimated high")


def drawn(seen: Observation) -> tuple[list[float | None], float | None]:
    found = values_of(seen, None, {"enter": 1.0, "exit": 0.8})
    return [found[name] for name in ESTIMATE], found["realised"]


def test_an_estimate_is_drawn_with_its_ends() -> None:
    assert drawn(SEEN) == ([0.9, 0.85, 0.95], None)


def test_labels_that_say_it_better_take_the_place_of_the_estimate() -> None:
    assert drawn(testimony.testified(SEEN, Answers(120, 200), Answers(460, 500))) == ([None] * 3, 0.6)


def test_a_few_labels_that_say_it_less_precisely_stand_beside_it() -> None:
    few = testimony.testified(SEEN, Answers(8, 10), Answers(460, 500))
    assert few.measured_cost is None
    assert drawn(few) == ([0.9, 0.85, 0.95], 0.8)
