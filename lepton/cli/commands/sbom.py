"""`lepton sbom`: what was installed when a model was registered."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lepton.cli.output import as_json, table
from lepton.cli.session import Json, LocalAnyway, at_work, enter


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
    from lepton.registry.lineage.find import find_model
    from lepton.registry.models import materials_of

    ref = find_model(ws, at_work(ws).ledger, model)
    found = materials_of(ws, ref.name, ref.version)
    if json:
        as_json(found)
        return
    rows = [(part["name"], part["version"], licences(part)) for part in found["components"]]
    about = found["metadata"]["component"]
    table(f"{ref.label}: lepton {about['version']} and {len(rows)} distributions", ("name", "version", "licence"), rows)


def licences(part: dict[str, Any]) -> str | None:
    """Return what a component declares, None if it declares nothing."""
    known = [
        one.get("expression") or one["license"].get("id") or one["license"]["name"] for one in part.get("licenses", ())
    ]
    return "; ".join(known) or None
