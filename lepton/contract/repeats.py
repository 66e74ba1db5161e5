"""Whether a delivery was here before: stored and on record, or stored by an ingest that was interrupted.

A marker, a file each so that none hides another's, stands from before a delivery is stored until it is on record.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.splits import split_key
from lepton.core.work.files import atomic_write
from lepton.data import batchfile, readers, store
from lepton.data.ids import content_hashes

SAME = 0.9
"""Share of the stored rows in a delivery that it must hold exactly as often as they are stored, to be an export of all
that there is so far: chance gives a table of few values other counts."""


def holders(
    ws: Workspace, domain: str, delivery: readers.Delivery, hashes: NDArray[np.object_], content: str
) -> tuple[str, ...]:
    """Return the batches that together hold all of these rows already; none if some row is new.

    Args:
        ws: The workspace.
        domain: Where the rows come from.
        delivery: The rows.
        hashes: (n,) their content.
        content: Digest of all of it.
    """
    own_ids = set(delivery.table.ids) if delivery.ids_from == "given" else None
    keys: dict[str, str] = {}
    for batch, file in store.batch_files(ws, domain).items():
        stored_ids = batchfile.ids_and_labels(file)[0]
        about = batchfile.about(file)
        if about.get("content") == content and (own_ids is None or _same_ids(own_ids, set(stored_ids), about)):
            return (batch,)
        if own_ids is None:
            keys.update((key, batch) for row_id in stored_ids if (key := split_key(row_id)) != row_id)
    if own_ids is None and set(hashes) <= keys.keys():
        return tuple(sorted({keys[key] for key in hashes}))
    return ()


def known_rows(
    ws: Workspace, domain: str, delivery: readers.Delivery, hashes: NDArray[np.object_]
) -> NDArray[np.bool_]:
    """Return (n,) true for the rows of a cumulative export that are stored already.

    With ids of the deliverer's those whose id and content are stored, with no other label than the one they have; in an
    export that has an id twice none is, for the contract to say so. Without ids equal rows may honestly come again, in
    a table of few values even often; so they count only where whole batches are contained, and nearly every row of
    these is in the delivery exactly as often as it is stored.

    Args:
        ws: The workspace.
        domain: Where the rows come from.
        delivery: The rows.
        hashes: (n,) their content.
    """
    files = store.batch_files(ws, domain)
    if delivery.ids_from == "given":
        stored: dict[str, str] = {}
        ids = set(delivery.table.ids)
        if len(ids) < len(delivery.table):
            return np.zeros(len(hashes), dtype=bool)
        for file in files.values():
            if not ids.isdisjoint(batchfile.ids_and_labels(file)[0]):
                table = batchfile.read(file)
                stored.update(zip(table.ids, content_hashes(table), strict=True))
        labels = store.labels_now(ws, domain)
        rows = zip(delivery.table.ids, hashes, delivery.table.labels, strict=True)
        return np.array(
            [stored.get(one) == content and label in (None, labels.get(one)) for one, content, label in rows],
            dtype=bool,
        )
    sent, there = Counter(hashes), Counter[str]()
    for file in files.values():
        ids_there = batchfile.ids_and_labels(file)[0]
        held = Counter(key for row_id in ids_there if (key := split_key(row_id)) != row_id)
        if held and held.total() == len(ids_there) and there + held <= sent:
            there += held
    same = sum(count for key, count in there.items() if sent[key] == count)
    known = np.zeros(len(hashes), dtype=bool)
    if there and same >= SAME * there.total():
        for place, key in enumerate(hashes):
            if there[key] > 0:
                there[key] -= 1
                known[place] = True
    return known


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
