"""Cross-fitted answers: every label testifies, also those that taught, and the choice among candidates is inside.

A fifth of few labels is held out, which is too few for a test, and the rest has taught the candidates. But each of
those rows was answered, in cross-validation, by a model that had not seen it. The best of many candidates by such
answers looks better than it is, so the choice for each half of the rows is made on the other half alone, and its
answers to that half are what testifies: nested cross-validation (Varma & Simon 2006), on out-of-fold answers that are
there already (as Tsamardinos et al. 2018), so that nothing is fitted again. Both halves may choose the same lucky one,
so a stricter bound is asked for than of rows that chose nothing; with it the paired test holds its level in simulation,
with 6 to 400 rows (`tests/unit/test_crossfit.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lepton.transfer.attempt import Measured
from lepton.transfer.choice import IntArray, gain_between
from lepton.transfer.folds import fold_of

FOLDS = 2
"""Halves: with more parts the choices are nearly the same ones, each with a share of its own luck in what it is chosen
by, and the test on them let the best of eight pass twice as often."""
FEWEST = 6
"""Labelled rows, held out or cross-fitted, below which no test can pass."""
Z = 2.0537
"""Standard normal quantile, one-sided 98 %, at which a test on such answers holds a level of 5 %: what is left of the
luck of the chosen makes them spread more than independent rows do."""

Rerank = Callable[[Mapping[str, Measured]], Sequence[str]]
"""Labels of what was tried, best first, had it been measured so."""


@dataclass(frozen=True)
class CrossFitted:
    """What the labels to adapt with say of a choice among candidates."""

    label: str
    """What is chosen with all of them."""
    truth: IntArray
    """(m,) the labels."""
    answers: IntArray
    """(m,) answers of what the other folds would have chosen, by models that had not seen the row."""


def cross_fit(
    ranking: Sequence[str],
    out_of_fold: Mapping[str, NDArray[np.float64]],
    truth: IntArray,
    rerank: Rerank,
    seed: int = 0,
) -> CrossFitted | None:
    """Return the nested answers to the rows to adapt with; None where nothing but the un-adapted ancestor has any.

    Args:
        ranking: Labels of what was tried, best first, by all that is known.
        out_of_fold: Label -> (m, k) probabilities, each row's by a model that had not seen it; empty where nothing was
            held back. `none` among them.
        truth: (m,) true classes of these rows.
        rerank: The same ranking, by other measurements.
        seed: Of the folds.
    """
    answers = {label: found.argmax(axis=1) for label, found in out_of_fold.items() if len(found)}
    best = next((label for label in ranking if label in answers), None)
    parts, _ = fold_of(truth, FOLDS, seed)
    if best is None or best == "none" or "none" not in answers or parts is None:
        return None
    nested = np.empty(len(truth), dtype=np.int64)
    for fold in range(int(parts.max()) + 1):
        out, rest = parts == fold, parts != fold
        measured = {
            label: Measured(*gain_between(found[rest], answers["none"][rest], truth[rest]))
            for label, found in answers.items()
        }
        chosen = next(label for label in rerank(measured) if label in answers and label != "none")
        nested[out] = answers[chosen][out]
    return CrossFitted(best, truth, nested)
