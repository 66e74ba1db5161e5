"""`lepton up` and `lepton down`: the local stack in the background."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from lepton.cli.output import as_json, note, say
from lepton.cli.session import DryRun, Json, open_workspace


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("up")(up)
    app.command("down")(down)


def up(
    prefect_port: Annotated[int | None, typer.Option(help="Port of the Prefect server; default: a free one.")] = None,
    mlflow_port: Annotated[int | None, typer.Option(help="Port of the MLflow server; default: a free one.")] = None,
    schedules: Annotated[bool, typer.Option(help="Run the hourly monitor and the weekly retrain.")] = True,
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Start Prefect, MLflow and the workers, and apply deploy/prefect.yaml; does nothing to what runs."""
    ws = open_workspace()
    from lepton.cli.stack.environ import stack_environ
    from lepton.cli.stack.lifecycle import running
    from lepton.cli.stack.lifecycle import up as start

    if dry_run:
        say("The stack is up." if running(ws) else "Would start: prefect server, mlflow server, workers cpu and gpu.")
        return
    os.environ.update(stack_environ(ws))
    stack = start(ws, prefect_port=prefect_port, mlflow_port=mlflow_port, schedules=schedules, say=note)
    if json:
        as_json({"prefect": stack.prefect_url, "mlflow": stack.mlflow_url})
        return
    say(f"Prefect   {stack.prefect_url}\nMLflow    {stack.mlflow_url}")
    say("Workers   cpu, gpu\nStop it   lepton down")


def down(json: Json = False, dry_run: DryRun = False) -> None:
    """Stop everything that `lepton up` started."""
    ws = open_workspace()
    from lepton.cli.stack.lifecycle import down as stop
    from lepton.cli.stack.lifecycle import running

    if dry_run:
        say("Would stop the stack." if running(ws) else "Nothing is running.")
        return
    names = stop(ws)
    if json:
        as_json({"stopped": names})
    else:
        say(f"Stopped: {', '.join(names)}." if names else "Nothing was running.")
