"""Which objects may go: decided from the lists of files alone, for any states and references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.data.objects import Stored
from lepton.data.retention import unreferred

FILES = [f"f{k}" for k in range(6)]
STATES = [f"s{k}.dir" for k in range(5)]
MOMENT = st.floats(0, 100)


@st.composite
def places(draw):
    """A cache in some condition: states that share files, objects of any age, some missing, some of nobody."""
    files = draw(st.dictionaries(st.sampled_from(STATES), st.sets(st.sampled_from(FILES), max_size=4)))
    referred = draw(st.sets(st.sampled_from([*sorted(files), *FILES]))) if files else set()
    stored = draw(st.dictionaries(st.sampled_from([*FILES, *STATES, "stray"]), st.builds(Stored, st.just(1), MOMENT)))
    times = draw(st.dictionaries(st.sampled_from(STATES), MOMENT))
    return stored, files, referred, draw(MOMENT), times


@given(places())
def test_what_is_referred_to_never_goes_nor_any_file_of_it(place):
    stored, files, referred, before, times = place
    gone = unreferred(stored, files, referred, before, times)
    needed = set(referred).union(*(files.get(state, set()) for state in referred))
    assert not gone & needed


@given(places())
def test_what_is_young_never_goes_nor_any_file_of_a_young_state(place):
    stored, files, referred, before, times = place
    gone = unreferred(stored, files, referred, before, times)
    young = {md5 for md5, entry in stored.items() if entry.written >= before}
    young |= {state for state, moment in times.items() if moment >= before and state in files}
    assert not gone & young.union(*(files.get(state, set()) for state in young))


@given(places())
def test_all_that_is_neither_goes_and_a_second_time_nothing(place):
    stored, files, referred, before, times = place
    gone = unreferred(stored, files, referred, before, times)
    kept = {state for state in files if state in referred or times.get(state, 0) >= before}
    kept |= {state for state in files if state in stored and stored[state].written >= before}
    live = set(referred) | kept.union(*(files[state] for state in kept))
    assert gone == {md5 for md5, entry in stored.items() if md5 not in live and entry.written < before}
    left = {md5: entry for md5, entry in stored.items() if md5 not in gone}
    assert not unreferred(left, files, referred, before, times)


def test_without_the_list_of_a_referred_state_nobody_decides():
    with pytest.raises(ValueError, match=r"s1\.dir"):
        unreferred({"f1": Stored(1, 0)}, {}, {"s1.dir"}, 10)
