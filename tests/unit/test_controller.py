"""Properties of `decide` over whole histories of windows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.config.settings import MonitorConfig
from lepton.core.decisions.controller import CRITICAL_COST, Decision, Observation, Policy, State, decide
from lepton.monitoring.baseline import policy_of

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    seen: Observation
    in_flight: str | None
    refusals: int
    before: State
    decision: Decision


def window(number: int, score: float, cost: float = 0.2, champion: str = "1", rows: int = 100, minutes: float = 0):
    return Observation(
        pair="a-to-b",
        window=f"w{number}",
        digest=f"digest-{number}",
        champion=champion,
        time=START + timedelta(minutes=minutes),
        rows=rows,
        scores={"inputs": score, "embedding": score / 2},
        estimated_accuracy=0.9 - cost,
        expected_accuracy=0.9,
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    of = draw(st.integers(1, 5))
    enter = draw(st.floats(0.5, 2.0))
    return policy_of(
        MonitorConfig(
            enter=enter,
            exit=enter * draw(st.floats(0.5, 1.0)),
            of=of,
            confirm=draw(st.integers(1, of)),
            cooldown_minutes=draw(st.sampled_from([0.0, 30.0, 60.0, 3000.0])),
            max_retransfers=draw(st.integers(1, 3)),
        )
    )


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Observation, str | None, int]]:
    found: list[tuple[Observation, str | None, int]] = []
    minutes, champion = 0.0, 1
    for number in range(draw(st.integers(0, 40))):
        minutes += draw(st.sampled_from([0.0, 5.0, 20.0, 90.0, 1000.0]))
        champion += draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1]))
        seen = window(
            draw(st.sampled_from([number, number, number, max(0, number - 1)])),  # some are delivered twice
            draw(st.one_of(st.floats(0, 3), st.sampled_from([0.0, 2.5]))),
            draw(st.sampled_from([-0.1, 0.0, 0.05, 0.3])),
            str(champion),
            draw(st.sampled_from([100, 100, 100, 3])),
            minutes,
        )
        if draw(st.sampled_from([False] * 7 + [True])):
            seen = breaching(seen)
        refusals = draw(st.sampled_from([0, 0, 0, 0, 2, 3]))
        found.append((seen, draw(st.sampled_from([None, None, None, "run-7"])), refusals))
    return found


def breaching(seen: Observation) -> Observation:
    """The same window, were its columns not the reference's."""
    return replace(seen, scores={}, verdict="schema breach", problems=("missing column: heat", "new column: hot"))


def play(history: list[tuple[Observation, str | None, int]], policy: Policy) -> list[Step]:
    state, steps = State(), []
    for seen, in_flight, refusals in history:
        decision = decide(state, seen, policy, in_flight, refusals)
        steps.append(Step(seen, in_flight, refusals, state, decision))
        state = decision.state
    return steps


@given(histories(), policies())
@settings(max_examples=100, deadline=None)
def test_a_retransfer_needs_m_of_n_drifted_windows_under_the_same_champion(history, policy):
    judged: list[tuple[float, float]] = []
    champion, seen_before = "", set()
    for step in play(history, policy):
        if step.seen.champion != champion:
            judged, champion, seen_before = [], step.seen.champion, set()
        fresh = step.seen.digest not in seen_before
        if step.seen.verdict == "schema breach":
            seen_before.add(step.seen.digest)
        elif step.seen.rows >= policy.min_rows and fresh:
            judged.append((step.seen.score, step.seen.cost))
            seen_before.add(step.seen.digest)
        if step.decision.action == "retransfer":
            assert sum(score >= policy.exit for score, _ in judged[-policy.of :]) >= policy.confirm
            assert max(judged)[0] >= policy.enter
            assert step.seen.cost > policy.tolerance
            drifted = [cost for score, cost in judged[-policy.of :] if score >= policy.exit]
            assert max(drifted) > policy.tolerance


def test_one_window_that_seems_to_cost_does_not_outweigh_those_that_do_not():
    policy, state, actions = Policy(confirm=2, of=3, tolerance=0.02), State(), []
    for number, cost in enumerate((-0.05, -0.05, 0.06, 0.3, 0.3)):
        decision = decide(state, window(number, 2.0, cost, "1", 100, float(number)), policy)
        state = decision.state
        actions.append(decision.action)
    assert actions == ["suspect", "benign", "benign", "retransfer", "alert"]
    assert [round(cost, 6) for cost in state.costs] == [0.06, 0.3, 0.3]
    assert State.from_json(json.loads(json.dumps(state.to_json()))) == state


@given(histories(), policies())
@settings(max_examples=100, deadline=None)
def test_there_are_never_two_retransfers_within_a_cooldown_nor_more_than_the_cap(history, policy):
    times = [step.seen.time for step in play(history, policy) if step.decision.action == "retransfer"]
    assert all(later - earlier >= policy.cooldown for earlier, later in pairwise(times))
    for time in times:
        assert sum(time - policy.period < other <= time for other in times) <= policy.max_retransfers


@given(histories(), policies())
@settings(max_examples=100, deadline=None)
def test_no_retransfer_starts_while_another_is_in_flight(history, policy):
    for step in play(history, policy):
        assert not (step.in_flight and step.decision.action == "retransfer")


@given(histories(), policies())
@settings(max_examples=100, deadline=None)
def test_at_most_one_alert_is_open_and_only_an_open_one_is_updated_or_resolved(history, policy):
    is_open = False
    for step in play(history, policy):
        match step.decision.alert:
            case "open":
                assert not is_open
                is_open = True
            case "update":
                assert is_open
            case "resolve":
                assert is_open
                is_open = False
        assert step.decision.state.alert_open == is_open


@given(histories(), policies())
@settings(max_examples=100, deadline=None)
def test_every_open_alert_is_resolved_once_windows_are_calm(history, policy):
    steps = play(history, policy)
    state = steps[-1].decision.state if steps else State()
    was_open, alerts = state.alert_open, []
    minutes = 10_000_000.0
    for number in range(policy.of + 1):
        seen = window(1000 + number, 0.0, champion=state.champion, minutes=minutes + number)
        decision = decide(state, seen, policy)
        alerts.append(decision.alert)
        state = decision.state
    assert state.phase == "stable"
    assert not state.alert_open
    assert alerts.count("resolve") == int(was_open) + alerts.count("open")


@given(histories(), policies())
@settings(max_examples=100, deadline=None)
def test_a_repeated_window_changes_nothing(history, policy):
    for step in play(history, policy):
        again = decide(step.decision.state, step.seen, policy, step.in_flight, step.refusals)
        if step.seen.rows >= policy.min_rows or step.seen.verdict == "schema breach":
            assert (again.action, again.alert) == ("none", None)
        assert again.state == step.decision.state


@given(histories(), policies())
@settings(max_examples=100, deadline=None)
def test_every_outcome_has_a_reason_and_survives_json(history, policy):
    for step in play(history, policy):
        assert step.decision.reason
        assert State.from_json(json.loads(json.dumps(step.decision.state.to_json()))) == step.decision.state
        assert Observation.from_json(json.loads(json.dumps(step.seen.to_json()))) == step.seen
        assert Decision.from_json(json.loads(json.dumps(step.decision.to_json()))) == step.decision


def test_a_window_that_is_too_small_waits_and_leaves_the_memory_alone():
    state = State(champion="1", recent=(True,), phase="suspect")
    decision = decide(state, window(1, 9.0, rows=3), Policy())
    assert (decision.action, decision.state) == ("wait", state)
    assert "not enough data" in decision.reason


def test_drift_without_cost_is_benign_and_nobody_is_paged():
    state = State()
    for number in range(3):
        decision = decide(state, window(number, 5.0, cost=0.0, minutes=number), Policy())
        state = decision.state
    assert (decision.action, decision.alert) == ("benign", None)


def test_scores_between_the_bands_neither_start_nor_end_a_drift():
    between = 0.9
    policy = Policy(enter=1.0, exit=0.8)
    assert decide(State(champion="1"), window(1, between), policy).action == "none"
    drifted = State(champion="1", phase="drifted", recent=(True, True, True))
    assert decide(drifted, window(2, between), policy).action == "retransfer"


def test_the_policy_of_a_configuration_remembers_retransfers_for_the_whole_cooldown():
    policy = policy_of(MonitorConfig(cooldown_minutes=60 * 48))
    assert policy.period >= policy.cooldown
    assert replace(policy, cooldown=timedelta(0)).cooldown == timedelta(0)


def test_the_cap_counts_only_the_retransfers_of_its_period() -> None:
    policy = Policy(confirm=1, of=1, max_retransfers=2, cooldown=timedelta(0))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    old = State(champion="v1", retransfers=(start, start))
    seen = Observation("p", "w", "d", "v1", start, 500, {"inputs": 5.0}, {}, 0.5, 0.9)
    assert decide(old, seen, policy).action == "alert"
    later = replace(seen, time=start + timedelta(days=2), digest="e")
    assert decide(old, later, policy).action == "retransfer"


@given(histories(), policies())
@settings(max_examples=100, deadline=None)
def test_at_most_one_alert_of_the_contract_is_open_and_a_judged_window_resolves_it(history, policy):
    is_open = False
    for step in play(history, policy):
        match step.decision.breach:
            case "open":
                assert not is_open
                assert step.seen.verdict == "schema breach"
                is_open = True
            case "resolve":
                assert is_open
                assert step.seen.verdict == "judged"
                is_open = False
        assert step.decision.breach != "update"
        assert step.decision.state.breach_open == is_open


@given(histories(), policies())
@settings(max_examples=100, deadline=None)
def test_after_so_many_refusals_a_person_is_asked_once_and_nothing_starts_by_itself(history, policy):
    asked = False
    for step in play(history, policy):
        if step.refusals >= policy.max_refusals:
            assert step.decision.action != "retransfer"
        if step.decision.state.phase == "exhausted":
            assert step.decision.state.exhausted
        told = step.decision.alert == "update" and step.decision.state.exhausted
        # A new champion is a new question, and that a loss became critical is told whoever looks already.
        same = step.seen.champion == step.before.champion
        critical = step.before.told_cost < CRITICAL_COST <= step.seen.cost
        assert not (asked and told and step.before.exhausted and same and not critical)
        asked = step.decision.state.exhausted


def test_a_breach_says_nothing_of_drift_and_leaves_its_memory_alone():
    state = State(champion="1", recent=(True,), windows=("w0",), phase="suspect")
    decision = decide(state, breaching(window(1, 0.0)), Policy())
    assert (decision.action, decision.alert, decision.breach) == ("alert", None, "open")
    assert "missing column: heat and 1 more" in decision.reason
    assert (decision.state.recent, decision.state.phase) == (state.recent, "suspect")
    second = decide(decision.state, breaching(window(2, 0.0)), Policy())
    assert (second.action, second.breach) == ("alert", None)
    healed = decide(second.state, window(3, 5.0), Policy())
    assert (healed.action, healed.alert, healed.breach) == ("retransfer", "open", "resolve")


def test_the_phases_of_a_drift_that_comes_back_and_of_one_that_nothing_mends():
    policy = Policy(confirm=1, of=1, max_refusals=2, cooldown=timedelta(minutes=60))
    first = decide(State(champion="1"), window(1, 5.0, minutes=0), policy)
    assert first.state.phase == "retransferring"
    back = decide(first.state, window(2, 5.0, champion="2", minutes=30), policy)
    assert (back.action, back.state.phase) == ("alert", "cooldown")
    later = decide(back.state, window(3, 5.0, champion="2", minutes=90), policy, refusals=1)
    assert later.action == "retransfer"
    given_up = decide(later.state, window(4, 5.0, champion="2", minutes=200), policy, refusals=2)
    assert (given_up.action, given_up.state.phase, given_up.alert) == ("alert", "exhausted", "update")
    assert "the gate refused the last 2 transfers: a person must look" in given_up.reason
    quiet = decide(given_up.state, window(5, 5.0, champion="2", minutes=300), policy, refusals=2)
    assert (quiet.state.phase, quiet.alert) == ("exhausted", None)
    calm = decide(quiet.state, window(6, 0.0, champion="2", minutes=400), policy, refusals=2)
    assert (calm.action, calm.state.phase, calm.state.exhausted) == ("resolve", "stable", False)


def test_what_an_earlier_and_a_later_lepton_wrote_is_read():
    old = window(1, 2.0).to_json()
    del old["verdict"], old["problems"]
    assert Observation.from_json(old | {"written_later": 1}) == window(1, 2.0)
    kept = State(champion="1", alert_open=True).to_json()
    del kept["breach_open"]
    assert State.from_json(kept | {"written_later": 1}) == State(champion="1", alert_open=True)
    row = {"action": "none", "reason": "r", "alert": None, "state": kept, "window": "w1"}
    assert Decision.from_json(row) == Decision("none", "r", State(champion="1", alert_open=True))
