"""What a reader returns: the rows, and where their ids and labels came from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError
from lepton.core.kinds import DatePart, Kind, kind_of
from lepton.core.table import Table
from lepton.data.ids import Numbering, content_keys, derive, of_paths

IdsFrom = Literal["given", "path", "content"]
"""A column of the delivery, the files' names, or nothing: then they are derived from the content."""


@dataclass(frozen=True)
class Reading:
    """How to read a delivery; what it cannot say itself."""

    kind: Kind | None = None
    """Read it as this kind; by default what the format suggests."""
    label: str = "label"
    """Column that holds the label."""
    id: str = "id"
    """Column that identifies a row."""
    image_shape: tuple[int, int, int] | None = None
    """(C, H, W) of images that come as flat rows of pixels."""
    categories: Collection[str] = field(default=())
    """Columns that are categories even where every value looks like a number."""
    texts: Collection[str] = field(default=())
    """Columns of texts to read, not of names to tell apart."""
    series: Collection[str] = field(default=())
    """Columns of series, also where no row of the delivery has one."""
    numbers: Collection[str] = field(default=())
    """Columns of numbers, also where a file stores them as text."""
    dates: Mapping[str, tuple[DatePart, ...]] = field(default_factory=dict)
    """Column of dates -> the parts of it that are kept, each as a column of its own; see `lepton.data.dates`."""
    ignore: Collection[str] = field(default=())
    """Columns that are left out, where they are delivered."""
    no_value: Collection[str] = field(default=())
    """Further spellings of no value in columns of numbers."""
    classes: Collection[str] = field(default=())
    """The labels that there can be, in their spelling; none: not known yet."""
    values: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Column -> the categories that there can be, in their spelling, where that is known."""
    pixels: str | None = None
    """Type of the pixels, uint8 or float32; by default what the values of this very delivery suggest."""
    settled: bool = False
    """Whether all this is a contract's word: then a column that it does not name is handed on, for the contract to
    refuse it. Otherwise a column of dates that is not named in `dates` is left out; see `Delivery.dates`."""

    limits: LimitsConfig = field(default_factory=LimitsConfig)
    """How large it may be."""

    @property
    def divides(self) -> bool:
        """Whether a part of the rows reads as it does among all: a contract says what each column is, and a row is one
        line of plain columns or texts."""
        kind = kind_of(self.kind) if self.settled and self.kind else None
        return kind is not None and kind.images == "none" and kind.reading is None

    @property
    def names(self) -> frozenset[str]:
        """The columns that are known by name, in their spelling."""
        known = {self.label, self.id, *self.categories, *self.texts, *self.series, *self.numbers}
        return frozenset(known | set(self.dates) | set(self.ignore))

    def declared(self, name: str) -> str | None:
        """Return what a column of plain values was said to be: category, text or number; None if nothing was said."""
        for what, names in (("category", self.categories), ("text", self.texts), ("number", self.numbers)):
            if name in names:
                return what
        return None


@dataclass(frozen=True)
class Delivery:
    """Rows as delivered, before any contract is looked at."""

    table: Table
    """Its ids are the final ones only where `ids_from` is "given"."""
    ids_from: IdsFrom
    has_labels: bool
    """Whether there was a label column at all; its values may still be missing."""
    dates: tuple[str, ...] = ()
    """Columns that were left out because they hold dates and nobody said which parts to keep."""
    left_out: tuple[str, ...] = ()
    """Columns that were left out because `ignore` names them."""
    share: float = 1.0
    """How much of all that was delivered has been read once these rows are, where they are a part of it."""

    def identified(
        self, batch: str, keys: NDArray[np.uint64] | None = None, numbering: Numbering | None = None
    ) -> Table:
        """Return the rows with their final ids for a batch of this name.

        File names repeat from one delivery to the next, so the batch goes before them; ids of a column are the
        deliverer's and stay.

        Args:
            batch: Name of the batch.
            keys: (n,) of the rows' content, if they are known already.
            numbering: That of the batch, where these are not all of its rows.
        """
        if self.ids_from == "given":
            return self.table
        keys = content_keys(self.table) if keys is None else keys
        if self.ids_from == "path":
            return of_paths(self.table, batch, keys)
        return replace(self.table, ids=derive(keys, batch, numbering))


@contextmanager
def part_after(rows: int) -> Iterator[None]:
    """Say of an error in a part of a delivery how many rows came before it: the part counts its own."""
    try:
        yield
    except LeptonError as error:
        if not rows:
            raise
        why = f"Rows are counted here from the one after row {rows:,}."
        raise LeptonError(error.what, f"{error.why} {why}".strip(), error.fix) from None
