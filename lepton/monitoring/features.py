"""What a window looks like to its champion, as a few numbers that need no labels.

Each alone misleads somewhere: confidence under blur, the mix of the answers when the true mix changes, the embedding
under a harmless shift. Together they tell a cost from a curiosity. Average thresholded confidence: Garg et al. 2022.
The nuclear norm of the answers: Deng et al. 2023, "Confidence and Dispersity Speak".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lepton.monitoring.answers import Judged, certainty

NAMES = (
    "thresholded confidence",
    "confidence",
    "margin",
    "sharpness",
    "answers moved",
    "mean answer moved",
    "dispersity",
    "residual",
    "centre moved",
    "spread",
    "length",
    "variety",
    "agreement",
)
DIRECTIONS = 16
FLOOR = 1e-9


@dataclass(frozen=True)
class Usual:
    """What the same numbers are measured against: the reference without drift."""

    bar: float
    """Certainty that as large a share of held-out rows exceeds as are answered rightly."""
    answers: NDArray[np.float64]
    """(k,) share of the rows answered with each class."""
    mean_answer: NDArray[np.float64]
    """(k,) mean probabilities."""
    centre: NDArray[np.float64]
    """(d,) mean embedding."""
    directions: NDArray[np.float64]
    """(d, at most DIRECTIONS), orthonormal columns."""
    scale: NDArray[np.float64]
    """Standard deviation along each direction."""
    residual: float
    """Mean distance of a row from the space of the directions."""
    length: float
    """Mean length of an embedding."""

    @classmethod
    def of(cls, quiet: Judged, bar: float) -> Usual:
        """Return what is usual in rows without drift, all of finite answers and embeddings; at least two of them."""
        rows = quiet.embedding.astype(np.float64)
        centre = rows.mean(axis=0)
        _, _, vectors = np.linalg.svd(rows - centre, full_matrices=False)
        directions = vectors[:DIRECTIONS].T
        along = (rows - centre) @ directions
        classes = quiet.probabilities.shape[1]
        return cls(
            bar=bar,
            answers=np.bincount(quiet.probabilities.argmax(axis=1), minlength=classes) / len(rows),
            mean_answer=quiet.probabilities.mean(axis=0),
            centre=centre,
            directions=directions,
            scale=along.std(axis=0) + 1e-6,
            residual=float(np.linalg.norm(rows - centre - along @ directions.T, axis=1).mean()) + 1e-6,
            length=float(np.linalg.norm(rows, axis=1).mean()) + FLOOR,
        )

    def features(
        self,
        probabilities: NDArray[np.float64],
        embedding: NDArray[np.floating],
        agreement: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the numbers called NAMES of rows (n, k), (n, d) and (n,), all finite."""
        p, h = probabilities.astype(np.float64), embedding.astype(np.float64)
        sure = certainty(p)
        best = np.sort(p, axis=1)[:, ::-1]
        mean = p.mean(axis=0)
        answers = np.bincount(p.argmax(axis=1), minlength=p.shape[1]) / len(p)
        moved = h - self.centre
        along = moved @ self.directions
        left = np.linalg.norm(moved - along @ self.directions.T, axis=1).mean() / self.residual
        scaled = along / self.scale
        return np.array(
            [
                (sure >= self.bar).mean(),
                best[:, 0].mean(),
                (best[:, 0] - best[:, min(1, p.shape[1] - 1)]).mean(),
                np.exp(sure).mean(),
                np.abs(answers - self.answers).sum() / 2,
                np.abs(mean - self.mean_answer).sum() / 2,
                np.linalg.norm(p, "nuc") / np.sqrt(p.size),
                left,
                np.linalg.norm(scaled.mean(axis=0)) / np.sqrt(len(self.scale)),
                np.log(scaled.std(axis=0) + 1e-3).mean(),
                np.log(np.linalg.norm(h, axis=1).mean() / self.length + FLOOR),
                -(mean * np.log(np.clip(mean, FLOOR, 1))).sum(),
                1.0 if agreement is None else agreement.mean(),
            ]
        )
