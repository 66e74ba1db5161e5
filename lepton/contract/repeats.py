"""Whether a delivery was here before: stored and on record, or stored by an ingest that was interrupted.

A marker, a file each so that none hides another's, stands from before a delivery is stored until it is on record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.splits import split_key
from lepton.core.work.files import atomic_write
from lepton.data import batchfile, store
from lepton.data.ids import Numbering, among, content_keys, distinct, from_hex, places, text_keys
from lepton.data.staging import Staged

SAME = 0.9
"""Share of the stored rows in a delivery that it must hold exactly as often as they are stored, to be an export of all
that there is so far: chance gives a table of few values other counts."""
AT_ONCE = 100_000
"""Stored rows that are looked at at once."""


def holders(ws: Workspace, domain: str, delivery: Staged) -> tuple[str, ...]:
    """Return the batches that together hold all rows of a delivery already; none if some row is new."""
    for batch, file in store.batch_files(ws, domain).items():
        about = batchfile.about(file)
        if about.get("content") == delivery.content and _same_ids(delivery.id_keys, file, about):
            return (batch,)
    if delivery.ids_from == "given":
        return ()
    stored = {batch: distinct(_row_keys(file)) for batch, file in reversed(store.batch_files(ws, domain).items())}
    for few in (delivery.keys[:AT_ONCE], delivery.keys):  # most deliveries begin with a new row
        left, found = distinct(few), []
        for batch, keys in stored.items():
            there = places(keys, left)[1]
            if there.any():
                found.append(batch)
                left = left[~there]
        if len(left):
            return ()
    return tuple(sorted(found))


def batches_of(ws: Workspace, domain: str, delivery: Staged) -> tuple[str, ...]:
    """Return the batches that hold rows of a delivery."""
    given = delivery.id_keys
    found = []
    for batch, file in store.batch_files(ws, domain).items():
        there = distinct(_row_keys(file) if given is None else _id_keys(file))
        if among(there, delivery.keys if given is None else given).any():
            found.append(batch)
    return tuple(sorted(found))


def holders_of_ids(ws: Workspace, domain: str, delivery: Staged, rows: NDArray[np.bool_]) -> dict[str, str]:
    """Return id -> the batch that holds it, for the ids that a delivery gives to some of its rows."""
    if delivery.id_keys is None:
        return {}
    found = dict[str, str]()
    for batch, file in store.batch_files(ws, domain).items():
        both = among(distinct(_id_keys(file)), delivery.id_keys) & rows
        if not both.any():
            continue
        asked = np.sort(delivery.id_keys[both])
        for ids in batchfile.ids_in_pieces(file, AT_ONCE):
            there = places(asked, text_keys(ids))[1]
            found.update((ids[at], batch) for at in np.flatnonzero(there))
    return found


def known_rows(ws: Workspace, domain: str, delivery: Staged) -> NDArray[np.bool_]:
    """Return (n,) true for the rows of a cumulative export that are stored already.

    With ids of the deliverer's those whose id and content are stored, with no other label than the one they have; in an
    export that has an id twice none is, for the contract to say so. Without ids equal rows may honestly come again, in
    a table of few values even often; so they count only where whole batches are contained, and nearly every row of
    these is in the delivery exactly as often as it is stored.

    Args:
        ws: The workspace.
        domain: Where the rows come from.
        delivery: The rows.
    """
    if delivery.id_keys is not None:
        return _known_by_id(ws, domain, delivery, delivery.id_keys)
    files = store.batch_files(ws, domain)
    held = {file: keys for file in files.values() if len(keys := _row_keys(file)) == batchfile.count(file) > 0}
    stored = distinct(np.concatenate([np.empty(0, dtype=np.uint64), *held.values()]))
    at, among = places(stored, delivery.keys)
    sent = np.bincount(at[among], minlength=len(stored))
    there = np.zeros(len(stored), dtype=np.int64)
    for keys in held.values():
        with_these = there + np.bincount(places(stored, keys)[0], minlength=len(stored))
        if (with_these <= sent).all():
            there = with_these
    known = np.zeros(len(delivery), dtype=bool)
    if there.any() and there[there == sent].sum() >= SAME * there.sum():
        before = Numbering(stored).next(delivery.keys[among])
        known[among] = before < there[at[among]]
    return known


def _known_by_id(ws: Workspace, domain: str, delivery: Staged, id_keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    known = np.zeros(len(delivery), dtype=bool)
    if delivery.repeated.any():
        return known
    for file in store.batch_files(ws, domain).values():
        both = np.flatnonzero(among(distinct(_id_keys(file)), id_keys))
        if not len(both):
            continue
        order = both[np.argsort(id_keys[both])]
        ordered = id_keys[order]
        for piece in batchfile.pieces(file, AT_ONCE):
            table = batchfile.decode(piece, file.name)
            at, there = places(ordered, text_keys(table.ids))
            at = order[at[there]]
            known[at] = delivery.keys[at] == content_keys(table)[there]
    if not known.any():
        return known
    labels = store.labels_now(ws, domain)
    for rows, part in delivery.pieces():
        told = zip(part.table.ids, part.table.labels, strict=True)
        known[rows] &= np.array([label in (None, labels.get(one)) for one, label in told], dtype=bool)
    return known


def _id_keys(file: Path) -> NDArray[np.uint64]:
    """Return (n,) the keys of the ids of a batch."""
    found = [text_keys(ids) for ids in batchfile.ids_in_pieces(file, AT_ONCE)]
    return np.concatenate([np.empty(0, dtype=np.uint64), *found])  # of a batch that was erased whole there are none


def _row_keys(file: Path) -> NDArray[np.uint64]:
    """Return (k,) the keys of the content of a batch's rows, but those whose id somebody gave."""
    found = [np.empty(0, dtype=np.uint64)]
    for ids in batchfile.ids_in_pieces(file, AT_ONCE):
        found.append(from_hex(key for row_id in ids if (key := split_key(row_id)) != row_id))
    return np.concatenate(found)


def _same_ids(delivered: NDArray[np.uint64] | None, file: Path, about: dict[str, Any]) -> bool:
    """Return whether a delivery has the ids of a batch, which may have lost some to an erasure since."""
    if delivered is None:
        return True
    sent, stored = distinct(delivered), distinct(_id_keys(file))
    if np.array_equal(sent, stored):
        return True
    return bool(about.get("erased")) and len(sent) > len(stored) and bool(among(sent, stored).all())


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
