"""Properties of `decide` over whole histories of windows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.config.settings import MonitorConfig
from lepton.core.decisions.controller import decide, reconsider, replaced
from lepton.core.decisions.memory import CRITICAL_COST, Decision, Policy, State
from lepton.core.decisions.observation import Observation
from lepton.monitoring.baseline import policy_of

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    seen: Observation
    in_flight: str | None
    refusals: int
    before: State
    decision: Decision


def window(
    number: int,
    score: float,
    cost: float = 0.2,
    champion: str = "1",
    rows: int = 100,
    minutes: float = 0,
    width: float | None = None,
):
    """A window whose estimate has an interval of twice `width`; None: it has none."""
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
        estimated_low=None if width is None else 0.9 - cost - width,
        estimated_high=None if width is None else 0.9 - cost + width,
    )


def labelled(seen: Observation, cost: float, lost: bool, half: float = 0.04) -> Observation:
    """The same window once sixty of its labels are known."""
    return replace(
        seen,
        realised_accuracy=0.9 - cost,
        labelled=60,
        tested=60,
        measured_cost=cost,
        measured_low=cost - half,
        measured_high=cost + half,
        lost=lost,
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
            page_at_once=draw(st.sampled_from([0.15, 0.15, 1.0])),
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
            draw(st.sampled_from([None, 0.01, 0.2])),
        )
        if draw(st.sampled_from([False] * 5 + [True])):
            seen = labelled(seen, *draw(st.sampled_from([(0.15, True), (0.0, False), (0.05, False)])))
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


def play_late(history: list[tuple[Observation, str | None, int]], policy: Policy, later: int) -> list[Step]:
    """The same, but labels come so many windows later: the window is decided on without them, then with them."""
    state, steps, waiting = State(), [], []

    def hear(seen: Observation, now: datetime) -> None:
        nonlocal state
        decision = reconsider(state, seen, policy, now)
        steps.append(Step(replace(seen, time=now), None, 0, state, decision))
        state = decision.state

    for place, (seen, in_flight, refusals) in enumerate(history):
        bare = replace(seen, measured_cost=None, measured_low=None, measured_high=None, lost=False, labelled=0)
        decision = decide(state, bare, policy, in_flight, refusals)
        steps.append(Step(bare, in_flight, refusals, state, decision))
        state = decision.state
        if seen.labelled and seen.verdict == "judged":
            waiting.append((place + later, seen))
        while waiting and waiting[0][0] <= place:
            hear(waiting.pop(0)[1], seen.time)
    return steps


def pages_at_once(seen: Observation, policy: Policy) -> bool:
    return seen.lost or (seen.cost_low is not None and seen.cost_low > policy.page_at_once)


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
        if step.decision.action == "retransfer" and not pages_at_once(step.seen, policy):
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
    assert actions == ["suspect", "alert", "alert", "retransfer", "alert"]  # the alerts ask for labels
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
    if state.proven is not None:  # what labels proved and no drift showed, calm windows do not end; labels do
        assert "labels of window" in decision.reason
        decision = decide(state, labelled(window(2000, 0.0, champion=state.champion), 0.0, False), policy)
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
        decision = decide(state, window(number, 5.0, cost=0.0, minutes=number, width=0.01), Policy())
        state = decision.state
    assert (decision.action, decision.alert, decision.harm) == ("benign", None, "harmless")


def test_drift_whose_cost_nobody_knows_asks_for_labels_once_and_starts_nothing():
    state, found = State(), []
    for number in range(4):
        decision = decide(state, window(number, 5.0, cost=0.0, minutes=number, width=0.3), Policy())
        state = decision.state
        found.append((decision.action, decision.alert, decision.harm))
    assert found == [
        ("suspect", None, None),
        ("alert", "open", "unknown"),
        ("alert", None, "unknown"),
        ("alert", None, "unknown"),
    ]
    assert "label some of these rows" in decision.reason
    hurts = decide(state, window(9, 5.0, cost=0.1, minutes=9, width=0.05), Policy())
    assert (hurts.action, hurts.alert) == ("retransfer", "update")


def test_drift_whose_cost_nobody_knows_is_adapted_to_where_the_policy_says_so():
    policy, state, found = Policy(act_on_unknown=True), State(), []
    for number in range(3):
        decision = decide(state, window(number, 5.0, cost=0.0, minutes=number, width=0.3), policy)
        state = decision.state
        found.append((decision.action, decision.alert, decision.harm))
    assert found == [("suspect", None, None), ("retransfer", "open", "unknown"), ("alert", None, "unknown")]


def test_one_window_is_enough_where_its_whole_interval_lies_beyond_what_is_paged_at_once():
    far, near = window(1, 5.0, cost=0.4, width=0.2), window(1, 5.0, cost=0.3, width=0.2)
    at_once = decide(State(), far, Policy())
    assert (at_once.action, at_once.alert, at_once.state.since) == ("retransfer", "open", "w1")
    assert "one window is enough" in at_once.reason
    assert decide(State(), near, Policy()).action == "suspect"
    cooling = State(champion="1", retransfers=(START,))
    assert decide(cooling, far, Policy()).action == "alert"
    spent = State(champion="1", retransfers=(START - timedelta(hours=5),) * 4)
    assert decide(spent, far, Policy()).state.phase == "exhausted"


def test_late_labels_open_an_alert_where_all_seemed_well_and_calm_windows_do_not_end_it():
    policy, state = Policy(), State()
    for number in range(5):
        state = decide(state, window(number, 0.1, 0.0, minutes=number, width=0.01), policy).state
    late = labelled(window(1, 0.1, 0.0, minutes=1, width=0.01), 0.16, lost=True)
    heard = reconsider(state, late, policy, START + timedelta(days=9))
    assert (heard.action, heard.alert, heard.state.since) == ("retransfer", "open", "w1")
    assert heard.state.retransfers == (START + timedelta(days=9),)  # now, not when the window came
    assert "a loss of 0.160" in heard.reason
    state = heard.state
    for number in range(10, 15):
        calm = decide(state, window(number, 0.1, 0.0, minutes=number, width=0.01), policy)
        state = calm.state
        assert (calm.action, calm.alert) == ("wait", None)
    ended = reconsider(state, labelled(window(14, 0.1, minutes=14), 0.0, lost=False), policy, START)
    assert (ended.action, ended.alert, ended.state.phase) == ("resolve", "resolve", "stable")


def test_late_labels_that_prove_a_critical_alert_wrong_end_it_and_the_same_drift_is_not_paged_again():
    policy, state = Policy(), State()
    for number in range(3):
        state = decide(state, window(number, 5.0, 0.41, minutes=number, width=0.1), policy).state
    assert (state.alert_open, state.phase) == (True, "cooldown")
    heard = reconsider(state, labelled(window(1, 5.0, 0.41, minutes=1), -0.01, lost=False), policy, START)
    assert (heard.action, heard.alert, heard.state.alert_open) == ("resolve", "resolve", False)
    assert "nothing is lost" in heard.reason
    state = heard.state
    for number in range(5, 8):  # corrected by the labels, the estimate does not know any more
        decision = decide(state, window(number, 5.2, 0.0, minutes=number, width=0.3), policy)
        state = decision.state
        assert decision.alert is None
    further = decide(state, window(9, 20.0, 0.0, minutes=9, width=0.3), policy)
    assert (further.action, further.alert) == ("alert", "open")


def test_late_labels_confirm_or_contradict_a_retransfer_that_was_decided():
    policy, state = Policy(), State()
    for number in range(2):
        state = decide(state, window(number, 5.0, 0.1, minutes=number, width=0.05), policy).state
    assert state.phase == "retransferring"
    seen = window(1, 5.0, 0.1, minutes=1)
    yes = reconsider(state, labelled(seen, 0.15, lost=True), policy, START)
    assert "they confirm the retransfer" in yes.reason
    assert yes.alert == "update" or yes.state.told_cost >= CRITICAL_COST
    no = reconsider(state, labelled(seen, 0.0, lost=False), policy, START)
    assert "contradict the retransfer" in no.reason
    assert (no.action, no.state.phase) == ("resolve", "stable")


def test_labels_of_an_older_window_or_of_another_champion_change_nothing():
    policy = Policy()
    newer = decide(State(), labelled(window(5, 0.0, minutes=50), 0.0, lost=False), policy).state
    older = labelled(window(1, 0.0, minutes=1), 0.2, lost=True)
    assert (reconsider(newer, older, policy, START).action, newer.spoken) == ("none", START + timedelta(minutes=50))
    other = replace(older, champion="2")
    assert reconsider(newer, other, policy, START).state == newer


@given(histories(), policies(), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_with_late_labels_alerts_and_retransfers_keep_their_rules(history, policy, later):
    is_open, times = False, []
    for step in play_late(history, policy, later):
        decision = step.decision
        assert decision.reason
        assert decision.alert not in (("open",) if is_open else ("update", "resolve"))
        is_open = decision.state.alert_open
        if decision.alert in ("open", "resolve"):
            assert is_open == (decision.alert == "open")
        assert not (step.in_flight and decision.action == "retransfer")
        if decision.action == "retransfer":
            times.append(step.seen.time)
        assert State.from_json(json.loads(json.dumps(decision.state.to_json()))) == decision.state
    assert all(later - earlier >= policy.cooldown for earlier, later in pairwise(times))


@given(histories(), policies(), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_a_loss_that_labels_prove_is_told_and_what_they_clear_is_not_left_open(history, policy, later):
    for step in play_late(history, policy, later):
        seen, decision = step.seen, step.decision
        if not seen.labelled or decision.reason.endswith(("those of a later window count", "champion answered")):
            continue
        if seen.lost:
            assert decision.state.alert_open
            assert decision.harm == "harmful"
        elif seen.window == step.before.proven and seen.measured_cost == 0.0:
            assert decision.alert == "resolve" or decision.action == "wait"


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
        before = step.before.told_cost
        critical = before < CRITICAL_COST <= step.seen.cost or before <= policy.tolerance < step.seen.cost
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


def test_a_further_change_while_an_alert_is_open_is_told():
    policy, state = Policy(), State()
    for number in range(2):
        state = decide(state, window(number, 5.0, 0.1, minutes=number, width=0.05), policy).state
    same = decide(state, replace(window(3, 5.0, 0.1, minutes=3, width=0.05), since_last=0.4), policy)
    assert same.alert is None
    again = decide(same.state, replace(window(4, 5.0, 0.1, minutes=4, width=0.05), since_last=6.0), policy)
    assert again.alert == "update"
    assert "changed again since the window before (6.00)" in again.reason
    unknown = decide(State(), window(1, 5.0, 0.0, width=0.3), Policy(confirm=1))
    further = decide(unknown.state, replace(window(2, 5.0, 0.0, width=0.3), since_last=2.0), Policy(confirm=1))
    assert (unknown.alert, further.alert, further.harm) == ("open", "update", "unknown")


def test_a_change_after_drift_that_labels_cleared_is_not_taken_for_the_same_drift():
    """It scores no more against the reference than what was cleared; against the cleared window it is another one."""
    policy, state = Policy(confirm=1, of=1), State()
    state = decide(state, labelled(window(1, 5.0, width=0.3), 0.0, lost=False), policy).state
    assert (state.accepted, state.cleared) == ("w1", 5.0)
    same = decide(state, replace(window(2, 5.0, 0.0, minutes=1, width=0.3), since_accepted=0.3), policy)
    assert (same.action, same.alert, same.state.accepted) == ("benign", None, "w1")
    other = decide(same.state, replace(window(3, 5.0, 0.0, minutes=2, width=0.3), since_accepted=4.0), policy)
    assert (other.action, other.alert, other.harm) == ("alert", "open", "unknown")
    assert "changed since window w1, which was harmless (4.00)" in other.reason


def test_the_last_harmless_window_of_a_drift_is_remembered_until_the_drift_is_over():
    policy, state = Policy(confirm=1, of=1), State()
    for number in (1, 2):
        seen = replace(window(number, 5.0, 0.0, minutes=number, width=0.01), since_accepted=number - 0.5)
        decision = decide(state, seen, policy)
        state = decision.state
        assert (decision.action, state.accepted) == ("benign", f"w{number}")
    assert "changed since window w1, which was harmless (1.50)" in decision.reason
    hurts = decide(state, replace(window(3, 5.0, 0.1, minutes=3, width=0.01), since_accepted=3.0), policy)
    assert (hurts.action, hurts.state.accepted) == ("retransfer", "w2")
    assert "changed since window w2" in hurts.reason
    calm = decide(hurts.state, window(4, 0.1, 0.0, minutes=4, width=0.01), policy)
    assert (calm.action, calm.state.accepted) == ("resolve", None)
    assert "accepted" not in calm.state.to_json()


def test_labels_of_a_window_that_a_replaced_champion_answered_judge_the_retransfer_and_change_nothing():
    state = State(champion="2", alert_open=True, told_cost=0.3)
    yes = replaced(state, labelled(window(1, 5.0), 0.16, lost=True), Policy())
    assert (yes.action, yes.alert, yes.state) == ("none", None, state)
    assert yes.reason.endswith("a loss of 0.160 (+0.120 to +0.200) is proven: they confirm that it was replaced")
    no = replaced(state, labelled(window(1, 5.0), 0.0, lost=False), Policy())
    assert (no.action, no.state) == ("none", state)
    assert "contradict" in no.reason
    neither = replaced(state, labelled(window(1, 5.0), 0.05, lost=False, half=0.1), Policy())
    assert neither.reason == "labels of w1: accuracy 0.850 on 60, which 1 answered; it serves no more"
