"""What is put forward where the held-out rows alone decide nothing: labels that testify, the guard, and their order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lepton.core.decisions.gate import Verdict
from lepton.transfer.judgement import without_held_out

RANKING = ("shot", "mcc", "probe", "none")
TOO_FEW = Verdict(False, ("only 4 labelled held-out rows",), (), 4, undecided=True)
PASSED, REFUSED = Verdict(True, (), (), 40, cross_fitted=36), Verdict(False, ("worse",), (), 40, cross_fitted=36)
UNDECIDED = Verdict(False, ("not shown",), (), 40, cross_fitted=36, undecided=True)
LET_PASS, NOT = Verdict(True, (), (), 900, basis="validators"), Verdict(False, ("two",), (), 900, basis="validators")


class Guard:
    """Lets one candidate pass, and keeps what it was asked about."""

    def __init__(self, passes: str | None) -> None:
        self.passes, self.asked = passes, list[tuple[str, ...]]()

    def __call__(self, labels: Sequence[str]) -> tuple[str, Verdict] | None:
        self.asked.append(tuple(labels))
        return (self.passes, LET_PASS) if self.passes in labels else (labels[0], NOT)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("fitted", "passes", "expected", "asked"),
    [
        # Labels speak of the best itself: their word stands, and where it is none, the guard's.
        (("shot", PASSED), "mcc", ("shot", PASSED), []),
        (("shot", REFUSED), "mcc", ("shot", REFUSED), []),
        (("shot", UNDECIDED), "mcc", ("mcc", LET_PASS), [RANKING]),
        # They speak of a lesser one, because the best taught itself on all rows.
        (("probe", PASSED), "shot", ("shot", LET_PASS), [RANKING[:2]]),
        (("probe", PASSED), "probe", ("probe", PASSED), [RANKING[:2]]),
        (("probe", PASSED), None, ("probe", PASSED), [RANKING[:2]]),
        (("probe", REFUSED), "shot", ("probe", REFUSED), []),
        (("probe", UNDECIDED), "shot", ("shot", LET_PASS), [RANKING]),
        # They do not speak at all.
        (None, "mcc", ("mcc", LET_PASS), [RANKING]),
    ],
)
def test_what_is_put_forward(
    fitted: tuple[str, Verdict] | None, passes: str | None, expected: tuple[str, Verdict], asked: list[tuple[str, ...]]
) -> None:
    guard = Guard(passes)
    assert without_held_out(RANKING, TOO_FEW, fitted, guard) == expected
    assert guard.asked == asked


def test_a_refusal_says_what_labels_and_guard_say() -> None:
    winner, verdict = without_held_out(RANKING, TOO_FEW, None, Guard(None))
    assert (winner, verdict.passed) == ("shot", False)
    assert verdict.reasons == (*TOO_FEW.reasons, *NOT.reasons)
