"""One row by hand, held against the contract by the rules of the server."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.contract.spec import ColumnRule, Contract, ImageRule
from lepton.core.config.serve import Breach, ServeConfig
from lepton.core.errors import UsageError
from lepton.graph.fields import IMAGE
from lepton.operations.one_row import as_frame, columns_of
from lepton.serving.asked import Asked
from lepton.serving.check import Rules

STRICT = ServeConfig().strict
TABLE = Contract(
    domain="site",
    role="target",
    kind="tabular",
    classes=("yes", "no"),
    columns=(
        ColumnRule(name="age", dtype="number", min=0, max=120),
        ColumnRule(name="city", dtype="category", values=("Rome", "Oslo")),
        ColumnRule(name="at (weekday)", dtype="category", missing=0.2),
        ColumnRule(name="at (hour)", dtype="number", missing=0.2),
    ),
    dates={"at": ("weekday", "hour")},
    ignore=("note",),
)


def read(row: dict[str, Any], strict: tuple[Breach, ...] = STRICT) -> dict[str, Any]:
    """Return the values that the model reads."""
    return {name: values[0] for name, values in columns_of(row, TABLE, strict).items()}


def test_a_whole_date_gives_its_parts() -> None:
    expected = {"age": 41.0, "city": "Rome", "at (weekday)": "Monday", "at (hour)": 17.5}
    for at in ("2026-11-30 17:30", datetime(2026, 11, 30, 17, 30), pd.Timestamp("2026-11-30 17:30")):
        assert read({"age": 41, "city": "Rome", "at": at, "note": 3, "label": "yes"}) == expected
    with pytest.raises(UsageError) as caught:
        read({"age": 41, "at": "yesterday"})
    assert "'at'" in caught.value.why


@pytest.mark.parametrize("row", [{"age": 41}, {"city": " rome", "at": "2026-11-29"}, {"age": 130.0, "at (hour)": 3.25}])
def test_a_row_is_read_as_the_server_reads_it(row: dict[str, Any]) -> None:
    asked = Asked({name: [value] for name, value in row.items()}, 1, "list")
    expected = Rules(TABLE, ("column", "type")).check(asked).columns
    assert columns_of(row, TABLE, STRICT) == expected


@pytest.mark.parametrize("none", [None, float("nan"), np.float32("nan"), pd.NaT, pd.NA])
def test_what_has_no_value_is_missing_however_it_is_written(none: Any) -> None:
    assert read({"age": np.int64(3), "city": none}) == read({"age": 3.0})


@pytest.mark.parametrize(
    ("row", "told"),
    [({"aeg": 1}, "'age'"), ({}, "no value"), ({"age": "much"}, "'much'"), ({"age": float("inf")}, "out of range")],
)
def test_what_the_server_refuses_is_refused_with_the_reason(row: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        columns_of(row, TABLE, (*STRICT, "range"))
    assert told in caught.value.render()


def test_a_frame_for_a_model_has_numbers_as_numbers() -> None:
    frame = as_frame(columns_of({"city": "Oslo"}, TABLE, STRICT), TABLE)
    assert frame["age"].dtype == np.float64
    assert frame["city"].tolist() == ["Oslo"]


def test_series_and_images_may_be_arrays() -> None:
    image = ImageRule(shape=(1, 2, 2), dtype="uint8", min=0, max=255)
    contract = Contract(domain="site", role="target", kind="image", classes=("yes", "no"), image=image)
    pixels = np.arange(4).reshape(2, 2)
    found = as_frame(columns_of({IMAGE: pixels}, contract, STRICT), contract)
    assert found.shape == (1, 1, 2, 2)
    assert found.dtype == np.uint8
    assert found[0, 0].tolist() == pixels.tolist()
    wave = Contract(
        domain="site",
        role="target",
        kind="sequence",
        classes=("yes", "no"),
        columns=(ColumnRule(name="wave", dtype="series"),),
    )
    for steps in (np.array([0.5, np.nan], dtype=np.float32), [np.float32(0.5), None], (0.5, np.nan)):
        assert columns_of({"wave": steps}, wave, STRICT) == {"wave": [[0.5, None]]}
