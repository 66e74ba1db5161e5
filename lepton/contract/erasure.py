"""Erasure in what the contract left behind: refused deliveries that hold a row, and pages that show values."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lepton.contract.file import load_contract
from lepton.contract.gx import alone_with_docs
from lepton.contract.ingest import reading_of
from lepton.contract.quarantine import Quarantined, beside, quarantined
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.splits import PIXELS, split_key
from lepton.core.work.files import atomic_write
from lepton.data import readers
from lepton.data.erase import Asked
from lepton.data.ids import content_hashes
from lepton.data.readers.labels import read_labels
from lepton.data.spreadsheet import original

ERASED = "(erased)"


@dataclass
class Copies:
    """Refused deliveries of a domain, looked through."""

    holding: list[Path] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    """Of a kind that cannot be looked into: a person must."""
    asked: set[str] = field(default_factory=set)
    """What was asked for and found."""


def copies_with(ws: Workspace, domain: str, asked: Asked) -> Copies:
    """Return the refused deliveries of a domain that hold one of the rows."""
    found = Copies()
    for entry in quarantined(ws, domain):
        if not entry.path.exists():
            continue
        which = _ids_in(ws, entry, asked)
        if which:
            found.holding.append(entry.path)
            found.asked |= which
        elif which is None:
            found.unread.append(entry.path)
    return found


def remove_copies(paths: Iterable[Path]) -> None:
    """Remove refused deliveries whole, with the reasons beside them: whoever delivered has the original."""
    for path in paths:
        for reason in beside(path):
            reason.unlink(missing_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def remove_pages(ws: Workspace, domain: str) -> int:
    """Remove a domain's pages from the Data Docs, which show values of refused rows; return how many there were."""
    stored = ws.docs_dir / "gx" / "uncommitted"
    if not stored.is_dir():
        return 0
    pages = 0
    with alone_with_docs(ws.docs_dir):
        for suite in (domain, f"{domain}-labels"):
            for folder in (stored / "validations" / suite, stored / "data_docs" / "local_site" / "validations" / suite):
                pages += sum(1 for _ in folder.rglob("*.html"))
                shutil.rmtree(folder, ignore_errors=True)
    return pages


def naming(texts: Collection[str], rows: Collection[str]) -> bool:
    """Return whether one of some texts names one of the rows by its id."""
    return any(re.search(_whole(one), text) for text in texts for one in rows)


def mask(paths: Iterable[Path], rows: Collection[str]) -> None:
    """Take the ids out of the reasons beside refused deliveries, which go on record before the copies go."""
    for path in paths:
        for reason in beside(path):
            if reason.exists():
                text = reason.read_text(encoding="utf-8")
                for one in rows:
                    text = re.sub(_whole(one), ERASED, text)
                atomic_write(reason, text)


def _whole(row_id: str) -> str:
    return rf"(?<![\w~/.-]){re.escape(row_id)}(?![\w~/-])"


def _ids_in(ws: Workspace, entry: Quarantined, asked: Asked) -> set[str] | None:
    """Return what was asked for and is in a refused delivery; None if nobody can tell."""
    known = entry.domain in ws.domains()
    rules = load_contract(ws, entry.domain if known else ws.source) if ws.domains() else None
    try:
        delivery = readers.read(entry.path, reading_of(ws, rules, known))
    except LeptonError:
        return _ids_in_labels(ws, entry, asked)
    given = [str(row_id) for row_id in delivery.table.ids if row_id is not None]
    if delivery.ids_from == "given":
        return {original(one) for one in given} & asked.ids
    if delivery.ids_from == "path":
        names = set(given)
        return {one for one in asked.ids if one.partition(PIXELS)[0].partition("/")[2] in names}
    hashes = set(content_hashes(delivery.table))
    return {one for one in asked.ids if split_key(one) in hashes}


def _ids_in_labels(ws: Workspace, entry: Quarantined, asked: Asked) -> set[str] | None:
    """Return the same of a delivery of labels, or of bytes that no reader can read."""
    try:
        rules = load_contract(ws, entry.domain)
        return set(read_labels(entry.path, rules.label, rules.id, ws.config.limits)[0]) & asked.ids
    except LeptonError:
        pass
    if entry.path.is_dir():
        return None
    content = entry.path.read_bytes()
    return {one for one in asked.ids if one.encode() in content} or None
