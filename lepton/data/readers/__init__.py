"""Read a delivery: CSV (also packed), Parquet, NPZ, a folder of images by class, or one with a list of its rows.

A reader turns bytes into a `Table` and refuses what cannot be read. Whether the rows are *good* is the contract's
question, so a wrong shape, an unknown label or a duplicate id passes here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from lepton.core.config.names import slug
from lepton.core.errors import LeptonError
from lepton.core.kinds import Kind
from lepton.core.plugins import Catalogue
from lepton.core.table import Table
from lepton.data.readers.delivery import Delivery, Reading
from lepton.data.readers.guard import check_path
from lepton.data.readers.limits import check_size
from lepton.data.readers.reader import Reader

__all__ = ["CATALOGUE", "Delivery", "Reader", "Reading", "check_path", "pieces", "read", "read_delivery", "stem"]

CATALOGUE = Catalogue(
    "reader",
    __name__,
    Reader,  # type: ignore[type-abstract]  # it holds concrete ones
    "lepton.readers",
    "lepton doctor  (lists the plug-ins)",
)


def read(path: Path, reading: Reading | None = None, root: Path | None = None) -> Delivery:
    """Read a delivery in the format its name tells.

    Args:
        path: File or folder.
        reading: Names of the special columns, and shapes where the file does not tell them.
        root: Folder the delivery must lie in once symbolic links are followed; by default its own.

    Raises:
        NotFound: If there is nothing at `path`.
        LeptonError: If it cannot be read; says what is wrong and how to mend it.
    """
    reading = reading or Reading()
    path = check_path(Path(path), root)
    return _reader_of(path, reading).read(path, reading)


def pieces(path: Path, reading: Reading) -> Iterator[Delivery]:
    """Yield the rows of a delivery in order, some at a time where that can be; see `read`."""
    path = check_path(Path(path))
    reader = _reader_of(path, reading)
    if reading.divides:
        yield from reader.pieces(path, reading)
    else:
        yield reader.read(path, reading)


def _reader_of(path: Path, reading: Reading) -> Reader:
    if path.is_file():
        check_size(path.name, path.stat().st_size, reading.limits)
    known = [kind() for kind in CATALOGUE.known().values()]
    surest = max(known, key=lambda reader: reader.claims(path))
    if surest.claims(path):
        return surest
    raise LeptonError(
        f"{path.name}: this kind of file cannot be read.",
        why=f"Known: {', '.join(_suffixes())} and a folder of images (one sub-folder a class).",
        fix=["save it as CSV or Parquet and name it so"],
    )


def read_delivery(
    path: str | Path,
    *,
    kind: Kind | None = None,
    label: str = "label",
    id: str = "id",
    image_shape: tuple[int, int, int] | None = None,
    root: Path | None = None,
    categories: Collection[str] = (),
    texts: Collection[str] = (),
) -> Table:
    """Return the rows of a delivery, with ids; see `read` for what can go wrong.

    Args:
        path: File or folder.
        kind: What a row is; by default what the format and its columns suggest.
        label: Column that holds the label; all labels are unknown where it is absent.
        id: Column that identifies a row; where it is absent, ids are derived from the content.
        image_shape: (C, H, W) of images that come as flat rows of pixels.
        root: Folder the delivery must lie in once symbolic links are followed; by default its own.
        categories: Columns that are categories even where every value looks like a number.
        texts: Columns of texts to read, not of names to tell apart.
    """
    path = Path(path)
    delivery = read(path, Reading(kind, label, id, image_shape, categories, texts), root)
    return delivery.identified(stem(path))


def stem(path: Path) -> str:
    """Return the batch name that a delivery's file name suggests: `March 2026.csv.gz` gives `march-2026`."""
    name = path.name
    for suffix in sorted(_suffixes(), key=len, reverse=True):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    return slug(name) or "rows"


def _suffixes() -> list[str]:
    return [suffix for kind in CATALOGUE.known().values() for suffix in kind.suffixes]
