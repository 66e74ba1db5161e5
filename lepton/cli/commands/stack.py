"""`lepton up` and `lepton down`: the local stack in the background."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from lepton.cli.output import as_json, note, say
from lepton.cli.session import DryRun, Json, open_workspace

if TYPE_CHECKING:
    from lepton.core.config.workspace import Workspace


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("watch")(watch)


def up(
    prefect_port: Annotated[int | None, typer.Option(help="Port of the Prefect server; default: as before.")] = None,
    mlflow_port: Annotated[int | None, typer.Option(help="Port of the MLflow server; default: as before.")] = None,
    schedules: Annotated[bool, typer.Option(help="Run the hourly monitor and the weekly retrain.")] = True,
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Start the local stack, or mend what is broken of it.

    Prefect, MLflow, two workers, a watchdog.

    Applies the deployments of lepton_flows/prefect.yaml too. What is well keeps its process and its port.
    """
    ws = open_workspace()
    from lepton.cli.stack.environ import stack_environ
    from lepton.cli.stack.lifecycle import broken
    from lepton.cli.stack.lifecycle import up as start
    from lepton.cli.stack.ports import Ports

    if dry_run:
        names = broken(ws, Ports(prefect_port, mlflow_port))
        if json:
            as_json({"dry_run": True, "would_start": names})
        else:
            say(f"Would start: {', '.join(names)}." if names else "The stack is up.")
        return
    os.environ.update(stack_environ(ws))
    stack = start(ws, prefect_port=prefect_port, mlflow_port=mlflow_port, schedules=schedules, say=note)
    if json:
        as_json({"prefect": stack.prefect_url, "mlflow": stack.mlflow_url})
        return
    say(f"Prefect   {stack.prefect_url}\nMLflow    {stack.mlflow_url}")
    say("Workers   cpu, gpu\nStop it   lepton down")


def watch() -> None:
    """Tell people when a part of the stack is gone, and when back.

    `lepton up` starts one in the background; this one runs until `lepton down` or Ctrl-C.
    """
    ws = open_workspace()
    from lepton.cli.stack.watchdog import to_log
    from lepton.cli.stack.watchdog import watch as look

    look(ws, say=to_log)


def down(json: Json = False, dry_run: DryRun = False) -> None:
    """Stop everything that `lepton up` started."""
    ws = open_workspace()
    from lepton.cli.stack.lifecycle import down as stop

    if dry_run:
        names = alive(ws)
        if json:
            as_json({"dry_run": True, "would_stop": names})
        else:
            say(f"Would stop: {', '.join(names)}." if names else "Nothing is running.")
        return
    names = stop(ws)
    if json:
        as_json({"stopped": names})
    else:
        say(f"Stopped: {', '.join(names)}." if names else "Nothing was running.")


def alive(ws: Workspace) -> list[str]:
    """Return the names of the stack's processes that run."""
    from lepton.cli.stack.parts import services_of
    from lepton.core.config.addresses import read_stack

    return [name for name, service in services_of(read_stack(ws)).items() if service.alive()]
