"""Who runs a verb: this process, or whatever stands in its place, such as the flows of a stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from lepton.core.config.workspace import Workspace
from lepton.core.work import Progress
from lepton.operations.runtime import InProcess
from lepton.operations.session import Session


class Runner(Protocol):
    """Runs one verb on a workspace and returns what it answers."""

    def __call__(self, verb: Callable[..., Any], ws: Workspace, progress: Progress, *args: Any, **kwargs: Any) -> Any:
        """Run it.

        Args:
            verb: A function of `lepton.operations`, whose first argument is a session.
            ws: The workspace.
            progress: Where long work reports to.
            args: The verb's further arguments.
            kwargs: The same by name.
        """


def in_process(verb: Callable[..., Any], ws: Workspace, progress: Progress, *args: Any, **kwargs: Any) -> Any:
    """Call the verb with a session of its own; needs no server."""
    return verb(Session(ws, InProcess(progress)), *args, **kwargs)
