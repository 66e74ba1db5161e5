"""A folder of images: each sub-folder is a class; `_unlabelled`, or no sub-folder, means the label is unknown."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.core.kinds import kind_of
from lepton.core.table import Table
from lepton.data.labels import spelled
from lepton.data.readers.delivery import Delivery, Reading
from lepton.data.readers.guard import check_inside
from lepton.data.readers.limits import check_shape, check_size
from lepton.data.readers.picture import read_image
from lepton.data.readers.reader import Reader

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
UNLABELLED = "_unlabelled"
IGNORED = ("Thumbs.db", "desktop.ini", ".DS_Store", ".directory", ".localized", ".gitkeep", ".gitignore")
"""Files that a file manager or git leaves in a folder; anything else that is no image is refused."""
IGNORED_FOLDERS = (
    "__MACOSX",
    ".AppleDouble",
    ".Spotlight-V100",
    ".Trashes",
    ".fseventsd",
    ".git",
    ".ipynb_checkpoints",
)
APPLE = "._"
"""How the names of the files begin that a Mac writes beside its own on a foreign disk."""


class ImageFolder(Reader):
    """A folder of images, one sub-folder a class."""

    name = "folder"

    def claims(self, path: Path) -> int:
        """Any folder, unless another reader knows it better."""
        return int(path.is_dir())

    def read(self, path: Path, reading: Reading) -> Delivery:
        """See the module's `read`."""
        return read(path, reading)


def read(path: Path, reading: Reading) -> Delivery:
    """Read all images below a folder, in the order of their paths; ids are the paths within the folder.

    Raises:
        LeptonError: If there is no image, a file is no image or damaged, images differ in size, or a link leads out.
    """
    if reading.kind == "mixed":
        raise LeptonError(
            f"{path.name} holds images alone; the rows here have further columns.",
            fix=[f"put a file rows.csv into {path.name}: a column `file` with the image's name, and the other columns"],
        )
    if reading.kind not in (None, "image"):
        what = {"tabular": "columns of a table"}.get(reading.kind, kind_of(reading.kind).words)
        raise LeptonError(
            f"{path.name} is a folder of images, but the rows here are {what}.",
            fix=["deliver CSV or Parquet"],
        )
    found = files(path)
    inner = [file.relative_to(path).parts[:-1] for file in found]
    labels: list[str | None] = [None if not parts or parts[0] == UNLABELLED else parts[0] for parts in inner]
    ids = np.array([normalize("NFC", file.relative_to(path).as_posix()) for file in found], dtype=object)
    table = Table(kind="image", ids=ids, labels=spelled(labels, reading.classes), images=stacked(path, found, reading))
    return Delivery(table, ids_from="path", has_labels=any(label is not None for label in labels))


def stacked(path: Path, found: list[Path], reading: Reading) -> NDArray[np.generic]:
    """Return (n, C, H, W) of images in a folder: in colour if the contract says so or, before there is one, if any is.

    Raises:
        LeptonError: If one is damaged, cannot be kept as it is, or they differ in size or depth.
    """
    check_shape(path.name, len(found), 1, reading.limits)
    pixels, images = 0, []
    for file in found:
        images.append(read_image(path, file, reading.limits))
        pixels += images[-1].nbytes
        check_size(path.name, pixels, reading.limits)
    colour = any(image.ndim == 3 for image in images) or (reading.image_shape or (1,))[0] == 3
    if colour:
        images = [image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2) for image in images]
    _check_sizes(path, found, images)
    return np.stack([np.moveaxis(i, 2, 0) if i.ndim == 3 else i[None] for i in images])


def files(root: Path, besides: tuple[str, ...] = ()) -> list[Path]:
    """Return the images below a folder, in the order of their paths.

    Raises:
        LeptonError: If there is none, something else (but for the names in `besides`), or a link leads out.
    """
    found: list[Path] = []
    for entry in sorted(root.rglob("*")):
        inner = entry.relative_to(root)
        if entry.name in IGNORED or entry.name.startswith(APPLE) or str(inner) in besides:
            continue
        if any(part in IGNORED_FOLDERS for part in inner.parts):
            continue
        check_inside(entry, root)
        if entry.is_dir():
            continue
        if len(inner.parts) > 2:
            raise LeptonError(
                f"{root.name}: {inner} lies too deep.",
                why="Images lie in the folder itself or in one sub-folder a class.",
            )
        if entry.suffix.lower() not in SUFFIXES:
            raise LeptonError(
                f"{root.name}: {inner} is not an image.",
                why=f"Known images: {', '.join(SUFFIXES)}. A folder of tables is read if they are parts of Parquet.",
                fix=["take other files out of the folder"],
            )
        found.append(entry)
    if not found:
        raise LeptonError(
            f"There is no image in the folder {root}.",
            why=f"Known images: {', '.join(SUFFIXES)}.",
            fix=["put the images of each class into a sub-folder named like the class"],
        )
    return found


def _check_sizes(root: Path, files: list[Path], images: list[NDArray[np.generic]]) -> None:
    sizes: dict[tuple[int, int, str], list[int]] = {}
    for place, image in enumerate(images):
        sizes.setdefault((image.shape[0], image.shape[1], str(image.dtype)), []).append(place)
    if len(sizes) == 1:
        return
    listed = sorted(sizes.items(), key=lambda item: -len(item[1]))
    raise LeptonError(
        f"The images in {root.name} differ in size or depth.",
        why="\n".join(
            f"{w} x {h} pixels, {dtype}: {len(places)} images, such as {files[places[0]].relative_to(root)}"
            for (h, w, dtype), places in listed[:5]
        ),
        fix=["bring them to one size, or deliver each size as a domain of its own"],
    )
