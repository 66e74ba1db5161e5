"""What `init` says of the columns of a first delivery, what it is unsure of, and what can be said of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from lepton.cli.commands.init import column_lines
from lepton.contract.file import load_contract, render, save_contract
from lepton.core.config.workspace import Workspace
from lepton.core.errors import UsageError
from lepton.operations.first_look import Said
from lepton.operations.init import plan_workspace

N = 60


def sent(folder, **columns):
    """Write a first delivery; every column has N values."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=N).round(4), **columns, "outcome": ["yes", "no"] * (N // 2)})
    frame.to_csv(folder / "first.csv", index=False)
    return folder / "first.csv"


def planned(folder, said=None, **columns):
    setup, table = plan_workspace(folder / "ws", sent(folder, **columns), said=replace(said or Said(), label="outcome"))
    return setup, table, {look.name: look for look in setup.looks}


def test_each_column_has_a_line_with_type_range_and_examples(tmp_path):
    setup, _, looks = planned(tmp_path, zip=["01234", "10001"] * (N // 2), gap=[1.5, None] * (N // 2))
    assert [look.name for look in setup.looks] == ["a", "zip", "gap"]
    assert (looks["zip"].what, looks["zip"].seen, looks["zip"].examples) == ("category", "2 values", ("01234", "10001"))
    assert "--number zip" in looks["zip"].doubt
    assert (looks["gap"].what, looks["gap"].missing, looks["gap"].doubt) == ("number", 0.5, "")
    lines = column_lines(setup.looks)
    assert any("gap" in line and "50 % missing" in line for line in lines)
    assert sum("unsure" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["?", *map(str, range(N - 1))], "59 of 60 values are numbers; not '?' in row 1 (--no-value '?'"),
        ([f"{k + 1000:,}" for k in range(N)], "thousands separators, such as '1,000'"),
        ([f"{k},5" for k in range(N)], "decimal comma, such as '0,5'"),
        (["yes", "Yes "] * (N // 2), "'Yes ' and 'yes' differ in blanks or capitals only"),
        ([f"order {k}" for k in range(N)], "--id x if it names the rows"),
        (list(range(N)), "count the rows"),
        (
            [*["inf"] * 2, *[f"{k}.5" for k in range(N - 2)]],
            "2 values are infinite, which no delivery may hold",
        ),
        ([f"${k},000.00" for k in range(N)], "numbers with a sign, such as '$0,000.00'"),
        (["5 %", "7%"] * (N // 2), "numbers with a sign, such as '5 %'"),
        ([None] * N, "no row has a value: --ignore x"),
    ],
)
def test_what_is_unsure_is_said_with_the_option_that_settles_it(tmp_path, values, told):
    assert told in planned(tmp_path, x=values)[2]["x"].doubt


def test_labels_that_may_stand_for_none_are_named(tmp_path):
    path = sent(tmp_path)
    path.write_text(path.read_text().replace(",no\n", ",None\n"))
    setup, _ = plan_workspace(tmp_path / "ws", path, said=Said(label="outcome"))
    assert setup.doubt == "'None' may stand for no label: then leave the cell empty"


def test_a_name_of_two_lines_takes_one(tmp_path):
    lines = column_lines(planned(tmp_path, **{"x\ny": [1.5] * N})[0].looks)
    assert any(line.startswith("    x y") for line in lines)


def test_text_of_which_every_row_has_its_own_is_left_out_and_a_date_too(tmp_path):
    setup, table, looks = planned(
        tmp_path, note=[f"n{k}" for k in range(N)], day=pd.date_range("2026-01-01", periods=N).astype(str)
    )
    assert list(table.frame.columns) == ["a"]
    assert set(setup.ignore) == {"note", "day"}
    assert setup.contract(table).ignore == setup.ignore
    assert "--date day" in looks["day"].doubt


def test_what_somebody_says_of_a_column_counts(tmp_path):
    said = Said(categories=("note",), numbers=("zip", "age"), dates=("day",), ignore=("b",), no_value=("?",))
    setup, table, looks = planned(
        tmp_path,
        said,
        note=[f"n{k}" for k in range(N)],
        zip=["01234"] * N,
        age=["?", *map(str, range(N - 1))],
        day=pd.date_range("2026-01-01", periods=N).astype(str),
        b=range(N),
    )
    contract = setup.contract(table)
    assert {rule.name: rule.dtype for rule in contract.columns} == {
        "a": "number",
        "note": "category",
        "zip": "number",
        "age": "number",
        "day (weekday)": "category",
    }
    assert table.frame["age"].isna().tolist()[:2] == [True, False]
    assert (contract.dates, contract.ignore, contract.no_value) == ({"day": ("weekday",)}, ("b",), ("?",))
    assert not any(looks[name].doubt for name in ("note", "zip", "age", "day (weekday)"))


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="Did you mean 'zip'"):
        planned(tmp_path, Said(categories=("zpi",)), zip=["01234"] * N)


def test_something_is_left_to_learn_from(tmp_path):
    pd.DataFrame({"name": [f"n{k}" for k in range(N)], "outcome": ["yes", "no"] * (N // 2)}).to_csv(
        tmp_path / "first.csv", index=False
    )
    setup, table = plan_workspace(tmp_path / "ws", tmp_path / "first.csv", said=Said(label="outcome"))
    assert (list(table.frame.columns), setup.ignore) == (["name"], ())


def test_classes_that_differ_in_capitals_only_are_named(tmp_path):
    frame = pd.DataFrame({"a": range(N), "outcome": ["yes", "Yes", "no"] * (N // 3)})
    frame.to_csv(tmp_path / "first.csv", index=False)
    setup, _ = plan_workspace(tmp_path / "ws", tmp_path / "first.csv", said=Said(label="outcome"))
    assert "'Yes' and 'yes' differ" in setup.doubt


@pytest.mark.parametrize("name", ["what?now", "a#b"])
def test_a_folder_whose_name_ends_a_url_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot lie in"):
        plan_workspace(tmp_path / name, sent(tmp_path), said=Said(label="outcome"))


def test_the_contract_says_all_of_it_and_is_read_back_as_it_was_written(tmp_path):
    odd = ["Men\x92s", "wait\x85", "del\x7f", "bom\ufeff", "sep\u2028", "smile 😀"]
    said = Said(dates=("day",), ignore=("b",), no_value=("\\N",))
    day = pd.date_range("2026-01-01 06:00", periods=N, freq="37h").astype(str)
    setup, table, _ = planned(tmp_path, said, shop=odd * (N // 6), day=day, b=range(N))
    contract = setup.contract(table)
    (tmp_path / "lepton.yaml").write_text("name: t\nkind: tabular\nsource: first\n")
    ws = Workspace(tmp_path)
    save_contract(ws, contract)
    assert load_contract(ws, "first") == contract
    assert load_contract(ws, "first").digest() == contract.digest()
    assert set(yaml.safe_load(render(contract))["columns"][1]["values"]) == set(odd)
    assert contract.dates == {"day": ("weekday", "hour")}
