"""What a graph takes: names of inputs that no two columns share, and plain values as tensors."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.errors import LeptonError
from lepton.graph.about import About, Examples, tensor_from_json, tensor_to_json
from lepton.graph.fields import MISSING, Field, feed, named

HOSTILE = [
    "<script>alert(1)</script>",
    'a "b"\nc',
    "a b",
    "A_B",
    "\u0447\u0438\u0441\u043b\u043e",
    "",
    "label",
    "front/0",
    "x" * 300,
]


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8)), max_size=30))
def test_any_columns_get_plain_names_that_differ(columns):
    found = named(columns)
    assert len({name.lower() for name in found}) == len(columns)
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", name) for name in found)
    assert not {"label", "probabilities"} & set(found)


def test_values_of_every_type_become_tensors():
    fields = (
        Field("age", "number", "age"),
        Field("city", "category", "city"),
        Field("said", "text", "said", "said_bytes", most=4),
        Field("wave", "series", "wave", "wave_steps", most=3),
    )
    found = feed(
        fields,
        {
            "age": [41, None, "2.5", True],
            "city": ["Rome", None, float("nan"), "\udc80"],
            "said": ["e\u0301", None, "", "abcdefgh"],
            "wave": [[1, None], None, [], [1, 2, 3, 4]],
            "more": ["ignored"] * 4,
        },
    )
    np.testing.assert_array_equal(found["age"], [41, np.nan, 2.5, 1])
    assert found["city"].tolist() == ["Rome", MISSING, MISSING, "\\udc80"]
    assert found["said_bytes"].tolist() == [2, -1, 0, 5], "NFC; one byte more than is read says where to cut"
    assert found["wave_steps"].tolist() == [2, -1, 0, 3]
    np.testing.assert_array_equal(found["wave"][0], np.array([1, np.nan, 0], dtype=np.float32))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field("a", "number", "a"), "many"),
        (Field("a", "number", "a"), [1]),
        (Field("a", "text", "a", "n", most=3), 4),
        (Field("a", "series", "a", "n", most=3), "abc"),
        (Field("a", "series", "a", "n", most=3), [[1], [2]]),
        (Field("a", "image", "a", shape=(1, 2, 2)), None),
        (Field("a", "image", "a", shape=(1, 2, 2)), np.zeros((1, 2, 3), dtype=np.uint8)),
        (Field("a", "image", "a", shape=(1, 2, 2)), np.zeros((1, 2, 2))),
        (Field("a", "image", "a", shape=(1, 2, 2), pixels="float32"), np.full((1, 2, 2), np.nan, dtype=np.float32)),
    ],
)
def test_a_value_that_its_column_does_not_hold_is_refused_with_its_row(field, value):
    with pytest.raises(LeptonError, match="Row 1"):
        field.arrays([value])


def test_a_missing_column_is_named():
    with pytest.raises(LeptonError, match=r"lack 1 column.*age"):
        feed((Field("age", "number", "age"),), {"city": ["Rome"]})


@pytest.mark.parametrize(
    "tensor",
    [
        np.array([1.5, np.nan, -0.0]),
        np.arange(12, dtype=np.uint8).reshape(1, 3, 4),
        np.array([[1, np.nan]], dtype=np.float32),
        np.array([-1, 2**40]),
        np.array(["a", MISSING, "<b>"], dtype=object),
    ],
    ids=lambda one: str(one.dtype),
)
def test_a_tensor_survives_json_to_the_last_bit(tensor):
    found = tensor_from_json(tensor_to_json(tensor))
    assert found.dtype == tensor.dtype
    np.testing.assert_array_equal(found, tensor)


def some_about() -> About:
    return About(
        domain="site",
        model="lepton-a-to-site v1",
        digest="d",
        provisional=False,
        classes=("<b>", "no"),
        contract="c",
        ledger="1:h",
        lineage="l",
        fields=(Field("age", "number", "age"),),
        no_value=("-9",),
        examples=Examples({"age": np.array([1.0])}, np.array([[0.5, 0.5]])),
        lepton="0.2.0",
    )


def test_a_graph_says_of_itself_what_it_was_told():
    about = some_about()
    found = About.from_metadata(about.to_metadata(), "x.onnx")
    assert found.to_metadata() == about.to_metadata()
    assert found.fields == about.fields


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"lepton.format": ""}, "no graph that lepton exported"),
        ({"lepton.format": "lepton-graph 2"}, "version 2"),
        ({"lepton.fields": "[{}]"}, "cannot be used"),
        ({"lepton.fields": "3"}, "cannot be used"),
        ({"lepton.examples": "[" * 100_000}, "cannot be used"),
        ({"lepton.classes": "{"}, "cannot be used"),
    ],
)
def test_metadata_that_cannot_be_read_is_refused_in_words(change, told):
    with pytest.raises(LeptonError, match=told):
        About.from_metadata({**some_about().to_metadata(), **change}, "x.onnx")


def test_a_graph_is_opened_without_torch_pandas_or_a_workspace():
    heavy = ("torch", "pandas", "sqlalchemy", "pydantic")
    code = f"import sys, lepton.graph.run; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
