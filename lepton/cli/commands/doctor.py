"""`lepton doctor`: is everything there and in order, and the command that mends what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, LocalAnyway, door, enter

if TYPE_CHECKING:
    from lepton.core.config.workspace import Workspace


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("doctor")(doctor)


def doctor(json: Json = False, local: LocalAnyway = False, dry_run: DryRun = False) -> None:
    """Check machine, workspace and stack, and mend the registry.

    Mending is: MLflow's aliases are moved back to what the ledger says; with --dry-run they are left alone.
    """
    from lepton.core.errors import LeptonError

    try:
        ws, _ = enter()
    except LeptonError as error:
        from lepton.operations.doctor import Finding, machine_checks

        bad = Finding("workspace", False, error.what, error.fix[0] if error.fix else "")
        findings: tuple[Finding, ...] = (*machine_checks(), bad)
    else:
        findings = door(ws).doctor(mend=not dry_run, also=[("stack", lambda: stack_of(ws))]).findings
    if json:
        as_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            say(f"{'ok  ' if finding.ok else 'BAD '} {finding.what:<14} {finding.detail}")
            if finding.fix:
                say(f"     {'':<14} fix: {finding.fix}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def stack_of(ws: Workspace) -> str:
    """Say whether the stack is up.

    Raises:
        LeptonError: If some of its processes have ended, or the server has planned nothing though schedules are on.
    """
    from lepton.cli.stack.lifecycle import running
    from lepton.cli.stack.schedules import check_plan
    from lepton.core.config.addresses import read_stack
    from lepton.core.errors import LeptonError

    if stack := running(ws):
        return f"up, {check_plan(stack)}"
    if read_stack(ws) is not None:
        raise LeptonError("Some processes of the stack have ended.", fix=["lepton up"])
    return "down"
