"""The shape of a reader: which deliveries are its, and how bytes become rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from lepton.data.readers.delivery import Delivery, Reading


class Reader(ABC):
    """Reads one format; one file each, found by being there."""

    name: ClassVar[str] = ""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """How the names of its files end, in lower case; none for folders that are known by what is in them."""

    def claims(self, path: Path) -> int:
        """Return how surely a delivery is this reader's, 0 for not at all: the surest one reads it.

        By default the length of the ending that the name has.
        """
        return max((len(suffix) for suffix in self.suffixes if path.name.lower().endswith(suffix)), default=0)

    @abstractmethod
    def read(self, path: Path, reading: Reading) -> Delivery:
        """Return the rows of a delivery, before any contract is looked at.

        Args:
            path: File or folder; it is there, and lies where it may.
            reading: Names of the special columns, and shapes where the file does not tell them.

        Raises:
            LeptonError: If it cannot be read; says what is wrong and how to mend it.
        """

    def pieces(self, path: Path, reading: Reading) -> Iterator[Delivery]:
        """Yield the rows of a delivery in order, as many at a time as memory is worth; by default all at once.

        Only asked where `reading.divides`; see `read` for arguments and errors.
        """
        yield self.read(path, reading)
