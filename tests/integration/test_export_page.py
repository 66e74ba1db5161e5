"""An exported page in a real headless Chromium: offline, files dropped, answers as the model gives them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.graph.about import TOLERANCE, About
from lepton.graph.run import Graph
from lepton.models.model import Model
from lepton.operations.export.page import page
from lepton.operations.export.runtime import WebRuntime, web_runtime
from tests.integration.test_graph import exported, trained
from tests.unit import factories

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COUNT = 40


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> WebRuntime:
    """onnxruntime-web from the npm registry; without one, skipped."""
    try:
        return web_runtime(Workspace(tmp_path_factory.mktemp("ws")))
    except LeptonError as error:
        pytest.skip(f"{error.what} {error.why}")


def opened(browser: Browser, file: Path, about: About, content: bytes, runtime: WebRuntime) -> Page:
    """Return the page, once it has loaded the model or said why not; whatever it asks of the network is noted."""
    file.write_text(page(about, content, runtime), "utf-8")
    shown = browser.new_page()
    shown.context.set_offline(True)
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.asked = asked  # type: ignore[attr-defined]
    shown.goto(file.as_uri())
    settled(shown)
    return shown


def settled(shown: Page, word: str = "") -> str:
    """Return what the page says once it is done."""
    shown.locator(f"#state.good:has-text({json.dumps(word)}), #state.bad").wait_for()
    return shown.locator("#state").inner_text()


def as_csv(table: Table, file: Path) -> list[Path]:
    """Write rows as people would drop them: a CSV, and images beside it; return the files."""
    from PIL import Image

    found, lines = [], pd.DataFrame(index=range(len(table))) if table.frame is None else table.frame.copy()
    for name in table.series:
        lists = [None if one is None else [None if np.isnan(v) else float(v) for v in one] for one in lines[name]]
        lines[name] = [None if one is None else json.dumps(one) for one in lists]
    if table.images is not None:
        there = table.has_image()
        lines["file"] = [f"{row:03d}.png" if there[row] else None for row in range(len(table))]
        for row in np.flatnonzero(there):
            found.append(file.parent / f"{row:03d}.png")
            Image.fromarray(table.images[row, 0]).save(found[-1])
    if table.frame is not None:
        lines.to_csv(file, index=False, quoting=csv.QUOTE_MINIMAL)
        found.append(file)
    return found


def compare(file: Path, model: Model, table: Table) -> None:
    answers = pd.read_csv(file, keep_default_na=False)
    expected = model.predict_proba(table)
    assert answers["label"].tolist() == [model.classes[at] for at in expected.argmax(axis=1)]
    found = answers[[f"p({name})" for name in model.classes]].to_numpy(dtype=float)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("kind", list(factories.MAKERS))
def test_files_that_are_dropped_are_answered_as_the_model_does_and_nothing_is_asked_of_the_network(
    browser: Browser, tmp_path: Path, runtime: WebRuntime, kind: str
) -> None:
    model, content = trained(kind)
    table = factories.rows(kind, COUNT, seed=9)
    shown = opened(browser, tmp_path / "champion.html", Graph.of(content).about, content, runtime)
    assert "as the model did" in settled(shown)
    shown.set_input_files("#files", as_csv(table, tmp_path / "rows.csv"))
    assert f"Answered {COUNT} rows" in settled(shown, "Answered")
    assert shown.locator("#answers tbody tr").count() == COUNT
    with shown.expect_download() as download:
        shown.click("#save")
    compare(Path(download.value.path()), model, table)
    assert [url for url in shown.asked if not url.startswith(("file:", "blob:"))] == []  # type: ignore[attr-defined]
    shown.close()


def test_one_row_is_typed(browser: Browser, tmp_path: Path, runtime: WebRuntime) -> None:
    _, content = trained("tabular")
    graph = Graph.of(content)
    shown = opened(browser, tmp_path / "champion.html", graph.about, content, runtime)
    shown.click("#single summary")
    shown.fill("#row label:has-text('size') input", "1.25")
    shown.click("#row button")
    settled(shown, "Answered 1 ")
    label = next(iter(graph.answer_one({"size": 1.25})))
    assert shown.locator("#answers tbody td").nth(1).inner_text() == label
    shown.close()


def test_an_empty_text_is_a_row_and_a_blank_line_is_none(browser: Browser, tmp_path: Path, runtime: WebRuntime) -> None:
    _, content = trained("text")
    shown = opened(browser, tmp_path / "champion.html", Graph.of(content).about, content, runtime)
    (tmp_path / "rows.csv").write_text('said\n"two\nlines"\n""\n\nred\n')
    shown.set_input_files("#files", tmp_path / "rows.csv")
    assert "Answered 3 rows" in settled(shown, "Answered")
    shown.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("size,weight\n1,2\n", "lack 1 column(s) that the model reads: colour"),
        ("size,weight,colour\nmuch,2,red\n", 'Row 1, column "size": "much" is not a number'),
        ("size,weight,colour\n1,2\n", "Row 1 has 2 fields"),
        ("size,weight,colour\n", "no rows"),
        ('size,weight,colour\n1,2,"red\n', "not closed"),
        ("", "no rows"),
    ],
)
def test_what_cannot_be_answered_is_said(
    browser: Browser, tmp_path: Path, runtime: WebRuntime, text: str, told: str
) -> None:
    _, content = trained("tabular")
    shown = opened(browser, tmp_path / "champion.html", Graph.of(content).about, content, runtime)
    (tmp_path / "rows.csv").write_text(text)
    shown.set_input_files("#files", tmp_path / "rows.csv")
    assert told in settled(shown, "Answered")
    assert shown.locator("#answers").is_hidden()
    shown.close()


def test_an_image_of_another_size_is_named(browser: Browser, tmp_path: Path, runtime: WebRuntime) -> None:
    _, content = trained("image")
    shown = opened(browser, tmp_path / "champion.html", Graph.of(content).about, content, runtime)
    shown.set_input_files("#files", as_csv(factories.images(1, shape=(1, 9, 10)), tmp_path / "x.csv"))
    assert "000.png has 10 x 9 pixels; the model reads 10 x 10" in settled(shown, "Answered")
    shown.close()


def test_a_page_that_does_not_answer_its_examples_answers_nothing(
    browser: Browser, tmp_path: Path, runtime: WebRuntime
) -> None:
    _, content = trained("tabular")
    about = Graph.of(content).about
    wrong = replace(about.examples, probabilities=about.examples.probabilities[:, ::-1].copy())
    about = replace(about, examples=wrong)
    shown = opened(browser, tmp_path / "champion.html", about, content, runtime)
    assert "so it answers nothing" in settled(shown)
    assert shown.locator("#single").is_hidden()
    shown.close()


def test_names_that_would_run_are_shown_as_they_are(browser: Browser, tmp_path: Path, runtime: WebRuntime) -> None:
    from tests.hostile import names

    given = names()
    model = factories.base("tabular")
    frame = factories.columns(3).frame
    assert frame is not None
    said = model.inputs.to_json()
    said["columns"][0]["name"] = given[0]
    renamed = Model(model.inputs.from_json(said), model.encoder, model.head, given[3:6])
    content = exported(renamed, None)
    shown = opened(browser, tmp_path / "champion.html", Graph.of(content).about, content, runtime)
    rows = frame.rename(columns={"size": given[0]})
    rows["colour"] = given[6:9]
    rows.to_csv(tmp_path / "rows.csv", index=False)
    shown.set_input_files("#files", tmp_path / "rows.csv")
    settled(shown, "Answered")
    assert shown.locator("#answers tbody td").nth(1).inner_text() in given[3:6]
    assert shown.evaluate("() => window.broken") is None
    shown.close()
