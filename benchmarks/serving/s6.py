"""S6: served, exported as a graph and as a page, a champion gives the answers that it gives here.

10,000 rows each of a table (a), images (b) and texts (c), some of them odd. The graph answers in Python through
onnxruntime, the page in headless Chromium: tables and texts as a CSV that is dropped on it, images as the pixels that
it would have decoded. A figure is the largest difference of a probability from `Champion.predict` in either, in units
of the 1e-5 that are allowed; the labels that differ are told beside, and must be none. d, e, f: rows whose answer over
HTTP, asked for some hundred at a time, is not the same to the last bit.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import champions
import figures
import load
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.graph.fields import IMAGE
from lepton.graph.run import Graph

COMMAND = "python benchmarks/serving --only S6"
PARTS = (("S6a", "tables"), ("S6b", "digits"), ("S6c", "texts"))
SERVED = {"S6a": "S6d", "S6b": "S6e", "S6c": "S6f"}
ALLOWED = 1e-5
PIECE = 1000
ASKED = 333
"""Rows a request."""
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
        _, found = over_http(served)
        differ_at_all = int((found != expected).any(axis=1).sum())
        bits = f"of {len(labels):,} rows of {kind} answered in other bits over HTTP"
        yield figures.figure(SERVED[name], differ_at_all, bits, len(labels), [0], COMMAND, bar=0)


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


def over_http(served: champions.Served) -> Said:
    """Return what a server answers."""
    if isinstance(served.rows, pd.DataFrame):
        frame = served.rows.astype(object)
        rows = frame.where(frame.notna(), None).to_dict("records")
    else:
        rows = [{IMAGE: image.tolist()} for image in served.rows]
    labels: list[str] = []
    chances: list[list[float]] = []
    settings = {"LEPTON_SERVE__STRICT": "[]", "LEPTON_SERVE__MAX_BYTES": "100000000"}
    with load.serving_of(served.ws.root, served.target, **settings) as server:
        for at in range(0, len(rows), ASKED):
            url = f"http://127.0.0.1:{server.port}{server.path}"
            body = json.dumps(rows[at : at + ASKED]).encode()
            with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=60) as reply:
                for one in json.load(reply):
                    labels.append(one["label"])
                    chances.append(list(one["probabilities"].values()))
    return labels, np.array(chances)


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
