"""Accuracy from what a window looks like as a whole: a Gaussian process on simulated drift.

It learns how far the accuracy of a window is from a base: from nothing, which is best where damage is heavy and
confidence means little, or from calibrated confidence, which is best near what is usual. Both are pieces of the
estimate.

Meta-regression on synthetic sets (Deng and Zheng 2021, "Are Labels Always Necessary for Classifier Accuracy
Evaluation?"), for one champion and one reference.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.work.files import atomic_write, digest

Matrix = NDArray[np.float64]


LIKELY = 0.5
"""Belief in a window from which on it is learnt from."""


@dataclass(frozen=True)
class Learnt:
    """A Gaussian process on standardised features."""

    centre: Matrix
    scale: Matrix
    process: Any
    """Of scikit-learn."""

    @classmethod
    def to(
        cls,
        features: Matrix,
        base: Matrix,
        accuracy: Matrix,
        kinds: NDArray[np.str_],
        believed: Matrix,
        cache: Path | None = None,
    ) -> tuple[Learnt, Matrix]:
        """Return a process fitted to windows, and (w,) what it would say of each had it not known the window's kind.

        Args:
            features: (w, f) of the windows.
            base: (w,) what the accuracy is told from: zeros, or what calibrated confidence says.
            accuracy: (w,) the truth.
            kinds: (w,) what was done.
            believed: (w,) how likely such a window is; of an unlikely one nothing is learnt.
            cache: Folder for the kernel's parameters, whose search takes most of the time; None keeps nothing.
        """
        left = accuracy - base
        centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
        x = (features - centre) / scale
        likely = believed >= LIKELY
        process = _searched(x[likely], left[likely], cache)
        unaware = process.predict(x)
        for kind in sorted(set(kinds)):
            out = kinds == kind
            if (out & likely).any():
                unaware[out] = _fit(x[likely & ~out], left[likely & ~out], process.kernel_).predict(x[out])
        return cls(centre, scale, process), base + unaware

    def says(self, features: Matrix, base: float) -> float:
        """Return the accuracy of a window of these features and this base, wherever it lies."""
        return base + float(self.process.predict(self.standardised(features)[None])[0])

    def standardised(self, features: Matrix) -> Matrix:
        """Return features in units of their spread over the windows."""
        return np.asarray((features - self.centre) / self.scale)


def _searched(x: Matrix, y: Matrix, cache: Path | None) -> Any:
    """Return a process with the best parameters for its kernel: as found before for the same windows, or searched."""
    path = None if cache is None else cache / f"kernel-{digest([x.tolist(), y.tolist()])}.json"
    try:
        theta = np.array(json.loads(path.read_text()), dtype=np.float64) if path is not None else None
        if theta is not None and theta.shape == _start().theta.shape:
            return _fit(x, y, _start().clone_with_theta(theta))
    except (OSError, ValueError):
        pass
    process = _fit(x, y)
    if path is not None:
        atomic_write(path, json.dumps(process.kernel_.theta.tolist()))
    return process


def _start() -> Any:
    """Return the kernel that the search starts from."""
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    return ConstantKernel(1.0) * RBF(4.0) + ConstantKernel(0.1) * DotProduct(1.0) + WhiteKernel(0.01)


def _fit(x: Matrix, y: Matrix, kernel: Any = None) -> Any:
    """Return a fitted process; with a kernel given, that is kept as it is."""
    from sklearn.gaussian_process import GaussianProcessRegressor

    process = GaussianProcessRegressor(
        kernel or _start(), optimizer=None if kernel else "fmin_l_bfgs_b", normalize_y=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on bounds of the kernel's parameters
        return process.fit(x, y)
