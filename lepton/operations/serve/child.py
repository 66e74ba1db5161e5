"""A process beside the one that answers: what it says last is one line of JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import Any

from lepton.core.config.workspace import ENVIRONMENT
from lepton.core.errors import LeptonError

LAST_LINES = 5


async def run_beside(module: str, *arguments: str) -> dict[str, Any]:
    """Run `python -m MODULE ARGUMENTS`; return the JSON object that it says last.

    Raises:
        LeptonError: What it failed with, or that it died.
    """
    environ = {key: value for key, value in os.environ.items() if key != ENVIRONMENT}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environ,
        start_new_session=True,  # Ctrl-C is for who answers, which then waits for this one
    )
    try:
        out, err = await child.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()
        raise
    said = out.decode(errors="replace").strip().splitlines()
    found: Any = None
    if said:
        with suppress(ValueError):
            found = json.loads(said[-1])
    if isinstance(found, dict) and child.returncode == 0:
        return found
    if isinstance(found, dict) and "error" in found:
        raise LeptonError(str(found["error"]), str(found.get("why", "")), [str(one) for one in found.get("fix", ())])
    last = "\n".join(err.decode(errors="replace").strip().splitlines()[-LAST_LINES:])
    raise LeptonError(f"{module} ended with {child.returncode}.", why=last)
