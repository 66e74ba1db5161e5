"""Whether a delivery was here before: stored and on record, or stored by an ingest that was interrupted.

A marker, a file each so that none hides another's, stands from before a delivery is stored until it is on record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.splits import split_key
from lepton.core.work.files import atomic_write
from lepton.data import batchfile, readers, store


def holder(ws: Workspace, domain: str, delivery: readers.Delivery, hashes: set[str], content: str) -> str | None:
    """Return the batch that already holds all of these rows, several joined by "and", or None."""
    own_ids = set(delivery.table.ids) if delivery.ids_from == "given" else None
    keys: dict[str, str] = {}
    for batch, file in store.batch_files(ws, domain).items():
        stored_ids = batchfile.ids_and_labels(file)[0]
        about = batchfile.about(file)
        if about.get("content") == content and (own_ids is None or _same_ids(own_ids, set(stored_ids), about)):
            return batch
        if own_ids is None:
            keys.update((key, batch) for row_id in stored_ids if (key := split_key(row_id)) != row_id)
    if own_ids is None and hashes <= keys.keys():
        return " and ".join(sorted({keys[key] for key in hashes}))
    return None


def _same_ids(delivered: set[str], stored: set[str], about: dict[str, Any]) -> bool:
    """Return whether a delivery has the ids of a batch, which may have lost some to an erasure since."""
    return delivered == stored or (bool(about.get("erased")) and delivered > stored)


def unfinished_labels(ws: Workspace, domain: str, wanted: dict[str, str]) -> str | None:
    """Return the delivery of these very labels that was interrupted after it was stored, if there is one."""
    for name, file in store.label_files(ws, domain).items():
        if marker(ws, domain, name, labels=True).exists() and _labels_in(file) == wanted:
            return name
    return None


def nothing_new(ws: Workspace, domain: str, path: Path, wanted: dict[str, str]) -> LeptonError:
    """Return what to tell whoever delivers labels that hold already."""
    twin = next((n for n, file in reversed(store.label_files(ws, domain).items()) if _labels_in(file) == wanted), None)
    return LeptonError(
        f"{path.name} is already delivered as labels {twin!r}; nothing was stored."
        if twin is not None
        else f"{path.name} holds nothing new; nothing was stored.",
        why=f"Each of its {len(wanted):,} rows has the label that it names already.",
        fix=["leave it, nothing needs to be done", "to correct labels, write the ones the rows should have and repeat"],
    )


def _labels_in(file: Path) -> dict[str, str]:
    ids, labels = batchfile.ids_and_labels(file)
    return dict(zip(ids, labels, strict=True))


def begin(ws: Workspace, domain: str, batch: str, labels: bool = False) -> None:
    """Leave a marker that stays until the delivery is `finished`; a file each, so that none hides another's."""
    atomic_write(marker(ws, domain, batch, labels), "")


def marker(ws: Workspace, domain: str, batch: str, labels: bool = False) -> Path:
    """Return the file that says of a delivery that it is not on record yet."""
    return ws.state_dir / "unfinished" / domain / ("labels" if labels else "rows") / batch
