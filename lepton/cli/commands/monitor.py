"""`lepton monitor`: judge what came since the champion was adapted."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import DryRun, Json, Local, enter, play, where


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("monitor")(monitor)


def monitor(
    domain: Annotated[str | None, typer.Argument(help="A target; default: all.", metavar="[DOMAIN]")] = None,
    window: Annotated[str | None, typer.Option(help="Only this batch.")] = None,
    act: Annotated[bool, typer.Option("--act", help="Without a stack: start the retransfer in this process.")] = False,
    json: Json = False,
    local: Local = False,
    dry_run: DryRun = False,
) -> None:
    """Judge new windows for drift; exit code 4 if drift that costs accuracy is confirmed."""
    _, on_stack = enter(local)
    from flows.monitor import monitor as flow

    judged = play(flow, on_stack, domain, window, dry_run)
    confirmed = [seen for seen in judged if seen["decision"]["action"] in ("retransfer", "alert")]
    acted = []
    if act and not on_stack and not dry_run:
        from flows.transfer import transfer

        due = {s["domain"] for s in judged if s["decision"]["action"] == "retransfer"}
        acted = [play(transfer, False, name, "drift") for name in sorted(due)]
    if json:
        as_json({"windows": judged, "retransfers": acted})
    else:
        where(on_stack, local)
        show(judged, on_stack, [a["outcome"] for a in acted])
    if confirmed:
        raise typer.Exit(4)


def show(judged: list[dict[str, Any]], on_stack: bool, acted: list[str]) -> None:
    """Print a row a window, the reasons, and what happens next."""
    if not judged:
        say("Nothing new to judge: every window was judged against the champion that serves now.")
        return
    rows = []
    for seen in judged:
        o, d = seen["observation"], seen["decision"]
        scores = [o["scores"].get(aspect) for aspect in ("inputs", "embedding", "predictions")]
        rows.append(
            (seen["domain"], o["window"], o["rows"], *scores, o["estimated_accuracy"], d["action"], d["reason"])
        )
    columns = ("domain", "window", "rows", "inputs", "embedding", "predictions", "est. accuracy", "decision", "because")
    table("Windows (drift 1.0 = the calibrated threshold)", columns, rows)
    last = judged[-1]
    if last["observation"].get("report"):
        say(f"  report   {last['observation']['report']}")
    for seen in judged:
        if seen["decision"]["action"] == "retransfer":
            name = seen["domain"]
            if acted:
                say(f"  retransfer of {name!r}: {', '.join(acted)}")
            elif on_stack:
                say(f"  retransfer of {name!r} is started by the automation on the server; watch: lepton status")
            else:
                say(f"  next     lepton transfer {name} --cause drift   (or: lepton monitor --act)")
