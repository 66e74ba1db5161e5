"""Answers become windows: a segment of the log that ended is delivered to its domain, as if somebody had carried it.

Done again after a kill it stores nothing twice: the batch bears the segment's name, its rows their ids, and the segment
goes last. It runs in a process of its own, because what it imports would stop the answers for seconds.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton.contract.spec import Contract
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, Refused
from lepton.core.work.faults import reached
from lepton.core.work.files import atomic_write
from lepton.graph.fields import IMAGE
from lepton.operations.ingest import ingest
from lepton.operations.session import Session
from lepton.serving.journal import read_segment
from lepton.serving.record import Record, labels_from_bytes, labels_to_bytes

if TYPE_CHECKING:
    from lepton.core.table import Table

PREFIX = "served-"
WAITING, UNKNOWN = "waiting.json", "unknown.jsonl"
"""Labels whose rows are in no window yet; and labels of rows that nobody knows."""


@dataclass
class Delivered:
    """What was done with segments of one domain."""

    windows: list[str] = field(default_factory=list)
    """Batches that were stored."""
    refused: list[str] = field(default_factory=list)
    """Windows that the contract refused; they are in quarantine."""
    aside: int = 0
    """Rows of these that were out of bounds, and are in quarantine."""
    labels: int = 0
    """Labels that were stored."""
    unknown: int = 0
    """Labels of rows that nobody knows."""
    waiting: int = 0
    """Labels whose rows are in no window yet."""


def deliver(session: Session, domain: str, ended: Sequence[Path], labels: Sequence[Path], open_: Path) -> Delivered:
    """Deliver segments of answers, then the labels whose rows are stored.

    Args:
        session: The workspace at work.
        domain: A target.
        ended: Segments of answers to which nothing is added any more, the oldest first.
        labels: Such segments of labels.
        open_: The segment to which answers are added now.

    Raises:
        LeptonError: If the data cannot be written now: what is not done yet is done by the next call.
    """
    done = Delivered()
    for segment in ended:
        _window(session, domain, segment, done)
        segment.unlink(missing_ok=True)
        reached("serve.segment-gone")
    _labels(session, domain, labels, [open_], done)
    return done


def batch_name(segment: Path) -> str:
    """Return the name of the batch that a segment becomes."""
    return f"{PREFIX}{segment.stem}"


def _window(session: Session, domain: str, segment: Path, done: Delivered) -> None:
    from lepton.contract.file import load_contract
    from lepton.contract.repeats import marker
    from lepton.data.store import batch_files

    records = [Record.from_bytes(one) for one in read_segment(segment)]
    if not records:
        return
    name = batch_name(segment)
    stored = name in batch_files(session.ws, domain) and not marker(session.ws, domain, name).exists()
    if not stored:
        with TemporaryDirectory(prefix="lepton-window-") as folder:
            path = _write(Path(folder) / f"{name}.parquet", records, load_contract(session.ws, domain))
            try:
                # The batch is named after the file: asked for by name, one that was interrupted would stand in its way.
                taken = ingest(session, domain, str(path), sparing=True)
                done.windows.append(taken.batch)
                done.aside += taken.set_aside
            except Refused:
                done.refused.append(name)
        reached("serve.window-stored")
    _keep_answers(session, domain, name, records)
    reached("serve.answers-kept")


def _write(path: Path, records: Sequence[Record], contract: Contract) -> Path:
    from lepton.data import batchfile

    return batchfile.write(path, [batchfile.encode(table_of(records, contract))])


def table_of(records: Sequence[Record], contract: Contract) -> Table:
    """Return the rows of some requests, under the ids that they were answered by; no label is known."""
    import pandas as pd

    from lepton.core.table import Table, series_column
    from lepton.data.columns import text_column

    ids = np.array([one for record in records for one in record.ids], dtype=object)
    frame: dict[str, Any] = {}
    for rule in contract.columns:
        values = [value for record in records for value in record.columns.get(rule.name) or [None] * record.rows]
        if rule.dtype == "number":
            frame[rule.name] = pd.Series(np.array(values, dtype=np.float64))
        else:
            frame[rule.name] = series_column(values) if rule.dtype == "series" else text_column(values)
    images, pictured = None, None
    if contract.image is not None:
        found = [value for record in records for value in record.columns.get(IMAGE) or [None] * record.rows]
        there: np.ndarray[Any, Any] = np.array([one is not None for one in found], dtype=bool)
        images = np.zeros((len(found), *contract.image.shape), dtype=contract.image.dtype)
        for row in np.flatnonzero(there):
            images[row] = found[row]
        pictured = None if there.all() else there
    return Table(
        contract.kind,
        ids,
        np.full(len(ids), None, dtype=object),
        images=images,
        frame=pd.DataFrame(frame, index=pd.RangeIndex(len(ids))) if contract.columns else None,
        texts=contract.texts,
        series=contract.series,
        pictured=pictured,
    )


def _keep_answers(session: Session, domain: str, batch: str, records: Sequence[Record]) -> None:
    """Write what was answered into the log of predictions, a file a model.

    Where one model answered a whole window, the file is the one that `lepton score` would write, and need not write.
    """
    from lepton.data.predictions import Told, write_answers

    by_model: dict[tuple[str, bool], list[Record]] = {}
    for record in records:
        by_model.setdefault((record.model, record.provisional), []).append(record)
    for (model, provisional), some in by_model.items():
        name = f"{'base-' if provisional else ''}v{model.rpartition(' v')[2]}"
        part = "" if len(by_model) == 1 else ".part"
        write_answers(
            session.ws.predictions_dir / domain / f"{batch}.{name}{part}.parquet",
            [one for record in some for one in record.ids],
            [one for record in some for one in record.labels],
            [one for record in some for one in record.confidences],
            Told(model, provisional, ""),
            [record.time for record in some for _ in record.ids],
        )


def _labels(session: Session, domain: str, segments: Sequence[Path], unstored: Iterable[Path], done: Delivered) -> None:
    """Deliver the labels whose rows are stored; the others wait, unless their rows can come no more."""
    from lepton.data.store import ids_of, labels_now

    folder = session.ws.serving_dir / domain / "labels"
    waiting = folder / WAITING
    told: dict[str, str] = {}
    if waiting.exists():
        told |= labels_from_bytes(waiting.read_bytes())
    for segment in segments:
        for one in read_segment(segment):
            told |= labels_from_bytes(one)
    if not told:
        _gone(segments)
        return
    stored = ids_of(session.ws, domain)
    known = {one: label for one, label in told.items() if one in stored}
    before = labels_now(session.ws, domain)
    fresh = {one: label for one, label in known.items() if before.get(one) != label}
    if fresh:
        with TemporaryDirectory(prefix="lepton-labels-") as temporary:
            path = Path(temporary) / f"{PREFIX}labels.csv"
            _write_labels(path, fresh, session, domain)
            try:
                ingest(session, domain, str(path), labels=True)
                done.labels += len(fresh)
            except Refused:  # a class left the contract meanwhile; they are in quarantine
                done.refused.append(path.name)
        reached("serve.labels-stored")
    open_ids = {
        row for path in unstored if path.exists() for one in read_segment(path) for row in Record.from_bytes(one).ids
    }
    left = {one: label for one, label in told.items() if one not in known}
    later = {one: label for one, label in left.items() if one in open_ids}
    if odd := {one: label for one, label in left.items() if one not in open_ids}:
        with (folder / UNKNOWN).open("a", encoding="utf-8") as file:
            file.write(json.dumps(odd) + "\n")
    done.unknown += len(odd)
    done.waiting = len(later)
    if later:
        atomic_write(waiting, labels_to_bytes(later))
    else:
        waiting.unlink(missing_ok=True)
    _gone(segments)


def _write_labels(path: Path, labels: dict[str, str], session: Session, domain: str) -> None:
    import pandas as pd

    from lepton.contract.file import load_contract

    contract = load_contract(session.ws, domain)
    frame = pd.DataFrame({contract.id: list(labels), contract.label: list(labels.values())})
    frame.to_csv(path, index=False)


def _gone(segments: Sequence[Path]) -> None:
    for segment in segments:
        segment.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Deliver, as a process; what is asked for is JSON in the only argument, what was done goes out as JSON."""
    os.nice(5)  # the answers come first
    asked = json.loads(arguments[0])
    sys.stdout, out = sys.stderr, sys.stdout  # whatever a vendor prints is no answer
    try:
        session = Session(Workspace(Path(asked["root"])))
        ended, labels = ([Path(one) for one in asked[key]] for key in ("ended", "labels"))
        told: dict[str, Any] = asdict(deliver(session, asked["domain"], ended, labels, Path(asked["open"])))
        code = 0
    except LeptonError as error:
        told, code = {"error": error.what, "why": error.why, "fix": list(error.fix)}, 1
    with suppress(BrokenPipeError):
        out.write(json.dumps(told) + "\n")
        out.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
