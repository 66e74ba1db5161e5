"""Splits by hash of the row id: a row never moves between train and test as a domain grows."""

import hashlib
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lepton.core.errors import NothingToLearn
from lepton.core.table import Table

TRAIN_SHARE = 0.6
VAL_SHARE = 0.2
"""What is left, 0.2, is the test split: the rows that the gate judges on."""

_DERIVED = re.compile(r"([0-9a-f]{16})~[a-z0-9_-]+~[0-9]+")
"""What `lepton.data.ids` makes: `<content hash>~<batch>~<k>`."""


PIXELS = "~pixels~"
"""What stands between the path of an image and the hash of its pixels, in the id of a row from a folder of images."""
_PICTURE = re.compile(rf"[a-z0-9_-]+/.*{PIXELS}([0-9a-f]{{16}})", re.DOTALL)


def split_key(row_id: str) -> str:
    """Return the part of an id that decides its split: of an id that lepton made the content hash, else all of it.

    So rows of equal content share a split and cannot leak across it. An id that somebody gave is never cut, whatever
    it looks like: `site7~0` and `site7~1` are two rows of one site, not the same row twice.
    """
    derived = _DERIVED.fullmatch(row_id) or (_PICTURE.fullmatch(row_id) if PIXELS in row_id else None)
    return derived[1] if derived else row_id


def split_of(ids: Iterable[str]) -> NDArray[np.str_]:
    """Return (n,) of "train", "val" or "test", a function of each id alone."""
    places = np.array([unit(split_key(row_id)) for row_id in ids], dtype=np.float64)
    return np.where(places < TRAIN_SHARE, "train", np.where(places < TRAIN_SHARE + VAL_SHARE, "val", "test"))


def split(table: Table, *names: str) -> Table:
    """Return the rows of `table` that lie in the named splits."""
    return table.take(np.isin(split_of(table.ids), names))


def pick_per_class(
    table: Table, per_class: int, seed: int = 0, at_most: bool = False, classes: Sequence[str] = ()
) -> Table:
    """Return `per_class` labelled rows of each class, chosen by hash of seed and id, in that order.

    The choice for a smaller number is always a part of the choice for a larger one.

    Args:
        table: Rows, of which those without a label are passed over.
        per_class: Rows of each class.
        seed: Another seed, another choice.
        at_most: Take what there is where a class has fewer.
        classes: The classes that there should be: one that no row has counts as 0 found; by default those seen.

    Raises:
        LeptonError: If some class has fewer labelled rows than asked for, unless `at_most`; or if no row has a label.
    """
    places = np.array([unit(f"{seed}:{row_id}") for row_id in table.ids], dtype=np.float64)
    seen = {label for label in table.labels if label is not None}
    labels = [*classes, *sorted(seen.difference(classes))]
    chosen: list[NDArray[np.int64]] = []
    short: list[str] = []
    for label in labels:
        rows = np.flatnonzero(table.labels == label)
        if len(rows) < per_class and not at_most:
            short.append(f"class {label!r}: {len(rows)}")
        chosen.append(rows[np.argsort(places[rows], kind="stable")][:per_class])
    if short or not seen:
        raise NothingToLearn(
            f"There are fewer labelled rows than the {per_class} per class asked for.",
            why="\n".join(short) or "No row has a label.",
            fix=["ask for fewer with --labels-per-class", "lepton ingest DOMAIN labels.csv --labels"],
        )
    at = np.concatenate(chosen)
    return table.take(at[np.argsort(places[at], kind="stable")])


def unit(text: str) -> float:
    """Return a number in [0, 1) that is as good as random, but the same for the same text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64
