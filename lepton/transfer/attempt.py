"""One strategy tried, with what it promised, cost and came to: this goes on record, without arrays and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lepton.transfer.bandit import Expected
from lepton.transfer.candidates import CrossValidated
from lepton.transfer.history import Record
from lepton.transfer.planner import Outcome, Step
from lepton.transfer.signals import Signals


@dataclass(frozen=True)
class Measured:
    """Points gained above no adaptation, on labelled rows that the model had not seen."""

    gain: float | None
    """None where no label could be held back."""
    sd: float = 0.0


@dataclass(frozen=True)
class Attempt:
    """One strategy that was tried. The fields up to `temperature` are those of its candidate."""

    strategy: str
    config: Mapping[str, Any]
    seed: int
    labels: int
    seconds: float
    fit_seconds: float
    size: int
    cv: CrossValidated
    metrics: Mapping[str, Any]
    held_out: str
    validated: bool
    model_digest: str
    temperature: float
    label: str
    """Of the candidate: the strategy's name, with its share if it was a trial run."""
    share: float
    """Of the strategy's steps; less than 1 in a trial run."""
    measured: Measured
    predicted: float
    """Seconds that the plan expected."""
    slowness: float
    """How many times longer than the strategy itself predicts it was known to take here."""
    expected: Expected

    @classmethod
    def of(cls, candidate: Mapping[str, Any], step: Step, measured: Measured) -> Attempt:
        """Return what came of a step.

        Args:
            candidate: `Candidate.to_json`.
            step: As it was planned.
            measured: What the candidate gained.
        """
        known = {**candidate, "cv": CrossValidated(**candidate["cv"])}
        return cls(
            **known,
            label=step.label,
            share=step.share,
            measured=measured,
            predicted=step.seconds,
            slowness=step.slowness,
            expected=Expected(step.gain, step.sd),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Attempt:
        """Read what `to_json` gave, of an older lepton too: what it did not write has no say in anything."""
        known = {field.name: value[field.name] for field in fields(cls) if field.name in value}
        given = {**_UNWRITTEN, "label": value["strategy"], **known}
        return cls(
            **{
                **given,
                "cv": CrossValidated(**given["cv"]),
                "measured": Measured(**given["measured"]),
                "expected": Expected(**given["expected"]),
            }
        )

    @property
    def accuracy(self) -> float | None:
        """Accuracy on held-out labelled rows; None if there are none."""
        found = self.metrics.get("accuracy")
        return None if found is None else float(found)

    def outcome(self) -> Outcome:
        """Return what the planner sees of it."""
        return Outcome(self.strategy, self.seconds, self.measured.gain, self.measured.sd, self.share)

    def record(self, signals: Signals, gain: float | None, *, chosen: bool = False) -> Record:
        """Return what later plans learn from it.

        Args:
            signals: The context that it was tried in.
            gain: Points above the un-adapted ancestor, as far as they may be told.
            chosen: Whether it was the winner.
        """
        return Record(
            strategy=self.strategy,
            signals=signals,
            gain=gain,
            seconds=self.seconds,
            predicted=self.predicted / self.slowness,
            chosen=chosen,
        )


_UNWRITTEN: Mapping[str, Any] = {
    "config": {},
    "seed": 0,
    "labels": 0,
    "seconds": 0.0,
    "fit_seconds": 0.0,
    "size": 0,
    "cv": {"accuracy": None, "log_loss": None, "folds": 0},
    "metrics": {},
    "held_out": "",
    "validated": True,
    "model_digest": "",
    "temperature": 1.0,
    "share": 1.0,
    "measured": {"gain": None},
    "predicted": 0.0,
    "slowness": 1.0,
    "expected": {"gain": 0.0, "sd": 0.0},
}
"""What stands for a field that an older lepton did not write."""
