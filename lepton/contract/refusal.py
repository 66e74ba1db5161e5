"""A delivery that is refused: put into quarantine, and told with what mends it."""

from __future__ import annotations

import shlex
from pathlib import Path

from lepton.contract.intake import Call
from lepton.contract.quarantine import quarantine, reason_file
from lepton.contract.result import ContractResult
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, Refused
from lepton.core.work.faults import reached


def refusal(ws: Workspace, call: Call, result: ContractResult) -> Refused:
    """Keep a delivery that breaks its contract, unless it was a dry run; return what to tell of it."""
    flag = "--labels" if call.labels else ""
    again = " ".join(["lepton ingest", call.domain, shlex.quote(str(call.path)), flag]).strip()
    fix = [f"open {result.docs_url}  (Data Docs)"] if result.docs_url else []
    fix += [f"mend the file, then {again}", f"edit contracts/{call.domain}.yaml  (if the rows are right)"]
    why = result.lines()
    if call.dry_run:
        return Refused(result.headline(), "\n".join([*why, "", "Nothing was stored: this was a dry run."]), fix)
    goal = quarantine(ws, call.domain, call.path, result)
    reached("ingest.quarantined")
    why += ["", f"Nothing was stored. The delivery is in {_short(ws, goal)} with a report beside it."]
    return Refused(result.headline(), "\n".join(why), [f"less {shlex.quote(_short(ws, reason_file(goal)))}", *fix])


def unreadable(ws: Workspace, call: Call, error: LeptonError) -> LeptonError:
    """Keep a delivery that cannot be read, unless it was a dry run; return what to tell of it."""
    if call.dry_run or not call.path.exists():
        return error
    goal = quarantine(ws, call.domain, call.path, error)
    reached("ingest.unread-quarantined")
    why = [error.why] if error.why else []
    why += ["", f"Nothing was stored. The delivery is in {_short(ws, goal)} with the reason beside it."]
    return Refused(f"Refused: {error.what}", "\n".join(why).strip("\n"), error.fix)


def _short(ws: Workspace, path: Path) -> str:
    return str(path.relative_to(ws.root)) if path.is_relative_to(ws.root) else str(path)
