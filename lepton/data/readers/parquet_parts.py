"""A folder of Parquet parts, as Spark, Hive and others write one table: the rows of all parts, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from lepton.core.errors import LeptonError
from lepton.data.readers import parquet
from lepton.data.readers.delivery import Delivery, Reading
from lepton.data.readers.guard import check_inside
from lepton.data.readers.limits import check_shape, check_size
from lepton.data.readers.reader import Reader

SUFFIX = ".parquet"


class ParquetParts(Reader):
    """A folder of Parquet files."""

    name = "parquet-parts"

    def claims(self, path: Path) -> int:
        """A folder that holds a Parquet file, however deep; its own name may end like a file's."""
        return 100 * int(path.is_dir() and any(_is_part(one) for one in path.rglob(f"*{SUFFIX}")))

    def read(self, path: Path, reading: Reading) -> Delivery:
        """See the module's `read`."""
        return read(path, reading)

    def pieces(self, path: Path, reading: Reading) -> Iterator[Delivery]:
        """See `Reader`."""
        yield from parquet.divided(path, parts_of(path, reading), reading)


def read(path: Path, reading: Reading) -> Delivery:
    """Read all parts, in the order of their names; see `parts_of` for what is refused."""
    parts = parts_of(path, reading)
    whole = pa.concat_tables([parquet.read_arrow(part, empty=True, limits=reading.limits) for part in parts])
    check_shape(path.name, whole.num_rows, whole.num_columns, reading.limits)
    if whole.num_rows == 0:
        raise LeptonError(f"{path.name} has columns but no rows.", why=f"Columns: {', '.join(whole.column_names)}.")
    return parquet.delivery(path, whole, reading)


def parts_of(path: Path, reading: Reading) -> list[Path]:
    """Return the parts in the order of their names.

    Names that begin with `_` or a dot are marks of the program that wrote the folder (`_SUCCESS`, checksums).

    Raises:
        LeptonError: If the parts differ in their columns, lie in folders of their own (then a column is in the folders'
            names), something else lies beside them, or one cannot be read.
    """
    parts: list[Path] = []
    for entry in sorted(path.rglob("*")):
        inner = entry.relative_to(path)
        if any(part.startswith(("_", ".")) for part in inner.parts):
            continue
        check_inside(entry, path)
        if entry.is_dir():
            raise LeptonError(
                f"{path.name} is divided into folders, such as {inner}.",
                why="What a folder's name says of its rows is no column of theirs, and would be lost.",
                fix=["write one folder of parts, with that column in them", "deliver each folder by itself"],
            )
        if not _is_part(entry):
            raise LeptonError(
                f"{path.name}: {inner} is not a part of a Parquet table.", fix=["take other files out of the folder"]
            )
        parts.append(entry)
    check_size(path.name, sum(part.stat().st_size for part in parts), reading.limits)
    first = parquet.schema_of(parts[0], reading.limits)
    for part in parts[1:]:
        schema = parquet.schema_of(part, reading.limits)
        if not schema.equals(first):
            raise LeptonError(
                f"{path.name}: the parts {parts[0].name} and {part.name} differ in their columns.",
                why=_difference(first, schema),
                fix=["write all parts with the same columns and types"],
            )
    return parts


def _is_part(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIX) and not path.name.startswith(("_", ".")) and path.is_file()


def _difference(a: pa.Schema, b: pa.Schema) -> str:
    one, other = ({field.name: str(field.type) for field in schema} for schema in (a, b))
    odd = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    told = [f"{name!r} is {one.get(name, 'absent')} and {other.get(name, 'absent')}" for name in odd]
    return f"{'; '.join(told[:5])}." if told else "Their columns stand in another order."
