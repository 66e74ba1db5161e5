"""`lepton doctor`: is everything there and in order, and the command that mends what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, LocalAnyway, door, enter

if TYPE_CHECKING:
    from lepton.core.config.workspace import Workspace
    from lepton.operations.doctor import Check


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
        also: list[Check] = [
            ("stack", lambda: stack_of(ws)),
            ("watchdog", lambda: watchdog_of(ws)),
            ("schedules", lambda: jobs_of(ws)),
        ]
        findings = door(ws).doctor(mend=not dry_run, also=also).findings
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
        LeptonError: If a part has ended, does not answer or asks for no work, or the server has planned nothing though
            schedules are on.
    """
    from lepton.cli.stack.look import look_at_parts, silent_of
    from lepton.cli.stack.schedules import check_plan
    from lepton.core.config.addresses import read_stack
    from lepton.core.errors import LeptonError

    stack = read_stack(ws)
    if stack is None:
        return "down"
    if gone := [look for look in look_at_parts(stack, silent=silent_of(stack)) if not look.ok]:
        raise LeptonError(
            f"Not well: {', '.join(look.subject for look in gone)}.",
            why="\n".join(f"{look.subject}: {look.why}." for look in gone),
            fix=["lepton up"],
        )
    return f"up, {check_plan(stack)}"


def watchdog_of(ws: Workspace) -> str:
    """Say whether somebody looks after the stack.

    Raises:
        LeptonError: If the stack is up and nobody does.
    """
    from lepton.cli.stack.look import watched
    from lepton.core.config.addresses import read_stack

    stack = read_stack(ws)
    return watched(ws, stack) if stack else "the stack is down"


def jobs_of(ws: Workspace) -> str:
    """Say when each scheduled job ran last and is due next.

    Raises:
        LeptonError: If one is overdue or failed, or the server does not say.
    """
    from datetime import UTC, datetime

    from lepton.cli.stack.look import look_at_jobs
    from lepton.cli.stack.schedules import jobs
    from lepton.core.config.addresses import read_stack
    from lepton.core.errors import LeptonError

    stack = read_stack(ws)
    if stack is None:
        return "the stack is down: nothing runs by itself"
    found = jobs(stack)
    told = "; ".join(f"{job.name}: {job.in_words(datetime.now(UTC))}" for job in found)
    if bad := [look for look in look_at_jobs(stack, found, ws.config.monitor.overdue_minutes) if not look.ok]:
        raise LeptonError(
            "; ".join(f"{look.subject} {look.cause}: {look.why}" for look in bad) + ".",
            why=told,
            fix=["lepton up", "lepton monitor  (by hand, meanwhile)"],
        )
    return f"{told} (UTC)"
