"""Sheets to label: the label is empty, formulas are marked, ids come back, and an erasure looks into them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.table import Table
from lepton.data.erase import Asked
from lepton.data.ids import as_stored
from lepton.data.readers.labels import read_labels
from lepton.data.sheets import erase_from_sheets, folder_of, free_path, sheet
from tests.unit.factories import columns, names, sequences

RISKY = ["=1+1", "@a", "plain", "-2+3"]


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    (tmp_path / "lepton.yaml").write_text("name: t\nkind: tabular\nsource: here\n")
    return Workspace(tmp_path)


def risky() -> Table:
    frame = pd.DataFrame({"note": names(["=cmd()", "b", None, "+x"]), "size": [1.5, -2.0, np.nan, 4.0]})
    return Table("tabular", names(RISKY), names([None] * 4), frame=frame)


def read(content: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(content), dtype=str, keep_default_na=False)


def test_id_and_an_empty_label_come_first_and_then_what_helps_a_person() -> None:
    content, marked = sheet(columns(5), "part", "grade")
    found = read(content)
    assert list(found.columns) == ["part", "grade", "size", "weight", "colour"]
    assert set(found["grade"]) == {""}
    assert list(found["part"]) == [f"t0-{k}" for k in range(5)]
    assert marked == 0


def test_what_a_spreadsheet_would_run_is_marked_and_the_ids_come_back(tmp_path: Path) -> None:
    content, marked = sheet(risky(), "=id", "label")
    assert marked == 6
    assert list(read(content)["'=id"]) == ["'=1+1", "'@a", "plain", "'-2+3"]
    path = tmp_path / "next.csv"
    path.write_text(content.replace("'=1+1,", "'=1+1,yes"))
    ids, labels = read_labels(path, "label", "=id")
    assert list(as_stored(ids, set(RISKY))) == RISKY
    assert list(labels) == ["yes", None, None, None]


def test_an_image_from_a_folder_is_named_by_its_path_and_a_series_is_left_out() -> None:
    images = Table("image", names(["march/1.png~pixels~ab", "x"]), names([None] * 2), images=np.zeros((2, 1, 2, 2)))
    assert list(read(sheet(images, "id", "label")[0])["image"]) == ["march/1.png", ""]
    assert list(read(sheet(sequences(3), "id", "label")[0]).columns) == ["id", "label"]


def test_a_sheet_that_somebody_began_to_fill_in_is_left_alone(ws: Workspace) -> None:
    first = free_path(ws, "there", "a")
    assert first == ws.reports_dir / "labels" / "there" / "next.csv"
    first.parent.mkdir(parents=True)
    first.write_text("a")
    assert free_path(ws, "there", "a") == first
    assert free_path(ws, "there", "b").name == "next-2.csv"


def test_an_erasure_takes_rows_out_of_sheets_and_the_labels_of_the_others_stay(ws: Workspace) -> None:
    folder = folder_of(ws, "there")
    folder.mkdir(parents=True)
    (folder / "next.csv").write_text(sheet(risky(), "id", "label")[0].replace("plain,", "plain,yes"))
    (folder / "alone.csv").write_text("id,label\n@a,no\n")
    (folder / "semicolons.csv").write_text("id;label\n@a;no\n")
    (folder / "other.csv").write_text("id,label\nplain,no\n")
    erase_from_sheets(ws, "there", Asked(frozenset({"@a", "=1+1"})))
    assert sorted(path.name for path in folder.iterdir()) == ["next.csv", "other.csv"]
    found = read((folder / "next.csv").read_text())
    assert list(found["id"]) == ["plain", "'-2+3"]
    assert list(found["label"]) == ["yes", ""]
    assert (folder / "other.csv").read_text() == "id,label\nplain,no\n"
