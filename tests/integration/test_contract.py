"""Validation of rows against a contract, on real Great Expectations."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
import pandas as pd
import pytest

from lepton.contract import gx, pages
from lepton.contract.checks import Check
from lepton.contract.infer import for_target, infer
from lepton.contract.spec import ColumnRule, Contract
from lepton.contract.validate import validate, validate_labels
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.table import Table

N = 40


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    root = tmp_path_factory.mktemp("ws")
    (root / "lepton.yaml").write_text("name: t\nkind: tabular\nsource: here\n")
    return Workspace(root)


def rows(labels=("yes", "no"), **changed):
    rng = np.random.default_rng(1)
    columns = {
        "age": rng.uniform(18, 80, N),
        "dose (mg/l)": rng.uniform(0, 1, N),
        "colour": pd.Series(["red", "white"] * (N // 2), dtype=object),
        **changed,
    }
    frame = pd.DataFrame({name: values for name, values in columns.items() if values is not None})
    return Table(
        kind="tabular",
        ids=np.array([f"r{k}" for k in range(N)], object),
        labels=np.array([labels[k % len(labels)] for k in range(N)], object),
        frame=frame,
    )


def pictures(pixels=None, dtype=np.uint8):
    images = np.random.default_rng(2).integers(0, 256, (N, 1, 8, 8)).astype(dtype) if pixels is None else pixels
    labels = np.array([str(k % 10) for k in range(len(images))], object)
    return Table(
        kind="image", ids=np.array([f"r{k}" for k in range(len(images))], object), labels=labels, images=images
    )


SOURCE = infer(rows(), "here", "source")
TARGET = for_target(SOURCE, "there")
PICTURES = infer(pictures(), "pictures", "source")


def breaches(ws, table, contract, **kwargs):
    return [f"{b.column}: {b.text()}" for b in validate(table, contract, ws, **kwargs).breaches]


def test_good_rows_pass_quietly_with_a_page(ws, capfd):
    result = validate(rows(), SOURCE, ws, delivery="First Delivery.csv")
    assert result.passed
    assert result.breaches == ()
    assert capfd.readouterr() == ("", "")
    page = Path(unquote(urlparse(result.docs_url).path))
    assert page.is_file()
    assert "first-delivery" in str(page)
    assert "colour" in page.read_text()


def test_without_labels_a_target_passes_and_a_source_does_not(ws):
    assert validate(rows().without_labels(), TARGET, ws).passed
    assert breaches(ws, rows().without_labels(), SOURCE) == ["columns: missing: 'label'"]


def test_an_empty_label_column_is_fine_for_a_target_only(ws):
    assert validate(rows().without_labels(), TARGET, ws, has_labels=True).passed
    found = breaches(ws, rows().without_labels(), SOURCE, has_labels=True)
    assert "label: no value (all 40 rows)" in found


def spoil(values, at, value):
    changed = np.array(values, dtype=object if isinstance(value, str) else float)
    changed[list(at)] = value
    return pd.Series(changed)


AGES = rows().frame["age"]
COLOURS = rows().frame["colour"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"age": spoil(AGES, [3], 1e6)}, ["age: outside of", "1e+06 (row 4)"]),
        ({"age": spoil(AGES, [3, 5], np.inf)}, ["age: outside of", "inf (rows 4, 6)"]),
        ({"age": spoil(AGES, range(30), np.nan)}, ["age: no value in 75 % of the rows; allowed: 5 %", "30 in all"]),
        ({"age": pd.Series([f"{v:.1f}" for v in AGES[:-1]] + ["12,5"])}, ["not a number: '12,5'", "(row 40)", "comma"]),
        ({"colour": spoil(COLOURS, [0], "rosé")}, ["value not allowed: 'rosé'; allowed: red, white (row 1)"]),
        ({"colour": pd.Series(np.arange(40.0))}, ["colour: numbers", "categories"]),
        ({"age": None}, ["columns: missing: 'age'"]),
        ({"extra": AGES}, ["columns: not in the contract: 'extra'"]),
        ({"age": None, "agee": AGES}, ["missing: 'age' (is 'agee' it, renamed?)", "not in the contract: 'agee'"]),
        ({"age": None, "Age": AGES}, ["is 'Age' it"]),
    ],
    ids=["range", "infinite", "missing", "dtype", "category", "number", "missing column", "extra", "renamed", "case"],
)
def test_a_broken_table_is_told_by_column_and_row(ws, changed, told):
    found = "\n".join(breaches(ws, rows(**changed), SOURCE))
    for text in told:
        assert text in found


def test_each_breach_is_told_once(ws):
    assert len(breaches(ws, rows(age=spoil(AGES, [3], 1e6)), SOURCE)) == 1


def test_a_column_without_bounds_still_refuses_infinity(ws):
    contract = SOURCE.model_copy(update={"columns": (ColumnRule(name="age", dtype="number"), *SOURCE.columns[1:])})
    assert "age: outside of any to any: inf (row 4)" in breaches(ws, rows(age=spoil(AGES, [3], np.inf)), contract)


def test_unknown_labels_are_listed_with_what_is_allowed(ws):
    labels = ["yes", "no"] * 19 + ["O", "yes"]
    assert breaches(ws, rows(labels), SOURCE) == ["label: value not allowed: 'O'; allowed: no, yes (row 39)"]


def test_a_delivery_of_one_class_is_honest_most_days_have_no_defect(ws):
    assert validate(rows(["yes"]), SOURCE, ws).passed
    assert validate(rows(["yes"]), TARGET, ws).passed


def test_a_delivery_may_have_columns_called_as_ours_describe_images(ws):
    sizes = dict.fromkeys(("width", "height", "dtype", "minimum", "in earlier batch", "age (characters)"), AGES)
    table = rows(**sizes)
    assert validate(table, infer(table, "odd", "source"), ws).passed


def test_ids_are_present_unique_and_new(ws):
    table = rows()
    table.ids[[4, 9]] = "r1"
    table.ids[7] = None
    found = breaches(ws, table, SOURCE, earlier={"r0": "monday"})
    assert found == [
        "id: no id (row 8)",
        "id: the same id more than once: 'r1' (rows 2, 5, 10)",
        "id: ids that were delivered before, in batch 'monday' (row 1)",
    ]


def test_too_few_rows_are_told(ws):
    contract = SOURCE.model_copy(update={"min_rows": 100})
    assert breaches(ws, rows(), contract) == ["rows: 40 rows; the contract asks for 100 or more"]


def test_good_images_pass(ws):
    assert validate(pictures(), PICTURES, ws).passed


def pixels_with(value, dtype=np.float32):
    images = pictures(dtype=dtype).images.copy()
    images[[2, 6], 0, 3, 3] = value
    return images


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (np.zeros((4, 1, 16, 8), np.uint8), ["shape: 1 x 16 x 8; the contract says 1 x 8 x 8 (rows 1, 2, 3, 4)"]),
        (np.zeros((9, 3, 8, 8), np.uint8), ["shape: 3 x 8 x 8; the contract says 1 x 8 x 8 (all 9 rows)"]),
        (np.zeros((4, 1, 8, 8), np.float32), ["pixels: of type float32; the contract says uint8"]),
    ],
    ids=["size", "channels", "dtype"],
)
def test_a_wrong_shape_or_type_is_one_breach(ws, images, told):
    assert [text[: len(told[0])] for text in breaches(ws, pictures(images), PICTURES)] == told


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite_are_told_by_row(ws, value):
    contract = infer(pictures(dtype=np.float32), "floats", "source")
    assert breaches(ws, pictures(pixels_with(value)), contract) == ["pixels: NaN or infinite (rows 3, 7)"]


def test_pixels_out_of_range_are_told_by_row(ws):
    contract = infer(pictures(dtype=np.float32), "floats", "source")
    assert "(rows 3, 7)" in breaches(ws, pictures(pixels_with(1e6)), contract)[0]


def test_files_of_a_folder_are_told_by_name(ws):
    table = pictures()
    table.labels[5] = "x"
    names = [f"{k}.png" for k in range(N)]
    assert breaches(ws, table, PICTURES, names=names)[0].endswith("(image 5.png)")


def test_labels_for_stored_rows(ws):
    stored = {f"r{k}": "one" for k in range(4)}
    ids = np.array(["r0", "r1", "r1", "zz"], object)
    good = validate_labels(ids[:2], np.array(["yes", "no"], object), TARGET, ws, stored=stored, delivery="l.csv")
    assert good.passed
    bad = validate_labels(ids, np.array(["yes", None, "no", "Y"], object), TARGET, ws, stored=stored, delivery="l.csv")
    assert [f"{b.column}: {b.text()}" for b in bad.breaches] == [
        "id: the same id more than once: 'r1' (rows 2, 3)",
        "id: ids of no stored row of domain 'there' (row 4)",
        "label: value not allowed: 'Y'; allowed: no, yes (row 4)",
        "label: no value (row 2)",
    ]


def test_a_check_that_breaks_is_not_bad_data(ws):
    frame = pd.DataFrame({"x": [1.0]})
    broken = Check("ExpectColumnValuesToBeBetween", {"column": "nope", "min_value": 0}, "nope", lambda *_: "never said")
    with pytest.raises(LeptonError, match="the data was not judged") as caught:
        gx.run([gx.Asked(frame, [broken])], "broken", "d", ws.docs_dir)
    assert "ExpectColumnValuesToBeBetween" in caught.value.what


def test_kinds_do_not_mix(ws):
    with pytest.raises(LeptonError, match="holds images; domain 'here' holds rows of a table"):
        validate(pictures(), SOURCE, ws)


def test_column_names_of_any_sort_can_be_checked(ws):
    odd = {"$price": AGES, "a.b": AGES, "with space": AGES, "Größe": AGES, "{x}": AGES, "index": AGES, "%": AGES}
    table = rows(**odd)
    assert validate(table, infer(table, "odd", "source"), ws).passed


def test_old_pages_go(ws, monkeypatch):
    monkeypatch.setattr(pages, "KEPT", 2)
    urls = [validate(rows(), SOURCE, ws, delivery=f"d{k}").docs_url for k in range(5)]
    exist = [Path(unquote(urlparse(url).path)).exists() for url in urls]
    assert exist == [False, False, True, True, True]


def test_two_processes_may_validate_at_once(ws, tmp_path):
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from pathlib import Path\n"
        "from test_contract import SOURCE, rows, validate, Workspace\n"
        "for k in range(2): assert validate(rows(), SOURCE, Workspace(Path(sys.argv[3]))).passed\n"
    )
    here = Path(__file__).parent
    arguments = [sys.executable, "-c", code, str(here), str(here.parents[1]), str(ws.root)]
    running = [subprocess.Popen(arguments, stderr=subprocess.PIPE, env={**os.environ}) for _ in range(2)]
    for process in running:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err.decode()
        assert err == b""


def test_a_contract_made_by_hand_works(ws):
    contract = Contract(
        domain="hand",
        role="target",
        kind="tabular",
        classes=("a", "b"),
        columns=(ColumnRule(name="x", dtype="number", min=0),),
    )
    frame = pd.DataFrame({"x": [1.0, -1.0]})
    table = Table(kind="tabular", ids=np.array(["p", "q"], object), labels=np.array([None, None], object), frame=frame)
    assert breaches(ws, table, contract) == ["x: outside of 0 to any: -1 (row 2)"]
