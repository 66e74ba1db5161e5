"""The plan: order, budget, and when it ends."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.config.settings import TransferConfig
from lepton.core.errors import UsageError
from lepton.transfer import default_strategies
from lepton.transfer.bandit import Bandit, Expected, ladder, remaining_error
from lepton.transfer.halving import dropped, next_trial
from lepton.transfer.history import Record, slowness
from lepton.transfer.planner import OVERRUN, Outcome, Step, improvement, next_step, plan, posterior, rank, why_stopped
from lepton.transfer.regret import regret_of
from lepton.transfer.signals import Signals

WIDE = TransferConfig()
EVERY = default_strategies()
NOTHING = Signals("image", 10, 1000, 0, 0.8, None, None, None, None, 1.0, 0.0)
FIFTY = replace(NOTHING, labels=50, base_accuracy=0.7, probe_accuracy=0.9)


def play(config, signals, gains=None, records=()):
    """Follow the plan to its end; every step takes what was predicted and gains what `gains` says."""
    steps, done = plan(config, signals, records), []
    while step := next_step(steps, done, config):
        gain = (gains or {}).get(step.strategy) if step.validate else None
        done.append(Outcome(step.strategy, step.seconds, 0.0 if step.strategy == "none" else gain, 2.0, step.share))
        assert len(done) < 60
    return steps, done


def test_no_adaptation_is_tried_first():
    assert play(WIDE, NOTHING)[1][0].strategy == "none"


def test_without_labels_only_strategies_that_need_none_are_tried():
    steps, done = play(WIDE, NOTHING)
    assert not {"probe", "residual", "lora", "finetune"} & {outcome.strategy for outcome in done}
    assert "needs labels" in next(step for step in steps if step.strategy == "probe").out


def test_the_strategy_that_promises_most_is_among_those_tried():
    for signals in (NOTHING, FIFTY):
        assert "shot" in {outcome.strategy for outcome in play(WIDE, signals)[1]}


def test_cheap_strategies_come_before_dear_ones():
    order = [outcome.strategy for outcome in play(WIDE, FIFTY)[1]]
    assert order.index("probe") < order.index("shot")


@pytest.mark.parametrize(("budget", "first"), [(120, "shot"), (400, "mcc")])
def test_what_pays_more_a_second_does_not_push_out_what_is_worth_more(budget, first):
    config = TransferConfig(strategies=("mcc", "shot"), combine=False, budget_seconds=budget)
    steps = [
        Step("none", 0.1, 0.0, 0.0),
        Step("mcc", 30.0, 4.0, 1.0, expensive=True, fit=30.0, price=2.0),
        Step("shot", 64.0, 6.0, 1.0, expensive=True, fit=64.0, price=2.0),
    ]
    assert next_step(steps, [Outcome("none", 1.0, 0.0)], config).strategy == first


@settings(max_examples=60, deadline=None)
@given(
    budget=st.floats(0.5, 300),
    labels=st.integers(0, 500),
    confidence=st.floats(0.2, 1.0),
    gain=st.floats(-30, 30),
)
def test_the_budget_holds_whatever_comes_of_it_and_nothing_is_tried_twice(budget, labels, confidence, gain):
    signals = replace(NOTHING, labels=labels, confidence=confidence, base_accuracy=0.6 if labels else None)
    config = TransferConfig(strategies=EVERY, budget_seconds=budget)
    _, done = play(config, signals, dict.fromkeys(EVERY, gain))
    tried = [(outcome.strategy, outcome.share) for outcome in done]
    assert len(set(tried)) == len(tried)
    assert sum(outcome.seconds for outcome in done[1:]) <= budget
    steps = plan(config, signals, ())
    told, begun = why_stopped(steps, done, config), {outcome.strategy for outcome in done}
    assert told
    assert all(step.strategy in told for step in steps if not step.out and step.strategy not in begun)


def test_what_cannot_fit_the_budget_is_out_and_says_so():
    steps, done = play(TransferConfig(strategies=EVERY, budget_seconds=2), NOTHING)
    assert "does not fit the budget of 2 s" in next(step for step in steps if step.strategy == "shot").out
    assert "shot" not in {outcome.strategy for outcome in done}


def test_the_goal_ends_it():
    config = TransferConfig(strategies=EVERY, goal=0.9)
    steps = plan(config, FIFTY, ())
    done = [Outcome("none", 0.1, 0.0)]
    assert next_step(steps, done, config, reached=0.89) is not None
    assert next_step(steps, done, config, reached=0.9) is None
    assert "goal of 0.9" in why_stopped(steps, done, config, reached=0.9)


def test_a_promise_that_stands_clear_is_not_cross_validated():
    steps = plan(TransferConfig(strategies=("shot", "finetune")), FIFTY, ())
    done = [Outcome("none", 0.1, 0.0), Outcome("finetune", 5.0, 8.0, 4.0)]
    step = next_step(steps, done, TransferConfig(combine=False))
    assert (step.strategy, step.validate) == ("shot", False)
    assert step.seconds < next(s for s in steps if s.strategy == "shot").seconds


def test_ensemble_and_soup_come_after_what_they_are_made_of():
    signals = replace(NOTHING, confidence=0.3)
    order = [outcome.strategy for outcome in play(WIDE.model_copy(update={"budget_seconds": 3000}), signals)[1]]
    together = [name for name in order if ":" in name]
    assert together
    for name in together:
        assert order.index(name) > order.index(name.partition(":")[2])
    assert not [o for o in play(WIDE.model_copy(update={"combine": False}), signals)[1] if ":" in o.strategy]


def test_weights_beyond_the_budget_of_bytes_are_out():
    config = TransferConfig(budget_bytes=1000, strategies=("shot", "ensemble:shot"))
    steps = {step.strategy: step for step in plan(config, NOTHING, (), size=400)}
    assert steps["shot"].out == ""
    assert "1,200 bytes" in steps["ensemble:shot"].out


def test_a_base_without_statistics_leaves_out_what_needs_them():
    steps = {step.strategy: step for step in plan(WIDE, NOTHING, (), statistics=False)}
    assert "lepton pretrain" in steps["coral"].out
    assert steps["shot"].out == ""


def test_a_handful_of_rows_is_not_learnt_from_without_labels():
    few = replace(FIFTY, rows=70)
    steps, done = play(WIDE, few)
    out = {step.strategy: step.out for step in steps}
    for name in ("shot", "mcc"):
        assert out[name].startswith("70 rows are too few to learn from rows without labels")
    assert not [outcome for outcome in done if outcome.strategy.endswith(("shot", "mcc"))]
    assert {"probe", "finetune"} <= {outcome.strategy for outcome in done}


def test_a_good_base_is_not_expected_to_gain_from_a_handful_of_labels():
    good = replace(FIFTY, labels=30, rows=30, confidence=0.95, base_accuracy=0.97)
    bad = replace(good, base_accuracy=0.7)
    for name in ("probe", "residual", "lora", "finetune"):
        assert Bandit().expected(name, good).gain < 0
        assert Bandit().expected(name, bad).gain > 5
    assert Bandit().expected("shot", good).gain > 0


@pytest.mark.parametrize("serves", ["mcc", "soup:mcc"])
def test_what_serves_is_tried_before_the_end_whatever_it_costs_today(serves):
    config = TransferConfig(strategies=("none", "probe", "mcc"), budget_seconds=400)
    steps = [replace(step, gain=0.0, sd=1e-6) for step in plan(config, FIFTY, ())]
    done = [Outcome("none", 0.1, 0.0, 1.0)]
    assert next_step(steps, done, config) is None
    tried = []
    while step := next_step(steps, done, config, serves=serves):
        tried.append(step.strategy)
        done.append(Outcome(step.strategy, step.seconds, 0.0, 1.0))
    assert tried == (["mcc"] if serves == "mcc" else ["mcc", "soup:mcc"])
    poor = config.model_copy(update={"budget_seconds": 1.0})
    assert next_step(steps, done[:1], poor, serves=serves) is None


def test_an_unknown_strategy_is_named():
    with pytest.raises(UsageError, match="shoot"):
        plan(TransferConfig(strategies=("shoot",)), NOTHING, ())


def test_a_measurement_moves_a_promise_by_how_sure_it_is():
    assert posterior(Expected(10, 5), Outcome("x", 1, None)) == Expected(10, 5)
    found = posterior(Expected(10, 5), Outcome("x", 1, 0.0, 5.0))
    assert found.gain == pytest.approx(5)
    assert posterior(Expected(10, 5), Outcome("x", 1, 0.0, 0.5)).gain < 0.2


def test_the_best_by_promise_and_measurement_ranks_first():
    steps = plan(WIDE, FIFTY, ())
    done = [Outcome("none", 0.1, 0.0, 1.0), Outcome("probe", 0.1, 25.0, 1.0), Outcome("shot", 9.0, -20.0, 1.0)]
    assert [name for name, _ in rank(steps, done)] == ["probe", "none", "shot"]


def test_expected_improvement_is_never_less_than_the_sure_part():
    assert improvement(2.0, 0.0) == 2.0
    assert improvement(-2.0, 0.0) == 0.0
    assert improvement(0.0, 1.0) == pytest.approx(0.399, abs=1e-3)
    assert improvement(3.0, 1.0) > 3.0


def records(strategy, gain, count, signals=FIFTY, seconds=4.0):
    return [Record(strategy, signals, gain, seconds, 2.0)] * count


def test_without_history_the_bandit_is_the_ladder():
    expected = Bandit().expected("finetune", FIFTY)
    assert expected.gain == pytest.approx(100 * remaining_error(FIFTY) * ladder("finetune", FIFTY))
    assert Bandit().expected("none", FIFTY) == Expected(0.0, 0.0)


def test_history_moves_the_bandit_towards_what_was_measured_and_shrinks_its_doubt():
    before = Bandit().expected("shot", FIFTY)
    few, many = (Bandit(records("shot", 1.0, n)).expected("shot", FIFTY) for n in (3, 60))
    assert before.gain > few.gain > many.gain > 0
    assert before.sd > few.sd > many.sd
    assert Bandit(records("shot", 1.0, 60)).expected("probe", FIFTY) == Bandit().expected("probe", FIFTY)


def test_a_slower_machine_is_learnt_from_what_things_took():
    assert slowness([], "shot", "image") == 1.0
    assert slowness(records("shot", None, 3), "shot", "image") == 2.0
    assert slowness(records("shot", None, 3), "mcc", "image") == 2.0  # of the others, while it never ran itself
    assert slowness(records("shot", None, 3), "shot", "tabular") == 1.0


def test_costs_on_record_replace_the_predictions():
    fresh, slow = (
        next(s for s in plan(WIDE, NOTHING, known) if s.strategy == "shot") for known in ((), records("shot", None, 5))
    )
    assert slow.seconds == pytest.approx(2 * fresh.seconds)
    assert OVERRUN > 1


def test_trial_runs_are_for_three_rivals_and_drop_the_worse_half():
    assert next_trial(["a", "b"], {}) is None
    assert next_trial(["a", "b", "c"], {}) == "a"
    assert next_trial(["a", "b", "c"], {"a": 1.0, "b": 3.0}) == "c"
    assert next_trial(["a", "b", "c"], {"a": None}) is None  # without labels a trial tells nothing
    assert dropped(["a", "b", "c"], {"a": 1.0, "b": 3.0, "c": 2.0}) == {"a"}
    assert dropped(["a", "b", "c"], {"a": 1.0, "b": 3.0}) == set()


def test_regret_is_known_afterwards():
    tried = [
        {"label": "none", "metrics": {"accuracy": 0.7}, "seconds": 1},
        {"label": "probe", "metrics": {"accuracy": 0.9}, "seconds": 2},
        {"label": "shot", "metrics": {"accuracy": 0.95}, "seconds": 5},
    ]
    found = regret_of("probe", tried)
    assert (found.best, round(found.points, 6), found.wasted) == ("shot", 5.0, 5.0)
    assert regret_of("probe", [{**one, "metrics": {}} for one in tried]) is None
