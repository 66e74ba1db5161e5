"""A verb played on the server by whoever sits at a keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lepton.core.work import Progress, silent
from lepton_flows.runtime import flow_of, working_on


def play(verb: str, root: Path, progress: Progress = silent, *args: Any, **kwargs: Any) -> Any:
    """Run a verb's flow in this process, recorded by the server that PREFECT_API_URL names."""
    with working_on(root, progress):
        return flow_of(verb)(*args, **kwargs)
