"""The ledger as files for others: JSON Lines that can be verified without us, OpenLineage events, a page to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lepton.core.errors import LeptonError, UsageError
from lepton.core.extras import require
from lepton.core.ledger import Entry, Ledger
from lepton.core.ledger.chain import GENESIS, broken_links, payload_text
from lepton.core.work.files import atomic_dir, sha256
from lepton.registry.audit.history import within

ROWS, EVENTS, PAGE, CONTENTS = "ledger.jsonl", "openlineage.jsonl", "audit.html", "export.json"
FORMATS = {"jsonl": ROWS, "openlineage": EVENTS, "html": PAGE}
FORMAT = 1


@dataclass(frozen=True)
class Row:
    """A row of an exported file, in the form that the chain is checked in."""

    seq: int
    time: str
    actor: str
    pair: str
    action: str
    payload: str
    prev_hash: str
    hash: str


def export(
    ledger: Ledger,
    project: str,
    folder: Path,
    begin: datetime | None = None,
    end: datetime | None = None,
    formats: Sequence[str] = tuple(FORMATS),
) -> dict[str, Any]:
    """Write the ledger's rows of a time into a new folder, whole or not at all; return the table of contents.

    Args:
        ledger: Read only.
        project: Name of the project, for titles and namespaces.
        folder: Made, or made anew if an earlier export lies there.
        begin: First moment; by default the ledger's own beginning.
        end: Moment before which it ends; by default now.
        formats: Of `FORMATS`.

    Raises:
        UsageError: If the folder holds something else, or a format is unknown.
        LeptonError: If the ledger does not verify: what is exported must be true.
    """
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise UsageError(f"There is no format {unknown[0]!r}.", why=f"Formats: {', '.join(FORMATS)}.")
    if folder.exists() and any(folder.iterdir()) and not (folder / CONTENTS).exists():
        raise UsageError(f"{folder} holds other files.", fix=["name a new folder: --out FOLDER"])
    if problems := ledger.verify():
        raise LeptonError(
            "The ledger does not verify, so nothing was exported.",
            why="\n".join(problems[:10]),
            fix=["lepton audit verify", "restore the ledger from a backup"],
        )
    everything = ledger.entries()
    entries = within(everything, begin, end)
    writers: dict[str, Callable[[], str]] = {
        "jsonl": lambda: _lines(row_to_json(entry) for entry in entries),
        "openlineage": lambda: _events(project, everything, entries),
        "html": lambda: _page(project, everything, entries, begin, end),
    }
    contents: dict[str, Any] = {
        "format": FORMAT,
        "project": project,
        "from": begin.isoformat() if begin else None,
        "to": end.isoformat() if end else None,
        "rows": len(entries),
        "first": _position(entries[0]) if entries else None,
        "last": _position(entries[-1]) if entries else None,
        "head": _position(everything[-1]) if everything else None,
    }
    with atomic_dir(folder) as temporary:
        for name in formats:
            (temporary / FORMATS[name]).write_text(writers[name](), encoding="utf-8")
        contents["files"] = {FORMATS[name]: sha256(temporary / FORMATS[name]) for name in formats}
        (temporary / CONTENTS).write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
    return contents


def row_to_json(entry: Entry) -> dict[str, Any]:
    """Return a row as a line of the export.

    The seal is `sha256` over the JSON list [seq, time, actor, pair, action, payload as text, prev_hash] without spaces;
    the payload's text is its JSON with sorted keys and without spaces. So anybody can check the chain without lepton.
    """
    return entry.to_json()


def check_file(path: Path) -> tuple[list[Row], list[str]]:
    """Return the rows of an exported `ledger.jsonl` and what is wrong with them, without any database.

    Compared are every seal, every link, and, where `export.json` lies beside it, number and hash of the first and last
    row and the file's own SHA-256.

    Raises:
        UsageError: If it is no such file.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        values = [json.loads(line) for line in lines]
        rows = [Row(**{**value, "payload": payload_text(value["payload"])}) for value in values]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is no exported ledger, or is damaged.", why=str(error), fix=["lepton audit export --out FOLDER"]
        ) from None
    if not rows:
        return [], []
    problems = broken_links(rows, (rows[0].seq - 1, rows[0].prev_hash))
    if rows[0].seq == 1 and rows[0].prev_hash != GENESIS:
        problems.append("row 1 follows a row that cannot be")
    return rows, [*problems, *_against_contents(path, rows)]


def _against_contents(path: Path, rows: Sequence[Row]) -> list[str]:
    try:
        contents = json.loads((path.parent / CONTENTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    problems = []
    for which, row in (("first", rows[0]), ("last", rows[-1])):
        if contents.get(which) != f"{row.seq}:{row.hash}":
            said = str(contents.get(which)).partition(":")[0]
            problems.append(f"the {which} row is not the one that {CONTENTS} names: {row.seq} here, {said} there")
    if (known := contents.get("files", {}).get(path.name)) and known != sha256(path):
        problems.append(f"{path.name} is not the file that {CONTENTS} was written with")
    return problems


def _position(entry: Entry) -> str:
    return f"{entry.seq}:{entry.hash}"


def _lines(values: Any) -> str:
    return "".join(json.dumps(value, sort_keys=True) + "\n" for value in values)


def _events(project: str, everything: Sequence[Entry], entries: Sequence[Entry]) -> str:
    require("openlineage", "attr")
    from lepton.registry.audit.openlineage import events

    return _lines(events(project, everything, entries))


def _page(
    project: str, everything: Sequence[Entry], entries: Sequence[Entry], begin: datetime | None, end: datetime | None
) -> str:
    from lepton.registry.audit.page import page

    return page(project, everything, entries, begin, end)
