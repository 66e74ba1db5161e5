"""`lepton sbom`: what was installed when a model was registered."""

from __future__ import annotations

from typing import Annotated

import typer

from lepton.cli.output import as_json, table
from lepton.cli.session import Json, LocalAnyway, door, enter


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("sbom")(sbom)


def sbom(
    model: Annotated[
        str, typer.Argument(help="DOMAIN, DOMAIN@2, DOMAIN@challenger, or a model's full name.", metavar="MODEL")
    ],
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """List what was installed when MODEL was made.

    With licences; the list is compared with its checksum. With --json it is the CycloneDX document that lies beside the
    model, for scanners. Changes nothing.
    """
    ws, _ = enter(local)
    found = door(ws).materials(model)
    if json:
        as_json(found.to_json())
        return
    rows = [(part.name, part.version, part.licence) for part in found.parts]
    title = f"{found.model.label}: lepton {found.lepton} and {len(rows)} distributions"
    table(title, ("name", "version", "licence"), rows)
