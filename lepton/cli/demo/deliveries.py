"""What the site sends: real images, in the order in which a story needs them; what is simulated says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lepton.core.splits import pick_per_class, split
from lepton.core.table import Table
from lepton.data.corruptions.images import corrupt
from lepton.data.demo import mnist, optdigits

SOURCE, TARGET = "mnist", "optdigits"
WINDOW_ROWS = 130
QUIET, DEGRADED, AFTER = 4, 3, 2
LABELS_A_WINDOW = 4
"""Labels of each class that the annotator adds for every degraded window, besides the rows kept for judging."""

CORRUPTION, STRENGTH = "lamp", 1
"""The simulated defect: see lepton/data/corruptions.py for what it does and where it is described."""
DEFECT = f"simulated on real images: a lamp that lights one side; `{CORRUPTION}`, strength {STRENGTH}"


@dataclass(frozen=True)
class Window:
    """One production window of the target."""

    name: str
    table: Table
    """With the true labels; they are the story's answer key and are not delivered."""
    degraded: bool


@dataclass(frozen=True)
class Story:
    """All deliveries of the demo."""

    source: Table
    first: Table
    """The target's first delivery, labelled."""
    windows: tuple[Window, ...]

    def answer_key(self) -> dict[str, str]:
        """Return the true label of every row of every window."""
        return {row: label for w in self.windows for row, label in zip(w.table.ids, w.table.labels, strict=True)}


def make_story(seed: int = 0, corruption: str = CORRUPTION, strength: int = STRENGTH) -> Story:
    """Deal out the digits: a first delivery, quiet windows, degraded ones, and what comes after.

    Args:
        seed: Another seed deals them differently.
        corruption: What befalls the scanner.
        strength: How badly, 1 to 3.
    """
    target = optdigits()
    order = np.random.default_rng(seed).permutation(len(target))
    count = QUIET + DEGRADED + AFTER
    cut = len(target) - count * WINDOW_ROWS
    windows = []
    for k in range(count):
        rows = target.take(order[cut + k * WINDOW_ROWS : cut + (k + 1) * WINDOW_ROWS])
        degraded = k >= QUIET
        if degraded and rows.images is not None:
            images = corrupt(rows.images, corruption, strength, seed=1000 * seed + k)
            rows = Table(rows.kind, rows.ids, rows.labels, images=images)
        windows.append(Window(f"w{k + 1:02d}", rows, degraded))
    return Story(mnist(), target.take(order[:cut]), tuple(windows))


def annotate(window: Window) -> Table:
    """Return the rows of a window that the annotator labels: all kept for judging, else a few of each class."""
    judged = split(window.table, "test")
    few = pick_per_class(split(window.table, "train", "val"), LABELS_A_WINDOW, at_most=True)
    chosen = {*judged.ids, *few.ids}
    return window.table.take(np.array([row in chosen for row in window.table.ids]))


def spoil(table: Table) -> Table:
    """Return a delivery as a careless export would make it: three labels typed as the letter O, two rows twice."""
    labels = table.labels.copy()
    labels[np.flatnonzero(labels == "0")[:3]] = "O"
    rows = np.concatenate([np.arange(len(table)), [10, 11]])
    return table.with_labels(labels).take(rows)


def write_npz(path: Path, table: Table, labelled: bool) -> Path:
    """Write a delivery as the site's export would: ids, images, and labels where there are any."""
    arrays: dict[str, NDArray[np.generic]] = {"ids": table.ids.astype(str), "images": np.asarray(table.images)}
    if labelled:
        arrays["labels"] = table.labels.astype(str)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def write_labels(path: Path, table: Table) -> Path:
    """Write what the annotator sends back: a CSV with id and label."""
    lines = [f"{row},{label}" for row, label in zip(table.ids, table.labels, strict=True)]
    path.write_text("\n".join(["id,label", *lines]) + "\n")
    return path
