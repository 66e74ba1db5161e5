"""Accuracy from what a window looks like as a whole: a Gaussian process on simulated drift.

It learns how far the accuracy of a window is from a base: from nothing, which is best where damage is heavy and
confidence means little, or from calibrated confidence, which is best near what is usual. Both are pieces of the
estimate.

Meta-regression on synthetic sets (Deng and Zheng 2021, "Are Labels Always Necessary for Classifier Accuracy
Evaluation?"), for one champion and one reference.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        cls, features: Matrix, base: Matrix, accuracy: Matrix, kinds: NDArray[np.str_], believed: Matrix
    ) -> tuple[Learnt, Matrix]:
        """Return a process fitted to windows, and (w,) what it would say of each had it not known the window's kind.

        Args:
            features: (w, f) of the windows.
            base: (w,) what the accuracy is told from: zeros, or what calibrated confidence says.
            accuracy: (w,) the truth.
            kinds: (w,) what was done.
            believed: (w,) how likely such a window is; of an unlikely one nothing is learnt.
        """
        left = accuracy - base
        centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
        x = (features - centre) / scale
        likely = believed >= LIKELY
        process = _fit(x[likely], left[likely])
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


def _fit(x: Matrix, y: Matrix, kernel: Any = None) -> Any:
    """Return a fitted process; with a kernel given, that is kept as it is."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    start = ConstantKernel(1.0) * RBF(4.0) + ConstantKernel(0.1) * DotProduct(1.0) + WhiteKernel(0.01)
    process = GaussianProcessRegressor(kernel or start, optimizer=None if kernel else "fmin_l_bfgs_b", normalize_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on bounds of the kernel's parameters
        return process.fit(x, y)
