"""What `lepton demo` prints at its end, and what it leaves when it fails; the story itself is played in tests/e2e."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lepton.cli.demo import perform
from lepton.cli.stack import lifecycle


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders whose stack was stopped."""
    found: list[Path] = []
    monkeypatch.setattr(lifecycle, "down", lambda ws: found.append(ws.root))
    monkeypatch.setattr(perform, "make_room", lambda root: root.mkdir())
    return found


def test_it_ends_with_lineage_figures_links_and_the_next_command(
    lepton: Any, tmp_path: Path, stopped: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def played(root: Path, seed: int, hear: Any, head: Any) -> Any:
        (root / "lepton.yaml").write_text("source: mnist\n")
        head("1. Ingest")
        hear("  300 rows")
        return SimpleNamespace(lineage="base -> champion", links={"page": "reports/demo.html"})

    monkeypatch.setattr(perform, "perform", played)
    monkeypatch.setattr(perform, "publish", lambda record, ws: [("accuracy", "0.97", "")])
    done = lepton("demo", "--folder", tmp_path / "demo", "--down")
    assert done.code == 0, done.text
    for words in ("1. Ingest", "300 rows", "base -> champion", "0.97", "reports/demo.html", "next   lepton -w"):
        assert words in done.out
    assert stopped == [tmp_path / "demo"]


def test_a_story_that_fails_leaves_no_server(
    lepton: Any, tmp_path: Path, stopped: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(perform, "perform", fails)
    assert lepton("demo", "--folder", tmp_path / "demo").code != 0
    assert stopped == [tmp_path / "demo"]
