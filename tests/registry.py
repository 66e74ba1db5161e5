"""A registry to try things on: a small untrained model, a workspace with MLflow ready, versions at will."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lepton.core.config.settings import EncoderConfig
from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from lepton.core.refs import DataRef, ModelRef
from lepton.core.table import Table
from lepton.registry.lineage.record import Lineage
from lepton.registry.models import register

PAIR, MODEL = "mnist-to-usps", "lepton-mnist-to-usps"
DATA = DataRef("mnist", ("a", "b"), "d" * 32, "m" * 32, None, 12, 9)


def some_images() -> np.ndarray:
    """Return images of one seed."""
    return np.random.default_rng(0).integers(0, 255, (6, 1, 8, 8)).astype(np.uint8)


def save_model(folder: Path, seed: int = 0) -> Path:
    """Write a small untrained model as `lepton.models.format` does, with all that lies beside it."""
    import torch
    from torch import nn

    from lepton.models.encoders import build_encoder
    from lepton.models.format import save
    from lepton.models.inputs import fit_inputs
    from lepton.models.model import Model

    torch.manual_seed(seed)
    images = some_images()
    ids = np.array([str(n) for n in range(len(images))], dtype=object)
    table = Table("image", ids, np.full(len(images), None, dtype=object), images=images)
    config = EncoderConfig(name="cnn", width=4, features=8, image_size=8)
    inputs = fit_inputs(table, config)
    encoder = build_encoder(config, inputs.layout)
    return save(Model(inputs, encoder, nn.Linear(encoder.feature_dim, 3), ("a", "b", "c")), folder)


def workspace_in(root: Path, settings: str = "") -> Workspace:
    """Return a workspace with nothing but its configuration."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "lepton.yaml").write_text(f"name: digits\nkind: image\nsource: mnist\n{settings}")
    (root / "contracts").mkdir(exist_ok=True)
    return Workspace(root)


def with_mlflow(ws: Workspace, database: Path) -> Workspace:
    """Give a workspace a copy of MLflow's tables, made once: it takes seconds."""
    ws.state_dir.mkdir(exist_ok=True)
    shutil.copy(database, ws.mlflow_db)
    return ws


@dataclass(frozen=True)
class Maker:
    """Registers versions of one model folder."""

    ws: Workspace
    ledger: Ledger
    folder: Path

    def __call__(
        self, pair: str = PAIR, parent: ModelRef | None = None, folder: Path | None = None, **other: Any
    ) -> ModelRef:
        """Register the next version of a pair."""
        data = other.pop("data", {"train": DATA})
        lineage = Lineage(strategy="residual", data=data, seed=0, parent=parent, **other)
        numbers = {"accuracy": 0.9, "ece": None}
        return register(self.ws, self.ledger, pair, folder or self.folder, lineage, actor="user:ada", metrics=numbers)
