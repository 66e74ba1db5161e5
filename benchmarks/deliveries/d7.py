"""D7: how many of two hundred hostile names run on any page that we make or cause, in a real headless Chromium.

Names of columns, categories, labels and ids go through the command line; every page that came of them is opened. First
the same names are opened on a page that takes no care, to see that the browser would run them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import figures

sys.path.insert(0, str(figures.ROOT))

from tests import hostile

COMMAND = "python benchmarks/deliveries --only D7"
CHROMIUM = "/usr/bin/chromium"


def measure() -> Iterator[figures.Figure]:
    """Yield how many names ran, with how many would on a careless page, and how many pages were opened."""
    from playwright.sync_api import sync_playwright

    from lepton.cli.main import main

    with tempfile.TemporaryDirectory(prefix="lepton-d7-") as place, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        folder = Path(place)
        careless = 0
        for k, name in enumerate(hostile.names()):
            page = folder / "careless.html"
            page.write_text(f"<!doctype html><meta charset=utf-8><body>{name}")
            careless += hostile.look_at(browser, page.as_uri(), wait=30).ran == k + 1
        with hostile.workspace(folder, lambda *given: main([str(one) for one in given])) as root:
            pages = hostile.pages(root)
            seen = [hostile.look_at(browser, page.as_uri()) for page in pages]
        browser.close()
    ran = sum(one.ran is not None for one in seen)
    other = [f"{page.name}: {one.requests + one.errors}" for page, one in zip(pages, seen, strict=True)]
    yield figures.figure(
        "D7",
        ran,
        "pages on which a name ran",
        hostile.COUNT,
        [],
        COMMAND,
        bar=0,
        pages=len(pages),
        ran_on_a_careless_page=careless,
        besides=[one for one in other if not one.endswith(": []")],
    )
