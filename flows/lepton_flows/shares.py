"""A round over many targets, shared among processes: some are given to runs of the deployment `several`.

Only a round that runs on a worker is shared; what a person starts at a keyboard stays in that process. If no worker
takes a share within a minute, the round does it itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.states import Cancelled

from lepton.core.errors import LeptonError

DEPLOYMENT = "several/several"
SMALLEST = 3
"""Targets that make another process worth its start, which takes some ten seconds of a processor."""
START_SECONDS = 60.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Share:
    """What another process was asked to do."""

    run: UUID
    domains: tuple[str, ...]


def split(domains: Sequence[str], processes: int) -> list[tuple[str, ...]]:
    """Return the shares of a round: our own first, none smaller than is worth a process of its own.

    Args:
        domains: The targets.
        processes: Most processes, ours included.
    """
    number = max(1, min(processes, len(domains) // SMALLEST))
    return [tuple(domains[k::number]) for k in range(number)]


def give(verb: str, domains: Sequence[str], arguments: Sequence[Any]) -> Share:
    """Ask for a share to be done by any worker of the pool."""
    asked = {"verb": verb, "domains": list(domains), "arguments": list(arguments)}
    name = f"{verb.replace('_', '-')}-of-{len(domains)}-targets"
    run: Any = run_deployment(DEPLOYMENT, parameters=asked, flow_run_name=name, timeout=0)
    return Share(run.id, tuple(domains))


def wait(share: Share) -> LeptonError | None:
    """Wait for the end of a share; return what it failed with.

    Raises:
        TimeoutError: If no worker has begun it after a while; none will then.
    """
    with get_client(sync_client=True) as client:
        began = time.monotonic()
        while True:
            state = client.read_flow_run(share.run).state
            if state is not None and state.is_final():
                if state.is_completed():
                    return None
                why = f"{state.name}: {state.message or 'its log says why'}"
                return LeptonError(
                    f"Flow run {share.run} ended badly.", why=why, fix=["lepton status", "lepton monitor"]
                )
            waits = state is None or state.is_scheduled()
            if waits and time.monotonic() - began > START_SECONDS:
                client.set_flow_run_state(share.run, Cancelled(message="no worker began it"), force=True)
                raise TimeoutError
            time.sleep(POLL_SECONDS)
