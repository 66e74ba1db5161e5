"""Real digits and a small model of them: what the tests of the monitor judge."""

from __future__ import annotations

import numpy as np

from lepton.core.table import Table
from lepton.monitoring.answers import Judged


class Digits:
    """Principal components of the pixels and a logistic regression, learnt from some of scikit-learn's digits.

    Args:
        learnt: Which of the shuffled digits it learnt from.
    """

    def __init__(self, learnt: slice) -> None:
        from sklearn.datasets import load_digits
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression

        bunch = load_digits()
        order = np.random.default_rng(0).permutation(len(bunch.images))
        self.images = (bunch.images[order] * 15).astype(np.uint8)[:, None]
        self.labels = bunch.target[order].astype(str).astype(object)
        pixels = self.images[learnt].reshape(len(self.images[learnt]), -1) / 255
        self.components = PCA(24, random_state=0).fit(pixels)
        self.head = LogisticRegression(max_iter=300).fit(self.components.transform(pixels), self.labels[learnt])

    def rows(self, start: int, stop: int) -> Table:
        """Return some digits with their labels."""
        ids = np.array([f"d{k}" for k in range(start, stop)], dtype=object)
        return Table("image", ids, self.labels[start:stop], images=self.images[start:stop])

    def answer(self, table: Table) -> Judged:
        """Return rows with the model's answers, as rows that it was not fitted to."""
        assert table.images is not None
        h = self.components.transform(table.images.reshape(len(table), -1) / 255)
        return Judged(table, self.head.predict_proba(h), h, tuple(self.head.classes_), np.zeros(len(table), dtype=bool))
