"""Refused deliveries, kept as they came, with the reason beside each for people and for programs."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lepton.contract.result import ContractResult
from lepton.core.config.names import check_domain
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.work.files import atomic_dir, atomic_write, digest, sha256

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
    text += [f"  Delivered:  {path.absolute()}", f"  Refused:    {reason['time']}"]
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
    atomic_write(goal, path.read_bytes())


def _beside(goal: Path, suffix: str) -> Path:
    return goal.with_name(goal.name + suffix)
