"""`lepton lineage impact`: what a batch, a data set or a model has reached, and whether any of it ever served."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import Json, LocalAnyway, open_workspace

SHOWN = 40


def impact(
    batch: Annotated[str | None, typer.Option(help="Models that ever saw this batch.", metavar="DOMAIN/BATCH")] = None,
    data: Annotated[
        str | None, typer.Option(help="Models that saw data of this digest; its start will do.", metavar="DIGEST")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Models that descend from this one.", metavar="MODEL")] = None,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """List what a batch, data or a model has reached.

    The models that saw it or descend from it, and which of them serve or served.

    Give one of --batch, --data and --model. Changes nothing; lepton recall marks what it lists.
    """
    from lepton.core.errors import UsageError

    if sum(one is not None for one in (batch, data, model)) != 1:
        raise UsageError("Say what is asked about: one of --batch, --data and --model.")
    ws = open_workspace()
    from lepton.core.ledger import Ledger
    from lepton.registry.lineage import impact as reach
    from lepton.registry.lineage.family import family

    ledger = Ledger(ws.ledger_url)
    known = family(ledger)
    if batch is not None:
        asked = reach.find_batch(ledger, known, ws.source, batch)
        found, subject = reach.of_batch(known, asked), f"batch {asked[1]} of {asked[0]}"
    elif data is not None:
        digest, sets = reach.find_data(known, data)
        found = reach.of_data(known, digest)
        subject = f"data {digest} ({', '.join(sorted({one.domain for one in sets}))})"
    else:
        from lepton.registry.lineage.find import find_model

        ref = find_model(ws, ledger, model or "")
        found, subject = reach.of_model(known, known[ref.name, ref.version]), ref.label
    told = [one.to_json() for one in found]
    if json:
        as_json({"subject": subject, "models": told, "production": [one["model"] for one in told if one["served"]]})
    else:
        show(subject, told)


def show(subject: str, told: list[dict[str, Any]]) -> None:
    """Print what served first: that is what somebody has to act on."""
    served = [one for one in told if one["served"]]
    now = [one for one in served if one["champion"]]
    models = "model" if len(told) == 1 else "models"
    say(f"{subject}: reached {len(told):,} {models}; {len(served):,} of them served, {len(now):,} serve now.")
    _table("Production models", served)
    _table("Models that never served", [one for one in told if not one["served"]])


def _table(title: str, told: list[dict[str, Any]]) -> None:
    from lepton.registry.lineage.phrases import span

    if not told:
        return
    first = sorted(told, key=lambda one: not one["champion"])[:SHOWN]
    rows = [
        (
            f"{one['model']['name']} v{one['model']['version']}",
            one["standing"] + (", recalled" if one["recalled"] and one["champion"] else ""),
            "; ".join(f"{span(reign['since'], reign['until'])}" for reign in one["served"]) or None,
            one["how"],
        )
        for one in told
        if one in first
    ]
    table(title, ("model", "standing", "served", "how"), rows)
    if len(told) > SHOWN:
        say(f"  and {len(told) - SHOWN:,} more (--json has all)")
