"""The plan: which strategies to try, in which order, and when to stop. Pure.

Worth is counted in points of accuracy: a strategy's expected improvement on the best so far, less its cost. The whole
budget is worth a share of the base's remaining error: half a point is much for a base that errs in 1 row of 100, and
little for one that errs in 30. The strategy that is worth most for what it costs is next; when none is worth anything,
or none fits what is left of the budget, that is the end. Of several dear ones that promise about the same, short runs
decide who gets a whole one (`halving`). What was best may be tried once more as an ensemble or a soup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lepton.core.config.settings import TransferConfig
from lepton.transfer import default_strategies, get_strategy
from lepton.transfer.bandit import Bandit, Expected, remaining_error
from lepton.transfer.candidates import FEWEST_LABELS
from lepton.transfer.halving import TRIAL, dropped, next_trial
from lepton.transfer.history import Record, slowness
from lepton.transfer.signals import Signals

PRICE = 0.25
"""Share of the base's error that the whole budget is worth: a strategy that takes half of it must promise an eighth."""
OVERRUN = 1.5
"""A strategy starts only if this many times its predicted cost is left: it may be slower than predicted."""
COMBINED = 0.1
"""What several seeds together promise above one of them, in standard deviations of one's promise."""
DEAR = 0.1
"""Share of the budget from which on it pays to try a short run first."""
CLEAR = 0.2
"""Standard deviations by which a promise stands clear of others: trials or a cross-validation would decide nothing."""


@dataclass(frozen=True)
class Step:
    """One strategy that could be tried."""

    strategy: str
    seconds: float
    """Predicted cost, cross-validation included."""
    gain: float
    """Expected points of accuracy above the un-adapted ancestor."""
    sd: float
    """Their standard deviation."""
    out: str = ""
    """Why it cannot be tried at all; empty if it can."""
    expensive: bool = False
    size: int = 0
    """Bytes of the candidate's weights, about."""
    fit: float = 0.0
    """Of the predicted cost, what the fit alone takes."""
    slowness: float = 1.0
    """How many times longer than the strategy itself predicts it is known to take here."""
    share: float = 1.0
    """Of its steps; less in a trial run."""
    validate: bool = True
    """Whether it is cross-validated."""
    price: float = 0.0
    """Points of accuracy that the whole budget is worth here."""

    @property
    def label(self) -> str:
        """Return the name of the candidate that comes of it."""
        return self.strategy if self.share == 1 else f"{self.strategy}@{self.share:g}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """What a step came to."""

    strategy: str
    seconds: float
    gain: float | None
    """Measured points above the un-adapted ancestor, on labelled rows that it had not seen; None without any."""
    sd: float = 0.0
    """Standard deviation of the measurement."""
    share: float = 1.0


def plan(
    config: TransferConfig,
    signals: Signals,
    records: Sequence[Record],
    *,
    statistics: bool = True,
    gradient: bool = True,
    size: int = 0,
) -> list[Step]:
    """Return a step for every configured strategy, the most promising for its cost first; `none` leads.

    Args:
        config: Strategies and budgets.
        signals: The context.
        records: Of earlier transfers.
        statistics: Whether the ancestor knows its own domain.
        gradient: Whether its encoder learns by gradient.
        size: Bytes of the ancestor's weights.

    Raises:
        UsageError: If a configured strategy is unknown.
    """
    bandit = Bandit(records)
    names = dict.fromkeys(["none", *(config.strategies or default_strategies())])
    first, *steps = [_step(name, config, signals, records, bandit, statistics, gradient, size) for name in names]
    steps.sort(key=lambda s: (bool(s.out), -_worth(s, 0.0, config) / s.seconds, s.seconds, s.strategy))
    return [first, *steps]


def next_step(
    steps: Sequence[Step],
    done: Sequence[Outcome],
    config: TransferConfig,
    reached: float | None = None,
    serves: str | None = None,
) -> Step | None:
    """Return what to try next, None if nothing left is expected to pay; `why_stopped` says why.

    Args:
        steps: The plan.
        done: What was tried so far, in order; `none` among it, first.
        config: Budgets.
        reached: Best accuracy on labelled rows so far, to compare with the goal.
        serves: Strategy of what serves now. It is tried before the end, if the budget holds it: that it was too dear
            for its promise today, by a clock that differs from day to day, is no reason to replace it.
    """
    tried = {outcome.strategy for outcome in done if outcome.share == 1}
    if "none" not in tried:
        return next(step for step in steps if step.strategy == "none")
    if config.goal is not None and reached is not None and reached >= config.goal:
        return None
    steps = [*steps, *combined(steps, done, config)]
    best = best_so_far(steps, done)
    trials = {outcome.strategy: outcome.gain for outcome in done if outcome.share < 1}
    lost = dropped(list(trials), trials)
    left = [step for step in steps if not step.out and step.strategy not in tried | lost and _fits(step, done, config)]
    left = [_validated(step, left, best, _left(done, config), config) for step in left]
    worth = {step.strategy: _worth(step, best, config) for step in left}
    paying = [step for step in left if worth[step.strategy] > 0]
    if not paying:
        wanted = (serves.rpartition(":")[2], serves) if serves else ()  # what an ensemble is made of comes before it
        return next((step for name in wanted for step in left if step.strategy == name), None)
    chosen = max(paying, key=lambda s: (worth[s.strategy] / s.seconds, s.strategy))
    worthiest = max(paying, key=lambda s: (worth[s.strategy], s.strategy))
    if worthiest.fit * OVERRUN > _left(done, config) - chosen.seconds:
        chosen = worthiest  # what is worth more would no longer fit after the cheaper one
    if chosen.expensive:
        rivals = _rivals(paying, config)
        trial = next_trial(rivals, trials) if chosen.strategy in rivals else None
        short = next((step for step in steps if step.strategy == trial), None)
        if short is not None and TRIAL * short.seconds * OVERRUN <= _left(done, config):
            return replace(short, share=TRIAL, seconds=TRIAL * short.seconds)
    return chosen


def why_stopped(
    steps: Sequence[Step], done: Sequence[Outcome], config: TransferConfig, reached: float | None = None
) -> str:
    """Say why nothing else is tried, for every strategy that is left."""
    tried = {outcome.strategy for outcome in done if outcome.share == 1}
    if config.goal is not None and reached is not None and reached >= config.goal:
        return f"the goal of {config.goal:g} is reached"
    steps = [*steps, *combined(steps, done, config)]
    trials = {outcome.strategy: outcome.gain for outcome in done if outcome.share < 1}
    lost = dropped(list(trials), trials)
    left = [step for step in steps if not step.out and step.strategy not in tried | lost]
    if not left:
        return "everything that can be tried was tried"
    fitting = [step for step in left if _fits(step, done, config)]
    dear = [step for step in left if step not in fitting]
    reasons = []
    if fitting:
        reasons.append(f"none of {', '.join(step.strategy for step in fitting)} is expected to gain more than it costs")
    if dear:
        spent = sum(outcome.seconds for outcome in done)
        names = ", ".join(f"{step.strategy} ({step.fit:.1f} s)" for step in dear)
        reasons.append(
            f"{spent:.1f} s of the budget of {config.budget_seconds:g} s are spent, what is left is too dear: {names}"
        )
    return "; ".join(reasons)


def combined(steps: Sequence[Step], done: Sequence[Outcome], config: TransferConfig) -> list[Step]:
    """Return ensemble and soup of the dear strategies that were tried, each promising a little more than they did."""
    if not config.combine:
        return []
    found = []
    for step in steps:
        outcome = next((o for o in done if o.strategy == step.strategy and o.share == 1), None)
        if outcome is None or not step.expensive or ":" in step.strategy:
            continue
        for kind in ("ensemble", "soup"):
            strategy = get_strategy(f"{kind}:{step.strategy}")
            reached, more = posterior(Expected(step.gain, step.sd), outcome), COMBINED * step.sd
            gain, members = reached.gain + more, strategy.config.members
            size = step.size * (members if kind == "ensemble" else 1)
            if config.budget_bytes is not None and size > config.budget_bytes:
                continue
            together = replace(step, strategy=strategy.name, gain=gain, sd=max(more, 1e-3), size=size)
            found.append(replace(together, seconds=members * outcome.seconds, fit=members * step.fit))
    return found


def posterior(expected: Expected, outcome: Outcome) -> Expected:
    """Return the promise of a strategy after its measurement: precision-weighted, both being normal."""
    if outcome.gain is None:
        return expected
    if expected.sd <= 0:
        return Expected(expected.gain, 0.0)
    before, seen = 1 / expected.sd**2, 1 / max(outcome.sd, 1e-3) ** 2
    return Expected((expected.gain * before + outcome.gain * seen) / (before + seen), (before + seen) ** -0.5)


def rank(
    steps: Sequence[Step], done: Sequence[Outcome], config: TransferConfig | None = None
) -> list[tuple[str, Expected]]:
    """Return what was tried, best first, by promise and measurement together; ties go to what was tried first."""
    known = [*steps, *(combined(steps, done, config) if config else ())]
    promises = {step.strategy: Expected(step.gain, step.sd) for step in known}
    found = [
        (Step(o.strategy, 0, 0, 0, share=o.share).label, posterior(_shortened(promises[o.strategy], o.share), o))
        for o in done
    ]
    return sorted(found, key=lambda pair: -pair[1].gain)


def best_so_far(steps: Sequence[Step], done: Sequence[Outcome]) -> float:
    """Return the highest expected gain of what was tried, in points."""
    return max((expected.gain for _, expected in rank(steps, done)), default=0.0)


def _step(
    name: str,
    config: TransferConfig,
    signals: Signals,
    records: Sequence[Record],
    bandit: Bandit,
    statistics: bool,
    gradient: bool,
    size: int,
) -> Step:
    strategy = get_strategy(name)
    predicted = strategy.predict_seconds(signals.labels, signals.rows, signals.kind)
    runs = 1 + strategy.folds if signals.labels > 1 else 1
    slow, fit = slowness(records, name, signals.kind), predicted / runs
    if strategy.expensive and signals.labels < FEWEST_LABELS * signals.classes:
        predicted = fit  # so few labels are not held back from it
    seconds = max(predicted * slow, 1e-3)
    expected = bandit.expected(name, signals)
    size *= strategy.config.members if name.startswith("ensemble") else 1
    out = ""
    if strategy.needs.labels and signals.labels < 1:
        out = "needs labels, and the target has none"
    elif strategy.needs.kinds and signals.kind not in strategy.needs.kinds:
        out = f"it is for {' and '.join(strategy.needs.kinds)} rows"
    elif signals.rows < strategy.needs.rows:
        out = f"{signals.rows} rows are too few to learn from rows without labels; it takes {strategy.needs.rows}"
    elif strategy.needs.statistics and not statistics:
        out = "the ancestor knows nothing of its own domain: lepton pretrain makes one that does"
    elif strategy.needs.gradient and not gradient:
        out = "it needs an encoder that learns by gradient, and the ancestor's does not"
    elif name != "none" and min(fit * slow, seconds) * OVERRUN > config.budget_seconds:
        out = f"{fit * slow:.1f} s expected, which does not fit the budget of {config.budget_seconds:g} s"
    elif config.budget_bytes is not None and size > config.budget_bytes:
        out = f"{size:,} bytes of weights, which is more than {config.budget_bytes:,}"
    return Step(
        strategy=name,
        seconds=seconds,
        gain=expected.gain,
        sd=expected.sd,
        out=out,
        expensive=strategy.expensive,
        size=size,
        fit=min(fit * slow, seconds),
        slowness=slow,
        price=100 * PRICE * remaining_error(signals),
    )


def _worth(step: Step, best: float, config: TransferConfig) -> float:
    """Return the expected improvement on the best so far less the cost, in points."""
    return improvement(step.gain - best, step.sd) - step.price * step.seconds / config.budget_seconds


def improvement(ahead: float, sd: float) -> float:
    """Return E[max(x, 0)] of a normal x with mean `ahead` (Mockus 1978)."""
    if sd <= 0:
        return max(ahead, 0.0)
    z = ahead / sd
    return ahead * 0.5 * math.erfc(-z / math.sqrt(2)) + sd * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _fits(step: Step, done: Sequence[Outcome], config: TransferConfig) -> bool:
    """Return whether what is left of the budget holds a step, with room for its being slower than predicted."""
    return step.fit * OVERRUN <= _left(done, config)


def _left(done: Sequence[Outcome], config: TransferConfig) -> float:
    """Return the seconds that are left of the budget."""
    return config.budget_seconds - sum(outcome.seconds for outcome in done)


def _rivals(paying: Sequence[Step], config: TransferConfig) -> list[str]:
    """Return the strategies that take much of the budget and promise about the same, the most promising first."""
    top = max(paying, key=lambda s: s.gain)
    dear = [step for step in paying if step.expensive and step.seconds >= DEAR * config.budget_seconds]
    near = [step for step in dear if step.gain >= top.gain - CLEAR * top.sd]
    return [step.strategy for step in sorted(near, key=lambda s: (-s.gain, s.strategy))]


def _validated(chosen: Step, left: Sequence[Step], best: float, seconds: float, config: TransferConfig) -> Step:
    """Return the step, without cross-validation if that would not fit, or would decide nothing.

    It decides nothing for a strategy that takes much of the budget and promises so much that nothing else comes near.
    """
    others = [step.gain for step in left if step.strategy != chosen.strategy]
    fits = chosen.seconds * OVERRUN <= seconds
    dear = chosen.expensive and chosen.seconds >= DEAR * config.budget_seconds
    if fits and (not dear or max([best, *others]) > chosen.gain - CLEAR * chosen.sd):
        return chosen
    return replace(chosen, validate=False, seconds=chosen.fit)


def _shortened(expected: Expected, share: float) -> Expected:
    """Return what a trial run promises: that share of the gain, as uncertain as the whole."""
    return expected if share == 1 else Expected(share * expected.gain, expected.sd)
