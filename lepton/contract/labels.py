"""Take a delivery of labels for rows that are stored, or refuse it."""

from __future__ import annotations

import numpy as np

from lepton.contract.file import load_contract
from lepton.contract.intake import Call, Intake, free_name, version
from lepton.contract.refusal import refusal, unreadable
from lepton.contract.repeats import begin, nothing_new, unfinished_labels
from lepton.contract.validate import validate_labels
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, UsageError
from lepton.core.work.faults import reached
from lepton.data import store, versions
from lepton.data.ids import as_stored
from lepton.data.labels import spelled
from lepton.data.readers.labels import read_labels


def take_labels(ws: Workspace, call: Call) -> Intake:
    """Check, store and version labels; see `lepton.contract.ingest.ingest`."""
    domain, path = call.domain, call.path
    if call.new:
        raise UsageError("--labels and --new exclude each other: labels are for rows that are already stored.")
    contract = load_contract(ws, domain)
    try:
        ids, labels = read_labels(path, contract.label, contract.id, ws.config.limits)
    except LeptonError as error:
        raise unreadable(ws, call, error) from None
    stored = store.batch_of(ws, domain)
    ids, labels = as_stored(ids, stored), spelled(labels, contract.classes, strip=True)
    known = np.array([label is not None for label in labels], dtype=bool)
    if not known.any():
        raise LeptonError(
            f"{path.name} holds no label yet; nothing was stored.",
            why=f"Its column {contract.label!r} is empty in each of the {len(labels):,} rows.",
            fix=[f"fill it in with {', '.join(contract.classes[:8])}; rows that stay empty are passed over"],
        )
    numbers, left_open = [int(at) + 1 for at in np.flatnonzero(known)], int((~known).sum())
    ids, labels = ids[known], labels[known]
    result = validate_labels(ids, labels, contract, ws, stored=stored, delivery=path.name, numbers=numbers)
    if not result.passed:
        raise refusal(ws, call, result)
    wanted = dict(zip(ids, labels, strict=True))
    batch = None if call.dry_run else unfinished_labels(ws, domain, wanted)
    completed = batch is not None
    if batch is None:
        if wanted.items() <= store.labels_now(ws, domain).items():
            raise nothing_new(ws, domain, path, wanted)
        batch = free_name(path, call.name, list(store.label_files(ws, domain)))
        if call.dry_run:
            return Intake(domain, batch, len(ids), len(ids), result, None, labels=True, left_open=left_open)
        reached("ingest.labels-checked")
        begin(ws, domain, batch, labels=True)
        reached("ingest.labels-marked")
        store.write_labels(ws, domain, batch, ids, labels)
        reached("ingest.labels-stored")
    version(ws)
    data = versions.data_ref(ws, domain)
    return Intake(
        domain, batch, len(ids), len(ids), result, data, labels=True, completed=completed, left_open=left_open
    )
