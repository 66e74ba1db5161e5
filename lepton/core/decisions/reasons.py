"""What a decision's reason says of a window: how far it changed, what it costs, what its labels show."""

from __future__ import annotations

from lepton.core.decisions.memory import Kind, Policy, State
from lepton.core.decisions.observation import Observation


def again(seen: Observation, policy: Policy) -> Kind | None:
    """Return what is said of an open alert where a window changed again."""
    return "update" if seen.since_last is not None and seen.since_last >= policy.enter else None


def further(seen: Observation, policy: Policy) -> str:
    """Return that a window changed again since the one before it; nothing where it did not."""
    return f", changed again since the window before ({seen.since_last:.2f})" if again(seen, policy) else ""


def changed(seen: Observation, policy: Policy) -> bool:
    """Return whether a window is no longer like the one that was found harmless, however far that was drifted."""
    return seen.since_accepted is not None and seen.since_accepted >= policy.enter


def since_harmless(state: State, seen: Observation, policy: Policy) -> str:
    """Return that a window changed since the one that was found harmless; nothing where it did not."""
    if not changed(seen, policy):
        return ""
    return f", changed since window {state.accepted}, which was harmless ({seen.since_accepted:.2f})"


def known(seen: Observation) -> str:
    """Return how its cost is known."""
    return "estimated" if seen.measured_cost is None else "measured"


def span(seen: Observation) -> str:
    """Return the interval of the cost, where there is one."""
    low, high = seen.cost_low, seen.cost_high
    return "" if low is None or high is None else f" ({low:+.3f} to {high:+.3f})"


def labels(seen: Observation) -> str:
    """Return what its labels show."""
    real = "not known" if seen.realised_accuracy is None else f"{seen.realised_accuracy:.3f}"
    return f"labels of {seen.window}: accuracy {real} on {seen.labelled}"
