"""What the machine refuses is told as such; anything else is not taken for it."""

from __future__ import annotations

import errno

import pytest

from lepton.core.work.machine import refusal


@pytest.mark.parametrize(
    ("number", "word"),
    [(errno.ENOSPC, "full"), (errno.EROFS, "written"), (errno.EACCES, "user"), (errno.EFBIG, "limit")],
)
def test_a_refusal_names_the_file_and_a_way_out(number: int, word: str) -> None:
    told = refusal(OSError(number, "refused", "/srv/plant/data"))
    assert told is not None
    assert word in told.render()
    assert "/srv/plant/data" in told.render()
    assert "same command again" in told.render()


def test_it_is_found_below_what_a_vendor_made_of_it() -> None:
    made = RuntimeError("could not save")
    made.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert refusal(made) is not None


def test_a_mistake_of_ours_stays_one() -> None:
    assert refusal(ValueError("x")) is None
    assert refusal(FileNotFoundError(errno.ENOENT, "No such file", "x")) is None
