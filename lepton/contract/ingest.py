"""Take one delivery into a domain: read, check, store, version; or refuse it and leave the data as it was.

The order makes an interruption harmless: nothing is written before the contract holds, a batch appears by one rename,
and a marker tells that it is not versioned, pushed and recorded yet; the same delivery again then completes it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import reduce
from pathlib import Path

from lepton.contract.file import load_contract, save_contract
from lepton.contract.infer import for_target, infer
from lepton.contract.intake import Call, Intake, free_name, version
from lepton.contract.labels import take_labels
from lepton.contract.quarantine import set_aside
from lepton.contract.refusal import refusal, unreadable
from lepton.contract.repeats import (
    batches_of,
    begin,
    holders,
    holders_of_ids,
    known_rows,
    marker,
)
from lepton.contract.spec import Contract
from lepton.contract.validate import Inspected, check_kind, inspect
from lepton.core.config.names import check_batch, check_domain
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, UsageError
from lepton.core.table import Table
from lepton.core.work import Progress, silent
from lepton.core.work.faults import reached
from lepton.core.work.lock import alone_with_data
from lepton.core.work.tally import Tally
from lepton.data import batchfile, readers, store, versions
from lepton.data.ids import batch_digest
from lepton.data.staging import Staged, staged


def ingest(
    ws: Workspace,
    domain: str,
    path: str | Path,
    *,
    name: str | None = None,
    labels: bool = False,
    new: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
    sparing: bool = False,
) -> Intake:
    """Take one delivery into a domain, or refuse it and leave the data as it was.

    Whoever calls this says `finished` once it is on record; until then the same delivery again completes it.

    It takes nine arguments because all but one of them are what a delivery may say of itself.

    Args:
        ws: The workspace.
        domain: Where the rows come from.
        path: CSV (also packed), Parquet (also a folder of parts), NPZ, or a folder of images by class.
        name: Name of the batch; by default made from the file's name.
        labels: The file holds ids and labels of rows that were delivered before; those without a label are passed over.
        new: Add the domain, with a contract derived from the source's (or from the delivery, for the source itself).
        dry_run: Check only; write nothing but the Data Docs.
        progress: Is told how much has been read, and how many rows are checked and stored.
        sparing: Set aside rows that are out of bounds, however many they are, and store the others.

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
        call = Call(domain, path, name, labels, new, dry_run, progress, sparing)
        return take_labels(ws, call) if labels else _take_rows(ws, call)


def finished(ws: Workspace, domain: str, batch: str, labels: bool = False) -> None:
    """Say that a delivery is stored, pushed and on record: from now on the same again is a repetition."""
    marker(ws, domain, batch, labels).unlink(missing_ok=True)


def _take_rows(ws: Workspace, call: Call) -> Intake:
    known = call.domain in ws.domains()
    rules = load_contract(ws, call.domain if known else ws.source) if known or call.domain != ws.source else None
    with _read(ws, call, reading_of(ws, rules, known)) as delivery:
        reached("ingest.read")
        try:
            contract = rules if known and rules else _new_contract(ws, call.domain, delivery, rules)
            contract = contract.sparing() if call.sparing else contract
            check_kind(delivery.like.table, contract, call.path.name)
        except LeptonError as error:
            raise unreadable(ws, call, error) from None
        return _take(ws, call, delivery, contract, known)


def _take(ws: Workspace, call: Call, delivery: Staged, contract: Contract, known: bool) -> Intake:
    """Check a delivery that was read, and store what of it is new and within bounds."""
    domain, path = call.domain, call.path
    if kept_as := holders(ws, domain, delivery):
        return _again(ws, call, kept_as, delivery, contract)
    if call.new and known and store.batches(ws, domain):  # without any, an ingest was interrupted after the contract
        raise UsageError(
            f"Domain {domain!r} is not new: it has a contract.",
            fix=[f"lepton ingest {domain} {shlex.quote(str(path))}  (without --new)"],
        )
    known_already = known_rows(ws, domain, delivery)
    if known_already.all():
        return _again(ws, call, batches_of(ws, domain, delivery), delivery, contract)
    batch = free_name(path, call.name, list(store.batch_files(ws, domain)))
    inspected = _inspect(ws, call, delivery, contract, batch, holders_of_ids(ws, domain, delivery, ~known_already))
    result = inspected.result
    if not result.passed:
        raise refusal(ws, call, result)
    kept = inspected.kept & ~known_already
    if not kept.any():  # all others are set aside, as they were before
        return _again(ws, call, batches_of(ws, domain, delivery), delivery, contract)
    if result.set_aside and not call.dry_run:
        set_aside(ws, domain, path, delivery.take(~inspected.kept), result)
        reached("ingest.set-aside")
    repeated, rows = int(known_already.sum()), int(kept.sum())
    taken = Intake(
        domain,
        batch,
        rows,
        int(delivery.labelled[kept].sum()),
        result,
        None,
        repeated=repeated,
        set_aside=result.set_aside,
    )
    if call.dry_run:
        return taken
    reached("ingest.checked")
    if not known:
        save_contract(ws, contract)
        reached("ingest.contract-kept")
    begin(ws, domain, batch)
    reached("ingest.marked")
    content = batch_digest(delivery.keys_of(kept))
    store.write_pieces(ws, domain, batch, _told(call, "stored", delivery.identified(batch, kept), rows), rows, content)
    reached("ingest.stored")
    version(ws)
    return replace(taken, data=versions.data_ref(ws, domain, [batch]))


def _inspect(
    ws: Workspace,
    call: Call,
    delivery: Staged,
    contract: Contract,
    batch: str,
    earlier: Mapping[str, str] | None = None,
) -> Inspected:
    return inspect(
        _told(call, "checked", delivery.identified(batch), len(delivery)),
        contract,
        ws,
        delivery=call.path.name,
        has_labels=delivery.has_labels,
        earlier=earlier,
        names=delivery.paths(),
        repeated=delivery.repeated,
    )


def _again(ws: Workspace, call: Call, holders: tuple[str, ...], delivery: Staged, contract: Contract) -> Intake:
    """Refuse a delivery that is already stored, unless an ingest was interrupted: then finish it."""
    domain = call.domain
    unfinished = [batch for batch in holders if marker(ws, domain, batch).exists()]
    if call.dry_run or len(unfinished) != 1:
        raise LeptonError(
            f"{call.path.name} is already delivered as batch {' and '.join(holders)}; nothing was stored.",
            why=_already(ws, domain, holders, len(delivery)),
            fix=[f"lepton ingest {domain} LABELS.csv --labels  (if you mean to add labels: columns id and label)"],
        )
    holder = unfinished[0]
    result = _inspect(ws, call, delivery, contract, holder).result
    version(ws)
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


def _told(call: Call, what: str, tables: Iterable[Table], rows: int) -> Iterator[Table]:
    """Yield the tables, and tell how many of the rows are done."""
    tally = Tally(call.progress, rows)
    for table in tables:
        yield table
        tally(len(table), what)


@contextmanager
def _read(ws: Workspace, call: Call, reading: readers.Reading) -> Iterator[Staged]:
    readers.check_path(call.path)  # what is not there, or leads out of its folder, is no delivery to keep
    with ExitStack() as stack:
        try:
            pieces = readers.pieces(call.path, reading)
            found = stack.enter_context(staged(pieces, ws.work_dir / "staged", call.progress))
        except LeptonError as error:
            raise unreadable(ws, call, error) from None
        yield found


def _new_contract(ws: Workspace, domain: str, delivery: Staged, rules: Contract | None) -> Contract:
    tables = (part.table for _, part in delivery.pieces())
    if rules is None:
        return infer(next(tables), domain, "source", label=ws.config.label, id=ws.config.id or "id")
    return reduce(Contract.or_wider, (for_target(rules, domain, table) for table in tables))
