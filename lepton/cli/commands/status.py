"""`lepton status`: the page an operator opens first. It reads at 80 columns: numbers in a table, words below it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, paragraph, say, table
from lepton.cli.session import Json, LocalAnyway, door, open_workspace

if TYPE_CHECKING:
    from lepton.core.config.addresses import Stack
    from lepton.core.config.workspace import Workspace
    from lepton.operations.status import PairStatus, Status

LEGEND = (
    "accuracy: when promoted, on held-out rows. drift: 1.0 is the threshold. "
    "now: ~ is an estimate without labels, ? is not known but for its interval, = was measured on labels."
)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("status")(status)


def status(
    domain: Annotated[str | None, typer.Argument(help="Only this target, in detail.", metavar="[DOMAIN]")] = None,
    json: Json = False,
    local: LocalAnyway = False,
) -> None:
    """Show what serves each target, how it does, and what runs next.

    A row a pair: champion, accuracy, last window's drift and estimate, state; below it why, and what moved since when.
    """
    ws = open_workspace()
    from lepton.cli.stack.lifecycle import running
    from lepton.cli.stack.look import jobs_of
    from lepton.core.config.addresses import read_stack

    stack = read_stack(ws)
    found = replace(door(ws).status(domain), jobs=jobs_of(stack))
    if json:
        whole = running(ws)
        up = {"prefect": whole.prefect_url, "mlflow": whole.mlflow_url} if whole else None
        as_json(
            {
                "workspace": found.workspace,
                "stack": up,
                "trouble": [why for _, why in trouble(ws, stack)],
                "jobs": [job.to_json() for job in found.jobs],
                "machinery": [alert.to_json() for alert in found.machinery],
                "gone": list(found.gone),
                "pairs": [pair.to_json() for pair in found.pairs],
            }
        )
        return
    show(found)
    if domain is not None and found.pairs:
        show_evidence(found.pairs[0])
    show_stack(ws, stack, found)
    for label in found.gone:
        paragraph("gone", f"{label} serves, and is gone from MLflow; lepton doctor registers it again from its files")
    if found.next:
        paragraph("next", found.next)
    for pair in found.pairs:
        show_tasks(pair)


def show(found: Status) -> None:
    """Print a row a pair, and below the table why each is as it is."""
    if not found.pairs:
        say(f"{found.name}: no target yet")
        return
    rows = [(p.domain, p.champion, p.accuracy, p.window, p.drift, accuracy(p), p.state) for p in found.pairs]
    table(found.name, ("target", "serves", "accuracy", "last window", "drift", "now", "state"), rows)
    for pair in found.pairs:
        show_reason(pair)
        if pair.state == "provisional":
            paragraph(pair.domain, f"{pair.champion} answers until a model is promoted; it is not verified here")
    paragraph("", LEGEND, column=0)


def show_reason(pair: PairStatus) -> None:
    """Print what was decided last and why, and what moved since when; nothing of what is calm."""
    if pair.unwatched:
        paragraph(pair.domain, f"unwatched: {pair.unwatched}")
    if pair.decision is None or (pair.decision == "none" and pair.state in ("stable", "unwatched")):
        return
    paragraph(pair.domain, f"{pair.decision}: {pair.why}")
    moved = ", ".join(f"{name} {score:.1f}" for name, score in pair.moved)
    since = f"since window {pair.drifted_from} ({pair.drifted_since or '?'} UTC)" if pair.drifted_from else ""
    if moved or since:
        paragraph("", " ".join(part for part in (f"moved: {moved}" if moved else "drifted", since) if part))
    if pair.since_accepted is not None:
        paragraph("", f"against window {pair.accepted or '?'}, which was harmless: {pair.since_accepted:.1f}")


def accuracy(pair: PairStatus) -> str | None:
    """Return the accuracy in the last window: measured if labels came, else estimated, with its interval."""
    if pair.realised is not None:
        return f"= {pair.realised:.3f}"
    span = "" if pair.low is None or pair.high is None else f" {pair.low:.2f}-{pair.high:.2f}"
    if pair.estimate is None:
        return f"?{span}" if span else None
    return f"~ {pair.estimate:.3f}{span}"


def show_evidence(pair: PairStatus) -> None:
    """Print what a single pair's row leaves out."""
    paragraph("since", f"{pair.since or '-'}  by {pair.by or '-'}  because {pair.cause or '-'}")
    paragraph("gate", pair.gate or "-")
    for column, score in (pair.columns or {}).items():
        paragraph("moved", f"{column}  {score:.2f}")
    paragraph("report", pair.report or "-")


def show_stack(ws: Workspace, stack: Stack | None, found: Status) -> None:
    """Print where the stack answers, what runs by itself and when, and what is wrong with it."""
    if stack is None:
        paragraph("stack", "down (lepton up)")
    else:
        paragraph("stack", f"Prefect {stack.prefect_url}   MLflow {stack.mlflow_url}")
    for job in found.jobs:
        paragraph(job.name, f"{job.in_words(datetime.now(UTC))} (UTC)")
    told = {alert.pair for alert in found.machinery}
    for alert in found.machinery:
        paragraph("alert", f"{alert.title}, since {alert.opened:%Y-%m-%d %H:%M} UTC")
    for subject, why in trouble(ws, stack):
        if f"stack/{subject}" not in told:
            paragraph("ATTENTION", f"{why} (lepton up)")


def trouble(ws: Workspace, stack: Stack | None) -> list[tuple[str, str]]:
    """Return what of the stack is not well, each with why; the watchdog included, which cannot tell of its own end."""
    from lepton.cli.stack.look import look_at_parts, silent_of, watched
    from lepton.core.errors import LeptonError

    if stack is None:
        return []
    looks = look_at_parts(stack, seconds=2, silent=silent_of(stack, seconds=2))
    found = [(look.subject, f"{look.subject}: {look.why}.") for look in looks if not look.ok]
    try:
        watched(ws, stack)
    except LeptonError as error:
        found.append(("watchdog", error.what))
    return found


def show_tasks(pair: PairStatus) -> None:
    """Print what waits for a person."""
    if pair.recalled:
        paragraph("ATTENTION", f"{pair.domain} serves {pair.model}, which was recalled: {pair.recalled}")
    for alert in pair.alerts:
        who = f"{alert.acknowledged} looks after it" if alert.acknowledged else f"lepton ack {pair.domain}"
        paragraph("alert", f"{alert.title}, since {alert.opened:%Y-%m-%d %H:%M} UTC ({who})")
    if pair.waiting:
        paragraph("waiting", f"{pair.domain} {pair.waiting} passed the gate and waits for a person's word")
    if pair.next:
        paragraph("next", pair.next)
