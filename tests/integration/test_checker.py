"""Great Expectations' verdicts, reached by a way that is linear in columns, are those of its own way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.contract import checker, gx, pages
from lepton.contract.check import Check

ROWS = pd.DataFrame(
    {
        "a": [1.0, 2.0, np.nan, 9.0, 100.0],
        "b": ["x", "y", None, "z", "x"],
        "i": [1, 2, 2, 4, 5],
        "t": ["1", "2", "q", None, " 4 "],
        "u": np.array([1, 2, 3, 4, 250], dtype=np.uint8),
        "e": [None] * 5,
    },
    index=pd.RangeIndex(1, 6),
)
ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ExpectTableColumnsToMatchSet", {"column_set": ["a", "b", "zz"], "exact_match": True}),
    ("ExpectTableColumnsToMatchSet", {"column_set": list("abitue"), "exact_match": True}),
    ("ExpectTableRowCountToBeBetween", {"min_value": 3}),
    ("ExpectTableRowCountToBeBetween", {"min_value": 6}),
    ("ExpectColumnValuesToNotBeNull", {"column": "a", "mostly": 0.9}),
    ("ExpectColumnValuesToNotBeNull", {"column": "e"}),
    ("ExpectColumnValuesToBeBetween", {"column": "a", "min_value": 0, "max_value": 10, "mostly": 0.7}),
    ("ExpectColumnValuesToBeBetween", {"column": "a", "min_value": 0, "max_value": 10}),
    ("ExpectColumnValuesToBeBetween", {"column": "u", "max_value": 100.0}),
    ("ExpectColumnValuesToBeBetween", {"column": "e", "min_value": 0}),
    ("ExpectColumnValuesToBeInSet", {"column": "b", "value_set": ["x", "y"]}),
    ("ExpectColumnValuesToBeUnique", {"column": "i"}),
    ("ExpectColumnValuesToMatchRegex", {"column": "t", "regex": "^[ ]*[0-9]+[ ]*$"}),
    ("ExpectColumnValuesToBeNull", {"column": "e"}),
    ("ExpectColumnValuesToBeNull", {"column": "b"}),
    ("ExpectColumnValuesToBeOfType", {"column": "i", "type_": "object_"}),
)
BROKEN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ExpectColumnValuesToBeBetween", {"column": "nope", "min_value": 0}),
    ("ExpectColumnValuesToBeBetween", {"column": "b", "min_value": 0}),
)
VENDORS_WAY = """
import json, sys
import great_expectations as gx
sys.path[:0] = sys.argv[1:2]
from test_checker import ROWS, ASKED, BROKEN, checker
from great_expectations.core.batch import Batch
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.validator.validator import Validator
asked = [getattr(gx.expectations, name)(**told, meta={"check": k}) for k, (name, told) in enumerate(ASKED + BROKEN)]
validator = Validator(PandasExecutionEngine(), batches=[Batch(data=ROWS)])
found = validator.graph_validate([one.configuration for one in asked], {"result_format": checker.FORMAT})
print(json.dumps([one.to_json_dict() for one in found]))
"""


def checks(asked: tuple[tuple[str, dict[str, Any]], ...]) -> list[Check]:
    return [Check(name, told, told.get("column", "rows"), lambda *_: "") for name, told in asked]


def results(asked: tuple[tuple[str, dict[str, Any]], ...], rows: pd.DataFrame = ROWS) -> list[dict[str, Any]]:
    return [plain(one.to_json_dict()) for one in checker.judged(rows, checks(asked))]


def plain(result: dict[str, Any]) -> dict[str, Any]:
    result["expectation_config"]["kwargs"].pop("batch_id", None)
    return json.loads(json.dumps(result))


@pytest.fixture(scope="module")
def theirs() -> dict[int, dict[str, Any]]:
    """What Great Expectations says, whole and by its own way, in a process of its own."""
    told = subprocess.run(
        [sys.executable, "-c", VENDORS_WAY, str(Path(__file__).parent)], capture_output=True, text=True, check=True
    )
    found = [plain(one) for one in json.loads(told.stdout.splitlines()[-1])]
    return {one["expectation_config"]["meta"]["check"]: one for one in found}


def test_every_kind_of_check_says_what_great_expectations_says(theirs: dict[int, dict[str, Any]]) -> None:
    for place, ours in enumerate(results(ASKED)):
        assert ours == theirs[place], ASKED[place]


def test_a_check_that_breaks_tells_what_great_expectations_tells(theirs: dict[int, dict[str, Any]]) -> None:
    for ours, place in zip(results(BROKEN), (len(ASKED), len(ASKED) + 1), strict=True):
        assert not theirs[place]["success"]
        assert ours["exception_info"]["raised_exception"]
        assert ours["exception_info"]["exception_message"] in str(theirs[place]["exception_info"])


def test_the_work_for_a_column_does_not_depend_on_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(columns: int) -> Counter[str]:
        from great_expectations.core.expectation_suite import ExpectationSuite
        from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
        from great_expectations.expectations.expectation import Expectation

        done: Counter[str] = Counter()
        load, configuration = PandasExecutionEngine.load_batch_data, Expectation.configuration.fget  # type: ignore[attr-defined]

        def loaded(engine: Any, batch_id: str, data: pd.DataFrame) -> None:
            done["cells"] += data.size
            load(engine, batch_id, data)

        def configured(expectation: Any) -> Any:
            done["configurations"] += 1
            return configuration(expectation)

        def compared(*_: Any) -> bool:
            done["comparisons"] += 1
            return False

        with monkeypatch.context() as patched:
            patched.setattr(PandasExecutionEngine, "load_batch_data", loaded)
            patched.setattr(Expectation, "configuration", property(configured))
            patched.setattr(Expectation, "__eq__", compared)
            patched.setattr(ExpectationSuite, "_expectations_are_equalish", compared)
            rows = pd.DataFrame({f"c{k}": [0.0, 1.0] for k in range(columns)})
            asked = tuple(
                one
                for name in rows
                for one in (
                    ("ExpectColumnValuesToNotBeNull", {"column": name}),
                    ("ExpectColumnValuesToBeBetween", {"column": name, "min_value": 0, "max_value": 1}),
                )
            )
            assert all(one["success"] for one in results(asked, rows))
        return done

    few, many = work(10), work(40)
    assert few["cells"] == 20
    assert few["comparisons"] == many["comparisons"] == 0
    assert {what: 4 * count for what, count in few.items()} == dict(many)


def test_a_page_of_very_many_checks_lists_what_failed_and_says_what_it_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LISTED", 4)
    rows = pd.DataFrame({f"c{k}": [0.0, 1.0 if k < 8 else 5.0] for k in range(10)})
    asked = [
        Check("ExpectColumnValuesToBeBetween", {"column": name, "max_value": 1}, name, lambda *_: "") for name in rows
    ]
    failed, url = gx.run([gx.Asked(rows, asked)], "wide", "d", tmp_path)
    assert [one.check.column for one in failed] == ["c8", "c9"]
    page = Path(url.removeprefix("file://")).read_text()
    assert "6 further checks are counted, but not listed" in page
    assert [name for name in rows if f"{name}\n" in page or f">{name}<" in page] == ["c0", "c1", "c8", "c9"]
    assert "80%" in page  # of all ten
