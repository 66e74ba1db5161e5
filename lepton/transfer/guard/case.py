"""What the guard looks at when there are no labels, or too few: two models' answers to the same rows, and no truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lepton.core.decisions.gate import Finding, Says

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Seen:
    """One model's view of the rows."""

    answers: FloatArray
    """(n, k) probabilities."""
    embedding: FloatArray
    """(n, d); two models' embeddings may differ in d."""

    @property
    def classes(self) -> IntArray:
        """Return (n,) the likeliest class of each row."""
        found: IntArray = self.answers.argmax(axis=1)
        return found


@dataclass(frozen=True)
class Source:
    """What the base knows of its own domain, in its own embedding."""

    prototypes: FloatArray
    """(k, d) mean embedding of each class; NaN where unknown."""
    covariance: FloatArray
    """(d, d) of all rows."""
    prior: FloatArray
    """(k,) share of each class."""


@dataclass(frozen=True)
class Case:
    """A candidate against the un-adapted base."""

    base: Seen
    candidate: Seen
    others: Mapping[str, IntArray] = field(default_factory=dict)
    """(n,) answers of models that other strategies adapted from the same base."""
    prior: FloatArray | None = None
    """(k,) expected share of each class in the target; equal ones by default."""
    source: Source | None = None
    separation: float | None = None
    """Share of rows drawn from the ancestor's own domain that its statistics tell apart; None if it knows none."""
    truth: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """(m,) the few labels that there are."""
    base_on_labelled: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """(m,) the base's answers to these rows."""
    candidate_on_labelled: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """(m,) the candidate's, each by a model that had not seen the row; empty if nothing was held back."""

    def expected_shares(self) -> FloatArray:
        """Return (k,) the prior, or equal shares."""
        k = self.base.answers.shape[1]
        return np.full(k, 1 / k) if self.prior is None else self.prior


class Validator(ABC):
    """A label-free score that tends to be higher for the better model. One file is one validator."""

    name: ClassVar[str] = ""
    allowance: ClassVar[float] = 0.0
    """How much lower than the base's the candidate's score may be and still speak for it."""
    slack: ClassVar[float] = 0.0
    """How much lower it may be without speaking against it."""

    @abstractmethod
    def scores(self, case: Case) -> tuple[float, float] | None:
        """Return the candidate's and the base's score; None if the case lacks what it takes."""

    def judge(self, case: Case) -> Finding:
        """Return for, against, or an abstention."""
        found = self.scores(case)
        if found is None:
            return Finding(self.name, "abstains", float("nan"), float("nan"), "the case lacks what it takes")
        mine, bases = found
        says: Says = "against"
        if mine >= bases - self.slack:
            says = "for" if mine >= bases - self.allowance else "abstains"
        return Finding(self.name, says, mine, bases)


class Check(ABC):
    """A sign of collapse, which no score may outweigh; one file is one check."""

    name: ClassVar[str] = ""

    @abstractmethod
    def judge(self, case: Case) -> Finding:
        """Return `for` if the sign is absent, `against` if it is there."""
