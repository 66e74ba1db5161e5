"""`lepton monitor`: judge what came since the champion was adapted."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lepton.cli.output import as_json, note, say, table
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
    """Judge new windows for drift; exit code 4 if it is confirmed.

    Only drift that costs accuracy counts; drift without a cost is recorded. Confirmed before and not answered yet
    counts, too: a run that was killed told nobody.
    """
    ws, on_stack = enter(local)
    from flows.monitor import monitor as flow
    from flows.windows import retransfers_left

    found = play(flow, on_stack, domain, window, dry_run)
    judged, problems = [seen for seen in found if "decision" in seen], [seen for seen in found if "problem" in seen]
    due = [] if on_stack or dry_run else retransfers_left(ws, domain)  # a killed run may have left one, too
    acted = {name: retransfer(name) for name in due} if act else {}
    if json:
        as_json({"windows": judged, "problems": problems, "retransfers": acted})
    else:
        where(on_stack, local)
        show(judged, on_stack, acted)
        left = [name for name in due if name not in acted and name not in {seen["domain"] for seen in judged}]
        for name in left:
            say(f"  next     lepton transfer {name} --cause drift   (decided before, and not done yet)")
    for problem in problems:
        note(f"\nWindow {problem['window']!r} of {problem['domain']!r} could not be judged:\n{problem['problem']}")
    if due or any(seen["decision"]["action"] in ("retransfer", "alert") for seen in judged):
        raise typer.Exit(4)
    if problems:
        raise typer.Exit(1)


def retransfer(domain: str) -> str:
    """Adapt to a drifted target in this process; return what came of it, a failure included."""
    from flows.transfer import transfer
    from lepton.core.errors import LeptonError

    try:
        return str(play(transfer, False, domain, "drift")["outcome"])
    except LeptonError as error:
        return f"failed: {error.render()}"


def show(judged: list[dict[str, Any]], on_stack: bool, acted: dict[str, str]) -> None:
    """Print a row a window, the reasons, and what happens next."""
    if not judged:
        say("Nothing new to judge: every window was judged against the champion that serves now.")
        return
    rows = []
    for seen in judged:
        o, d = seen["observation"], seen["decision"]
        for problem in o["problems"]:
            say(f"  {o['window']}: {problem}")
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
            if name in acted:
                say(f"  retransfer of {name!r}: {acted[name]}")
            elif on_stack:
                say(f"  retransfer of {name!r} is started by the automation on the server; watch: lepton status")
            else:
                say(f"  next     lepton transfer {name} --cause drift   (or: lepton monitor --act)")
