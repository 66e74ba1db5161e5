"""How likely a candidate is better than what it would replace, and by how much: all that is known, as one number. Pure.

What is on record of its kind is a normal prior; what label-free scores were worth on recorded transfers moves it; the
paired answers to labelled rows weigh in by their precision (normal likelihoods: Gelman et al., Bayesian Data Analysis,
ch. 2). It is for people, and for who has to approve. The gate does not ask it: on recorded transfers of tables no rule
on such a number let more than a sixth of the possible gain through without more harm than is allowed (figure G9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import erf, sqrt
from typing import Any, Literal

Source = Literal["record", "scores", "labels"]
Z90 = 1.6449
"""Standard normal quantile of the ends of a 90 % interval."""
FEWEST_SD = 0.01
"""Points: nothing is known more precisely."""


@dataclass(frozen=True)
class Piece:
    """What one kind of evidence contributed."""

    source: Source
    points: float
    """By which it moved the expected gain."""
    what: str
    """In words: of what, and how many."""


@dataclass(frozen=True)
class Belief:
    """A normal belief about the gain over one rival, in points of accuracy."""

    against: str
    gain: float
    sd: float
    pieces: tuple[Piece, ...]
    """In the order in which they were weighed; their points add up to the gain."""

    @property
    def chance(self) -> float:
        """Probability that the candidate is better at all."""
        return (1 + erf(self.gain / max(self.sd, FEWEST_SD) / sqrt(2))) / 2

    @property
    def interval(self) -> tuple[float, float]:
        """90 % interval of the gain, in points."""
        return self.gain - Z90 * self.sd, self.gain + Z90 * self.sd

    def summary(self) -> str:
        """Return one line: the chance, the gain, and what each piece contributed."""
        low, high = self.interval
        told = ", ".join(f"{piece.points:+.1f} by {piece.what}" for piece in self.pieces)
        percent = min(max(100 * self.chance, 1), 99)  # nobody is surer than that
        return (
            f"{percent:.0f} % likely better than the {self.against}, by {self.gain:+.1f} points"
            f" ({low:+.1f} to {high:+.1f}): {told}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {**asdict(self), "pieces": [asdict(piece) for piece in self.pieces], "chance": round(self.chance, 4)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Belief:
        """Read what `to_json` wrote."""
        pieces = tuple(Piece(**piece) for piece in value["pieces"])
        return cls(value["against"], value["gain"], value["sd"], pieces)


@dataclass(frozen=True)
class Paired:
    """Two models' answers to the same labelled rows, which taught neither."""

    wins: int
    """Rows that only the candidate gets right."""
    losses: int
    """Rows that only the rival gets right."""
    rows: int

    def points(self) -> tuple[float, float]:
        """Return the difference in points of accuracy and its standard deviation.

        Half a row is added to wins and to losses (Agresti and Min 2005), so that rows that never differ do not prove
        that none ever would.
        """
        won, lost = (self.wins + 0.5) / (self.rows + 1), (self.losses + 0.5) / (self.rows + 1)
        return 100 * (won - lost), 100 * sqrt((won + lost - (won - lost) ** 2) / (self.rows + 1))


def believe(
    against: str, record: tuple[float, float, str], scores: Sequence[Piece] = (), paired: Paired | None = None
) -> Belief:
    """Weigh what is known.

    Args:
        against: Name of the rival.
        record: Points that candidates of its kind gained on record, their standard deviation, and of what, in words.
        scores: What label-free scores add to it.
        paired: Answers to labelled rows, if there are any.
    """
    mean, sd, what = record
    sd = max(sd, FEWEST_SD)
    pieces = [Piece("record", mean, what), *scores]
    mean += sum(piece.points for piece in scores)
    if paired is not None and paired.rows:
        seen, noise = paired.points()
        before, now = sd**-2, noise**-2
        told = (mean * before + seen * now) / (before + now)
        pieces.append(Piece("labels", told - mean, f"{paired.rows} labelled rows"))
        mean, sd = told, (before + now) ** -0.5
    return Belief(against, mean, sd, tuple(pieces))
