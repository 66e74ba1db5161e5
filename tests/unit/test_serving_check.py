"""The contract a request: what breaks it is refused or counted as the policy says, and named."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.contract.spec import ColumnRule, Contract, ImageRule
from lepton.core.config.serve import Breach as Kind
from lepton.core.config.serve import ServeConfig
from lepton.serving.asked import Asked
from lepton.serving.check import Checked, Rules
from lepton.serving.rejected import Rejected

ALL = get_args(Kind)
TABLE = Contract(
    domain="site",
    role="target",
    kind="tabular",
    classes=("no", "yes"),
    columns=(
        ColumnRule(name="age", dtype="number", min=0, max=120, missing=0.2),
        ColumnRule(name="city", dtype="category", values=("Rome", "1", "true"), missing=0.2),
        ColumnRule(name="dose", dtype="number"),
        ColumnRule(name="at (weekday)", dtype="category", missing=0.2),
        ColumnRule(name="at (hour)", dtype="number", missing=0.2),
    ),
    dates={"at": ("weekday", "hour")},
    ignore=("note",),
    no_value=("-9",),
)


def check(row: dict[str, Any], strict: tuple[Kind, ...] = ALL, typed: bool = True) -> Checked:
    """Check one row."""
    asked = Asked({name: [value] for name, value in row.items()}, 1, "list", typed)
    return Rules(TABLE, strict).check(asked)


def kinds_of(row: dict[str, Any], typed: bool = True) -> list[str]:
    """Return how a row breaks the contract."""
    with pytest.raises(Rejected) as caught:
        check(row, typed=typed)
    assert caught.value.status == 422
    return [one["kind"] for one in caught.value.details]


def test_a_row_within_the_contract_is_read_as_a_delivery_is() -> None:
    row = {"age": 41, "city": " Rome ", "dose": 1.5, "at": "2026-11-30 17:30", "note": 3, "id": "x", "label": "yes"}
    assert {name: values[0] for name, values in check(row).columns.items()} == {
        "age": 41.0,
        "city": "Rome",
        "dose": 1.5,
        "at (weekday)": "Monday",
        "at (hour)": 17.5,
    }


def test_fields_of_a_csv_are_read_as_numbers_where_the_contract_has_numbers() -> None:
    found = check({"age": " 41 ", "city": "1", "dose": "1e3", "at": "2026-11-30"}, typed=False).columns
    assert (found["age"], found["city"], found["dose"], found["at (hour)"]) == ([41.0], ["1"], [1000.0], [0.0])
    assert check({"age": "-9", "dose": "2"}, typed=False).columns["age"] == [None]


@pytest.mark.parametrize(("value", "word"), [(1, "1"), (1.0, "1"), (True, "true"), ("True", "true")])
def test_a_category_has_one_spelling(value: object, word: str) -> None:
    assert check({"city": value, "dose": 1}).columns["city"] == [word]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"dose": 1, "agee": 41}, "column"),
        ({"age": 5, "dose": "much"}, "type"),
        ({"age": 5, "dose": True}, "type"),
        ({"age": 5, "dose": [1]}, "type"),
        ({"dose": 1, "city": {}}, "type"),
        ({"dose": 1, "at": "11/30/2026"}, "type"),
        ({"age": 41}, "missing"),
        ({"age": 41, "dose": None}, "missing"),
        ({"dose": 1, "age": 121}, "range"),
        ({"dose": 1, "age": -0.5}, "range"),
        ({"dose": 1, "city": "Paris"}, "category"),
    ],
)
def test_what_breaks_the_contract_is_refused_and_named_or_answered_and_counted(row: dict[str, Any], kind: Kind) -> None:
    assert kinds_of(row) == [kind]
    found = check(row, strict=())
    assert found.counted == {kind: 1}
    assert found.out == (0 if kind == "column" else 1)


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e999"])
def test_infinity_is_out_of_every_range(value: str) -> None:
    assert kinds_of({"dose": value}, typed=False) == ["range"]


def test_the_nearest_column_is_named() -> None:
    with pytest.raises(Rejected, match="break the contract") as caught:
        check({"dose": 1, "ages": 3})
    assert "did you mean 'age'?" in caught.value.why


@pytest.mark.parametrize("strict", [(), ALL])
def test_a_row_without_any_value_is_never_answered(strict: tuple[Kind, ...]) -> None:
    with pytest.raises(Rejected):
        check({"age": None}, strict=strict)


def test_by_default_drift_is_answered_and_mistakes_are_refused() -> None:
    strict = ServeConfig().strict
    assert check({"dose": 1, "age": 500, "city": "Paris"}, strict).counted == {"range": 1, "category": 1}
    for row in ({"dose": "x"}, {"dose": 1, "other": 1}, {"age": 1}):
        with pytest.raises(Rejected):
            check(row, strict)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([1, "x"]) | st.just({})


@given(st.dictionaries(st.sampled_from(["age", "city", "dose", "at", "x"]), VALUES))
def test_whatever_comes_is_read_or_refused(row: dict[str, Any]) -> None:
    for typed in (True, False):
        try:
            found = check(row, strict=(), typed=typed)
        except Rejected:
            continue
        assert all(one is None or type(one) is float for one in (*found.columns["age"], *found.columns["dose"]))
        assert all(one is None or type(one) is str for one in found.columns["city"])


def contract_of(kind: str, *rules: ColumnRule, image: ImageRule | None = None) -> Contract:
    """Return a contract of one kind."""
    return Contract(domain="site", role="target", kind=kind, classes=("a", "b"), columns=rules, image=image)


def test_texts_and_series_are_checked_by_length_type_and_steps() -> None:
    text = Rules(contract_of("text", ColumnRule(name="t", dtype="text", length=(2, 4))), ALL)
    assert text.check(Asked({"t": ["abc"]}, 1, "list")).columns == {"t": ["abc"]}
    for value in ("a", "abcde", 3, None):
        with pytest.raises(Rejected):
            text.check(Asked({"t": [value]}, 1, "list"))
    rules = [ColumnRule(name=name, dtype="series", length=(1, 3), min=0, max=9) for name in ("s", "u")]
    series = Rules(contract_of("sequence", *rules), ALL)
    assert series.check(Asked({"s": [[1, None]], "u": [[2, 3]]}, 1, "list")).rows == 1
    for pair in (([1, 2], [1]), ([10], [1]), ([], []), ("x", [1]), ([1, "x"], [1, 2]), ([1] * 4, [1] * 4)):
        with pytest.raises(Rejected):
            series.check(Asked({"s": [pair[0]], "u": [pair[1]]}, 1, "list"))


def test_images_are_checked_by_shape_and_pixels() -> None:
    rules = Rules(contract_of("image", image=ImageRule(shape=(1, 2, 2))), ())
    for value in ([[1, 2], [3, 255]], [[[1, 2], [3, 255]]]):
        assert rules.check(Asked({"image": [value]}, 1, "list")).columns["image"][0].shape == (1, 2, 2)
    for odd in ([[1, 2]], [[1, 2], [3, 256]], [[1, 2], [3, 0.5]], [[1, 2], [3, None]], "x", None, [[1], [2, 3]]):
        with pytest.raises(Rejected):
            rules.check(Asked({"image": [odd]}, 1, "list"))
