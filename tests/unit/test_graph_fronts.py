"""What is traced into a graph prepares rows to the last bit as the model's own inputs do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.table import Table, series_column
from lepton.graph.fields import Arrays
from lepton.models.graph.front import Front, Names, front_of
from lepton.models.graph.rows import tensors_of
from lepton.models.input_spec import InputSpec, nameless
from lepton.models.sequence_inputs import SequenceInputs
from lepton.models.table_inputs import Categorical, Numeric, TableInputs
from lepton.models.text_inputs import TextInputs

QUICK = settings(max_examples=60, deadline=None)


def ports(front: Front, arrays: Arrays) -> list[torch.Tensor]:
    """Return what the operators in front make of the inputs: they have tests of their own, in the real runtime."""
    found = []
    for port in front.ports:
        columns = [arrays[name] for name in port.inputs]
        for at, coding in enumerate(port.codes):
            columns[at] = np.array([coding.numbers.get(word, coding.other) for word in columns[at]], dtype=np.int64)
        found.append(torch.from_numpy(np.stack(columns, axis=1) if port.stacked else columns[0]))
    return found


def same(inputs: InputSpec, table: Table) -> None:
    front = front_of(inputs, Names(), None)
    prepared, there = front.prepare(*ports(front, tensors_of(table, front.fields)))
    assert there.shape == (len(table),)
    torch.testing.assert_close(prepared, inputs.to_tensor(table), rtol=0, atol=0)


@QUICK
@given(st.lists(st.none() | st.text(max_size=12), min_size=1, max_size=8), st.integers(1, 9))
def test_texts_of_any_kind_are_cut_at_the_same_character(said, length):
    frame = pd.DataFrame({"said": pd.Series(said, dtype=object)})
    same(TextInputs("said", length), Table("text", *nameless(len(said)), frame=frame, texts=("said",)))


HUGE = 1e290
NUMBERS = st.floats(-HUGE, HUGE) | st.sampled_from([np.nan, np.inf, -np.inf, -0.0])


@QUICK
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from(["a", "b", "c", "", None])), min_size=1, max_size=8),
    st.floats(-1e6, 1e6),
    st.floats(1e-6, 1e6),
)
def test_numbers_are_standardised_in_the_same_precision_and_order(rows, mean, std):
    columns = (Numeric("x", mean, std), Categorical("word", ("a", "")), Numeric("y", -mean, 1 / std))
    frame = pd.DataFrame(rows, columns=["x", "y", "word"])
    frame["word"] = pd.Series([row[2] for row in rows], dtype=object)
    same(TableInputs(columns), Table("tabular", *nameless(len(rows)), frame=frame))


STEPS = st.lists(
    st.floats(-(2.0**100), 2.0**100, width=32) | st.sampled_from([np.nan, np.inf, -np.inf, -0.0]), max_size=7
)


@QUICK
@given(st.lists(st.tuples(st.none() | STEPS, st.none() | STEPS), min_size=1, max_size=6), st.integers(1, 5))
def test_series_of_any_length_are_padded_and_cut_alike(rows, length):
    frame = pd.DataFrame({name: series_column([row[at] for row in rows]) for at, name in enumerate("ab")})
    inputs = SequenceInputs(("a", "b"), (0.3, -7.0), (1.7, 0.1), length)
    same(inputs, Table("sequence", *nameless(len(rows)), frame=frame, series=("a", "b")))
