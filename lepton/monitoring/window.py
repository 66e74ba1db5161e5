"""One window judged: drift of every aspect on one scale, and what it probably costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from lepton.core.config.settings import MonitorConfig
from lepton.core.decisions.controller import Observation, Policy, Verdict
from lepton.core.errors import LeptonError
from lepton.monitoring.accuracy import Estimate, estimate, realised
from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import ASPECTS, MIN_FRESH, Column, check_schema, watched_columns
from lepton.monitoring.calibration import Calibration, calibrate
from lepton.monitoring.drift import Snapshot, measure
from lepton.monitoring.estimator import Answer, Simulated, simulate
from lepton.monitoring.examples import examples_html
from lepton.monitoring.labels import Measured, Mix, Scored, label_mix, measured_accuracy
from lepton.monitoring.report import write_report

SAMPLE = 2000
"""Most rows compared, of the reference and of a window: a verdict must not depend on how much happened to arrive."""
SCORE_CAP = 1000.0
"""Scores beyond it say nothing more."""
WORST = 8
"""Columns that an observation names."""


@dataclass(frozen=True)
class ColumnScore:
    """How far one column moved."""

    name: str
    aspect: str
    method: str
    statistic: float
    threshold: float
    score: float
    """statistic / threshold: 1.0 is the calibrated threshold."""


@dataclass(frozen=True)
class Moved:
    """A column of numbers over all rows, in the reference and in the window."""

    mean: tuple[float, float]
    """Of the finite values."""
    missing: tuple[float, float]
    """Share of the rows."""
    infinite: tuple[float, float]
    """Share of the rows."""


@dataclass(frozen=True)
class Extent:
    """All rows of a window that is too large to be held: it was read as a stream, and a sample of it is judged."""

    rows: int
    digest: str
    """Of the rows as delivered; labels do not count."""
    moved: Mapping[str, Moved]
    """By column; exact."""


@dataclass(frozen=True)
class Observed:
    """A judged window with everything behind the verdict."""

    observation: Observation
    columns: tuple[ColumnScore, ...] = ()
    """Worst first."""
    estimate: Estimate | None = None
    calibration: Calibration | None = None
    snapshot: Snapshot = None
    """Evidently's result; None where the window was not judged."""
    extent: Extent | None = None
    """What is known of all rows, where a sample of them was judged."""
    compared: int = 0
    """Rows of the window that were compared."""
    mix: Mix | None = None
    """Of the classes; None where it cannot be estimated."""
    measured: Measured | None = None
    """Accuracy on labels; None where there are too few."""
    examples: str = ""
    """A piece of HTML with rows of the most shifted part, next to such of the reference."""

    @property
    def verdict(self) -> Verdict:
        """Whether the window could be compared."""
        return self.observation.verdict


def policy_of(config: MonitorConfig) -> Policy:
    """Return the controller's policy that a configuration asks for."""
    cooldown = timedelta(minutes=config.cooldown_minutes)
    return Policy(
        enter=config.enter,
        exit=config.exit,
        confirm=config.confirm,
        of=config.of,
        min_rows=config.min_rows,
        tolerance=config.tolerance,
        cooldown=cooldown,
        max_retransfers=config.max_retransfers,
        max_refusals=config.max_refusals,
        period=max(timedelta(hours=24), cooldown),
    )


def observe(
    pair: str,
    window: str,
    reference: Judged,
    current: Judged,
    champion: str,
    config: MonitorConfig,
    *,
    time: datetime,
    extent: Extent | None = None,
    cache_dir: Path | None = None,
    report_path: Path | None = None,
    seed: int = 0,
    estimate_error: float | None = None,
    answer: Answer | None = None,
) -> Observed:
    """Judge one window against what the champion was adapted to.

    Args:
        pair: Name of the pair.
        window: Name of the window.
        reference: Rows like those the champion was adapted to, with its answers to them.
        current: The window's rows with the champion's answers; labels are used for the realised accuracy only.
        champion: Identifies the model that answered.
        config: The false alarm rate and the least number of rows.
        time: When the window ended; it becomes the observation's time.
        extent: What is known of all rows where `current` is a sample of them; None: it is all of them.
        cache_dir: Where calibrations are kept; None keeps none.
        report_path: Where to write the HTML report; None writes none.
        seed: Of the samples and of the calibration.
        estimate_error: How far the estimated accuracy was off in earlier windows, see `accuracy.past_error`.
        answer: The champion, to learn from simulated drift what a drift costs; without it confidence alone tells.

    Raises:
        LeptonError: If the window breaks the reference's schema, or the reference is too small to compare with.
    """
    observation = Observation(
        pair=pair,
        window=window,
        # Labels that come later do not make it a new window.
        digest=extent.digest if extent else current.table.without_labels().content_digest(),
        champion=champion,
        time=time,
        rows=extent.rows if extent else len(current),
        realised_accuracy=realised(current),
        labelled=int(current.table.known().sum()),
    )
    check_schema(reference.table, current.table)
    if len(current) < config.min_rows:
        return Observed(replace(observation, verdict="not enough data"))
    if len(reference) < config.min_rows:
        raise LeptonError(
            f"The reference of {pair} is too small to compare a window with.",
            why=f"{len(reference)} rows; the policy asks for {config.min_rows} (monitor.min_rows).",
            fix=["lepton ingest DOMAIN FILE  (adds rows like those the champion was adapted to)"],
        )
    sampled, seen = sample(reference, seed), sample(current, seed)
    columns = watched_columns(sampled, seen)
    calibration = calibrate(columns, len(seen), config.false_alarm_rate, seed, cache_dir)
    statistics, snapshot = measure(columns, calibration.thresholds)
    mix = label_mix(sampled, seen, config.false_alarm_rate, seed)
    measured = measured_accuracy(reference, current, config.false_alarm_rate, seed)
    scores = _scores(columns, statistics, calibration.thresholds)
    if mix is not None:
        scores += (_scored("label mix: shares of the classes", "total variation of BBSE", mix.scored),)
    if measured is not None:
        scores += (_scored("accuracy: fall on the window's labels", "difference", measured.scored),)
    scores = tuple(sorted(scores, key=lambda score: -score.score))
    guess = estimate(reference, current, _simulated(reference, answer, seed, cache_dir))
    observation = Observation(
        **{
            **vars(observation),
            "scores": {a: max(s.score for s in scores if s.aspect == a) for a in ASPECTS if a in _aspects(scores)},
            "columns": {s.name: s.score for s in scores[:WORST]},
            "estimated_accuracy": None if guess is None else guess.accuracy,
            "expected_accuracy": None if guess is None else guess.expected,
            "estimated_low": None if guess is None else guess.low,
            "estimated_high": None if guess is None else guess.high,
            "measured_cost": _measured_cost(measured, guess),
            "estimate_error": None if guess is None else estimate_error,
            "report": None if report_path is None else str(report_path),
        }
    )
    observed = Observed(
        observation,
        scores,
        guess,
        calibration,
        snapshot,
        extent=extent,
        compared=len(seen),
        mix=mix,
        measured=measured,
        examples=examples_html(sampled, seen, columns, [score.name for score in scores], config.examples),
    )
    if report_path is not None:
        write_report(report_path, observed)
    return observed


def breach(
    pair: str, window: str, rows: int, digest: str, champion: str, time: datetime, problems: Sequence[str]
) -> Observation:
    """Return the observation of a window that cannot be compared: the verdict, and why.

    Args:
        pair: Name of the pair.
        window: Name of the window.
        rows: In it.
        digest: Of its rows; labels do not count.
        champion: What would have answered.
        time: When the window ended.
        problems: As `aspects.schema_problems` names them.
    """
    return Observation(pair, window, digest, champion, time, rows, verdict="schema breach", problems=tuple(problems))


def sample(judged: Judged, seed: int, most: int = SAMPLE) -> Judged:
    """Return at most `most` rows, chosen at random by `seed`, in their order."""
    if len(judged) <= most:
        return judged
    return judged.take(np.sort(np.random.default_rng(seed).choice(len(judged), most, replace=False)))


def _scores(
    columns: list[Column], statistics: Mapping[str, float], thresholds: Mapping[str, float]
) -> tuple[ColumnScore, ...]:
    found = [
        ColumnScore(
            name=column.name,
            aspect=column.aspect,
            method=column.method,
            statistic=statistics[column.name],
            threshold=thresholds[column.name],
            score=min(statistics[column.name] / thresholds[column.name], SCORE_CAP),
        )
        for column in columns
    ]
    return tuple(found)


def _scored(name: str, method: str, found: Scored) -> ColumnScore:
    score = min(found.statistic / found.threshold, SCORE_CAP)
    return ColumnScore(name, name.partition(": ")[0], method, found.statistic, found.threshold, score)


def _simulated(reference: Judged, answer: Answer | None, seed: int, cache: Path | None) -> Simulated | None:
    """Return windows with known accuracy to learn from, where there is a champion to answer them."""
    if answer is None:
        return None
    quiet = reference.fresh() & reference.finite()
    return simulate(reference, reference.held_out(), quiet, answer, seed, cache) if quiet.sum() >= MIN_FRESH else None


def _measured_cost(measured: Measured | None, guess: Estimate | None) -> float | None:
    """Return what the labels say of the cost, where they say it more precisely than the estimate."""
    if measured is None:
        return None
    if guess is not None and guess.half_width is not None and guess.half_width < measured.half_width:
        return None
    return measured.usual - measured.now


def _aspects(scores: tuple[ColumnScore, ...]) -> set[str]:
    return {score.aspect for score in scores}
