"""Who learns from which rows: those to adapt with, those that judge, and the ids of both for the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lepton.core.splits import pick_per_class, split
from lepton.core.table import Table


class Rows(NamedTuple):
    """The rows of a transfer."""

    train: Table
    """Those to adapt with: the labels asked for from the train and validation splits, and all other rows of these
    without their labels."""
    held_out: Table
    """The labelled rows of the test split; no model ever learns from one."""


def pick_rows(table: Table, labels_per_class: int | None, exact: bool, seed: int, classes: Sequence[str]) -> Rows:
    """Return the rows to adapt with, and those to judge on, of all rows of a target.

    Args:
        table: All rows.
        labels_per_class: How many labels of each class to adapt with; None: all.
        exact: Whether exactly so many, or at most.
        seed: Of the draw.
        classes: That the target's contract allows.

    Raises:
        LeptonError: If there are fewer labelled rows than asked for.
    """
    usable, held_out = split(table, "train", "val"), split(table, "test").labelled()
    if labels_per_class is None:
        return Rows(usable, held_out)
    labelled = usable.labelled()
    if not exact and not len(labelled):
        return Rows(usable, held_out)
    picked = pick_per_class(labelled, labels_per_class, seed, at_most=not exact, classes=classes)
    chosen = set(picked.ids)
    keep = [label if row_id in chosen else None for row_id, label in zip(usable.ids, usable.labels, strict=True)]
    labels = usable.labels.copy()
    labels[:] = keep
    return Rows(usable.with_labels(labels), held_out)


def rows_of_transfer(train: Table, held_out: Table, strategy: str) -> dict[str, list[str]]:
    """Return the ids of the rows that a model is fitted to, those it is cross-validated on, and those that judge it.

    A strategy that also learns from rows without labels has these under a use of their own.
    """
    from lepton.transfer import get_strategy

    fitted = list(train.labelled().ids)  # a fold of them is held back in turn: they validate, too
    found = {"train": fitted, "validation": fitted, "held_out": list(held_out.ids)}
    needs = get_strategy(strategy).needs
    if not needs.labels and needs.features != "none":
        found["unlabelled"] = [row_id for row_id, label in zip(train.ids, train.labels, strict=True) if label is None]
    return found
