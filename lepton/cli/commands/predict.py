"""`lepton predict`: the champion's answer to one row."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lepton.cli.output import as_json, say
from lepton.cli.session import Json, LocalAnyway, Target, door, enter


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("predict")(predict)


def predict(
    domain: Target,
    row: Annotated[
        str, typer.Option(help="The row as a JSON object, e.g. '{\"age\": 41}'; what is left out is missing.")
    ],
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Let what serves DOMAIN answer one row.

    Many rows are scored faster as a batch: lepton ingest, then lepton score.
    """
    ws, _ = enter(local)
    answer = door(ws).champion(domain).predict_one(_read(domain, row))
    if json:
        as_json(answer.to_json())
        return
    say(str(answer))


def _read(domain: str, text: str) -> dict[str, Any]:
    from json import loads

    from lepton.core.errors import UsageError

    why = "It is no JSON object of columns and values."
    try:
        found = loads(text)
    except (ValueError, RecursionError) as error:
        found, why = None, f"It is not JSON: {error}"
    if not isinstance(found, dict):
        raise UsageError(
            "The row cannot be read.",
            why=why,
            fix=[f'lepton predict {domain} --row \'{{"COLUMN": 41, "OTHER": "word"}}\''],
        )
    return found
