"""`lepton config`: every setting and where its value came from."""

from __future__ import annotations

from dataclasses import asdict

import typer

from lepton.cli.output import as_json, paragraph, table
from lepton.cli.session import Json, LocalAnyway, door, open_workspace


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("config")(config)


def config(json: Json = False, local: LocalAnyway = False) -> None:
    """Show every setting, its value and where it came from.

    That is the environment, lepton.yaml or the default. Secrets are not shown.
    """
    ws = open_workspace()
    from lepton.core.config.workspace import CONFIG_FILE

    found = door(ws).settings()
    if json:
        as_json([asdict(setting) for setting in found])
    else:
        table(
            f"{ws.root / CONFIG_FILE}", ("setting", "value", "from"), [(s.key, str(s.value), s.origin) for s in found]
        )
        for setting in found:
            if setting.remark:
                paragraph(setting.key, setting.remark)
