"""Take one delivery into a domain: read, check, store, version; or refuse it and leave the data as it was.

The order makes an interruption harmless: nothing is written before the contract holds, a batch appears by one rename,
and a marker tells that it is not versioned, pushed and recorded yet; the same delivery again then completes it.
"""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lepton.contract.file import load_contract, save_contract
from lepton.contract.infer import for_target, infer
from lepton.contract.quarantine import quarantine, reason_file, set_aside
from lepton.contract.repeats import begin, holders, known_rows, marker, nothing_new, unfinished_labels
from lepton.contract.result import ContractResult
from lepton.contract.spec import Contract
from lepton.contract.validate import check_kind, inspect, validate, validate_labels
from lepton.core.config.names import check_batch, check_domain
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, Refused, UsageError
from lepton.core.refs import DataRef
from lepton.core.splits import split_key
from lepton.core.work.faults import reached
from lepton.core.work.lock import alone_with_data
from lepton.data import batchfile, readers, store, versions
from lepton.data.ids import as_stored, batch_digest, content_hashes
from lepton.data.labels import spelled
from lepton.data.readers.labels import read_labels


@dataclass(frozen=True)
class Intake:
    """What was taken in."""

    domain: str
    batch: str
    """Name of the batch, or of the delivery of labels."""
    rows: int
    labelled: int
    contract: ContractResult
    data: DataRef | None
    """The new batch; for labels the whole domain. None after a dry run."""
    labels: bool = False
    """Whether it is a delivery of labels."""
    completed: bool = False
    """Whether an earlier ingest stored it and was interrupted before it was versioned, pushed and recorded."""
    repeated: int = 0
    """Further rows of the delivery that are stored already, as of an export of all that there is so far; left out."""
    set_aside: int = 0
    """Rows of the delivery that were out of bounds and are in quarantine instead."""
    left_open: int = 0
    """Rows of a delivery of labels that have no label yet; passed over."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        found = asdict(self)
        found["contract"] = self.contract.to_json()
        if not self.repeated:
            del found["repeated"]
        found["data"] = self.data.to_json() if self.data else None
        if not self.set_aside:  # as an older lepton wrote it
            del found["set_aside"]
        if not self.left_open:
            del found["left_open"]
        return found


def ingest(
    ws: Workspace,
    domain: str,
    path: str | Path,
    *,
    name: str | None = None,
    labels: bool = False,
    new: bool = False,
    dry_run: bool = False,
) -> Intake:
    """Take one delivery into a domain, or refuse it and leave the data as it was.

    Whoever calls this says `finished` once it is on record; until then the same delivery again completes it.

    Args:
        ws: The workspace.
        domain: Where the rows come from.
        path: CSV (also gzipped), Parquet, NPZ, or a folder of images by class.
        name: Name of the batch; by default made from the file's name.
        labels: The file holds ids and labels of rows that were delivered before; those without a label are passed over.
        new: Add the domain, with a contract derived from the source's (or from the delivery, for the source itself).
        dry_run: Check only; write nothing but the Data Docs.

    Raises:
        Refused: If the delivery cannot be read or breaks the contract; it is in quarantine, with the reason beside it.
        UsageError, NotFound: If the call cannot work as it is.
        LeptonError: If this very delivery is already stored, or its labels hold already, or DVC's remote is missing.
    """
    path = Path(path) if Path(path).name else Path(path).resolve()
    check_domain(domain)
    if name is not None:
        check_batch(name)
    if not (new and domain not in ws.domains()):
        ws.check_known(domain)
    with alone_with_data(ws):
        reached("ingest.begun")
        versions.check_complete(ws)
        return (_take_labels if labels else _take_rows)(ws, domain, path, name, new, dry_run)


def finished(ws: Workspace, domain: str, batch: str, labels: bool = False) -> None:
    """Say that a delivery is stored, pushed and on record: from now on the same again is a repetition."""
    marker(ws, domain, batch, labels).unlink(missing_ok=True)


def _take_rows(ws: Workspace, domain: str, path: Path, name: str | None, new: bool, dry_run: bool) -> Intake:
    known = domain in ws.domains()
    rules = load_contract(ws, domain if known else ws.source) if known or domain != ws.source else None
    delivery = _read(ws, domain, path, reading_of(ws, rules, known), dry_run)
    try:
        contract = rules if known and rules else _new_contract(ws, domain, delivery.table, rules)
        check_kind(delivery.table, contract, path.name)
    except LeptonError as error:
        raise _unreadable(ws, domain, path, error, dry_run) from None
    reached("ingest.read")
    hashes = content_hashes(delivery.table)
    content = batch_digest(hashes)
    kept_as = holders(ws, domain, delivery, hashes, content)
    if kept_as:
        return _again(ws, domain, kept_as, path, delivery, contract, dry_run)
    if new and known and store.batches(ws, domain):  # without any, an ingest was interrupted after the contract
        raise UsageError(
            f"Domain {domain!r} is not new: it has a contract.",
            fix=[f"lepton ingest {domain} {shlex.quote(str(path))}  (without --new)"],
        )
    known_already = known_rows(ws, domain, delivery, hashes)
    if known_already.all():
        return _again(ws, domain, _batches(ws, domain, delivery), path, delivery, contract, dry_run)
    new_ids = set(delivery.table.ids[~known_already]) if delivery.ids_from == "given" else set()
    batch = _free_name(path, name, list(store.batch_files(ws, domain)))
    inspected = inspect(
        delivery.identified(batch),
        contract,
        ws,
        delivery=path.name,
        has_labels=delivery.has_labels,
        earlier={one: held for one, held in store.batch_of(ws, domain).items() if one in new_ids},
        names=list(delivery.table.ids) if delivery.ids_from == "path" else None,
    )
    result = inspected.result
    if not result.passed:
        raise _refusal(ws, domain, path, result, dry_run)
    kept = inspected.kept & ~known_already
    if not kept.any():  # all others are set aside, as they were before
        return _again(ws, domain, _batches(ws, domain, delivery), path, delivery, contract, dry_run)
    if result.set_aside and not dry_run:
        spoilt = replace(delivery, table=delivery.table.take(~inspected.kept))
        set_aside(ws, domain, path, spoilt, result)
        reached("ingest.set-aside")
    table = replace(delivery, table=delivery.table.take(kept)).identified(batch)
    repeated, aside = int(known_already.sum()), result.set_aside
    taken = Intake(
        domain, batch, len(table), int(table.known().sum()), result, None, repeated=repeated, set_aside=aside
    )
    if dry_run:
        return taken
    reached("ingest.checked")
    if not known:
        save_contract(ws, contract)
        reached("ingest.contract-kept")
    begin(ws, domain, batch)
    reached("ingest.marked")
    store.write_batch(ws, domain, batch, table)
    reached("ingest.stored")
    _version(ws)
    return replace(taken, data=versions.data_ref(ws, domain, [batch]))


def _take_labels(ws: Workspace, domain: str, path: Path, name: str | None, new: bool, dry_run: bool) -> Intake:
    if new:
        raise UsageError("--labels and --new exclude each other: labels are for rows that are already stored.")
    contract = load_contract(ws, domain)
    try:
        ids, labels = read_labels(path, contract.label, contract.id, ws.config.limits)
    except LeptonError as error:
        raise _unreadable(ws, domain, path, error, dry_run) from None
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
        raise _refusal(ws, domain, path, result, dry_run, "--labels")
    wanted = dict(zip(ids, labels, strict=True))
    batch = None if dry_run else unfinished_labels(ws, domain, wanted)
    completed = batch is not None
    if batch is None:
        if wanted.items() <= store.labels_now(ws, domain).items():
            raise nothing_new(ws, domain, path, wanted)
        batch = _free_name(path, name, list(store.label_files(ws, domain)))
        if dry_run:
            return Intake(domain, batch, len(ids), len(ids), result, None, labels=True, left_open=left_open)
        reached("ingest.labels-checked")
        begin(ws, domain, batch, labels=True)
        reached("ingest.labels-marked")
        store.write_labels(ws, domain, batch, ids, labels)
        reached("ingest.labels-stored")
    _version(ws)
    data = versions.data_ref(ws, domain)
    return Intake(
        domain, batch, len(ids), len(ids), result, data, labels=True, completed=completed, left_open=left_open
    )


def _batches(ws: Workspace, domain: str, delivery: readers.Delivery) -> tuple[str, ...]:
    """Return the batches that hold rows of a delivery."""
    held = store.batch_of(ws, domain)
    if delivery.ids_from == "given":
        return tuple(sorted({held[one] for one in delivery.table.ids if one in held}))
    hashes = set(content_hashes(delivery.table))
    return tuple(sorted({batch for one, batch in held.items() if split_key(one) in hashes}))


def _again(
    ws: Workspace,
    domain: str,
    holders: tuple[str, ...],
    path: Path,
    delivery: readers.Delivery,
    contract: Contract,
    dry_run: bool,
) -> Intake:
    """Refuse a delivery that is already stored, unless an ingest was interrupted: then finish it."""
    unfinished = [batch for batch in holders if marker(ws, domain, batch).exists()]
    if dry_run or len(unfinished) != 1:
        raise LeptonError(
            f"{path.name} is already delivered as batch {' and '.join(holders)}; nothing was stored.",
            why=_already(ws, domain, holders, len(delivery.table)),
            fix=[f"lepton ingest {domain} LABELS.csv --labels  (if you mean to add labels: columns id and label)"],
        )
    holder = unfinished[0]
    result = validate(delivery.identified(holder), contract, ws, delivery=path.name, has_labels=delivery.has_labels)
    _version(ws)
    rows, labelled = store.counts(ws, domain, [holder])
    data = versions.data_ref(ws, domain, [holder])
    return Intake(domain, holder, rows, labelled, result, data, completed=True, set_aside=result.set_aside)


def _already(ws: Workspace, domain: str, holders: tuple[str, ...], rows: int) -> str:
    files = store.batch_files(ws, domain)
    erased = batchfile.about(files[holders[0]]).get("erased", 0) if len(holders) == 1 else 0
    if erased == rows:
        return f"All of its {rows:,} rows were erased since (lepton data log {domain})."
    if erased:
        return f"{erased:,} of its {rows:,} rows were erased since (lepton data log {domain}); the others are there."
    return f"All of its {rows:,} rows are there."


def reading_of(ws: Workspace, rules: Contract | None, known: bool) -> readers.Reading:
    """Return how a delivery is to be read: as its contract says, or the source's, or `lepton.yaml` where is none."""
    if rules is None:
        return readers.Reading(
            kind=ws.config.kind, label=ws.config.label, id=ws.config.id or "id", limits=ws.config.limits
        )
    image = rules.image if known else None  # a target's first images may have a shape and a type of their own
    return readers.Reading(
        kind=rules.kind,
        label=rules.label,
        id=rules.id,
        image_shape=image.shape if image else None,
        categories=rules.categories,
        texts=rules.texts,
        series=rules.series,
        numbers=rules.numbers,
        dates=dict(rules.dates),
        ignore=rules.ignore,
        no_value=rules.no_value,
        classes=rules.classes,
        values=rules.values,
        pixels=image.dtype if image else None,
        settled=True,
        limits=ws.config.limits,
    )


def _read(ws: Workspace, domain: str, path: Path, reading: readers.Reading, dry_run: bool) -> readers.Delivery:
    readers.check_path(path)  # what is not there, or leads out of its folder, is no delivery to keep
    try:
        return readers.read(path, reading)
    except LeptonError as error:
        raise _unreadable(ws, domain, path, error, dry_run) from None


def _new_contract(ws: Workspace, domain: str, table: Any, rules: Contract | None) -> Contract:
    if rules is None:
        return infer(table, domain, "source", label=ws.config.label, id=ws.config.id or "id")
    return for_target(rules, domain, table)


def _free_name(path: Path, name: str | None, taken: list[str]) -> str:
    if name is not None:
        if name in taken:
            raise UsageError(f"The name {name!r} is taken by another delivery.", fix=["use another --name"])
        return name
    stem, batch, number = readers.stem(path), readers.stem(path), 2
    while batch in taken:
        batch, number = f"{stem[:57]}-{number}", number + 1
    return batch


def _refusal(ws: Workspace, domain: str, path: Path, result: ContractResult, dry_run: bool, flag: str = "") -> Refused:
    again = " ".join(["lepton ingest", domain, shlex.quote(str(path)), flag]).strip()
    fix = [f"open {result.docs_url}  (Data Docs)"] if result.docs_url else []
    fix += [f"mend the file, then {again}", f"edit contracts/{domain}.yaml  (if the rows are right)"]
    why = result.lines()
    if dry_run:
        return Refused(result.headline(), "\n".join([*why, "", "Nothing was stored: this was a dry run."]), fix)
    goal = quarantine(ws, domain, path, result)
    reached("ingest.quarantined")
    why += ["", f"Nothing was stored. The delivery is in {_short(ws, goal)} with a report beside it."]
    return Refused(result.headline(), "\n".join(why), [f"less {shlex.quote(_short(ws, reason_file(goal)))}", *fix])


def _unreadable(ws: Workspace, domain: str, path: Path, error: LeptonError, dry_run: bool) -> LeptonError:
    if dry_run or not path.exists():
        return error
    goal = quarantine(ws, domain, path, error)
    reached("ingest.unread-quarantined")
    why = [error.why] if error.why else []
    why += ["", f"Nothing was stored. The delivery is in {_short(ws, goal)} with the reason beside it."]
    return Refused(f"Refused: {error.what}", "\n".join(why).strip("\n"), error.fix)


def _version(ws: Workspace) -> None:
    """Record the data folder and push it; done again, it does what was left."""
    versions.snapshot(ws, push=False)
    reached("ingest.versioned")
    versions.push_all(ws)
    reached("ingest.pushed")


def _short(ws: Workspace, path: Path) -> str:
    return str(path.relative_to(ws.root)) if path.is_relative_to(ws.root) else str(path)
