"""What a reader returns: the rows, and where their ids and labels came from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Literal

from lepton.core.kinds import Kind
from lepton.core.table import Table
from lepton.data.ids import with_derived_ids

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


@dataclass(frozen=True)
class Delivery:
    """Rows as delivered, before any contract is looked at."""

    table: Table
    """Its ids are the final ones only where `ids_from` is "given"."""
    ids_from: IdsFrom
    has_labels: bool
    """Whether there was a label column at all; its values may still be missing."""

    def identified(self, batch: str) -> Table:
        """Return the rows with their final ids for a batch of this name.

        File names repeat from one delivery to the next, so the batch goes before them; ids of a column are the
        deliverer's and stay.
        """
        if self.ids_from == "content":
            return with_derived_ids(self.table, batch)
        if self.ids_from == "path":
            ids = self.table.ids.copy()
            ids[:] = [f"{batch}/{name}" for name in ids]
            return replace(self.table, ids=ids)
        return self.table
