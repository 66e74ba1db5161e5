"""What a base may learn from, prepared once: the source's splits as tensors, and the rows of further domains."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lepton.core.config.pretrain import STREAM_ABOVE
from lepton.core.errors import LeptonError
from lepton.core.splits import split
from lepton.core.table import Table
from lepton.models.device import here, placed
from lepton.models.inputs import InputSpec
from lepton.models.model import label_positions

AT_ONCE = 4096
"""Rows prepared at once for a file."""
FEWEST = 20
"""Labelled rows without which training a base makes no sense."""


@dataclass(frozen=True)
class Labelled:
    """Prepared rows with their labels."""

    x: Tensor
    """(n, ...) as the model's inputs make them."""
    y: Tensor
    """(n,) int64, positions in `classes`."""
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """The rows of one pretraining; rows of a test split are in none of it but `test`."""

    source: Table
    """All rows of the source."""
    others: Mapping[str, Table]
    """All rows of further domains, by name."""
    inputs: InputSpec
    classes: tuple[str, ...]
    stream_above: int = STREAM_ABOVE
    """Megabytes of prepared rows beyond which they are kept in a file."""
    scratch: Path | None = None
    """Where that file lies; by default among the machine's temporary ones. It has no name and goes with the process."""

    @cached_property
    def train(self) -> Labelled:
        """The source's labelled training rows."""
        return self._labelled(split(self.source, "train").labelled(), self.classes)

    @cached_property
    def val(self) -> Labelled:
        """The source's labelled validation rows."""
        return self._labelled(split(self.source, "val").labelled(), self.classes)

    @cached_property
    def pool(self) -> Tensor:
        """(n, ...) training rows of all domains, labelled or not."""
        return self._pool("train")

    @cached_property
    def pool_val(self) -> Tensor:
        """(m, ...) validation rows of all domains."""
        return self._pool("val")

    def tasks(self) -> dict[str, tuple[Labelled, Labelled]]:
        """Return training and validation rows of every domain that has enough labels of two classes; the source first.

        Raises:
            LeptonError: If a further domain has labels of one class only: there is nothing to tell apart.
        """
        found = {"": (self.train, self.val)}
        for name, table in self.others.items():
            if not is_task(table):
                continue
            train, val = (split(table, part).labelled() for part in ("train", "val"))
            classes = tuple(sorted(set(train.labels)))
            if len(classes) < 2:
                raise LeptonError(
                    f"All labelled rows of {name!r} have one label; a task needs two to tell apart.",
                    why=f"The label is {classes[0]!r}.",
                    fix=[f"lepton ingest {name} labels.csv --labels", "take it out of pretrain.domains"],
                )
            val = val.take([label in classes for label in val.labels])
            found[name] = (self._labelled(train, classes), self._labelled(val, classes))
        return found

    def _labelled(self, table: Table, classes: tuple[str, ...]) -> Labelled:
        y = torch.from_numpy(label_positions(table.labels, classes))
        return Labelled(self._prepared([table]), here(y), classes)

    def _pool(self, part: str) -> Tensor:
        return self._prepared([split(table, part) for table in (self.source, *self.others.values())])

    def _prepared(self, tables: Sequence[Table]) -> Tensor:
        """Return (n, ...) of all rows: one tensor where the block around computes, or one mapped from a file."""
        shape = (sum(map(len, tables)), *self.inputs.tensor_shape)
        with placed(torch.device("cpu")):
            if 4 * math.prod(shape) > self.stream_above * 1024**2:
                return _mapped(tables, self.inputs, shape, self.scratch)
            rows = torch.cat([self.inputs.to_tensor(table) for table in tables])
        return here(rows)


def _mapped(tables: Sequence[Table], inputs: InputSpec, shape: tuple[int, ...], scratch: Path | None) -> Tensor:
    """Return prepared rows mapped from a file, prepared a few at a time: no more than that is in memory at once."""
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="rows-") as file:
        rows = torch.from_file(file.name, shared=True, size=math.prod(shape)).view(shape)
    at = 0
    for table in tables:
        for start in range(0, len(table), AT_ONCE):
            part = inputs.to_tensor(table.take(np.arange(start, min(start + AT_ONCE, len(table)))))
            rows[at : at + len(part)] = part
            at += len(part)
    return rows


def used_rows(table: Table, by_gradient: bool = True) -> dict[str, list[str]]:
    """Return the ids of the source's rows that a base learns from, that choose its best epoch, and that measure it.

    Args:
        table: All rows of the source.
        by_gradient: Whether the base's encoder learns so; one that does not learns from the validation rows, too.
    """
    uses = {"train": ("train",) if by_gradient else ("train", "val"), "validation": ("val",), "held_out": ("test",)}
    return {use: list(split(table, *names).labelled().ids) for use, names in uses.items()}


def seen_rows(tables: Mapping[str, Table], unlabelled: bool, tasks: bool) -> dict[str, list[str]]:
    """Return the ids of the rows that a chain sees beside the source's labelled ones: `pool:DOMAIN`, `task:DOMAIN`.

    Args:
        tables: All rows of every domain, the source first.
        unlabelled: Whether an objective of the chain sees rows of all domains without their labels.
        tasks: Whether one learns from the labels of the further domains.
    """
    found: dict[str, list[str]] = {}
    for place, (name, table) in enumerate(tables.items()):
        rows = split(table, "train", "val")
        if unlabelled:
            found[f"pool:{name}"] = list(rows.ids)
        if tasks and place and is_task(table):
            found[f"task:{name}"] = list(rows.labelled().ids)
    return found


def is_task(table: Table) -> bool:
    """Return whether a domain has enough labelled training rows to be a task."""
    return len(split(table, "train").labelled()) >= FEWEST
