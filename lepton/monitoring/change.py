"""Whether a window changed again: compared with the newest window before it, beside the champion's reference.

A drift that lasts may look the same from the reference whatever comes after it. What was judged last is the state that
people know of; so while an alert is open, the next window is held against that, too.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import watched_columns
from lepton.monitoring.baseline import Baseline, sample
from lepton.monitoring.calibration import calibrate
from lepton.monitoring.drift import measure
from lepton.monitoring.scores import column_score

WIDER = sqrt(2.0)
"""How much farther two windows of one size are apart by chance than one is from a reference that is much larger."""


def change(baseline: Baseline, before: Judged, now: Judged) -> float:
    """Return the drift score of a window against one before it; 1.0 is what chance makes of it at the stated rate.

    Args:
        baseline: Whose thresholds hold.
        before: The window that was judged last, with the champion's answers.
        now: The window.
    """
    old, new = (sample(_all_fresh(rows), baseline.seed) for rows in (before, now))
    size, rate = min(len(old), len(new)), baseline.config.false_alarm_rate
    usual = calibrate(watched_columns(baseline.sampled, new), size, rate, baseline.seed, baseline.cache).thresholds
    columns = [column for column in watched_columns(old, new) if column.name in usual]
    statistics = measure(columns, usual).statistics
    scores = (column_score(statistics[one.name], WIDER * usual[one.name], one.beyond) for one in columns)
    return max(scores, default=0.0)


def _all_fresh(rows: Judged) -> Judged:
    """Return rows none of which the champion was fitted to: a window came after it."""
    return Judged(
        rows.table,
        rows.probabilities,
        rows.embedding,
        rows.classes,
        np.zeros(len(rows), dtype=bool),
        rows.agreement,
    )
