"""The rows that a report shows: the most shifted ones, beside usual ones; pictures open, words are escaped."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pandas as pd
from PIL import Image

from lepton.core.decisions.memory import Decision, State
from lepton.core.table import Table
from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import watched_columns
from lepton.monitoring.examples import examples_html, farthest, typical
from lepton.monitoring.report import PLACE, add_decision


def judged(table: Table) -> Judged:
    rng = np.random.default_rng(len(table))
    p = rng.dirichlet([1, 1, 1], len(table))
    return Judged(table, p, rng.normal(size=(len(table), 4)), ("a", "b", "<c>"))


def sensors(rows: int, seed: int, hot: float = 0.0, line: str = "north") -> Judged:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"heat": rng.normal(50, 5, rows) + hot, "line": np.where(rng.random(rows) < 0.5, line, "<east>")}
    )
    ids = np.array([f"{seed}-{k}" for k in range(rows)], dtype=object)
    return judged(Table("tabular", ids, np.full(rows, None, dtype=object), frame=frame))


def test_the_hottest_rows_are_shown_next_to_usual_ones():
    before, after = sensors(200, 1), sensors(100, 2, hot=20)
    columns = watched_columns(before, after)
    heat = next(column for column in columns if column.name == "inputs: heat")
    assert set(farthest(heat, 3)) == set(np.argsort(-after.table.frame["heat"].to_numpy())[:3])
    middle = np.abs(before.table.frame["heat"] - before.table.frame["heat"].median())
    assert set(typical(heat, 3)) == set(np.argsort(middle.to_numpy())[:3])
    page = examples_html(before, after, columns, ["inputs: heat"], 3)
    assert page.count("<tr>") == 8
    assert all(after.table.ids[k] in page for k in farthest(heat, 3))
    assert "<east>" not in page
    assert "<c>" not in page


def test_colder_rows_and_a_category_that_grew_are_found_too():
    cold = sensors(100, 3, hot=-20)
    heat = next(c for c in watched_columns(sensors(200, 1), cold) if c.name == "inputs: heat")
    assert farthest(heat, 1)[0] == np.argmin(cold.table.frame["heat"])
    other = sensors(100, 4, line="south")
    line = next(c for c in watched_columns(sensors(200, 1), other) if c.name == "inputs: line")
    assert set(other.table.frame["line"].iloc[farthest(line, 5)]) == {"south"}


def test_none_are_shown_where_none_are_asked_for_or_nothing_is_compared():
    before, after = sensors(200, 1), sensors(100, 2)
    columns = watched_columns(before, after)
    assert examples_html(before, after, columns, ["inputs: heat"], 0) == ""
    assert examples_html(before, after, columns, ["label mix: shares of the classes"], 6) == ""


def test_images_are_small_pictures_that_open():
    rng = np.random.default_rng(0)
    tables = []
    for seed, light in ((1, 0), (2, 90)):
        images = np.clip(rng.integers(0, 160, (60, 3, 100, 80)) + light, 0, 255).astype(np.uint8)
        ids = np.array([f"{seed}-{k}" for k in range(60)], dtype=object)
        tables.append(judged(Table("image", ids, np.full(60, None, dtype=object), images=images)))
    columns = watched_columns(*tables)
    page = examples_html(*tables, columns, ["inputs: mean"], 4)
    found = re.findall(r"base64,([^\"]+)", page)
    assert len(found) == 8
    sizes = {Image.open(io.BytesIO(base64.b64decode(one))).size for one in found}
    assert sizes == {(58, 72)}
    assert len(page) < 200_000


def test_a_decision_is_written_into_a_report_once(tmp_path):
    path = tmp_path / "w.html"
    path.write_text(f"<table>{PLACE}</table>")
    add_decision(path, Decision("retransfer", "it <hurts>", State(since="w3")))
    add_decision(path, Decision("none", "later", State()))
    page = path.read_text()
    assert "window w3" in page
    assert "retransfer: it &lt;hurts&gt;" in page
    assert "later" not in page
    add_decision(tmp_path / "gone.html", Decision("none", "", State()))
