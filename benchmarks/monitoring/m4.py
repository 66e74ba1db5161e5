"""M4: a weather station in order of time. Almost nothing drifts there, so nobody must be woken without a cause.

The source is the first fifth of the days: its first 60 % train the base, the rest is the reference (400 days labelled).
All later days come as windows of 500 in order, without labels, and are judged as a replay judges them. A
window that is alarmed about is judged by the real labels of the drifted windows that confirmed it (at most three): M4a
counts those that lost no accuracy, M4b those that lost no more than the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import figures
import numpy as np
from pairs import Champion, table_champion, weather

from lepton.core.config.settings import MonitorConfig
from lepton.core.table import Table
from lepton.monitoring.answers import correct
from lepton.monitoring.window import Rows, Window
from lepton.operations.monitor.judgement import judge_all

N, SEEDS = 500, (0, 1, 2)
COMMAND = "python benchmarks/monitoring --only M4"


@dataclass(frozen=True)
class Played:
    """One window."""

    action: str
    estimated: float
    real: float
    """Accuracy lost."""
    confirmed_by: float
    """Accuracy really lost in the drifted windows that the decision rests on, on average."""

    @property
    def alarm(self) -> bool:
        """Whether people are told, or a retransfer is started."""
        return self.action in ("alert", "retransfer")


def measure() -> list[figures.Figure]:
    """Return confirmed alarms without a cause, and what was found at all."""
    found = [window for seed in SEEDS for window in play(seed)]
    alarms = [window for window in found if window.alarm]
    within = sum(window.confirmed_by <= MonitorConfig().tolerance for window in alarms)
    benign = [window for window in found if window.action == "benign"]
    harmless = sum(window.confirmed_by <= MonitorConfig().tolerance for window in benign)
    error = float(np.mean([abs(window.estimated - window.real) for window in found]))
    return [
        _figure("M4a", sum(w.confirmed_by <= 0 for w in alarms), "windows alarmed about, no cost", len(found), bar="0"),
        _figure("M4b", within, "windows alarmed about, a cost within the tolerance", len(found)),
        _figure("M4c", len(alarms), "windows alarmed about", len(found)),
        _figure("M4d", len(benign), "windows held benign", len(found), harmless=harmless),
        _figure("M4e", 100 * error, "points, error of the estimated cost", len(found)),
    ]


def play(seed: int) -> list[Played]:
    """Return what became of each window."""
    days = weather()
    fifth = len(days) // 5
    train = int(0.6 * fifth)
    champion = table_champion("weather", days, seed, train, fifth - train)
    usual = float(correct(champion.reference)[champion.reference.held_out()].mean())
    days_of = [champion.pool.take(np.arange(k * N, (k + 1) * N)) for k in range(len(champion.pool) // N)]
    windows = [_window(k, rows) for k, rows in enumerate(days_of)]
    played: list[Played] = []
    costs: list[float] = []
    for rows, done in zip(days_of, judge_all(champion.baseline(learnt=True), windows), strict=True):
        costs.append(usual - _accuracy(champion, rows))
        found, decision = done.observation, done.decision
        recent = decision.state.recent
        drifted = [cost for cost, at in zip(costs[-len(recent) :], recent, strict=True) if at]
        mean = float(np.mean(drifted)) if drifted else 0.0
        played.append(Played(decision.action, found.cost, costs[-1], mean))
        about = f"{found.aspect} {found.score:.2f} cost {found.cost:+.3f} real {costs[-1]:+.3f} mean {mean:+.3f}"
        print("M4", seed, found.window, about, decision.action, flush=True)
    return played


def _window(place: int, rows: Table) -> Window:
    time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=place)
    return Window(f"w{place}", time, lambda: Rows(rows.without_labels()))


def _accuracy(champion: Champion, rows: Table) -> float:
    return float(correct(champion.answer(rows)).mean())


def _figure(name: str, value: float, unit: str, n: int, **notes: object) -> figures.Figure:
    return figures.figure(name, float(value), unit, n, SEEDS, COMMAND, **notes)
