"""Prefect's side of a verb: steps are tasks, undo is a transaction, events are the server's, the actor a flow run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.events.worker import EventsWorker
from prefect.logging import get_run_logger
from prefect.logging.handlers import APILogHandler
from prefect.transactions import get_transaction, transaction

from lepton.core.config.workspace import Workspace
from lepton.core.refs import Run
from lepton.core.work import Progress, silent
from lepton.operations.runtime import Event, in_a_line, person, tried
from lepton.operations.session import Session
from lepton_flows.shares import give, split, wait

R = TypeVar("R")

_RESULT, _WHY = "lepton_result", "lepton_why"
_place: ContextVar[Path | None] = ContextVar("lepton_place", default=None)
_progress: ContextVar[Progress] = ContextVar("lepton_progress", default=silent)


def flow_of(verb: str) -> Any:
    """Return the flow in `lepton_flows/VERB.py`."""
    return getattr(import_module(f"lepton_flows.{verb}"), verb)


class OnPrefect:
    """What `lepton.operations.runtime.Runtime` asks for, by the flow run around us."""

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    @cached_property
    def run(self) -> Run:
        """Id, name and link of the flow run."""
        run = _flow_run()
        api = os.environ.get("PREFECT_API_URL", "").removesuffix("/api")
        return Run(str(run.id), run.name, f"{api}/runs/flow-run/{run.id}" if api else None)

    @cached_property
    def actor(self) -> str:
        """The flow run on a worker, else the person at the keyboard."""
        run = _flow_run()
        return person() if run.deployment_id is None else f"flow:{run.name}"

    def step(self, name: str, work: Callable[[], R], undo: Callable[[R, str], None] | None = None) -> R:
        """Do a step as a task; Prefect caches and keeps nothing of it: what is worth keeping lies in the workspace."""

        def remember() -> R:
            result = work()
            if undo is not None and (group := get_transaction()) is not None:
                group.set(_RESULT, result)
            return result

        as_task: Any = task(name=name, cache_policy=NO_CACHE, persist_result=False)(remember)
        if undo is not None:

            def taken_back(group: Any) -> None:
                undo(group.get(_RESULT), group.get(_WHY, "a later step failed"))

            as_task.on_rollback(taken_back)
        done: R = as_task()
        return done

    @contextmanager
    def together(self) -> Iterator[None]:
        """Prefect's transaction: the server's log shows what was undone."""
        with transaction() as group:
            try:
                yield
            except BaseException as error:
                group.set(_WHY, in_a_line(error))
                raise
            group.commit()

    def part(self, verb: Callable[..., R], session: Any, *args: Any, **kwargs: Any) -> R:
        """Run another verb as a flow run of its own."""
        done: R = flow_of(verb.__name__)(*args, **kwargs)
        return done

    def each(
        self, verb: Callable[..., R], session: Any, domains: Sequence[str], *args: Any
    ) -> Sequence[R | Exception | None]:
        """Run the verb for each domain as a flow run of its own; a round on a worker is shared with other processes."""
        processes = session.ws.config.stack.monitor_processes if _flow_run().deployment_id is not None else 1
        ours, *others = split(domains, processes)
        given = [give(verb.__name__, share, args) for share in others]
        found: dict[str, R | Exception | None] = {}
        for domain in ours:
            found[domain] = tried(partial(self.part, verb, session, domain, *args))
        for share in given:
            try:
                found |= dict.fromkeys(share.domains, wait(share))
            except TimeoutError:
                found |= {name: tried(partial(self.part, verb, session, name, *args)) for name in share.domains}
        return [found[domain] for domain in domains]

    def emit(self, event: Event) -> bool:
        """Send an event to the server and wait until it is there."""
        resource = {"prefect.resource.id": f"lepton.pair.{event.pair}", "prefect.resource.name": event.pair}
        emit_event(event=event.name, resource=resource, payload=event.payload)
        EventsWorker.instance().wait_until_empty()
        return True

    def tell(self, text: str) -> None:
        """Write a line to the flow run's log, and to standard error for whoever started it by hand."""
        get_run_logger().info(text)
        sys.stderr.write(f"{text}\n")


def session() -> Session:
    """Return the workspace that this flow run works on, with Prefect around it.

    It is the one that `working_on` names, else $LEPTON_WORKSPACE, which deploy/prefect.yaml sets for workers.
    """
    return Session(Workspace.find(_place.get()), OnPrefect(_progress.get()))


@contextmanager
def working_on(root: Path, progress: Progress = silent) -> Iterator[None]:
    """Let the flows that are called within the block work on a workspace and report to `progress`."""
    place, told = _place.set(root), _progress.set(progress)
    try:
        yield
    finally:
        _place.reset(place)
        _progress.reset(told)


def flush() -> None:
    """Send what is still on its way to the server: log lines and events. To be called before the server is stopped."""
    APILogHandler().flush()
    EventsWorker.drain_all(timeout=5)


def _flow_run() -> Any:
    context = FlowRunContext.get()
    assert context is not None, "only flows of lepton_flows use this runtime"
    assert context.flow_run is not None
    return context.flow_run
