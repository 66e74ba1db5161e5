"""`lepton lineage impact`: what a batch, a data set or a model has reached, and whether any of it ever served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import Json, LocalAnyway, door, open_workspace

if TYPE_CHECKING:
    from lepton.operations.lineage.impact import ImpactResult
    from lepton.registry.lineage.impact import Touched

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
    found = door(open_workspace()).impact(batch=batch, data=data, model=model)
    if json:
        as_json(found.to_json())
    else:
        show(found)


def show(found: ImpactResult) -> None:
    """Print what served first: that is what somebody has to act on."""
    reached, served = len(found.models), found.production
    now = sum(one.version.serves for one in served)
    models = "model" if reached == 1 else "models"
    say(f"{found.subject}: reached {reached:,} {models}; {len(served):,} of them served, {now:,} serve now.")
    _table("Production models", served)
    _table("Models that never served", [one for one in found.models if not one.version.reigns])


def _table(title: str, told: Sequence[Touched]) -> None:
    from lepton.registry.lineage.phrases import span

    if not told:
        return
    first = sorted(told, key=lambda one: not one.version.serves)[:SHOWN]
    rows = [
        (
            one.version.ref.label,
            one.version.standing() + (", recalled" if one.version.recalled and one.version.serves else ""),
            "; ".join(span(reign.since, reign.until) for reign in one.version.reigns) or None,
            one.how,
        )
        for one in told
        if one in first
    ]
    table(title, ("model", "standing", "served", "how"), rows)
    if len(told) > SHOWN:
        say(f"  and {len(told) - SHOWN:,} more (--json has all)")
