"""Two hundred hostile names on every page that we make or cause, in a real headless Chromium: none of them runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import hostile
from tests.conftest import restore_interrupt

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from lepton.cli.main import main

    with hostile.workspace(
        tmp_path_factory.mktemp("hostile"), lambda *given: main([str(one) for one in given])
    ) as made:
        yield made


def test_the_names_would_run_where_a_page_took_them_for_its_own(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "careless.html"
    page.write_text("<!doctype html><meta charset=utf-8>" + "".join(f"<p>{name}</p>" for name in hostile.names()))
    assert hostile.look_at(browser, page.as_uri(), wait=300).ran


def test_nothing_that_people_deliver_runs_on_any_page(browser: Browser, root: Path) -> None:
    pages = hostile.pages(root)
    assert {"audit.html", "lineage.html", "w1.v1.html", "deliveries-site.html"} <= {page.name for page in pages}
    for page in pages:
        seen = hostile.look_at(browser, page.as_uri())
        assert (seen.ran, seen.requests, seen.errors) == (None, [], []), page
        assert seen.words.strip(), page


def test_a_report_shows_the_names_as_they_are(browser: Browser, root: Path) -> None:
    (report,) = root.glob("reports/windows/*/*.html")
    words = hostile.look_at(browser, report.as_uri()).words
    shown = [name for name in hostile.names()[: hostile.NUMBERS] if name in words]
    assert "</script><script>" in "".join(shown)
    assert len(shown) >= 5


def test_nothing_runs_on_the_dashboard(browser: Browser, root: Path) -> None:
    command = [sys.executable, "-c", "from lepton.cli.main import run; run()", "-w", str(root), "ui", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=restore_interrupt
    ) as process:
        try:
            assert process.stdout is not None
            url = json.loads("".join(process.stdout.readline() for _ in range(3)))["url"]
            seen = hostile.look_at(browser, url, wait=4000)
            assert seen.ran is None
            assert "source-to-site" in seen.words
            assert all(request.startswith(url) for request in seen.requests)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
