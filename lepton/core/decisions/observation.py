"""What is seen of one monitored window: how far it drifted, what that probably costs, and what its labels say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LATER: Mapping[str, bool] = {"later": True}
"""Metadata of a field that an older lepton did not write: its key is left out of the JSON where it says nothing."""
Verdict = Literal["judged", "not enough data", "schema breach", "refused"]


@dataclass(frozen=True)
class Observation:
    """One window: how far it drifted from what the champion was adapted to, and what that probably costs."""

    pair: str
    window: str
    digest: str
    champion: str
    time: datetime
    rows: int
    scores: dict[str, float] = field(default_factory=dict)
    """Drift score of each aspect; 1.0 is the calibrated threshold."""
    columns: dict[str, float] = field(default_factory=dict)
    """The most shifted columns with their scores, worst first."""
    estimated_accuracy: float | None = None
    """Accuracy estimated without labels."""
    expected_accuracy: float | None = None
    """What a window without drift would show: measured on the reference's held-out rows where they are labelled."""
    estimated_low: float | None = None
    """Lower end of the estimate's 90 % interval; None where it has none."""
    estimated_high: float | None = None
    """Upper end."""
    realised_accuracy: float | None = None
    """Measured on the window's labels, where it has any."""
    labelled: int = 0
    """Rows of the window whose label is known."""
    expected_low: float | None = field(default=None, metadata=LATER)
    """Lower end of the 90 % interval of the expected accuracy; None where it has none."""
    expected_high: float | None = field(default=None, metadata=LATER)
    """Upper end."""
    expected_rows: int = field(default=0, metadata=LATER)
    """Labelled rows that measured it; 0 where it is an estimate, or was measured of an earlier champion."""
    pieces: dict[str, float] = field(default_factory=dict, metadata=LATER)
    """What each piece of the estimate says, by its name: late labels show which of them erred."""
    measured_cost: float | None = None
    """Loss of accuracy against the reference as the labels show it; set where they show it better than the estimate."""
    measured_low: float | None = field(default=None, metadata=LATER)
    """Lower end of the 90 % interval of the measured loss; None where nothing is measured."""
    measured_high: float | None = field(default=None, metadata=LATER)
    """Upper end."""
    estimate_error: float | None = None
    """Mean absolute error of the estimate in earlier windows of the pair with labels, as a share of rows."""
    lost: bool = field(default=False, metadata=LATER)
    """Whether the labels prove a loss of accuracy, however often one looked; see `sequential.proves`."""
    tested: int = field(default=0, metadata=LATER)
    """Labels that were known when that was last asked."""
    report: str | None = None
    """Link to the window's report."""
    verdict: Verdict = "judged"
    """Whether the window could be compared; only then the scores mean anything. `refused`: a delivery that, in a
    replay, the contract would not have let in."""
    problems: tuple[str, ...] = ()
    """What breaks the reference's schema, a line each."""
    batches: tuple[str, ...] = ()
    """What the window was joined from; none where it is one batch of its name."""
    since_last: float | None = field(default=None, metadata=LATER)
    """Drift score against the window that was judged before; None where that was not asked: no alert was open."""
    since_accepted: float | None = field(default=None, metadata=LATER)
    """Drift score against the last window that was found harmless although it had drifted; None where there is none."""
    moved: dict[str, tuple[float, float]] = field(default_factory=dict, metadata=LATER)
    """Mean of each of the most shifted columns that holds numbers, in the reference and in the window."""
    shares: dict[str, tuple[str, float, float]] = field(default_factory=dict, metadata=LATER)
    """Of each of the most shifted columns of categories, and of the classes: the one whose share of the rows moved
    most, its share in the reference and in the window. What few rows hold is not named: the ledger cannot forget."""

    @property
    def score(self) -> float:
        """The worst aspect's drift score."""
        return max(self.scores.values(), default=0.0)

    @property
    def aspect(self) -> str:
        """The aspect with the worst score."""
        return max(self.scores, key=lambda name: self.scores[name], default="none")

    @property
    def cost(self) -> float:
        """Loss of accuracy against the reference, measured or estimated; 0 where it cannot be estimated."""
        if self.measured_cost is not None:
            return self.measured_cost
        if self.estimated_accuracy is None or self.expected_accuracy is None:
            return 0.0
        return self.expected_accuracy - self.estimated_accuracy

    @property
    def cost_low(self) -> float | None:
        """The least loss of accuracy that the window leaves likely; None where no interval is known."""
        if self.measured_cost is not None:
            return self.measured_low
        if self.expected_accuracy is None or self.estimated_high is None:
            return None
        return self.expected_accuracy - self.estimated_high

    @property
    def cost_high(self) -> float | None:
        """The greatest loss of accuracy that the window leaves likely; None where no interval is known."""
        if self.measured_cost is not None:
            return self.measured_high
        if self.expected_accuracy is None or self.estimated_low is None:
            return None
        return self.expected_accuracy - self.estimated_low

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        lists: dict[str, Any] = {"problems": list(self.problems), "batches": list(self.batches)}
        lists["moved"] = {name: list(values) for name, values in self.moved.items()}
        lists["shares"] = {name: list(values) for name, values in self.shares.items()}
        return written(self, {**asdict(self), "time": self.time.isoformat(), **lists})

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Observation:
        """Read what `to_json` wrote; what only a later lepton writes is passed over."""
        known = {name: inner for name, inner in value.items() if name in cls.__dataclass_fields__}
        typed: dict[str, Any] = {name: tuple(value.get(name, ())) for name in ("problems", "batches")}
        typed["moved"] = {name: (before, now) for name, (before, now) in value.get("moved", {}).items()}
        typed["shares"] = {name: (which, before, now) for name, (which, before, now) in value.get("shares", {}).items()}
        typed["time"] = datetime.fromisoformat(value["time"])
        return cls(**{**known, **typed})


def written(record: DataclassInstance, told: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a record without what is new in it and says nothing: old rows are written as they were."""
    silent = {one.name for one in fields(record) if one.metadata and getattr(record, one.name) == _default(one)}
    return {name: value for name, value in told.items() if name not in silent}


def _default(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()
