"""What an auditor asks: does the chain hold, who served when, and the record as files for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepton.core.errors import UsageError
from lepton.core.ledger.chain import Sealed, whole_chain
from lepton.operations.result import Json, Result
from lepton.operations.session import Session
from lepton.registry.audit.history import (
    Reign,
    check_noted,
    moment,
    noted_head,
    reigns,
    served_at,
    tampered,
    within,
)


@dataclass(frozen=True)
class LedgerChecked(Result):
    """Whether a chain of hashes holds."""

    where: str
    """The ledger, or the file, in words."""
    rows: int
    first_row: int
    """Number of the first row: of an exported file it may be any; 0 if there is no row."""
    first: str | None
    """Its time, UTC."""
    last: str | None
    """Time of the newest row."""
    head: str | None
    """Number and hash of the newest row: kept elsewhere, it finds a chain that was written anew."""
    problems: tuple[str, ...]
    """A sentence each; none if it holds."""

    @property
    def ok(self) -> bool:
        """Whether no row was edited, removed, inserted or moved."""
        return not self.problems

    def check(self) -> None:
        """Pass if it holds.

        Raises:
            LeptonError: If it does not; names every row.
        """
        if self.problems:
            raise tampered(self.problems)

    def to_json(self) -> Json:
        """Return a JSON object."""
        found = super().to_json()
        return {"ok": self.ok, **{name: found[name] for name in ("rows", "first", "last", "head", "problems")}}


@dataclass(frozen=True)
class ExportResult(Result):
    """The record as files."""

    folder: Path
    rows: int
    formats: tuple[str, ...]
    """jsonl, openlineage, html: those that were asked for."""
    files: tuple[str, ...]
    """Their names in the folder; none of a dry run."""
    contents: Mapping[str, Any]
    """What `export.json` says: times, first and last row, checksums; empty for a dry run."""
    dry_run: bool

    def to_json(self) -> Json:
        """Return a JSON object: the table of contents, and where it is."""
        return {**(self.contents or {"rows": self.rows, "dry_run": True}), "folder": str(self.folder.resolve())}


def check_ledger(session: Session, head: str | None = None) -> LedgerChecked:
    """Walk the ledger's chain of hashes.

    Args:
        session: The workspace at work.
        head: ROW:HASH that was noted earlier: it must still be in the chain.

    Raises:
        UsageError: If `head` is of another form.
        LeptonError: If the database cannot be read.
    """
    noted = noted_head(head) if head else None
    rows, heads = session.ledger.stored()
    return _checked(f"the ledger of {session.ws.config.name}", rows, whole_chain(rows, heads), noted)


def check_export(file: Path, head: str | None = None) -> LedgerChecked:
    """Walk the chain of an exported `ledger.jsonl`; needs neither workspace nor database. See `check_ledger`.

    Raises:
        UsageError: If it is no such file.
    """
    from lepton.registry.audit.export import check_file

    noted = noted_head(head) if head else None
    return _checked(str(file), *check_file(file), noted)


def find_served(session: Session, domain: str, at: str | None = None) -> Reign:
    """Return what served a target, or the source, at a time.

    Args:
        session: The workspace at work.
        domain: A target, or the source for its base.
        at: ISO date or time, UTC unless it says otherwise; by default now.

    Raises:
        NotFound: If nothing did, or there is no such domain.
        UsageError: If it is no time.
    """
    return served_at(session.ledger, session.ws.slot(domain), moment(at, to_its_end=True) if at else None)


def find_reigns(session: Session, domain: str) -> list[Reign]:
    """Return everything that ever served a target, or the source, oldest first."""
    return reigns(session.ledger, session.ws.slot(domain))


def export_record(
    session: Session,
    folder: Path,
    begin: str | None = None,
    end: str | None = None,
    formats: Sequence[str] = (),
    dry_run: bool = False,
) -> ExportResult:
    """Write the record as files: JSON Lines that anybody can verify, OpenLineage events, a page to read.

    Args:
        session: The workspace at work.
        folder: Made, or made anew if an earlier export lies there.
        begin: ISO date or time; by default from the beginning.
        end: Before this time, or to the end of this date; by default to now.
        formats: jsonl, openlineage, html; by default all.
        dry_run: Say how many rows it would be.

    Raises:
        UsageError: If there is no time between both, the folder holds something else, or a format is unknown.
        LeptonError: If the ledger does not verify: what is exported must be true.
    """
    from lepton.registry.audit.export import FORMATS, export

    first, last = moment(begin) if begin else None, moment(end, to_its_end=True) if end else None
    if first and last and last <= first:
        raise UsageError("--to lies before --from: there is no time between them.")
    chosen = tuple(formats or FORMATS)
    if dry_run:
        return ExportResult(folder, len(within(session.ledger.entries(), first, last)), chosen, (), {}, dry_run)
    done = export(session.ledger, session.ws.config.name, folder, first, last, chosen)
    return ExportResult(folder, done["rows"], chosen, tuple(done["files"]), done, dry_run)


def _checked(
    where: str, rows: Sequence[Sealed], problems: Sequence[str], noted: tuple[int, str] | None
) -> LedgerChecked:
    found = [*problems, *(check_noted(rows, noted) if noted else ())]
    if not rows:
        return LedgerChecked(where, 0, 0, None, None, None, tuple(found))
    head = f"{rows[-1].seq}:{rows[-1].hash}"
    return LedgerChecked(where, len(rows), rows[0].seq, str(rows[0].time), str(rows[-1].time), head, tuple(found))
