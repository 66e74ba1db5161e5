"""The plan: which strategies to try, in which order, within the budget. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lepton.core.config import TransferConfig
from lepton.transfer import get_strategy


@dataclass(frozen=True)
class Step:
    """One strategy of a plan."""

    strategy: str
    seconds: float
    """Predicted cost."""
    run: bool
    reason: str
    """Why it is left out, or where the prediction comes from."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def plan(
    config: TransferConfig, labels: int, rows: int, kind: str = "image", costs: Mapping[str, float] | None = None
) -> list[Step]:
    """Return a step for every configured strategy, in the configured order (a fixed ladder, cheapest first).

    A strategy runs if it has the labels that it needs and its predicted cost fits what the earlier ones leave of the
    budget. `none` always runs: it is what the others must beat.

    Args:
        config: Strategies and budget of seconds.
        labels: Labelled rows to adapt with.
        rows: All rows to adapt with.
        kind: `image` or `tabular`.
        costs: Seconds that strategies took before, by name; they replace the predictions.

    Raises:
        UsageError: If a configured strategy is unknown.
    """
    names = list(dict.fromkeys(["none", *config.strategies]))
    left = config.budget_seconds
    steps: list[Step] = []
    for name in names:
        strategy = get_strategy(name)
        seconds = (costs or {}).get(name)
        origin = "predicted" if seconds is None else "as measured before"
        seconds = strategy.predict_seconds(labels, rows, kind) if seconds is None else seconds
        if strategy.needs.labels and labels < 1:
            steps.append(Step(name, seconds, False, "needs labels, and the target has none"))
        elif name != "none" and seconds > left:
            reason = (
                f"{seconds:.1f} s {origin}, {max(left, 0.0):.1f} s left of the budget of {config.budget_seconds:g} s"
            )
            steps.append(Step(name, seconds, False, reason))
        else:
            left -= seconds
            steps.append(Step(name, seconds, True, origin))
    return steps
