"""Accuracy without labels, learnt from simulated drift, with an interval.

The reference's held-out labelled rows are degraded in every way that `lepton.data` can simulate, the champion answers
them, and a Gaussian process learns how its accuracy follows from what needs no labels (`features`). That is
meta-regression on synthetic sets (Deng and Zheng 2021, "Are Labels Always Necessary for Classifier Accuracy
Evaluation?"), for one champion and one reference. A real drift is of no kind that was simulated, so the interval is as
wide as the errors on kinds of degradation that the process was kept from.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.table import Table
from lepton.core.work.files import atomic_write
from lepton.data.corruptions.degradation import degradations, degrade
from lepton.monitoring.answers import Judged, atc_threshold, certainty, correct
from lepton.monitoring.features import NAMES, Usual

Answer = Callable[[Table], Judged]
"""The champion: rows to its answers."""

VERSION = 2
"""Part of the cache's key: raise it when the numbers of equal inputs change."""
MIN_ROWS = 60
"""Fewer held-out labelled rows than this show too little of how accuracy falls."""
MOST_ROWS = 400
"""More are not degraded: each is answered once a kind and strength."""
STRENGTHS = (1, 2, 3)
SHARES = (0.25, 0.5, 0.75)
"""Of the rows that are degraded where not all of them are."""
QUIET = 12
"""Windows without drift that are learnt from, too."""
QUIET_KIND = "quiet"
LEVEL = 0.9
"""Chance that the interval holds the accuracy of a window."""


@dataclass(frozen=True)
class Simulated:
    """Windows whose accuracy is known, because they were made from labelled rows."""

    features: NDArray[np.float64]
    """(w, len(NAMES))."""
    accuracy: NDArray[np.float64]
    """(w,)."""
    kinds: NDArray[np.str_]
    """(w,) what was done to the rows; windows without drift are each a kind of their own."""
    rows: int
    """In a window."""
    usual: Usual

    @cached_property
    def fitted(self) -> Fitted:
        """The process and the width of its intervals; made at the first use, some two seconds."""
        return Fitted.to(self.features, self.accuracy, self.kinds, self.rows)


@dataclass(frozen=True)
class Fitted:
    """A Gaussian process on standardised features, and how far it errs on kinds that it was kept from."""

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    process: Any
    """Of scikit-learn."""
    reach: float
    """Half an interval's width in standard deviations of the process."""
    rows: int
    """In the windows that it learnt from."""
    usual: float
    """What it says of windows without drift, on average."""
    worst: float
    """Lowest accuracy that it learnt from: nothing below it is claimed, however far a window lies from all others."""

    @classmethod
    def to(
        cls, features: NDArray[np.float64], accuracy: NDArray[np.float64], kinds: NDArray[np.str_], rows: int
    ) -> Fitted:
        """Fit to windows, and once more without each kind to learn the errors on what is new."""
        centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
        x = (features - centre) / scale
        process = _fit(x, accuracy)
        errors: list[float] = []
        for kind in sorted(set(kinds)):
            out = kinds == kind
            again = _fit(x[~out], accuracy[~out], process.kernel_)
            found, deviation = again.predict(x[out], return_std=True)
            errors += list(np.abs(found - accuracy[out]) / deviation)
        quiet = np.array([kind.startswith(QUIET_KIND) for kind in kinds])
        usual = float(np.clip(process.predict(x[quiet]), 0, 1).mean())
        return cls(centre, scale, process, float(np.quantile(errors, LEVEL)), rows, usual, float(accuracy.min()))

    def predict(self, features: NDArray[np.float64], rows: int) -> tuple[float, float, float]:
        """Return the accuracy of a window of `rows` rows, and the ends of its interval, each within 0 and 1."""
        found, deviation = self.process.predict(((features - self.centre) / self.scale)[None], return_std=True)
        middle = float(np.clip(found[0], self.worst, 1))
        # What chance alone does to a small window; windows as large as the simulated ones have it in the process.
        chance = middle * (1 - middle) * max(0.0, 1 / rows - 1 / self.rows)
        half = self.reach * float(np.sqrt(deviation[0] ** 2 + chance))
        return middle, max(0.0, middle - half), min(1.0, middle + half)


def simulate(
    reference: Judged,
    held_out: NDArray[np.bool_],
    quiet: NDArray[np.bool_],
    answer: Answer,
    seed: int = 0,
    cache: Path | None = None,
    kinds: Sequence[str] | None = None,
) -> Simulated | None:
    """Return windows made by degrading the reference's held-out labelled rows; None where that cannot be done.

    Args:
        reference: Rows without drift.
        held_out: (n,) labelled rows that the champion was not fitted to.
        quiet: (n,) rows that show what is usual.
        answer: The champion.
        seed: Same reference, champion and seed: same windows.
        cache: Folder for the result; None keeps nothing.
        kinds: What may be simulated; by default everything that lepton knows for such rows.
    """
    rows = np.flatnonzero(held_out)
    if len(rows) < MIN_ROWS or reference.embedding.shape[1] == 0:
        return None
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
    before = reference.take(rows)
    able = [kind for kind in degradations(before.table) if kinds is None or kind in kinds]
    if len(able) < 2:
        return None
    bar = atc_threshold(certainty(before.probabilities), correct(before))
    usual = Usual.of(reference.take(np.flatnonzero(quiet)), bar)
    path = None if cache is None else cache / f"{_key(reference, rows, able, seed)}.json"
    if path is not None and (stored := _read(path)) is not None:
        return Simulated(*stored, rows=len(rows), usual=usual)
    found = [*_degraded(before, able, answer, usual, seed), *_resampled(before, usual, seed)]
    made = Simulated(
        features=np.stack([one[0] for one in found]),
        accuracy=np.array([one[1] for one in found]),
        kinds=np.array([one[2] for one in found]),
        rows=len(rows),
        usual=usual,
    )
    if path is not None:
        kept = {name: getattr(made, name).tolist() for name in ("features", "accuracy", "kinds")}
        atomic_write(path, json.dumps(kept))
    return made


Window = tuple[NDArray[np.float64], float, str]
"""Features, accuracy, kind."""


def _degraded(before: Judged, kinds: Sequence[str], answer: Answer, usual: Usual, seed: int) -> Iterator[Window]:
    rng = np.random.default_rng(seed)
    well = correct(before)
    for kind in kinds:
        for strength in STRENGTHS:
            after = answer(degrade(before.table, kind, strength, seed))
            if not after.finite().all():
                continue
            right = correct(after)
            yield usual.features(after.probabilities, after.embedding, after.agreement), float(right.mean()), kind
            for share in SHARES:
                bad = rng.random(len(before)) < share
                p = np.where(bad[:, None], after.probabilities, before.probabilities)
                h = np.where(bad[:, None], after.embedding, before.embedding)
                yield (
                    usual.features(p, h, _mixed(bad, after.agreement, before.agreement)),
                    float(np.where(bad, right, well).mean()),
                    kind,
                )


def _resampled(before: Judged, usual: Usual, seed: int) -> Iterator[Window]:
    rng, right = np.random.default_rng(seed + 1), correct(before)
    for k in range(QUIET):
        at = rng.choice(len(before), len(before))
        some = before.take(at)
        yield (
            usual.features(some.probabilities, some.embedding, some.agreement),
            float(right[at].mean()),
            f"{QUIET_KIND} {k}",
        )


def _mixed(
    bad: NDArray[np.bool_], after: NDArray[np.float64] | None, before: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    return None if after is None or before is None else np.where(bad, after, before)


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], kernel: Any = None) -> Any:
    """Return a fitted process; with a kernel given, that is kept as it is."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    start = ConstantKernel(1.0) * RBF(4.0) + ConstantKernel(0.1) * DotProduct(1.0) + WhiteKernel(0.01)
    process = GaussianProcessRegressor(kernel or start, optimizer=None if kernel else "fmin_l_bfgs_b", normalize_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on bounds of the kernel's parameters
        return process.fit(x, y)


def _key(reference: Judged, rows: NDArray[np.int64], kinds: Sequence[str], seed: int) -> str:
    """Return a name for what the windows hang on; the champion is known by its answers and embeddings."""
    h = blake2b(digest_size=16)
    h.update(f"{VERSION}|{seed}|{NAMES}|{kinds}|{STRENGTHS}|{SHARES}|{QUIET}".encode())
    h.update(reference.table.content_digest().encode())
    for values in (rows, reference.probabilities, reference.embedding):
        h.update(np.ascontiguousarray(values).tobytes())
    return h.hexdigest()


def _read(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]] | None:
    """Return stored windows; None if there are none that can be read: they are made again."""
    try:
        found = json.loads(path.read_text())
        return np.array(found["features"], dtype=np.float64), np.array(found["accuracy"]), np.array(found["kinds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
