"""S6: exported as a graph and as a page, a champion gives the answers that it gives here.

10,000 rows each of a table (a), images (b) and texts (c), some of them odd. The graph answers in Python through
onnxruntime, the page in headless Chromium: tables and texts as a CSV that is dropped on it, images as the pixels that
it would have decoded. A figure is the largest difference of a probability from `Champion.predict` in either, in units
of the 1e-5 that are allowed; the labels that differ are told beside, and must be none.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import champions
import figures
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.graph.fields import IMAGE
from lepton.graph.run import Graph

COMMAND = "python benchmarks/serving --only S6"
PARTS = (("S6a", "tables"), ("S6b", "digits"), ("S6c", "texts"))
ALLOWED = 1e-5
PIECE = 1000
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ASK = """async ([text, count, size]) => {
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const images = Array.from({ length: count }, (_, k) => raw.subarray(k * size, (k + 1) * size));
  return window.champion.answer(new Map([["image", images]]));
}"""

Said = tuple[list[str], NDArray[np.float64]]


def measure() -> Iterator[figures.Figure]:
    """Yield the largest difference of each kind."""
    for name, kind in PARTS:
        served = champions.served(kind)
        champion = served.ws.champion(served.target)
        answers = champion.predict(served.rows)
        expected = answers[[f"p({one})" for one in champion.classes]].to_numpy()
        labels = answers["label"].tolist()
        with tempfile.TemporaryDirectory(prefix="lepton-s6-") as folder:
            said = {"python": in_python(served, Path(folder)), "browser": in_browser(served, Path(folder))}
        off = {where: float(np.abs(found - expected).max()) for where, (_, found) in said.items()}
        differ = {where: sum(a != b for a, b in zip(found, labels, strict=True)) for where, (found, _) in said.items()}
        yield figures.figure(
            name,
            max(off.values()) / ALLOWED,
            f"of the allowed 1e-5, a probability of {kind}",
            len(labels),
            [0],
            COMMAND,
            bar=1,
            off={where: float(f"{value:.2g}") for where, value in off.items()},
            other_labels=differ,
        )


def in_python(served: champions.Served, folder: Path) -> Said:
    """Return what the graph answers."""
    graph = Graph.open(served.ws.export(served.target, folder / "champion.onnx").file)
    if isinstance(served.rows, pd.DataFrame):
        frame = served.rows.astype(object)
        columns: dict[str, Any] = {name: frame[name].where(frame[name].notna(), None).tolist() for name in frame}
    else:
        columns = {IMAGE: served.rows}
    found = graph.answer(columns)
    return list(found.labels), found.probabilities


def in_browser(served: champions.Served, folder: Path) -> Said:
    """Return what the page answers."""
    from playwright.sync_api import sync_playwright

    package = os.environ.get("LEPTON_ONNXRUNTIME_WEB")
    file = served.ws.export(served.target, folder / "champion.html", runtime=package).file
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.context.set_offline(True)
        page.goto(file.as_uri())
        page.locator("#state.good").wait_for()
        if not isinstance(served.rows, pd.DataFrame):
            return _asked(page, served.rows)
        rows = folder / "rows.csv"
        served.rows.to_csv(rows, index=False)
        page.set_input_files("#files", rows)
        page.locator("#state.good:has-text('Answered')").wait_for(timeout=300_000)
        with page.expect_download() as download:
            page.click("#save")
        found = pd.read_csv(download.value.path(), keep_default_na=False)
        browser.close()
    return found["label"].astype(str).tolist(), found.iloc[:, 2:].to_numpy(dtype=float)


def _asked(page: Any, images: NDArray[np.uint8]) -> Said:
    labels: list[str] = []
    probabilities: list[list[float]] = []
    for at in range(0, len(images), PIECE):
        part = images[at : at + PIECE]
        text = base64.b64encode(np.ascontiguousarray(part).tobytes()).decode()
        found = page.evaluate(ASK, [text, len(part), part[0].size])
        labels += found["labels"]
        probabilities += found["probabilities"]
    return labels, np.array(probabilities)
