"""A round over many targets, shared among processes: none is lost, none is done twice, small rounds stay whole."""

from __future__ import annotations

import pytest
from lepton_flows.shares import SMALLEST, split

NAMES = [f"plant-{k}" for k in range(20)]


@pytest.mark.parametrize("number", range(len(NAMES) + 1))
@pytest.mark.parametrize("processes", [1, 2, 5])
def test_every_target_is_in_one_share_and_no_share_is_too_small(number: int, processes: int) -> None:
    shares = split(NAMES[:number], processes)
    assert sorted(name for share in shares for name in share) == sorted(NAMES[:number])
    assert 1 <= len(shares) <= processes
    assert len(shares) == 1 or min(map(len, shares)) >= SMALLEST
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
