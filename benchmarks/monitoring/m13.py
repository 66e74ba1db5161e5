"""M13: sixty labels that come late: whether they prove a loss of fifteen points, and how often one that is none.

A window without labels was judged and all seemed well: what was lost shows in no input (the worst case: concept
drift, made by changing what is true of a share of the rows). Then 60 of its rows get labels, and the monitor runs. Real
answers of a champion to real digits; references of 400 and of 2,000 held-out rows. The false alarms are counted with
labels that come at once, and with labels that come five at a time and a monitor that looks after each portion, twelve
times. Beside it, from the exact distribution: how often a champion of another accuracy is found out, and how often by
the most powerful test of one look that there is (Neyman and Pearson), which knows the reference's accuracy.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import digits
import figures
import numpy as np
from numpy.typing import NDArray

from lepton.core.decisions.controller import decide, reconsider
from lepton.core.decisions.memory import Policy, State
from lepton.core.decisions.observation import Observation
from lepton.core.decisions.sequential import RATE, proves
from lepton.core.decisions.testimony import Answers, testified
from lepton.monitoring.answers import answer, correct

LABELS, LOSS, PORTION, DRAWS, QUIET = 60, 0.15, 5, 100, 1000
REFERENCES = (400, 2000)
ACCURACIES = (0.99, 0.98, 0.97, 0.95, 0.9)
COMMAND = "python benchmarks/monitoring --only M13"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def measure() -> list[figures.Figure]:
    """Return the shares of draws with an alert: with the loss, without it, and without it in portions."""
    model = digits.base("mnist", 0, count=10_000, size=16, epochs=12)
    right = correct(answer(model, digits.table(digits.load("mnist")[1], "mnist")))
    found = []
    for letter, rows in zip("abcdef"[::3], REFERENCES, strict=True):
        lost = [alarmed(right, rows, seed, LOSS, LABELS) for seed in range(DRAWS)]
        once = [alarmed(right, rows, seed, 0.0, LABELS) for seed in range(QUIET)]
        often = [alarmed(right, rows, seed, 0.0, PORTION) for seed in range(QUIET)]
        where = f"reference of {rows:,} rows"
        for step, values, what, bar in (
            (0, lost, "share of draws with a loss of 15 points: alert at the next run", ">= 0.95"),
            (1, once, "share of draws without loss: alert", "<= 0.01"),
            (2, often, "share of draws without loss, looked at twelve times: alert", "<= 0.01"),
        ):
            name, value = f"M13{chr(ord(letter) + step)}", float(np.mean(values))
            print(name, where, round(value, 4), what, flush=True)
            notes = {"bar": bar, "usual": round(float(right.mean()), 4)}
            found.append(figures.figure(name, value, f"{what}, {where}", len(values), range(1), COMMAND, **notes))
    by_accuracy = {str(usual): [power(usual, rows) for rows in REFERENCES] for usual in ACCURACIES}
    best = {str(usual): most_powerful(usual) for usual in ACCURACIES}
    print("M13g", by_accuracy, "at most", best, flush=True)
    unit = "least usual accuracy at which a loss of 15 points is proven by 60 labels in 95 % of cases, at 2,000 rows"
    least = min(float(usual) for usual, shares in by_accuracy.items() if shares[-1] >= 0.95)
    found.append(
        figures.figure("M13g", least, unit, len(ACCURACIES), (), COMMAND, by_accuracy=by_accuracy, at_most=best)
    )
    return found


def alarmed(right: NDArray[np.bool_], reference: int, seed: int, loss: float, portion: int) -> bool:
    """Return whether labels of one window open an alert, however they come.

    Args:
        right: (n,) whether the champion answers a row rightly; reference and window are drawn from them.
        reference: Held-out rows of the reference.
        seed: Of the draw.
        loss: Of accuracy, by changing what is true.
        portion: Labels that come at once; the monitor runs after each portion.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(right))
    usual, window = right[order[:reference]], right[order[reference : reference + LABELS]].copy()
    window &= rng.random(LABELS) >= loss / right.mean()
    policy, seen = Policy(), unlabelled(float(usual.mean()))
    state = decide(State(), seen, policy).state
    known = Answers(int(usual.sum()), reference)
    for n in range(portion, LABELS + 1, portion):
        seen = testified(seen, Answers(int(window[:n].sum()), n), known)
        decision = reconsider(state, seen, policy, NOW + timedelta(days=n))
        state = decision.state
        if decision.alert == "open":
            return True
    return False


def unlabelled(usual: float) -> Observation:
    """Return a quiet window of which the estimate says that all is as ever."""
    seen = Observation("mnist", "w1", "d", "v1", NOW, 500, {"inputs": 0.4, "embedding": 0.5, "predictions": 0.3})
    guess = {"estimated_accuracy": usual, "estimated_low": usual - 0.02, "estimated_high": usual + 0.01}
    return replace(seen, expected_accuracy=usual, **guess)


def power(usual: float, rows: int) -> float:
    """Return the chance that the labels prove the loss, by the exact distribution."""
    reference = (round(usual * rows), rows)
    shares = (binomial(k, usual - LOSS) for k in range(LABELS + 1) if proves(k, LABELS, *reference))
    return round(float(sum(shares)), 3)


def most_powerful(usual: float) -> float:
    """Return the same of the most powerful test of one look at that level, which knows the usual accuracy."""
    level, found = RATE, 0.0
    for k in range(LABELS + 1):
        chance = binomial(k, usual)
        part = min(1.0, level / chance)
        found += part * binomial(k, usual - LOSS)
        level -= part * chance
        if part < 1:
            break
    return round(found, 3)


def binomial(k: int, share: float) -> float:
    """Return the chance of `k` right answers to `LABELS` rows."""
    return math.comb(LABELS, k) * share**k * (1 - share) ** (LABELS - k)
