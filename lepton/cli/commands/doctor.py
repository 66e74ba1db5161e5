"""`lepton doctor`: is everything there and in order, and the command that mends what is not."""

from __future__ import annotations

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import DryRun, Json, LocalAnyway, enter


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("doctor")(doctor)


def doctor(json: Json = False, local: LocalAnyway = False, dry_run: DryRun = False) -> None:
    """Check machine, workspace and stack, and mend the registry.

    Mending is: MLflow's aliases are moved back to what the ledger says; with --dry-run they are left alone.
    """
    from lepton.cli.checkup import Finding, examine, machine_checks
    from lepton.core.errors import LeptonError

    findings = machine_checks()
    try:
        ws, _ = enter()
    except LeptonError as error:
        findings.append(Finding("workspace", False, error.what, error.fix[0] if error.fix else ""))
    else:
        findings += examine(ws, mend=not dry_run)
    if json:
        as_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{'ok  ' if finding.ok else 'BAD '} {finding.what:<14} {finding.detail}")
            if finding.fix:
                say(f"     {'':<14} fix: {finding.fix}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
