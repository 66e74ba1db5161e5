"""M4: a weather station in order of time. Almost nothing drifts there, so nobody must be woken without a cause.

The source is the first fifth of the days: its first 60 % train the base, the rest is the reference (400 days labelled).
All later days come as windows of 500 in order, without labels, through `observe` and `decide` at the default policy. An
alarm counts as without a cause where the accuracy on the window's real labels fell by no more than the tolerance.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import figures
import numpy as np
from digits import WORK
from pairs import table_champion, weather

from lepton.core.config import MonitorConfig
from lepton.core.controller import State, decide
from lepton.monitoring.judged import correct
from lepton.monitoring.window import observe, policy_of

N, SEEDS = 500, (0, 1, 2)
COMMAND = "python benchmarks/monitoring --only M4"


def measure() -> list[figures.Figure]:
    """Return confirmed alarms without a cause, and what was found at all."""
    found = [play(seed) for seed in SEEDS]
    windows = sum(len(run) for run in found)
    false = sum(alarm and cost <= MonitorConfig().tolerance for run in found for _, alarm, _, cost in run)
    alarms = sum(alarm for run in found for _, alarm, _, _ in run)
    benign = sum(action == "benign" for run in found for action, _, _, _ in run)
    error = float(np.mean([miss for run in found for _, _, miss, _ in run]))
    return [
        _figure("M4a", false, "confirmed alarms that cost no accuracy", windows, bar="0"),
        _figure("M4b", alarms, "confirmed alarms", windows),
        _figure("M4c", benign, "confirmed drifts held benign", windows),
        _figure("M4d", 100 * error, "points, error of the estimated accuracy", windows),
    ]


def play(seed: int) -> list[tuple[str, bool, float, float]]:
    """Return for each window: the action, whether it is an alarm, the error of the estimate, and the real cost."""
    days = weather()
    fifth = len(days) // 5
    train = int(0.6 * fifth)
    champion = table_champion("weather", days, seed, train, fifth - train)
    usual = float(correct(champion.reference)[champion.reference.held_out()].mean())
    state, played = State(), []
    for k in range(len(champion.pool) // N):
        seen = champion.answer(champion.pool.take(np.arange(k * N, (k + 1) * N)))
        real = float(correct(seen).mean())
        found = observe(
            "weather",
            f"w{k}",
            champion.reference,
            replace(seen, table=seen.table.without_labels()),
            champion.name,
            MonitorConfig(),
            time=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=k),
            cache_dir=WORK / "calibration",
            answer=champion.answer,
        ).observation
        decision = decide(state, found, policy_of(MonitorConfig()))
        state = decision.state
        assert found.estimated_accuracy is not None
        played.append(
            (
                decision.action,
                decision.action in ("alert", "retransfer"),
                abs(found.estimated_accuracy - real),
                usual - real,
            )
        )
        about = f"{found.aspect} {found.score:.2f} cost {found.cost:+.3f} real {usual - real:+.3f}"
        print("M4", seed, f"w{k}", about, decision.action, flush=True)
    return played


def _figure(name: str, value: float, unit: str, n: int, **notes: object) -> figures.Figure:
    return figures.figure(name, float(value), unit, n, SEEDS, COMMAND, **notes)
