"""Successive halving: of several dear strategies that promise about the same, short runs decide who gets a whole one.

Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization". A trial run takes a
quarter of the steps; the better half of those tried goes on. It pays from three rivals on, and only where labels can
measure a trial: without any, promises are all there is. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

TRIAL = 0.25
"""Share of its steps that a strategy gets in a trial run."""
FEWEST = 3
"""Rivals from which on trial runs pay: three quarters of a whole run buy the choice between three."""


def next_trial(rivals: Sequence[str], trials: Mapping[str, float | None]) -> str | None:
    """Return whose trial run is next; None if no trial is due.

    Args:
        rivals: Names, the most promising first; those that were dropped are among them.
        trials: Gains measured in trial runs so far, in points; None where no label could measure it.
    """
    if len(rivals) < FEWEST or any(gain is None for gain in trials.values()):
        return None
    return next((name for name in rivals if name not in trials), None)


def dropped(rivals: Sequence[str], trials: Mapping[str, float | None]) -> set[str]:
    """Return the worse half of the rivals once all had their trial run; ties are dropped from the end of `rivals`."""
    if len(rivals) < FEWEST or any(trials.get(name) is None for name in rivals):
        return set()
    best = sorted(rivals, key=lambda name: -(trials[name] or 0.0))
    return set(best[(len(best) + 1) // 2 :])
