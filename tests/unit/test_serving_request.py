"""Bodies become columns, or it is said why not; answers go in the form in which the rows came."""

from __future__ import annotations

import json

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.serving.answers import Answered, encode
from lepton.serving.rejected import Rejected
from lepton.serving.request import rows_of_csv, rows_of_json, rows_of_tensors

VALUES = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ROWS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=5)


@given(ROWS)
def test_rows_of_json_are_columns_whatever_they_leave_out(rows: list[dict[str, object]]) -> None:
    try:
        body = orjson.dumps(rows)
    except TypeError:  # half a character has no bytes
        return
    for found in (rows_of_json(body, 10), rows_of_json(b'{"rows":' + body + b"}", 10)):
        assert found.rows == len(rows)
        back = [{name: values[at] for name, values in found.columns.items()} for at in range(found.rows)]
        assert all(one.get(name) == row.get(name) for one, row in zip(back, rows, strict=True) for name in one)
        assert {name for row in rows for name in row} == set(found.columns)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'[{"a": NaN}]', "not JSON"),
        (b'[{"a": -Infinity}]', "not JSON"),
        (b'[{"a": 1e999}]', "not JSON"),
        (b'[{"a": "\xff"}]', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": 1}', "no list of rows"),
        (b'{"rows": 3}', "no list of rows"),
        (b"41", "no list of rows"),
        (b"[[1, 2]]", "Row 1 is no object"),
    ],
)
def test_what_is_no_list_of_rows_is_refused(body: bytes, told: str) -> None:
    with pytest.raises(Rejected, match=told) as caught:
        rows_of_json(body, 10)
    assert caught.value.status == 400


@pytest.mark.parametrize("read", [rows_of_json, rows_of_csv])
def test_more_rows_than_allowed_are_refused(read: object) -> None:
    body = b"[{},{},{}]" if read is rows_of_json else b"a\n1\n2\n3\n"
    with pytest.raises(Rejected, match="3 rows; 2 are allowed") as caught:
        read(body, 2)  # type: ignore[operator]
    assert caught.value.status == 413


def test_a_csv_is_columns_of_text() -> None:
    found = rows_of_csv('a,"b, c"\r\n1,x\r\n,"y\nz"\r\n'.encode("utf-8-sig"), 10)
    assert found.columns == {"a": ["1", None], "b, c": ["x", "y\nz"]}
    assert (found.rows, found.typed) == (2, False)


@pytest.mark.parametrize("body", [b"", b"a,a\n1,2\n", b"a,b\n1\n", b'a\n"1\n', b"a\n\xff\n"])
def test_what_is_no_csv_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        rows_of_csv(body, 10)
    assert caught.value.status == 400


def _input(name: str, shape: list[int], data: list[object], kind: str = "FP64") -> dict[str, object]:
    return {"name": name, "shape": shape, "datatype": kind, "data": data}


def test_tensors_are_columns_flat_or_nested() -> None:
    inputs = [
        _input("a", [2], [1, 2]),
        _input("b", [2, 1], [["x"], ["y"]], "BYTES"),
        _input("c", [2, 3], [1, 2, 3, 4, 5, 6], "FP32"),
        _input("d", [2, 1, 2, 2], list(range(8)), "UINT8"),
    ]
    found = rows_of_tensors(json.dumps({"id": "mine", "inputs": inputs}).encode(), 10)
    assert found.columns["a"] == [1, 2]
    assert found.columns["b"] == ["x", "y"]
    assert found.columns["c"] == [[1, 2, 3], [4, 5, 6]]
    assert found.columns["d"] == [[[[0, 1], [2, 3]]], [[[4, 5], [6, 7]]]]
    assert (found.rows, found.id) == (2, "mine")


@pytest.mark.parametrize(
    "inputs",
    [
        None,
        [],
        [3],
        [_input("a", [2], [1])],
        [_input("a", [-1], [1])],
        [_input("a", [], [1])],
        [_input("a", [1 << 40], [1])],
        [_input("a", [1], [1], "FP4")],
        [_input("a", [1], [1]), _input("a", [1], [1])],
        [_input("a", [1], [1]), _input("b", [2], [1, 2])],
        [{**_input("a", [1], [1]), "parameters": {"binary_data_size": 8}}],
    ],
)
def test_tensors_that_do_not_fit_are_refused(inputs: object) -> None:
    with pytest.raises(Rejected) as caught:
        rows_of_tensors(json.dumps({"inputs": inputs}).encode(), 10)
    assert caught.value.status == 400


def test_answers_go_in_the_form_of_the_rows() -> None:
    said = Answered(
        "ab-1",
        "site",
        "lepton-a-to-site v3",
        "d" * 64,
        False,
        ("no", "yes"),
        ("yes", "no"),
        np.array([[0.25, 0.75], [1, 0]]),
    )
    rows = json.loads(encode(said, "list")[0])
    assert rows[0] == {"id": "ab-1-1", "label": "yes", "confidence": 0.75, "probabilities": {"no": 0.25, "yes": 0.75}}
    assert json.loads(encode(said, "rows")[0])["rows"] == rows
    assert encode(said, "csv")[0] == b"id,label,p(no),p(yes)\r\nab-1-1,yes,0.25,0.75\r\nab-1-2,no,1.0,0.0\r\n"
    tensors = json.loads(encode(said, "v2", "mine")[0])
    assert (tensors["id"], tensors["model_name"], tensors["model_version"]) == ("mine", "site", "3")
    assert [one["data"] for one in tensors["outputs"]] == [["yes", "no"], [0.25, 0.75, 1.0, 0.0]]
