"""The guard without labels: validators that must agree, and signs of collapse that must be absent; one file each.

No label-free score is to be trusted alone: in a large public benchmark most of them pick models that are worse than the
un-adapted one in more than half of all cases. So several that err in different ways are asked. The candidate passes if
enough speak for it and none against, no check finds a collapse, and what few labels there are do not speak against it.
Otherwise it stays a challenger. Labels that are too few to rule out a loss may still prove a gain: then they decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from lepton.core.decisions.gate import Comparison, Finding, Verdict, compare
from lepton.core.decisions.pair_statistics import mcnemar_worse
from lepton.core.plugins import Catalogue
from lepton.transfer.guard.case import Case, Check, Seen, Source, Validator

PUT_FORWARD = 3
"""Most candidates that the guard is asked about, best first; a test on labels meets one alone."""


@dataclass(frozen=True)
class GuardPolicy:
    """What the guard asks for where labels are too few for a test."""

    fewest_rows: int = 50
    """Rows without labels below which no score means anything."""
    votes: int = 3
    """Validators that must speak for the candidate."""
    against: int = 1
    """Validators that may speak against it: each errs in its own way now and then."""
    proof: float = 0.01
    """Chance of so many wins under equal models from which on the few labels prove by themselves that it is better."""


GROUP, REMEDY = "lepton.validators", "lepton doctor  (lists the plug-ins)"
VALIDATORS = Catalogue("validator", __name__, Validator, GROUP, REMEDY)  # type: ignore[type-abstract]
CHECKS = Catalogue("check", __name__, Check, GROUP, REMEDY)  # type: ignore[type-abstract]


def validators() -> list[Validator]:
    """Return every validator by name; those from outside come last."""
    return [kind() for kind in VALIDATORS.known().values()]


def checks() -> list[Check]:
    """Return every check for a collapse by name; those from outside come last."""
    return [kind() for kind in CHECKS.known().values()]


def findings_of(case: Case) -> tuple[Finding, ...]:
    """Return what every validator and check says of a case."""
    return (*(v.judge(case) for v in validators()), *(c.judge(case) for c in checks()))


def judge_without_labels(case: Case, policy: GuardPolicy | None = None, against: str = "base") -> Verdict:
    """Return whether a candidate may serve although no test on labels can show that it is not worse.

    Args:
        case: The candidate and what it is compared with.
        policy: What to ask for.
        against: What it is compared with: the un-adapted base, or the champion.
    """
    policy = policy or GuardPolicy()
    rows = len(case.base.answers)
    if rows < policy.fewest_rows:
        reason = f"only {rows} rows without labels, the policy asks for {policy.fewest_rows} where labels are too few"
        return Verdict(False, (reason,), (), rows, basis="validators")
    voted = [validator.judge(case) for validator in validators()]
    checked = [check.judge(case) for check in checks()]
    speak_for, speak_against = ([f.name for f in voted if f.says == says] for says in ("for", "against"))
    reasons = [f"{finding.name}: {finding.why}" for finding in checked if finding.says == "against"]
    if len(speak_against) > policy.against:
        reasons.append(f"{', '.join(speak_against)} rate it below the {against}")
    if len(speak_for) < policy.votes:
        told = ", ".join(speak_for) or "none"
        reasons.append(f"only {len(speak_for)} label-free scores speak for it ({told}), {policy.votes} are asked for")
    comparisons: tuple[Comparison, ...] = ()
    if len(case.candidate_on_labelled):
        few = compare(against, case.truth, case.candidate_on_labelled, case.base_on_labelled)
        comparisons = (few,)
        if mcnemar_worse(few.losses, few.wins) < policy.proof:
            reasons = []  # few labels, but they speak clearly: what needs none has nothing to add
        elif not few.passed:
            reasons.append(
                f"worse than the {against} on the {few.rows} labels that there are: {few.losses} lost, {few.wins} won"
            )
    return Verdict(not reasons, tuple(reasons), comparisons, rows, basis="validators", findings=(*voted, *checked))


__all__ = [
    "Case",
    "Check",
    "GuardPolicy",
    "Seen",
    "Source",
    "Validator",
    "checks",
    "findings_of",
    "judge_without_labels",
    "validators",
]
