"""A step: a Prefect task inside a flow run, a plain call everywhere else.

So each story is written once. `transfer(...)` tells it to a Prefect server; `transfer.fn(...)` plays the same
lines in this process, with no server at all, which is what `lepton --local` does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from getpass import getuser
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from uuid import uuid4

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

from lepton.core.ledger import Ledger
from lepton.core.progress import Progress, silent
from lepton.core.workspace import Workspace

P = ParamSpec("P")
R = TypeVar("R")

_progress: ContextVar[Progress] = ContextVar("lepton_progress", default=silent)


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function a task whenever a flow run is around it; what it takes and returns must be small references.

    For work that one wants to see, time and find in the server's log. A look into the ledger stays a plain function.
    """
    name = function.__name__.replace("_", " ")
    as_task = task(name=name, cache_policy=NO_CACHE, persist_result=False)(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return as_task(*args, **kwargs) if FlowRunContext.get() else function(*args, **kwargs)

    return call


def part(flow: Any) -> Callable[..., Any]:
    """Return a flow to be played inside another: a flow run of its own where one is around it, else its plain lines."""
    played: Callable[..., Any] = flow if FlowRunContext.get() else flow.fn
    return played


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Remove a working folder when the block ends, whichever way: what is worth keeping is registered by then."""
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def workspace() -> Workspace:
    """Return the workspace that this process works on: $LEPTON_WORKSPACE or the current folder's."""
    return Workspace.find()


def open_ledger(ws: Workspace) -> Ledger:
    """Return the workspace's ledger."""
    return Ledger(ws.ledger_url)


def current_run() -> dict[str, Any]:
    """Return id, name and link of the flow run around us; a made-up id and no link where there is none."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return {"id": f"local-{uuid4().hex[:12]}", "name": "in process", "url": None}
    run = context.flow_run
    api = os.environ.get("PREFECT_API_URL", "").removesuffix("/api")
    return {"id": str(run.id), "name": run.name, "url": f"{api}/runs/flow-run/{run.id}" if api else None}


def actor() -> str:
    """Return who acts: the flow run on a worker, else the person at the keyboard."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None:
        return f"flow:{context.flow_run.name}"
    try:
        return f"user:{getuser()}"
    except OSError:
        return "user:unknown"


def progress() -> Progress:
    """Return where long work reports to."""
    return _progress.get()


@contextmanager
def reporting_to(callback: Progress) -> Iterator[None]:
    """Send the progress of what runs inside to `callback`."""
    token = _progress.set(callback)
    try:
        yield
    finally:
        _progress.reset(token)
