"""Refused deliveries, kept as they came, and rows set aside; beside each the reason, for people and for programs."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from lepton.contract.file import load_contract
from lepton.contract.result import ContractResult
from lepton.core.config.names import check_domain
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.work.files import atomic_dir, atomic_file, atomic_write, digest, sha256
from lepton.data.batchfile import encode
from lepton.data.readers import Delivery
from lepton.data.sources.origin import shown
from lepton.data.spreadsheet import harmless

REASON = ".reason.json"
REASON_TEXT = ".reason.txt"


@dataclass(frozen=True)
class Quarantined:
    """One refused delivery."""

    domain: str
    path: Path
    reason: dict[str, Any]
    """What `<name>.reason.json` says: delivery, time, digest, headline, lines and, if it came so far, the contract's
    result."""


def quarantine(ws: Workspace, domain: str, path: Path, cause: ContractResult | LeptonError) -> Path:
    """Copy a delivery to quarantine/<domain>/ and write the reason beside it; returns the copy.

    The delivery itself is left where it is. Another delivery of the same name is kept, too: the copy gets a number.
    Symbolic links are copied as links, never what they point to.
    """
    folder = ws.quarantine_dir / check_domain(domain)
    goal = _goal(folder, path)
    if path.resolve() != goal.resolve():
        _copy(path, goal)
    reason = _reason(domain, path, cause)
    atomic_write(_beside(goal, REASON), json.dumps(reason, indent=2, ensure_ascii=False) + "\n")
    text = [reason["headline"], "", *(f"  {line}" for line in reason["lines"]), ""]
    if reason.get("docs_url"):
        text += [f"  Data Docs:  {reason['docs_url']}"]
    text += [f"  Delivered:  {shown(path)}", f"  Refused:    {reason['time']}"]
    atomic_write(_beside(goal, REASON_TEXT), "\n".join(text) + "\n")
    return goal


def set_aside(ws: Workspace, domain: str, path: Path, delivery: Delivery, result: ContractResult) -> Path:
    """Write rows that are out of bounds to quarantine, with the reason beside them; the others are stored.

    Args:
        ws: The workspace.
        domain: Where the delivery came from.
        path: The delivery; the file bears its name.
        delivery: Those rows alone, as they were delivered.
        result: What is wrong with them.
    """
    folder = ws.quarantine_dir / check_domain(domain)
    folder.mkdir(parents=True, exist_ok=True)
    table = delivery.table
    plain = table.frame is not None and table.images is None and not table.series
    goal = folder / f"{path.name}.rows.{'csv' if plain else 'parquet'}"
    formulas = 0
    if plain and table.frame is not None:
        frame = table.frame.copy()
        rules = load_contract(ws, domain) if domain in ws.domains() else None
        if delivery.has_labels:
            frame[rules.label if rules else ws.config.label] = table.labels
        if delivery.ids_from == "given":
            frame.insert(0, rules.id if rules else ws.config.id or "id", table.ids)
        frame, formulas = harmless(frame)
        atomic_write(goal, frame.to_csv(index=False))
    else:
        pq.write_table(encode(table), goal)
    reason = _reason(domain, path, result) | {"set_aside": result.set_aside, "digest": content_digest(goal)}
    atomic_write(_beside(goal, REASON), json.dumps(reason, indent=2, ensure_ascii=False) + "\n")
    text = [reason["headline"], "", *(f"  {line}" for line in reason["lines"]), "", f"  Set aside:  {reason['time']}"]
    if formulas:
        text.append(f"  Formulas:   {formulas} cells that a spreadsheet would run begin with an apostrophe here")
    atomic_write(_beside(goal, REASON_TEXT), "\n".join(text) + "\n")
    return goal


def quarantined(ws: Workspace, domain: str | None = None) -> list[Quarantined]:
    """Return the refused deliveries, the latest first.

    Raises:
        LeptonError: If the record of one is damaged; names the file.
    """
    found = []
    for path in ws.quarantine_dir.glob(f"{check_domain(domain) if domain else '*'}/*{REASON}"):
        try:
            reason = json.loads(path.read_text(encoding="utf-8"))
            found.append(Quarantined(reason["domain"], path.with_name(path.name.removesuffix(REASON)), reason))
        except (ValueError, KeyError, TypeError) as error:
            raise LeptonError(f"{path} cannot be read.", why=str(error), fix=[f"rm {path}"]) from None
    return sorted(found, key=lambda entry: str(entry.reason["time"]), reverse=True)


def reason_file(goal: Path) -> Path:
    """Return the text that says why a delivery is in quarantine."""
    return _beside(goal, REASON_TEXT)


def beside(goal: Path) -> list[Path]:
    """Return the files that say why a delivery is in quarantine."""
    return [_beside(goal, REASON), _beside(goal, REASON_TEXT)]


def _reason(domain: str, path: Path, cause: ContractResult | LeptonError) -> dict[str, Any]:
    reason: dict[str, Any] = {
        "domain": domain,
        "delivery": path.name,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": content_digest(path),
    }
    if isinstance(cause, ContractResult):
        return reason | {
            "headline": cause.headline(),
            "lines": cause.lines(),
            "docs_url": cause.docs_url,
            "contract": cause.to_json(),
        }
    return reason | {
        "headline": cause.what,
        "lines": [*cause.why.splitlines(), *(f"Fix:  {step}" for step in cause.fix)],
    }


def _goal(folder: Path, path: Path) -> Path:
    """Return a place in quarantine that is free or already holds these bytes."""
    if path.resolve().parent == folder.resolve():
        return path
    goal, number = folder / path.name, 2
    while goal.exists() and not _same(path, goal):
        goal = folder / f"{number}-{path.name}"
        number += 1
    return goal


def content_digest(path: Path) -> str:
    """Return what tells deliveries apart by content: equal for a file, or a folder, that holds the same.

    Links are taken as links, never followed.
    """
    if path.is_symlink():
        return digest(["link", str(path.readlink())])
    if not path.is_dir():
        return sha256(path)
    return digest(sorted([entry.name, content_digest(entry)] for entry in path.iterdir()))


def _same(a: Path, b: Path) -> bool:
    return content_digest(a) == content_digest(b)


def _copy(path: Path, goal: Path) -> None:
    if path.is_dir():
        with atomic_dir(goal) as folder:
            shutil.copytree(path, folder, symlinks=True, dirs_exist_ok=True)
        return
    with atomic_file(goal) as copy:
        shutil.copyfile(path, copy)


def _beside(goal: Path, suffix: str) -> Path:
    return goal.with_name(goal.name + suffix)
