"""The gate: a paired test between a challenger and everything it must not be worse than.

Both models answer the same held-out rows, so only the rows on which they differ carry evidence
(McNemar 1947). Two questions are asked:

- Do the rows on which they differ speak against the challenger? (exact one-sided McNemar test)
- Can a loss of more than the margin be ruled out? (one-sided 95 % bound of the paired difference)

Of rivals, which serve or could (the champion, the un-adapted base), both are asked: the burden of proof lies with the
challenger. Of controls, which nobody could deploy (a model of the target's labels alone), only the first: they must
not be shown to be better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import nan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lepton.core.decisions.pair_statistics import (
    Z,
    bootstrap_interval,
    lower_bound,
    mcnemar_worse,
    rows_needed,
    rows_until,
)

CHAMPION = "champion"
"""Name of the rival that serves now; only its users could lose a class, so only it is compared class by class."""
CONFIDENCE = 0.95

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class GatePolicy:
    """What the gate asks for."""

    margin: float = 0.02
    """Loss of accuracy that must be ruled out against every rival; not asked of controls."""
    min_rows: int = 30
    """Fewest held-out labelled rows that count as evidence."""
    alpha: float = 0.05
    """Level of the test for every class, over all classes together (Bonferroni)."""
    floor: float = 0.5
    """Least recall of a class, as a share of the mean recall over classes, unless a rival's is as low."""
    z: float = Z
    """Standard normal quantile of the bound by which a loss is ruled out."""
    max_size_ratio: float = 4.0
    """Largest size in bytes, as a multiple of the un-adapted base."""


@dataclass(frozen=True)
class Comparison:
    """Challenger against one rival on the same rows."""

    against: str
    rows: int
    accuracy: float
    rival_accuracy: float
    difference: float
    lower: float
    """One-sided 95 % lower bound of the difference."""
    bootstrap: tuple[float, float]
    """95 % bootstrap interval of the difference; on record beside the bound, which decides."""
    wins: int
    """Rows only the challenger gets right."""
    losses: int
    """Rows only the rival gets right."""
    p_worse: float
    """Chance of so many losses if both were equally good; small speaks against the challenger."""
    passed: bool


Says = Literal["for", "against", "abstains"]


@dataclass(frozen=True)
class Finding:
    """What one validator or check says, with the numbers that it rests on."""

    name: str
    says: Says
    value: float
    """Of the candidate."""
    beside: float
    """The base's value, or the limit of a check."""
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the gate decided, with all the evidence."""

    passed: bool
    reasons: tuple[str, ...]
    """Why it refused; empty if it passed."""
    comparisons: tuple[Comparison, ...]
    rows: int
    """Labelled rows that it rests on; where these were too few, rows without labels."""
    basis: Literal["labels", "validators"] = "labels"
    """A paired test on labelled rows, or the agreement of scores that need no label."""
    findings: tuple[Finding, ...] = ()
    """What the label-free validators and checks said; empty if none was asked."""
    undecided: bool = False
    """Whether it was refused for want of labelled rows alone: nothing on those there are speaks against it."""
    cross_fitted: int = 0
    """Of the labelled rows, those that also taught: each was answered by a model that had not seen it."""

    def summary(self) -> str:
        """Return one line: the verdict and the evidence in short."""
        if not self.passed:
            return "refused: " + "; ".join(self.reasons)
        if self.basis == "validators":
            votes = dict.fromkeys(f.name for f in self.findings if f.says == "for")  # each was asked about every rival
            return f"passed without a test on labels: {', '.join(votes)} speak for it on {self.rows} rows, none against"
        parts = [f"{c.difference:+.3f} vs {c.against} (at least {c.lower:+.3f})" for c in self.comparisons]
        how = f", {self.cross_fitted} of them cross-fitted" if self.cross_fitted else ""
        return f"passed on {self.rows} rows{how}: " + ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        lists = {"reasons": list(self.reasons), "comparisons": [asdict(c) for c in self.comparisons]}
        findings = [{key: None if value != value else value for key, value in asdict(f).items()} for f in self.findings]
        return {**asdict(self), **lists, "findings": findings}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """Read what `to_json` wrote; what else stands beside it is passed over."""
        known = {field.name: value[field.name] for field in fields(cls) if field.name in value}
        comparisons = [Comparison(**{**one, "bootstrap": tuple(one["bootstrap"])}) for one in value["comparisons"]]
        findings = [Finding(**{**one, **_unknown(one)}) for one in value.get("findings", ())]
        typed = {"reasons": tuple(value["reasons"]), "comparisons": tuple(comparisons), "findings": tuple(findings)}
        return cls(**{"rows": 0, **known, **typed})


def _unknown(finding: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers that JSON has no word for."""
    return {key: nan for key in ("value", "beside") if finding[key] is None}


def judge(
    truth: IntArray,
    challenger: IntArray,
    rivals: Mapping[str, IntArray],
    policy: GatePolicy,
    *,
    controls: Mapping[str, IntArray] | None = None,
    classes: tuple[str, ...] = (),
    size_ratio: float = 1.0,
) -> Verdict:
    """Judge a challenger's answers against those of every rival.

    Args:
        truth: (n,) true classes of the held-out rows.
        challenger: (n,) predicted classes.
        rivals: Predicted classes, each (n,), of what the challenger must be shown not to be worse than: the un-adapted
            base, and the champion if there is one, under that name.
        policy: What to ask for.
        controls: Predicted classes, each (n,), of what must not be shown to be better.
        classes: Names for the messages about single classes.
        size_ratio: Bytes of the challenger over bytes of the base.
    """
    if len(truth) < policy.min_rows:
        reason = f"only {len(truth)} labelled held-out rows, the policy asks for {policy.min_rows}"
        return Verdict(False, (reason,), (), len(truth), undecided=True)
    comparisons = (
        *(compare(name, truth, challenger, answers, policy.margin, policy.z) for name, answers in rivals.items()),
        *(compare(name, truth, challenger, answers) for name, answers in (controls or {}).items()),
    )
    reasons = [_why_refused(c, policy.margin, policy.z) for c in comparisons if not c.passed]
    unproven = sum(not c.passed and c.p_worse >= 1 - CONFIDENCE for c in comparisons)
    for name, answers in rivals.items():
        reasons += _collapsed_classes(name, truth, challenger, answers, policy.floor, classes)
    if CHAMPION in rivals:
        reasons += _class_losses(CHAMPION, truth, challenger, rivals[CHAMPION], policy.alpha, classes)
    if size_ratio > policy.max_size_ratio:
        reasons.append(f"{size_ratio:.1f} times the size of the base, the policy allows {policy.max_size_ratio:.1f}")
    undecided = len(truth) < rows_needed(policy.margin) and 0 < unproven == len(reasons)
    return Verdict(not reasons, tuple(reasons), comparisons, len(truth), undecided=undecided)


def compare(
    name: str, truth: IntArray, challenger: IntArray, rival: IntArray, margin: float | None = None, z: float = Z
) -> Comparison:
    """Return the paired comparison with one rival; without a margin it only must not be shown to be better."""
    right, rival_right = challenger == truth, rival == truth
    wins, losses = int(np.sum(right & ~rival_right)), int(np.sum(~right & rival_right))
    lower, p_worse = lower_bound(wins, losses, len(truth), z), mcnemar_worse(wins, losses)
    return Comparison(
        against=name,
        rows=len(truth),
        accuracy=float(right.mean()),
        rival_accuracy=float(rival_right.mean()),
        difference=(wins - losses) / len(truth),
        lower=lower,
        bootstrap=bootstrap_interval(wins, losses, len(truth)),
        wins=wins,
        losses=losses,
        p_worse=p_worse,
        passed=p_worse >= 1 - CONFIDENCE and (margin is None or lower >= -margin),
    )


def _class_losses(
    name: str, truth: IntArray, challenger: IntArray, rival: IntArray, alpha: float, classes: tuple[str, ...]
) -> list[str]:
    """Return a reason for every class that the challenger reads significantly worse than the rival does.

    With ten classes it takes eight rows of a class lost and none won: smaller classes are not protected.
    """
    present = np.unique(truth)
    reasons = []
    for label in present:
        wins, losses = _differing(truth == label, challenger, rival, label)
        if mcnemar_worse(wins, losses) < alpha / len(present):
            shown = classes[label] if classes else str(label)
            reasons.append(f"class {shown!r} is read worse than by the {name}: {losses} rows lost, {wins} won")
    return reasons


def _collapsed_classes(
    name: str, truth: IntArray, challenger: IntArray, rival: IntArray, floor: float, classes: tuple[str, ...]
) -> list[str]:
    """Return a reason for every class that the challenger hardly reads any more and the rival does."""
    present = np.unique(truth)
    mine = np.array([np.mean(challenger[truth == label] == label) for label in present])
    theirs = np.array([np.mean(rival[truth == label] == label) for label in present])
    bar = floor * mine.mean()
    return [
        f"class {(classes[label] if classes else str(label))!r} collapsed: recall {new:.2f}, the {name}'s is {old:.2f}"
        for label, new, old in zip(present, mine, theirs, strict=True)
        if new < bar <= old and mcnemar_worse(*_differing(truth == label, challenger, rival, label)) < 1 - CONFIDENCE
    ]


def _differing(rows: NDArray[np.bool_], challenger: IntArray, rival: IntArray, label: int) -> tuple[int, int]:
    """Return (wins, losses) of the challenger on the rows of one class."""
    mine, theirs = (challenger == label) & rows, (rival == label) & rows
    return int(np.sum(mine & ~theirs)), int(np.sum(theirs & ~mine))


def _why_refused(seen: Comparison, margin: float, z: float) -> str:
    """Say in words what a failed comparison means."""
    if seen.p_worse < 1 - CONFIDENCE:
        return f"worse than the {seen.against}: {seen.losses} rows lost, {seen.wins} won (p = {seen.p_worse:.3f})"
    more = rows_until(seen.wins, seen.losses, seen.rows, margin, z)
    told = f"about {more} would show it, if they are as these" if more else "these rather speak against it"
    return (
        f"not shown to be within {margin:.3f} of the {seen.against}: difference {seen.difference:+.3f},"
        f" lower bound {seen.lower:+.3f} on {seen.rows} labelled rows ({told})"
    )
