"""What to do about one monitored window: a pure function with a memory and a reason for every outcome.

The clock is in the observation, the memory in the state, the taste in the policy; nothing here reads or writes.

Labels rule: what they measure counts before what was estimated, whenever they come (`reconsider`). A loss that they
prove, or one whose whole interval is beyond `page_at_once`, needs no second window. All else is confirmed by M of N.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from lepton.core.decisions.harm import Harm, harm
from lepton.core.decisions.memory import (
    CONFIRMED,
    CRITICAL_COST,
    REMEMBERED,
    Decision,
    Kind,
    Policy,
    State,
    at_least_suspect,
    corrected,
    earliest,
    remembered,
    start_over,
)
from lepton.core.decisions.observation import Observation
from lepton.core.decisions.reasons import again, changed, further, known, labels, since_harmless, span

ALIKE = 1.25
"""Drift of up to so many times the score that labels cleared is taken for the same drift."""
WITHOUT_LABELS = ("inputs", "embedding", "predictions", "label mix")
"""Aspects of drift that need no label to be seen."""


@dataclass(frozen=True)
class _Now:
    """What holds while it is decided."""

    policy: Policy
    time: datetime
    in_flight: str | None
    refusals: int


def decide(
    state: State, seen: Observation, policy: Policy, in_flight: str | None = None, refusals: int = 0
) -> Decision:
    """Return what to do about one window.

    Args:
        state: What is remembered of the pair.
        seen: The window; its time is the only clock.
        policy: Thresholds and limits.
        in_flight: Identifies a transfer of this pair that is running now, if any.
        refusals: How many transfers in a row the gate refused since this drift began.
    """
    if state.champion != seen.champion:
        state = start_over(state, seen.champion)
    if seen.digest in state.judged:
        return Decision("none", f"window {seen.window} was judged before", state)
    if seen.verdict == "schema breach":
        return _breached(state, seen)
    if seen.rows < policy.min_rows or seen.verdict == "not enough data":
        return Decision("wait", f"not enough data: {seen.rows} rows, the policy asks for {policy.min_rows}", state)
    if state.breach_open:
        healed = decide(replace(state, breach_open=False), seen, policy, in_flight, refusals)
        return replace(healed, breach="resolve")
    now = _Now(policy, seen.time, in_flight, refusals)
    # What confirms a drift must be beyond the upper band each time; once it is confirmed, the lower one holds it.
    bar = policy.exit if state.phase in CONFIRMED else policy.enter
    drifted = seen.score >= bar
    state = remembered(state, seen, drifted, policy)
    if proves_loss(seen, policy):
        return _at_once(state, seen, now)
    if clears(seen, policy, state):
        state = replace(state, proven=None, spoken=seen.time)
        if drifted or state.alert_open:
            return _cleared(state, seen, policy)
    if seen.cost_low is not None and seen.cost_low > policy.page_at_once:
        return _at_once(state, seen, now)
    recent = state.recent
    if drifted and sum(recent) >= policy.confirm:
        return _confirmed(state, seen, now)
    if drifted:
        return Decision(
            "suspect",
            f"{seen.aspect} drift {seen.score:.2f} >= {bar:.2f} in {sum(recent)} of the last {len(recent)} windows;"
            f" {policy.confirm} of {policy.of} confirm it",
            at_least_suspect(state),
        )
    if any(recent):
        return Decision(
            "wait",
            f"drift {seen.score:.2f} < {bar:.2f}, but a window before it was drifted",
            at_least_suspect(state),
        )
    if state.proven is not None:
        reason = f"calm, but the labels of window {state.proven} proved a loss that no drift shows; labels of a later"
        return Decision("wait", f"{reason} window can end it", at_least_suspect(state))
    return _calm(state, f"drift {seen.score:.2f} < {bar:.2f}")


def reconsider(
    state: State,
    seen: Observation,
    policy: Policy,
    time: datetime,
    in_flight: str | None = None,
    refusals: int = 0,
) -> Decision:
    """Return what labels change that came after a window was judged; see `decide`.

    Args:
        state: What is remembered of the pair.
        seen: The window as it was judged, with what its labels measure now; its time is still when it came.
        policy: Thresholds and limits.
        time: Now.
        in_flight: Identifies a transfer of this pair that is running now, if any.
        refusals: How many transfers in a row the gate refused since this drift began.
    """
    if seen.champion != state.champion:
        return Decision("none", f"labels of {seen.window}, which another champion answered", state)
    if state.spoken is not None and seen.time < state.spoken:
        return Decision("none", f"{labels(seen)}; those of a later window count", state)
    state, now = corrected(state, seen), _Now(policy, time, in_flight, refusals)
    if proves_loss(seen, policy):
        return _at_once(state, seen, now)
    concerned = seen.window == state.proven or seen.window in state.windows
    if clears(seen, policy, state) and concerned:
        return _cleared(replace(state, proven=None, spoken=seen.time), seen, policy)
    if state.phase in CONFIRMED and seen.window in state.windows and state.recent[state.windows.index(seen.window)]:
        return _confirmed(state, seen, now)
    return Decision("none", f"{labels(seen)}; they prove neither a loss nor that nothing is lost", state)


def replaced(state: State, seen: Observation, policy: Policy) -> Decision:
    """Return what labels say of a window of a champion that serves no more: they change nothing.

    Args:
        state: What is remembered of the pair.
        seen: The window as that champion answered it, with what its labels measure.
        policy: Thresholds and limits.
    """
    found = ""
    if proves_loss(seen, policy):
        found = f"; a loss of {seen.cost:.3f}{span(seen)} is proven: they confirm that it was replaced"
    elif clears(seen, policy, replace(state, alert_open=False)):
        found = "; nothing was lost: they contradict that it had to be replaced"
    return Decision("none", f"{labels(seen)}, which {seen.champion} answered; it serves no more{found}", state)


def proves_loss(seen: Observation, policy: Policy) -> bool:
    """Return whether the labels of a window prove a loss that is worth a page."""
    return seen.lost and seen.measured_cost is not None and seen.measured_cost > policy.tolerance


def clears(seen: Observation, policy: Policy, state: State) -> bool:
    """Return whether the labels of a window show what people heard of it to be wrong, and nothing lost.

    A few dozen labels never show a loss to be within two points. They can rule out the loss that was told, and
    whatever would be critical.
    """
    if seen.measured_cost is None or seen.measured_high is None or seen.lost:
        return False
    told = state.told_cost if state.alert_open else 0.0
    return seen.measured_cost <= policy.tolerance and seen.measured_high < max(told, CRITICAL_COST)


def _breached(state: State, seen: Observation) -> Decision:
    """Decide about a window that breaks the schema: it says nothing of drift, and people hear of it once."""
    first = seen.problems[0] if seen.problems else "its columns are not the reference's"
    more = f" and {len(seen.problems) - 1} more" if len(seen.problems) > 1 else ""
    told: Kind | None = None if state.breach_open else "open"
    kept = replace(state, breach_open=True, judged=(*state.judged, seen.digest)[-REMEMBERED:])
    return Decision("alert", f"schema breach: {first}{more}", kept, breach=told)


def _calm(state: State, reason: str) -> Decision:
    """Decide about a pair of which nothing speaks for drift or loss any more."""
    calm = replace(state, phase="stable", alert_open=False, exhausted=False, accepted=None)
    if state.alert_open:
        windows = f"calm for {len(state.recent)} window{'s' if len(state.recent) > 1 else ''}"
        return Decision("resolve", windows, calm, alert="resolve")
    return Decision("none", reason, calm)


def _cleared(state: State, seen: Observation, policy: Policy) -> Decision:
    """Decide about a window whose labels show that its drift, or what was told of it, costs nothing."""
    bound = max(state.cleared, seen.score) * ALIKE
    # Windows that are drifted like this one cost what it costs: what was estimated of it is refuted, so is theirs.
    scores = state.scores or (seen.score,) * len(state.recent)
    recent = tuple(flag and score > bound for flag, score in zip(state.recent[-len(scores) :], scores, strict=False))
    state = replace(state, cleared=max(state.cleared, seen.score), recent=recent, accepted=seen.window)
    reason = f"{labels(seen)}: nothing is lost"
    if any(recent):
        return Decision("wait", f"{reason}, but a later window drifted further", state)
    calm = replace(state, phase="stable", alert_open=False, exhausted=False, since=None)
    if not state.alert_open:
        return Decision("benign" if seen.score >= policy.exit else "none", reason, calm, harm="harmless")
    if state.phase == "retransferring":
        reason += "; they contradict the retransfer, which is called off unless it has begun"
    return Decision("resolve", reason, calm, alert="resolve", harm="harmless")


def _confirmed(state: State, seen: Observation, now: _Now) -> Decision:
    """Decide about confirmed drift: harmless, nobody knows, or it hurts."""
    evidence = f"{seen.aspect} drift {seen.score:.2f} in {sum(state.recent)} of the last {len(state.recent)} windows"
    policy, drifted = now.policy, replace(state, phase="drifted")
    how = _harm(state, seen, policy)
    ends = span(seen)
    if how == "harmless":
        evidence += since_harmless(state, seen, policy)
        reason = f"{evidence}, but the {known(seen)} cost {seen.cost:+.3f}{ends} is within {policy.tolerance:.3f}"
        return Decision("benign", reason, replace(drifted, accepted=seen.window), harm=how)
    if how == "unknown":
        if 0 < seen.score <= state.cleared * ALIKE and not changed(seen, policy):
            reason = f"{evidence}, like a window whose labels showed that nothing is lost"
            return Decision("benign", reason, drifted, harm=how)
        told: Kind | None = again(seen, policy) if state.alert_open else "open"
        evidence += f"{since_harmless(state, seen, policy)}{further(seen, policy)}"
        evidence += f"; what it costs cannot be told from here{ends}"
        if policy.act_on_unknown:
            return _hurts(drifted, seen, now, evidence, how)
        # People heard of drift, but of no loss: `told_cost` stays, so that a loss is told when it is seen.
        asked = replace(drifted, alert_open=True, told_cost=state.told_cost if state.alert_open else 0.0)
        return Decision("alert", f"{evidence}: label some of these rows", asked, told, harm=how)
    evidence += f"{since_harmless(state, seen, policy)}{further(seen, policy)}"
    evidence += f", {known(seen)} to cost {seen.cost:.3f}{ends} of accuracy"
    return _hurts(drifted, seen, now, evidence)


def _at_once(state: State, seen: Observation, now: _Now) -> Decision:
    """Decide about a window that needs no second one: its labels prove a loss, or its whole interval is far out."""
    policy = now.policy
    drift = f"{seen.aspect} drift {seen.score:.2f}" if seen.score >= policy.enter else "no drift to be seen"
    if proves_loss(seen, policy):
        evidence = f"{labels(seen)}: a loss of {seen.cost:.3f}{span(seen)} is proven, with {drift}"
        if state.phase == "retransferring":
            evidence += "; they confirm the retransfer"
        shown = any(seen.scores.get(aspect, 0.0) >= policy.exit for aspect in WITHOUT_LABELS)
        state = replace(state, proven=None if shown else seen.window, spoken=seen.time)
    else:
        evidence = (
            f"{drift}, {known(seen)} to cost {seen.cost:.3f}{span(seen)} of accuracy: more than"
            f" {policy.page_at_once:.3f} in any case, so one window is enough"
        )
    return _hurts(replace(state, since=earliest(state, seen.window)), seen, now, evidence)


def _hurts(state: State, seen: Observation, now: _Now, evidence: str, how: Harm = "harmful") -> Decision:
    """Decide about what hurts: already being mended, not now, a person's turn, or mend it."""
    policy = now.policy
    told = state.told_cost if state.alert_open else 0.0
    paged = replace(state, phase="drifted", alert_open=True, told_cost=max(seen.cost, told))
    # One page opens the alert; another follows only when something about it changes.
    alert: Kind | None = again(seen, policy) if state.alert_open else "open"
    if state.alert_open and (told < CRITICAL_COST <= seen.cost or told <= policy.tolerance < seen.cost):
        alert = "update"
    if now.in_flight:
        reason = f"{evidence}; transfer {now.in_flight} is running"
        return Decision("alert", reason, replace(paged, phase="retransferring"), alert, harm=how)
    if state.retransfers and now.time < state.retransfers[-1] + policy.cooldown:
        end = state.retransfers[-1] + policy.cooldown
        reason = f"{evidence}; cooling down until {end:%Y-%m-%d %H:%M} UTC"
        return Decision("alert", reason, replace(paged, phase="cooldown"), alert, harm=how)
    spent = sum(time > now.time - policy.period for time in state.retransfers)
    beyond = f"{spent} retransfers within {policy.period}" if spent >= policy.max_retransfers else ""
    if now.refusals >= policy.max_refusals:
        beyond = f"the gate refused the last {now.refusals} transfers"
    if beyond:
        alert = alert or (None if state.exhausted else "update")
        given_up = replace(paged, phase="exhausted", exhausted=True)
        return Decision("alert", f"{evidence}; {beyond}: a person must look", given_up, alert, harm=how)
    alert = alert or "update"
    retransfers = (*state.retransfers, now.time)[-REMEMBERED:]
    acting = replace(paged, phase="retransferring", exhausted=False, retransfers=retransfers)
    return Decision("retransfer", evidence, acting, alert, harm=how)


def _harm(state: State, seen: Observation, policy: Policy) -> Harm:
    """Return whether confirmed drift hurts.

    Where only the middle of an estimate lies beyond the tolerance, the drifted windows must cost that much on average:
    one alone is too uncertain to act on, and too much to be silent about.
    """
    found = harm(seen, policy.tolerance)
    sure = seen.cost_low is not None and seen.cost_low > policy.tolerance
    if found == "harmful" and not sure and seen.measured_cost is None and _mean_cost(state) <= policy.tolerance:
        return "unknown"
    return found


def _mean_cost(state: State) -> float:
    """Return what the drifted ones among the last windows cost on average."""
    newest_first = zip(reversed(state.recent), reversed(state.costs), strict=False)
    found = [cost for drifted, cost in newest_first if drifted]
    return sum(found) / max(1, len(found))
