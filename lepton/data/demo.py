"""The data that the project ships or that its dependencies bring: two real domains of handwritten digits.

`mnist`: 6,000 images of 28 x 28 (LeCun, Cortes and Burges 1998). `optdigits`: 1,797 images of 8 x 8, the test part of
UCI's "Optical Recognition of Handwritten Digits" as scikit-learn carries it: other writers, forms and scanner.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lepton.core.config.workspace import CONFIG_FILE
from lepton.core.errors import NotFound, UsageError
from lepton.core.table import Table
from lepton.data import store, versions
from lepton.data.manifest import object_file

TRAIN_ROWS = 5000
"""The first rows of the asset come from MNIST's training files, the rest from its test files."""
BUILD = ".build"
"""Folder of files that are still being written; `.dvcignore` hides it from DVC."""


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
        root: Folder of a checkout.

    Raises:
        UsageError: If `root` is a workspace, or a file that DVC does not know would be overwritten; nothing is changed.
    """
    check(root)
    folders = {domain: root / "data" / domain for domain in ("mnist", "optdigits")}
    try:
        fresh = {}
        for domain, make in (("mnist", mnist), ("optdigits", optdigits)):
            shutil.rmtree(folders[domain] / BUILD, ignore_errors=True)  # of a build that was interrupted
            fresh[folders[domain] / f"0001-{domain}.parquet"] = store.place(folders[domain] / BUILD, domain, make())
        for path, built in fresh.items():
            _check_replaceable(root, path, built)
        for path, built in fresh.items():
            os.replace(built, path)
    finally:
        for folder in folders.values():
            shutil.rmtree(folder / BUILD, ignore_errors=True)
    if (root / "data.dvc").exists() and (root / ".dvc").is_dir():
        versions.adopt(root)
    return list(fresh)


def check(root: Path) -> None:
    """Refuse to build into a workspace: batches that were delivered there are nobody's to write anew.

    Raises:
        UsageError: If `root` is one.
    """
    if (root / CONFIG_FILE).exists() and (root / "contracts").is_dir():
        raise UsageError(
            f"{root} is a workspace; its data comes from deliveries only.",
            why="`lepton data build` makes the data of lepton's own repository, and would overwrite stored batches.",
            fix=["lepton data build OTHER-FOLDER", "lepton ingest DOMAIN FILE  (adds a delivery to this workspace)"],
        )


def _check_replaceable(root: Path, path: Path, built: Path) -> None:
    """Refuse to overwrite other bytes than ours, unless `data.dvc` pins them and DVC still has them."""
    if not path.exists() or (found := path.read_bytes()) == built.read_bytes():
        return
    md5 = hashlib.md5(found, usedforsecurity=False).hexdigest()
    with contextlib.suppress(NotFound):  # as in a fresh clone, whose cache is empty
        if versions.manifest(root).get(path.relative_to(root / "data").as_posix()) == md5 and object_file(root, md5):
            return
    raise UsageError(
        f"{path} holds something else than the data to build; it was left as it is.",
        why="DVC has no copy of it that data.dvc lists, so overwriting it could lose it.",
        fix=[f"mv {path} ELSEWHERE, then lepton data build {root}", "lepton data build OTHER-FOLDER"],
    )


def _words(digits: NDArray[np.integer]) -> NDArray[np.object_]:
    return np.array([str(digit) for digit in digits], dtype=object)
