"""A workspace to deliver to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import lepton
from tests.conftest import make_plant
from tests.integration.sources.deliveries import ROWS


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a source of one batch."""
    root = tmp_path_factory.mktemp("template") / "ws"
    ws = lepton.init(root, make_plant(ROWS, 0.0, 0), source="here", progress=False)
    ws.ingest("here", make_plant(ROWS, 0.0, 0), name="first")
    return root


@pytest.fixture
def ws(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[lepton.Workspace]:
    """A copy of it; whatever happens, no temporary file may be left."""
    shutil.copytree(template, tmp_path / "ws", symlinks=True)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield lepton.open(tmp_path / "ws", progress=False)
    assert list(temporary.iterdir()) == []


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "LEPTON_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
