"""What tests share here: MLflow's tables made once, one small model, a workspace a test; a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from lepton.registry.mlflow.server import initialise
from tests.registry import Maker, save_model, some_images, with_mlflow, workspace_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return some_images()


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained model as `lepton.models.format` writes it."""
    return save_model(tmp_path_factory.mktemp("model") / "made")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables, made once: it takes seconds."""
    ws = workspace_in(tmp_path_factory.mktemp("template"))
    initialise(ws)
    return ws.mlflow_db


@pytest.fixture
def ws(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace with MLflow ready; nothing may be left in the current folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    yield with_mlflow(workspace_in(tmp_path / "ws"), migrated)
    assert list(elsewhere.iterdir()) == []


@pytest.fixture
def ledger(ws: Workspace) -> Ledger:
    return Ledger(ws.ledger_url)


@pytest.fixture
def make(ws: Workspace, ledger: Ledger, model_folder: Path) -> Maker:
    """Registers the next version at each call."""
    return Maker(ws, ledger, model_folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real headless Chromium; without one, skipped, but not in CI."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {CHROMIUM}", pytrace=False)
        pytest.skip(f"there is no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        started = play.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield started
        started.close()
