"""Any table that somebody may send is stored as it was sent, or refused: nothing changes without a word."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.round_trips import changed, tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sent")


@given(sent=tables())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_stored_is_what_was_sent(sent, folder):
    assert changed(sent, folder) == []
