"""`lepton monitor`: judge what came since the champion was adapted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lepton.cli.output import as_json, note, say, table
from lepton.cli.session import DryRun, Json, Local, at_work, enter, play, where

if TYPE_CHECKING:
    from lepton.core.config.workspace import Workspace


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
    from lepton.operations.monitor.messages import retransfers_left
    from lepton.operations.monitor.monitor import monitor as flow

    found = play(flow, on_stack, ws, domain, window, dry_run)
    judged, problems = [seen for seen in found if "decision" in seen], [seen for seen in found if "problem" in seen]
    due = [] if on_stack or dry_run else retransfers_left(at_work(ws), domain)  # a killed run may have left one, too
    acted = {name: retransfer(ws, name) for name in due} if act else {}
    if json:
        as_json({"windows": judged, "problems": problems, "retransfers": acted})
    else:
        where(on_stack, local)
        if judged or not problems:
            show(judged, on_stack, acted)
        show_alerts(ws, domain)
        left = [name for name in due if name not in acted and name not in {seen["domain"] for seen in judged}]
        for name in left:
            say(f"  next     lepton transfer {name} --cause drift   (decided before, and not done yet)")
    for problem in problems:
        note(f"\nWindow {problem['window']!r} of {problem['domain']!r} could not be judged:\n{problem['problem']}")
    if due or any(seen["decision"]["action"] in ("retransfer", "alert") for seen in judged):
        raise typer.Exit(4)
    if problems:
        raise typer.Exit(1)


def show_alerts(ws: Workspace, domain: str | None) -> None:
    """Print a line an open alert: it may be older than the windows just judged."""
    from lepton.operations.monitor.alerts import alerts_in

    now = datetime.now(UTC)
    for one in alerts_in(at_work(ws), domain):
        if one.ended is None:
            say(f"  alert    {one.title}, {one.state(now)} since {one.opened:%Y-%m-%d %H:%M} UTC   (lepton alerts)")


def retransfer(ws: Workspace, domain: str) -> str:
    """Adapt to a drifted target in this process; return what came of it, a failure included."""
    from lepton.core.errors import LeptonError
    from lepton.operations.transfer.transfer import transfer

    try:
        return str(play(transfer, False, ws, domain, "drift").outcome)
    except LeptonError as error:
        return f"failed: {error.render()}"


def accuracy(seen: dict[str, Any]) -> str | None:
    """Return the estimated accuracy of a window with its interval."""
    if seen["estimated_accuracy"] is None:
        return None
    low, high = seen["estimated_low"], seen["estimated_high"]
    return f"{seen['estimated_accuracy']:.3f}" + (f" ({low:.3f}-{high:.3f})" if low is not None else "")


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
        worst = max(o["scores"], key=o["scores"].get, default=None)
        drift = f"{o['scores'][worst]:.2f} {worst}" if worst else None
        rows.append(
            (
                seen["domain"],
                o["window"],
                o["rows"],
                drift,
                accuracy(o),
                o["realised_accuracy"],
                d["action"],
                d["reason"],
            )
        )
    columns = ("domain", "window", "rows", "drift", "est. accuracy", "realised", "decision", "because")
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
