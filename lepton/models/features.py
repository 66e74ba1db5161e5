"""Frozen embeddings, computed once: keyed by what they depend on, so that a stale one cannot be met."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor

from lepton.core.table import Table
from lepton.core.work.files import atomic_write
from lepton.models.model import Model

LIMIT = 512 * 1024 * 1024
"""Bytes that the folder may hold; the entries used longest ago go first."""


class FeatureCache:
    """Embeddings (n, d) float32 in safetensors files, written atomically.

    Args:
        folder: Made when the first entry is written; None keeps nothing.
        limit: Bytes kept.
    """

    def __init__(self, folder: Path | None, limit: int = LIMIT) -> None:
        self.folder = folder
        self.limit = limit

    def get(self, model: Model, table: Table) -> Tensor:
        """Return `model.features(table)`, from disk if it was computed before.

        The key covers encoder, inputs, adapters, the rows and the number of threads (which decides the last bits),
        but not head and labels. A damaged entry is recomputed.
        """
        if self.folder is None or not len(table):
            return model.features(table)
        rows = table.without_labels().content_digest()
        name = f"{model.digest(('encoder', 'adapters'))}-{rows}-{torch.get_num_threads()}.safetensors"
        path = self.folder / name
        found = _read(path, (len(table), model.feature_dim))
        if found is None:
            found = model.features(table)
            if found.nbytes <= self.limit:  # a larger one would drive out all others
                atomic_write(path, dump_tensors({"features": found}))
                self._prune(keep=path)
        return found

    def _prune(self, keep: Path) -> None:
        """Remove the entries used longest ago until the rest fits the limit."""
        entries = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in keep.parent.glob("*.safetensors"))
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self.limit:
                break
            if path != keep:
                path.unlink(missing_ok=True)
                total -= size


def _read(path: Path, shape: tuple[int, int]) -> Tensor | None:
    """Return a whole, fitting entry, else None."""
    try:
        found = parse_tensors(path.read_bytes())["features"]
        path.touch()
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
    return found if found.shape == shape and found.dtype == torch.float32 else None
