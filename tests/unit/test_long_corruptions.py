"""Simulated degradations of sequences and texts keep the rows, are repeatable, and move them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lepton.core.errors import UsageError
from lepton.core.table import Table
from lepton.data.corruptions.sequences import SEQUENCE_CORRUPTIONS
from lepton.data.corruptions.sequences import degrade as corrupt_sequences
from lepton.data.corruptions.texts import TEXT_CORRUPTIONS
from lepton.data.corruptions.texts import degrade as corrupt_texts
from lepton.models.inputs import fit_inputs
from tests.unit.factories import SMALL, rows

CASES = [("sequence", name) for name in SEQUENCE_CORRUPTIONS] + [("text", name) for name in TEXT_CORRUPTIONS]
CORRUPT: dict[str, Callable[..., Table]] = {"sequence": corrupt_sequences, "text": corrupt_texts}


@pytest.mark.parametrize(("kind", "name"), CASES)
@pytest.mark.parametrize("strength", [1, 2, 3])
def test_the_same_rows_come_out_changed_in_the_same_way_each_time(kind: str, name: str, strength: int) -> None:
    before = rows(kind, 60, seed=3)
    kept = before.content_digest()
    once, again = (CORRUPT[kind](before, name, strength, 5) for _ in range(2))
    assert before.content_digest() == kept
    assert once.content_digest() == again.content_digest() != kept
    assert list(once.ids) == list(before.ids)
    assert np.isfinite(fit_inputs(before, SMALL).to_tensor(once).numpy()).all()


def test_quantities_of_a_sequence_keep_the_same_steps() -> None:
    before = rows("sequence", 60, seed=3)
    for name in SEQUENCE_CORRUPTIONS:
        after = corrupt_sequences(before, name, 3, 0).frame
        assert after is not None
        assert [len(one) for one in after["wave"]] == [len(one) for one in after["level"]], name


@pytest.mark.parametrize("kind", ["sequence", "text"])
def test_what_cannot_be_corrupted_is_told(kind: str) -> None:
    with pytest.raises(UsageError, match="no corruption 'rust'"):
        CORRUPT[kind](rows(kind, 3), "rust")
    with pytest.raises(UsageError, match="1, 2 or 3"):
        CORRUPT[kind](rows(kind, 3), "cut", 4)
    with pytest.raises(UsageError, match="'tabular'"):
        CORRUPT[kind](rows("tabular", 3), "cut")
