"""`lepton transfer`: adapt to a target, behind the gate."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, say, table
from lepton.cli.session import DryRun, Json, Local, Target, door, enter, open_workspace, where
from lepton.cli.why import show_explained

if TYPE_CHECKING:
    from lepton.operations.transfer.job import TransferJob
    from lepton.operations.transfer.result import TransferResult
    from lepton.operations.transfer.verdict import TransferVerdict
    from lepton.transfer.search import Plan


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
        told = door(open_workspace()).explain(domain)
        as_json(told.to_json()) if json else show_explained(told)
        return
    ws, on_stack = enter(local)
    done = door(ws, on_stack).transfer(
        domain,
        labels_per_class=labels_per_class,
        strategies=strategy,
        start=start,
        cause=cause.value,
        dry_run=dry_run,
    )
    if json:
        as_json(done.to_json())
    elif done.plan and done.job:
        show_plan(done.plan, done.job)
    elif done.outcome == "not due":
        say(f"No confirmed drift of {domain!r} waits for an answer; nothing was done.\n  see   lepton status {domain}")
    else:
        where(on_stack, local)
        show(domain, done)
    if done.outcome == "refused":
        raise typer.Exit(3)


def show_plan(plan: Plan, job: TransferJob) -> None:
    """Print where it would start, and the strategies in order with what they promise and cost."""
    rows = [(step.strategy, f"{step.gain:+.1f} ± {step.sd:.1f}", step.seconds, step.out) for step in plan.steps]
    table("Plan", ("strategy", "expected gain, points", "predicted s", "left out because"), rows)
    for place, found in enumerate(job.considered[:2]):
        say(f"  {'starts from' if place == 0 else 'runner-up':<14} {found.model}, score {found.score:.3f}")


def show(domain: str, done: TransferResult) -> None:
    """Print the candidates, the verdict, the links and the next command."""
    rows = [
        (
            ("* " if one.label == done.winner else "  ") + one.label,
            one.cv.accuracy,
            *(one.metrics.get(k) for k in ("accuracy", "precision", "recall", "f1", "ece")),
            f"{one.seconds:.1f}",
        )
        for one in done.candidates
    ]
    columns = ("strategy", "cv accuracy", "accuracy", "precision", "recall", "F1", "ECE", "seconds")
    if done.interrupted:
        say("The run before had done it all and was interrupted before it could say so.")
    else:
        table(f"Candidates for {domain!r}: same {done.held_out_rows} held-out rows, * chosen", columns, rows)
        say(f"  stopped        {done.stopped}")
    say(f"  started from   {done.ancestor}")
    if done.gate is not None:
        show_gate(done.gate)
    version = f"v{done.model.version}" if done.model else ""
    if done.outcome == "promoted" and done.model:
        say(f"  champion       {done.model.name} {version} serves {domain!r} now")
    elif done.outcome == "proposed":
        say(f"  champion       unchanged: {done.champion or 'none'}; {version} waits for a person's word")
    elif done.outcome == "refused":
        say(f"  champion       unchanged: {done.champion or 'none'}; the challenger is {version}")
        if done.provisional:
            say(f"  provisional    {done.provisional} answers for {domain!r} until then; it is not verified there")
    else:
        say(f"  champion       unchanged: {done.champion}; nothing tried beats it")
    if done.tolerance:
        say(f"  tolerance      {done.tolerance}")
    for name, link in done.links.items():
        say(f"  {name:<14} {link}")
    say(f"  why            lepton transfer {domain} --explain")
    say(f"  next           {done.next}")


def show_gate(gate: TransferVerdict) -> None:
    """Print the verdict; each reason of a refusal has a line of its own, and no other."""
    say(f"  gate           {gate.summary if gate.passed else 'refused:'}")
    for reason in gate.verdict.reasons:
        say(f"                 - {reason}")
    if gate.belief:
        say(f"  belief         {gate.belief.summary()}")
    if kept := gate.source:
        say(f"  source         {kept.winner:.3f} on {kept.rows} of its test rows, the base {kept.base:.3f}")
