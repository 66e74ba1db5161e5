"""M1 and M2: false alarms. References and windows drawn at random from one population, so that nothing drifted.

Images: MNIST read by a base that was trained on 10,000 other images. Table: days of a weather station in random order,
read by a base that was trained on 4,000 others. For each of 20 references of 2,000 rows (400 of them labelled) and each
size, 50 windows of other rows (250 at n = 500), labels known: all five aspects are judged. The statistic is our own
form of Evidently's (a test holds them equal to 1e-9), because it is fifty times as fast. M2 deals those of
500 rows, 10,000 in all, to the controller in 40 runs. Beside M1, in the same run: the share of columns that Evidently's
default tests call drifted in windows of 500 rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import figures
import numpy as np
import pandas as pd
from digits import base, load, table
from numpy.typing import NDArray
from pairs import HELD_OUT, weather

from lepton.core.config.settings import EncoderConfig, MonitorConfig, PretrainConfig
from lepton.core.decisions.controller import decide
from lepton.core.decisions.memory import State
from lepton.core.decisions.observation import Observation
from lepton.monitoring.answers import Judged, answer
from lepton.monitoring.aspects import Column, watched_columns
from lepton.monitoring.baseline import SAMPLE, policy_of, sample
from lepton.monitoring.calibration import Calibration, calibrate, statistic
from lepton.monitoring.labels import MixEstimator, measured_accuracy
from lepton.monitoring.vendor import quiet
from lepton.pretraining import pretrain

SIZES, REFERENCES, WINDOWS, LONG, ROWS = (200, 500, 1000, 5000), 20, 50, 250, 2000
RATE = MonitorConfig().false_alarm_rate
POOL = 12_000
"""Rows that the windows of one reference are drawn from."""
COMMAND = "python benchmarks/monitoring --only M1"


@dataclass(frozen=True)
class Drawn:
    """Windows judged against one reference."""

    scores: NDArray[np.float64]
    """(w,) the worst score of each."""
    costs: NDArray[np.float64]
    """(w,) measured loss of accuracy."""


def measure() -> list[figures.Figure]:
    """Return the share of alarms at each size, confirmed alarms of the controller, and Evidently's defaults."""
    found = []
    confirmed, windows = 0, 0
    for part, (kind, population) in enumerate((("image", images()), ("table", days()))):
        for k, size in enumerate(SIZES):
            count = LONG if size == 500 else WINDOWS
            drawn = [draw(population, size, count, seed) for seed in range(REFERENCES)]
            alarms = np.concatenate([one.scores >= 1 for one in drawn])
            if size == 500:
                confirmed += sum(alarms_of(one, size) for one in drawn)
                windows += len(alarms)
            name = f"M1{'abcdefgh'[4 * part + k]}"
            found.append(
                _figure(name, alarms.mean(), f"share of windows, {kind}, n = {size}", len(alarms), bar="<= 0.01")
            )
            print(name, kind, size, f"{alarms.mean():.4f}", flush=True)
        found.append(
            _figure(
                f"M1{'ij'[part]}", defaults(population), f"share of columns, {kind}, n = 500, Evidently's defaults", 20
            )
        )
    return [*found, _figure("M2", confirmed, "confirmed alarms", windows, bar="0")]


def images() -> Judged:
    """Return 60,000 images that the base did not learn from, with its answers."""
    model = base("mnist", 0, count=10_000, size=16, epochs=12)
    seen = np.random.default_rng(0).permutation(len(load("mnist")[0][0]))[:10_000]  # as `digits.some` deals them
    rest = np.setdiff1d(np.arange(60_000), seen)
    parts = [(load("mnist")[0][0][rest], load("mnist")[0][1][rest]), load("mnist")[1]]
    rows = table((np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])), "mnist")
    return answer(model, rows)


def days() -> Judged:
    """Return days that the base did not learn from, in random order, with its answers."""
    rows = weather()
    order = np.random.default_rng(0).permutation(len(rows))
    made = pretrain(
        rows.take(order[:4000]),
        tuple(sorted(set(rows.labels))),
        EncoderConfig(),
        PretrainConfig(epochs=20),
        seed=0,
        threads=1,
    )
    return answer(made.model, rows.take(order[4000:]))


def draw(population: Judged, size: int, count: int, seed: int) -> Drawn:
    """Return windows of `size` rows judged against one reference of ROWS other rows."""
    rng = np.random.default_rng([seed, size])
    order = rng.permutation(len(population))
    reference = _reference(population.take(order[:ROWS]), seed)
    rest = population.take(order[ROWS : ROWS + POOL])
    asked = min(size, SAMPLE)
    columns = watched_columns(sample(reference, 0), rest)
    made = calibrate(columns, asked, RATE, 0)
    mix = MixEstimator.of(reference)
    assert mix is not None
    bar = mix.threshold(asked, RATE, 0)
    usual = mix.shares(mix.answers.mean(axis=0))
    scores, costs = np.zeros(count), np.zeros(count)
    windows = [rng.choice(len(rest), size, replace=False) for _ in range(count)]
    for k, rows in enumerate(windows):
        window = rest.take(rows)
        accuracy = measured_accuracy(reference, window, RATE, 0)
        assert accuracy is not None
        compared = sample(window, 0)
        shares = mix.shares(compared.probabilities.mean(axis=0))
        scores[k] = max(
            float(np.abs(shares - usual).sum() / 2) / bar, accuracy.scored.statistic / accuracy.scored.threshold
        )
        costs[k] = accuracy.usual - accuracy.now
    at = [
        np.sort(np.random.default_rng(0).choice(size, asked, replace=False)) if asked < size else np.arange(size)
    ] * count
    picked = np.stack([rows[chosen] for rows, chosen in zip(windows, at, strict=True)])
    return Drawn(np.maximum(scores, drift(columns, made, picked)), costs)


def drift(columns: list[Column], made: Calibration, windows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (w,) the worst score over all columns of windows (w, n) of positions in the columns' current rows."""
    worst, size = np.zeros(len(windows)), windows.shape[1]
    for column in columns:
        rows = len(column.reference)
        before, after = np.ones((1, rows + size)), np.ones((1, rows + size))
        before[:, rows:], after[:, :rows] = 0, 0
        for k, at in enumerate(windows):
            both = replace(column, reference=np.concatenate([column.reference, column.current[at]]))
            ratio = 1.0
            if column.method == "wasserstein":  # Evidently divides by the reference's spread alone
                spreads = [
                    max(float(np.nanstd(v.astype(np.float64))), 0.001) for v in (both.reference, column.reference)
                ]
                ratio = spreads[0] / spreads[1]
            found = float(statistic(both, before, after)[0]) * ratio / made.thresholds[column.name]
            worst[k] = max(worst[k], found)
    return worst


def alarms_of(drawn: Drawn, size: int) -> int:
    """Return how many alarms the controller opens in a run of quiet windows."""
    state, opened = State(), 0
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for k, (score, cost) in enumerate(zip(drawn.scores, drawn.costs, strict=True)):
        seen = Observation(
            "bench",
            f"w{k}",
            f"d{k}",
            "m",
            start + timedelta(hours=k),
            size,
            {"any": float(score)},
            measured_cost=float(cost),
        )
        decision = decide(state, seen, policy_of(MonitorConfig()))
        state, opened = decision.state, opened + (decision.alert == "open" or decision.action == "benign")
    return opened


def defaults(population: Judged) -> float:
    """Return the share of columns that Evidently's default tests call drifted in quiet windows of 500 rows."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    from lepton.monitoring.aspects import input_frames

    frame, _ = input_frames(population.table, population.table)
    shares = []
    for seed in range(REFERENCES):
        order = np.random.default_rng([seed, 1]).permutation(len(frame))
        old, new = frame.iloc[order[:500]], frame.iloc[order[500:1000]]
        with quiet():
            found = Report([DataDriftPreset()]).run(pd.DataFrame(new), pd.DataFrame(old)).dict()
        shares.append(next(m["value"]["share"] for m in found["metrics"] if "Count" in m["metric_name"]))
    return float(np.mean(shares))


def _reference(rows: Judged, seed: int) -> Judged:
    known = np.full(len(rows), False)
    known[np.random.default_rng(seed).permutation(len(rows))[:HELD_OUT]] = True
    shown = rows.table.with_labels(np.where(known, rows.table.labels, None))
    return replace(rows, table=shown, fitted=np.zeros(len(rows), dtype=bool))


def _figure(name: str, value: float, unit: str, n: int, **notes: object) -> figures.Figure:
    return figures.figure(name, float(value), unit, n, range(REFERENCES), COMMAND, **notes)
