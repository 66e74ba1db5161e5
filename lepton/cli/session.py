"""How a command reaches the front door: its verbs run on the stack if one is up, else in this process."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lepton.cli.output import note
from lepton.core.work import Progress

if TYPE_CHECKING:
    from lepton.core.config.workspace import Workspace
    from lepton.operations.workspace import Workspace as FrontDoor

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for machines.")]
Local = Annotated[bool, typer.Option("--local", help="Run in this process, without the stack.")]
LocalAnyway = Annotated[bool, typer.Option("--local", help="Changes nothing: this command needs no stack.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, change nothing.")]
Target = Annotated[str, typer.Argument(help="The target domain.", metavar="DOMAIN")]


def open_workspace() -> Workspace:
    """Return the workspace and make everything started from here find the same one."""
    from lepton.core.config.workspace import ENVIRONMENT, Workspace

    ws = Workspace.find()
    os.environ[ENVIRONMENT] = str(ws.root)
    return ws


def enter(local: bool = False) -> tuple[Workspace, bool]:
    """Prepare this process for running a flow.

    Returns:
        The workspace, and whether flows run against the stack. Must be called before `lepton_flows` is imported.
    """
    from lepton.cli.stack.environ import stack_environ
    from lepton.cli.stack.lifecycle import running

    ws = open_workspace()
    ws.config  # noqa: B018 (a mistake in lepton.yaml is told before anything heavy starts)
    stack = None if local else running(ws)
    os.environ.update(stack_environ(ws, stack.prefect_api if stack else None))
    hush()
    return ws, stack is not None


def door(ws: Workspace, on_stack: bool = False, quiet: bool = False) -> FrontDoor:
    """Return the front door of a workspace, the one way from a command to a verb.

    Args:
        ws: The workspace.
        on_stack: Whether its verbs run as flows that the stack's server records, or plainly in this process.
        quiet: Whether to draw no bar of long work.
    """
    from lepton.operations.runner import in_process
    from lepton.operations.workspace import Workspace as FrontDoor

    return FrontDoor(ws.root, progress=not quiet, runner=as_flow if on_stack else in_process)


def as_flow(verb: Callable[..., Any], ws: Workspace, progress: Progress, *args: Any, **kwargs: Any) -> Any:
    """Run a verb's flow in this process, recorded by the stack's server; see `lepton.operations.runner.Runner`."""
    from lepton_flows.verbs import play as on_server

    return on_server(verb.__name__, ws.root, progress, *args, **kwargs)


def where(on_stack: bool, local: bool) -> None:
    """Tell a person who did not ask for it that no stack is up."""
    if not on_stack and not local:
        note("No stack is running, so this runs in process (lepton up starts one).")


def hush() -> None:
    """Keep vendors' log lines and warnings off the screen; flow runs keep their logs on the server."""
    warnings.simplefilter("ignore", append=True)  # whoever asks for them, with python -W say, still gets them
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"  # a failed flow is told once, by us
    for name in ("mlflow", "alembic", "dvc", "great_expectations", "evidently", "matplotlib", "httpx", "git"):
        logging.getLogger(name).setLevel(logging.ERROR)
