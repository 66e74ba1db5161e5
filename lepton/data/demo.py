"""The data that the project ships or that its dependencies bring: two real domains of handwritten digits.

`mnist`: 6,000 images of 28 x 28 (LeCun, Cortes and Burges 1998). `optdigits`: 1,797 images of 8 x 8, the test part of
UCI's "Optical Recognition of Handwritten Digits" as scikit-learn carries it: other writers, forms and scanner.
"""

from __future__ import annotations

import os
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lepton.core.table import Table
from lepton.data import store, versions

TRAIN_ROWS = 5000
"""The first rows of the asset come from MNIST's training files, the rest from its test files."""


def mnist() -> Table:
    """Return 6,000 labelled MNIST images (n, 1, 28, 28) uint8, ids `mnist-train-00012` and `mnist-test-00012`."""
    with (files("lepton.data") / "assets" / "mnist-subset.npz").open("rb") as stream, np.load(stream) as archive:
        images, digits = archive["x"], archive["y"]
    ids = [f"mnist-train-{k:05d}" for k in range(TRAIN_ROWS)]
    ids += [f"mnist-test-{k:05d}" for k in range(len(images) - TRAIN_ROWS)]
    return Table(kind="image", ids=np.array(ids, dtype=object), labels=_words(digits), images=images[:, None])


def optdigits() -> Table:
    """Return 1,797 labelled images (n, 1, 8, 8) uint8, ids `optdigits-0345`; 0..16 is scaled to 0..240."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images * 15).astype(np.uint8)
    ids = np.array([f"optdigits-{k:04d}" for k in range(len(images))], dtype=object)
    return Table(kind="image", ids=ids, labels=_words(bunch.target), images=images[:, None])


def build(root: Path) -> list[Path]:
    """Write `data/` below `root`, the same bytes every time: what the repository's own `data.dvc` pins.

    Where there is such a pin, the data goes into DVC's cache, too, so that `dvc status` is clean afterwards.

    Args:
        root: Folder of a checkout. Batches of the two demo domains there are written anew.
    """
    written = []
    for domain, table in (("mnist", mnist()), ("optdigits", optdigits())):
        folder = root / "data" / domain
        shutil.rmtree(folder / ".build", ignore_errors=True)  # of a build that was interrupted
        path = folder / f"0001-{domain}.parquet"
        fresh = store.place(folder / ".build", domain, table)
        os.replace(fresh, path)
        fresh.parent.rmdir()
        written.append(path)
    if (root / "data.dvc").exists() and (root / ".dvc").is_dir():
        versions.adopt(root)
    return written


def _words(digits: NDArray[np.integer]) -> NDArray[np.object_]:
    return np.array([str(digit) for digit in digits], dtype=object)
