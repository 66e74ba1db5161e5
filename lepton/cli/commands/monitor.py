"""`lepton monitor`: judge what came since the champion was adapted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, note, say, table
from lepton.cli.session import DryRun, Json, Local, door, enter, where

if TYPE_CHECKING:
    from lepton.core.decisions.observation import Observation
    from lepton.operations.monitor.results import WindowJudged
    from lepton.operations.workspace import Workspace


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
    counts, too: a run that was killed told nobody. So does a target whose last delivery was refused: it is not watched.
    """
    place, on_stack = enter(local)
    ws = door(place)
    found = door(place, on_stack).monitor(domain, window=window, dry_run=dry_run)
    due = [] if on_stack or dry_run else ws.retransfers_due(domain)  # a killed run may have left one, too
    acted = {name: retransfer(ws, name) for name in due} if act else {}
    if json:
        as_json({**found.to_json(), "retransfers": acted})
    else:
        where(on_stack, local)
        for one in found.refused:
            say(f"  refused  {one.last} of {one.domain}, {one.deliveries} in a row: {'; '.join(one.reasons[:3])}")
        if found.windows or not (found.problems or found.refused):
            show(found.windows, on_stack, acted)
        show_alerts(ws, domain)
        left = [name for name in due if name not in acted and name not in {seen.domain for seen in found.windows}]
        for name in left:
            say(f"  next     lepton transfer {name} --cause drift   (decided before, and not done yet)")
    for trouble in found.problems:
        what = f"Window {trouble.window!r} of {trouble.domain!r}" if trouble.window else f"Target {trouble.domain!r}"
        note(f"\n{what} could not be judged:\n{trouble.problem}")
    if due or found.refused or any(seen.decision.action in ("retransfer", "alert") for seen in found.windows):
        raise typer.Exit(4)
    if found.problems:
        raise typer.Exit(1)


def show_alerts(ws: Workspace, domain: str | None) -> None:
    """Print a line an open alert: it may be older than the windows just judged."""
    now = datetime.now(UTC)
    for one in ws.alerts(domain):
        say(f"  alert    {one.title}, {one.state(now)} since {one.opened:%Y-%m-%d %H:%M} UTC   (lepton alerts)")


def retransfer(ws: Workspace, domain: str) -> str:
    """Adapt to a drifted target in this process; return what came of it, a failure included."""
    from lepton.core.errors import LeptonError

    try:
        return str(ws.transfer(domain, cause="drift").outcome)
    except LeptonError as error:
        return f"failed: {error.render()}"


def accuracy(seen: Observation) -> str | None:
    """Return the estimated accuracy of a window with its interval; that alone, where the accuracy is not known."""
    low, high = seen.estimated_low, seen.estimated_high
    span = "" if low is None or high is None else f" ({low:.3f}-{high:.3f})"
    if seen.estimated_accuracy is None:
        return f"not known{span}" if span else None
    return f"{seen.estimated_accuracy:.3f}{span}"


def show(judged: Sequence[WindowJudged], on_stack: bool, acted: Mapping[str, str]) -> None:
    """Print a row a window, the reasons, and what happens next."""
    if not judged:
        say("Nothing new to judge: every window was judged against the champion that serves now.")
        return
    rows = []
    for one in judged:
        seen, decision = one.observation, one.decision
        for problem in seen.problems:
            say(f"  {seen.window}: {problem}")
        drift = f"{seen.score:.2f} {seen.aspect}" if seen.scores else None
        window = seen.window if one.cause == "observed" else f"{seen.window}, labels"
        about = (one.domain, window, seen.rows, drift, accuracy(seen), seen.realised_accuracy)
        rows.append((*about, decision.action, decision.reason))
    columns = ("domain", "window", "rows", "drift", "est. accuracy", "realised", "decision", "because")
    table("Windows (drift 1.0 = the calibrated threshold)", columns, rows)
    if report := judged[-1].observation.report:
        say(f"  report   {report}")
    for one in judged:
        if one.decision.action == "retransfer":
            name = one.domain
            if name in acted:
                say(f"  retransfer of {name!r}: {acted[name]}")
            elif on_stack:
                say(f"  retransfer of {name!r} is started by the automation on the server; watch: lepton status")
            else:
                say(f"  next     lepton transfer {name} --cause drift   (or: lepton monitor --act)")
