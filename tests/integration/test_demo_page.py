"""The demo's page in a real headless Chromium: what it links, and that a narrow window shows it whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lepton.cli.demo.page import page
from lepton.cli.demo.picture import draw
from lepton.cli.demo.story import Record, Seen

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = "/home/somebody/with a long name/projects/of-this-year/lepton/.lepton/demo"


@pytest.fixture
def demo_page(tmp_path: Path) -> Path:
    """The page of a short story, with addresses and a lineage that are as long as real ones."""
    windows = [
        Seen(f"w{k}", k > 2, "lepton-mnist-to-optdigits v1", 0.9, 0.88, 0.5 * k, {}, "none", "calm", None, None)
        for k in range(1, 6)
    ]
    record = Record(windows=windows)
    record.links = {
        "champion that serves, lepton-mnist-to-optdigits v2": "http://127.0.0.1:5000/#/models/lepton-mnist-to-opt/2",
        "lineage": f"file://{FOLDER.replace(' ', '%20')}/reports/lineage.html",
    }
    record.commands = {"dashboard": f"lepton --workspace '{FOLDER}' ui"}
    record.lineage = "lepton-mnist v1  champion, supervised, data mnist 3f0c6e9a51b2  " * 3
    record.refused = "Refused: 3 of 2,007 rows <break> the contract of domain 'optdigits'. " * 2
    rows = [
        ("un-adapted base", "0.713", "on held-out optdigits rows"),
        ("confirmed drift -> new champion", "9.1 s", ""),
    ]
    file = tmp_path / "demo.html"
    file.write_text(page(record, draw(windows, 0.7, 1.0, 0.8, 9.1, "a smudge"), "a smudge", rows))
    return file


def test_the_page_leads_to_champion_lineage_and_dashboard(browser: Browser, demo_page: Path) -> None:
    opened = browser.new_page()
    opened.goto(demo_page.as_uri())
    links = [link.get_attribute("href") for link in opened.locator("ul a").all()]
    assert links == ["http://127.0.0.1:5000/#/models/lepton-mnist-to-opt/2", links[1]]
    assert links[1] is not None
    assert links[1].endswith("lineage.html")
    assert f"dashboard: type lepton --workspace '{FOLDER}' ui" in opened.locator("ul").inner_text()
    opened.close()


@pytest.mark.parametrize("width", [500, 360])
def test_the_page_is_readable_in_a_narrow_window(browser: Browser, demo_page: Path, width: int) -> None:
    opened = browser.new_page(viewport={"width": width, "height": 800})
    opened.goto(demo_page.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    sizes = opened.evaluate(
        "[...document.querySelectorAll('p,li,td')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 13
    opened.close()
