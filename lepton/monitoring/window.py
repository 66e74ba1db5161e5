"""A window of the monitor, and what is found out about it: drift of every aspect on one scale, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lepton.core.decisions.observation import Observation, Verdict
from lepton.core.table import Table
from lepton.monitoring.accuracy import Estimate
from lepton.monitoring.calibration import Calibration
from lepton.monitoring.drift import Compared
from lepton.monitoring.labels import Measured, Mix


@dataclass(frozen=True)
class ColumnScore:
    """How far one column moved."""

    name: str
    aspect: str
    method: str
    statistic: float
    threshold: float
    score: float
    """1.0 is the calibrated threshold; no upper end, see `scores`."""
    means: tuple[float, float] | None = None
    """Mean of the known values, in the reference and in the window; None where they are no numbers."""
    share: tuple[str, float, float] | None = None
    """The category whose share of the rows moved most, with its share in the reference and in the window; None where
    there are no categories."""


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
class Rows:
    """What came in a window."""

    table: Table
    """All of its rows, or a sample of them."""
    extent: Extent | None = None
    """What is known of all rows where `table` is a sample of them; None: it is all of them."""


@dataclass(frozen=True)
class Window:
    """Rows that came together, to be judged as one; they are read when their turn comes."""

    name: str
    time: datetime
    """When it ended: the controller's clock."""
    read: Callable[[], Rows]
    batches: tuple[str, ...] = ()
    """What it is joined from; none where it is one batch of its name, or no batch at all."""


@dataclass(frozen=True)
class Observed:
    """A judged window with everything behind the verdict."""

    observation: Observation
    columns: tuple[ColumnScore, ...] = ()
    """Worst first."""
    estimate: Estimate | None = None
    calibration: Calibration | None = None
    drift: Compared | None = None
    """Both samples, column by column; None where the window was not judged, or nothing could be compared."""
    extent: Extent | None = None
    """What is known of all rows, where a sample of them was judged."""
    compared: int = 0
    """Rows of the window that were compared."""
    mix: Mix | None = None
    """Of the classes; None where it cannot be estimated."""
    measured: Measured | None = None
    """Accuracy on labels; None where there are too few."""
    remark: str | None = None
    """What the tolerance asks for and the labelled rows cannot tell; None where they can."""
    examples: str = ""
    """A piece of HTML with rows of the most shifted part, next to such of the reference."""

    @property
    def verdict(self) -> Verdict:
        """Whether the window could be compared."""
        return self.observation.verdict
