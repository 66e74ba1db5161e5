"""`lepton transfer`: adapt to a target, behind the gate."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from lepton.cli.output import as_json, progress_bar, say, table
from lepton.cli.session import DryRun, Json, Local, Target, enter, play, where


class Cause(StrEnum):
    """Why a transfer is made."""

    manual = "manual"
    schedule = "schedule"
    drift = "drift"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("transfer")(transfer)


def transfer(
    domain: Target,
    labels_per_class: Annotated[
        int | None, typer.Option(min=1, help="Labelled rows of each class to adapt with; default: lepton.yaml.")
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", "-s", help="Choose among these only; ensemble:NAME and soup:NAME are known, too."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Start from: auto, base, champion, or a version such as optdigits@2."),
    ] = None,
    cause: Annotated[Cause, typer.Option(help="Recorded in the lineage; drift needs a confirmed one.")] = Cause.manual,
    explain: Annotated[
        bool, typer.Option("--explain", help="Adapt nothing: say why the last transfer chose what it chose.")
    ] = False,
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Adapt the best ancestor to DOMAIN, behind the gate.

    The strategy is chosen within the budget of lepton.yaml. The result serves only if the gate allows it, exit code 3
    if it does not, and, where lepton.yaml says transfer.approval: person, once somebody has approved it.
    """
    if explain:
        from lepton.cli.why import explain_last

        explain_last(domain, json)
        return
    ws, on_stack = enter(local)
    from lepton.operations.transfer.transfer import transfer as flow

    with progress_bar("adapting") as bar:
        done = play(flow, on_stack, ws, domain, cause.value, labels_per_class, strategy, dry_run, start, progress=bar)
    if json:
        as_json(done)
    elif dry_run:
        show_plan(done["plan"], done["job"])
    elif done["outcome"] == "not due":
        say(f"No confirmed drift of {domain!r} waits for an answer; nothing was done.\n  see   lepton status {domain}")
    else:
        where(on_stack, local)
        show(domain, done)
    if done["outcome"] == "refused":
        raise typer.Exit(3)


def show_plan(plan: dict[str, Any], job: dict[str, Any]) -> None:
    """Print where it would start, and the strategies in order with what they promise and cost."""
    rows = [(s["strategy"], f"{s['gain']:+.1f} ± {s['sd']:.1f}", s["seconds"], s["out"]) for s in plan["steps"]]
    table("Plan", ("strategy", "expected gain, points", "predicted s", "left out because"), rows)
    for place, found in enumerate(job["considered"][:2]):
        say(f"  {'starts from' if place == 0 else 'runner-up':<14} {found['model']}, score {found['score']:.3f}")


def show(domain: str, done: dict[str, Any]) -> None:
    """Print the candidates, the verdict, the links and the next command."""
    winner = done["winner"]
    rows = [
        (
            ("* " if c["label"] == winner else "  ") + c["label"],
            c["cv"]["accuracy"],
            *(c["metrics"].get(k) for k in ("accuracy", "precision", "recall", "f1", "ece")),
            f"{c['seconds']:.1f}",
        )
        for c in done["candidates"]
    ]
    columns = ("strategy", "cv accuracy", "accuracy", "precision", "recall", "F1", "ECE", "seconds")
    if done.get("interrupted"):
        say("The run before had done it all and was interrupted before it could say so.")
    else:
        table(f"Candidates for {domain!r}: same {done['held_out_rows']} held-out rows, * chosen", columns, rows)
        say(f"  stopped        {done['stopped']}")
    say(f"  started from   {done['ancestor']}")
    say(f"  gate           {done['gate']['summary']}")
    for reason in done["gate"]["reasons"]:
        say(f"                 - {reason}")
    if kept := done["gate"].get("source"):
        say(f"  source         {kept['winner']:.3f} on {kept['rows']} of its test rows, the base {kept['base']:.3f}")
    if done["outcome"] == "promoted":
        say(f"  champion       {done['model']['name']} v{done['model']['version']} serves {domain!r} now")
    elif done["outcome"] == "proposed":
        version = done["model"]["version"]
        say(f"  champion       unchanged: {done['champion'] or 'none'}; v{version} waits for a person's word")
    elif done["outcome"] == "refused":
        say(f"  champion       unchanged: {done['champion'] or 'none'}; the challenger is v{done['model']['version']}")
    else:
        say(f"  champion       unchanged: {done['champion']}; nothing tried beats it")
    for name, link in done["links"].items():
        say(f"  {name:<14} {link}")
    say(f"  why            lepton transfer {domain} --explain")
    say(f"  next           {done['next']}")
