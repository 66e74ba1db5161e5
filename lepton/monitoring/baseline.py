"""What the windows of one champion are compared with: made once, whatever comes to be judged.

The reference's sample, the simulated drift that the estimate is learnt from, and the process fitted to it hang on
champion and reference alone. A baseline keeps them, so that the second window costs what is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np

from lepton.core.config.settings import MonitorConfig
from lepton.core.decisions.memory import Policy
from lepton.core.decisions.observation import Observation
from lepton.core.errors import LeptonError
from lepton.monitoring.accuracy import Estimate, estimate, realised
from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import ASPECTS, MIN_FRESH, Column, check_schema, schema_problems, watched_columns
from lepton.monitoring.calibration import calibrate
from lepton.monitoring.drift import measure
from lepton.monitoring.estimator import Answer, Simulated, simulate
from lepton.monitoring.examples import examples_html
from lepton.monitoring.labels import Measured, MixEstimator, Scored, measured_accuracy
from lepton.monitoring.movement import means_of, moved_most, share_of
from lepton.monitoring.past import Past
from lepton.monitoring.reference_accuracy import measured, untold
from lepton.monitoring.report import write_report
from lepton.monitoring.scores import column_score, together
from lepton.monitoring.window import ColumnScore, Extent, Observed, Rows, Window

SAMPLE = 2000
"""Most rows compared, of the reference and of a window: a verdict must not depend on how much happened to arrive."""
WORST = 8
"""Columns that an observation names."""


@dataclass(frozen=True)
class Baseline:
    """A champion, rows like those it was adapted to, and what an alarm is."""

    pair: str
    """Name of the pair."""
    champion: str
    """Identifies the model that answers."""
    reference: Judged
    """Rows like those that the champion was adapted to, with its answers to them."""
    config: MonitorConfig = field(default_factory=MonitorConfig)
    """The false alarm rate, the least number of rows, and the controller's policy."""
    answer: Answer | None = None
    """The champion: answers windows, and simulated drift to learn from what a drift costs. None: windows are answered
    already, and confidence alone tells."""
    seed: int = 0
    """Of the samples and of the calibration."""
    cache: Path | None = None
    """Where calibrations and simulated windows are kept; None keeps none."""

    @cached_property
    def policy(self) -> Policy:
        """The controller's policy that the configuration asks for."""
        return policy_of(self.config)

    @cached_property
    def sampled(self) -> Judged:
        """The rows of the reference that windows are compared with."""
        return sample(self.reference, self.seed)

    @cached_property
    def mix(self) -> MixEstimator | None:
        """What tells the mix of the classes; None where too few rows of a class are labelled."""
        return MixEstimator.of(self.sampled)

    @cached_property
    def remark(self) -> str | None:
        """A sentence where the tolerance is finer than what the reference's held-out rows can tell; None where not."""
        return untold(self.config.tolerance, measured(self.reference))

    @cached_property
    def simulated(self) -> Simulated | None:
        """Windows with known accuracy to learn from, where there is a champion to answer them."""
        if self.answer is None:
            return None
        quiet = self.reference.fresh() & self.reference.finite()
        if quiet.sum() < MIN_FRESH:
            return None
        return simulate(self.reference, self.reference.held_out(), quiet, self.answer, self.seed, self.cache)

    def observe(self, window: Window, report: Path | None = None, past: Past | None = None) -> Observed:
        """Let the champion answer a window and compare it with the reference.

        A window that breaks the reference's schema could not even be answered: its verdict says so, and why.

        Args:
            window: Its rows; labels are used for the realised accuracy only.
            report: Where to write the HTML report; None writes none.
            past: What labels that came late say of earlier windows; None: nothing.

        Raises:
            LeptonError: If the reference is too small to compare with.
            ValueError: If there is no champion to answer.
        """
        if self.answer is None:
            raise ValueError("a baseline without a champion compares answers only")
        rows = window.read()
        if problems := schema_problems(self.reference.table, rows.table):
            broken = replace(self._facts(window.name, window.time, rows), verdict="schema breach")
            return Observed(replace(broken, problems=tuple(problems)))
        current = self.answer(rows.table)
        found = self.compare(window.name, window.time, current, rows.extent, report, past)
        return replace(found, observation=replace(found.observation, batches=window.batches))

    def compare(
        self,
        window: str,
        time: datetime,
        current: Judged,
        extent: Extent | None = None,
        report: Path | None = None,
        past: Past | None = None,
    ) -> Observed:
        """Compare a window that the champion answered already; see `observe`.

        Args:
            window: Name of the window.
            time: When it ended; it becomes the observation's time.
            current: The window's rows with the champion's answers.
            extent: What is known of all rows where `current` is a sample of them; None: it is all of them.
            report: Where to write the HTML report; None writes none.
            past: What labels that came late say of earlier windows.

        Raises:
            LeptonError: If the window breaks the reference's schema, or the reference is too small to compare with.
        """
        facts = self._facts(window, time, Rows(current.table, extent))
        facts = replace(facts, realised_accuracy=realised(current), labelled=int(current.table.known().sum()))
        check_schema(self.reference.table, current.table)
        if len(current) < self.config.min_rows:
            return Observed(replace(facts, verdict="not enough data"))
        if len(self.reference) < self.config.min_rows:
            raise LeptonError(
                f"The reference of {self.pair} is too small to compare a window with.",
                why=f"{len(self.reference)} rows; the policy asks for {self.config.min_rows} (monitor.min_rows).",
                fix=["lepton ingest DOMAIN FILE  (adds rows like those the champion was adapted to)"],
            )
        found = self._compared(facts, current, extent, past)
        guess, loss = found.estimate, _measured(found.measured, found.estimate)
        base = None if guess is None else guess.measured
        observation = replace(
            found.observation,
            scores={a: together(s.score for s in found.columns if s.aspect == a) for a in _aspects(found.columns)},
            columns={s.name: s.score for s in found.columns[:WORST]},
            moved={s.name: s.means for s in found.columns[:WORST] if s.means is not None},
            shares={s.name: s.share for s in found.columns[:WORST] if s.share is not None},
            estimated_accuracy=None if guess is None else guess.accuracy,
            expected_accuracy=None if guess is None else guess.expected,
            estimated_low=None if guess is None else guess.low,
            estimated_high=None if guess is None else guess.high,
            expected_low=None if base is None else base.low,
            expected_high=None if base is None else base.high,
            expected_rows=0 if base is None else base.rows,
            pieces={} if guess is None else dict(guess.pieces),
            measured_cost=None if loss is None else loss.usual - loss.now,
            measured_low=None if loss is None else loss.usual - loss.now - loss.half_width,
            measured_high=None if loss is None else loss.usual - loss.now + loss.half_width,
            estimate_error=None if guess is None or past is None else past.error,
            report=None if report is None else str(report),
        )
        found = replace(found, observation=observation)
        if report is not None:
            write_report(report, found)
        return found

    def _facts(self, window: str, time: datetime, rows: Rows) -> Observation:
        """Return what is known of a window before it is compared."""
        extent = rows.extent
        return Observation(
            pair=self.pair,
            window=window,
            # Labels that come later do not make it a new window.
            digest=extent.digest if extent else rows.table.without_labels().content_digest(),
            champion=self.champion,
            time=time,
            rows=extent.rows if extent else len(rows.table),
        )

    def _compared(self, facts: Observation, current: Judged, extent: Extent | None, past: Past | None) -> Observed:
        """Return every score of a window, worst first, the estimate, and what a report shows."""
        rate, seed = self.config.false_alarm_rate, self.seed
        seen = sample(current, seed)
        columns = watched_columns(self.sampled, seen)
        calibration = calibrate(columns, len(seen), rate, seed, self.cache)
        drift = measure(columns, calibration.thresholds)
        mix = self.mix.compare(seen, rate, seed) if self.mix else None
        accuracy = measured_accuracy(self.reference, current, rate, seed)
        scores = _scores(columns, drift.statistics, calibration.thresholds)
        if mix is not None:
            moved = _scored("label mix: shares of the classes", "total variation of BBSE", mix.scored)
            scores += (replace(moved, share=moved_most(mix.usual, mix.now)),)
        if accuracy is not None:
            scores += (_scored("accuracy: fall on the window's labels", "difference", accuracy.scored),)
        scores = tuple(sorted(scores, key=lambda score: -score.score))
        shown = [score.name for score in scores]
        return Observed(
            facts,
            scores,
            estimate(self.reference, current, self.simulated, past),
            calibration,
            drift if columns else None,
            extent=extent,
            compared=len(seen),
            mix=mix,
            measured=accuracy,
            remark=self.remark,
            examples=examples_html(self.sampled, seen, columns, shown, self.config.examples),
        )


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
        page_at_once=config.page_at_once,
        act_on_unknown=config.unknown == "retransfer",
        cooldown=cooldown,
        max_retransfers=config.max_retransfers,
        max_refusals=config.max_refusals,
        period=max(timedelta(hours=24), cooldown),
    )


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
            score=column_score(statistics[column.name], thresholds[column.name], column.beyond),
            means=means_of(column),
            share=share_of(column),
        )
        for column in columns
    ]
    return tuple(found)


def _scored(name: str, method: str, found: Scored) -> ColumnScore:
    score = column_score(found.statistic, found.threshold)
    return ColumnScore(name, name.partition(": ")[0], method, found.statistic, found.threshold, score)


def _measured(found: Measured | None, guess: Estimate | None) -> Measured | None:
    """Return what the labels say of the cost, where they say it more precisely than the estimate."""
    if found is None:
        return None
    told = None if guess is None or guess.accuracy is None else guess.half_width
    return found if told is None or told >= found.half_width else None


def _aspects(scores: tuple[ColumnScore, ...]) -> list[str]:
    """Return the aspects that were scored, in the order of a report."""
    found = {score.aspect for score in scores}
    return [aspect for aspect in ASPECTS if aspect in found]
