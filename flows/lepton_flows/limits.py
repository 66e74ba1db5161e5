"""One at a time: limits that the server keeps, so that they hold for workers on several machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from httpx import HTTPStatusError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from lepton.core.errors import LeptonError
from lepton.core.work.lock import hold

LEASE_SECONDS = 60.0
"""So long after a run was killed others wait for it; one that lives renews it."""


@contextmanager
def one_at_a_time(name: str, seconds: float, busy: LeptonError, making: Path) -> Iterator[None]:
    """Let nobody else who names it be in such a block; wait for whoever is.

    Args:
        name: Of the limit on the server; made at first, and left as a person set it later.
        seconds: How long to wait.
        busy: Raised when the wait is over.
        making: File of the lock under which a limit is made.
    """
    with hold(making), get_client(sync_client=True) as client:
        _make(client, name)
    with ExitStack() as alone:
        held = concurrency(
            name,
            occupy=1,
            timeout_seconds=seconds,
            lease_duration=LEASE_SECONDS,
            strict=True,
            raise_on_lease_renewal_failure=False,
        )
        try:
            alone.enter_context(held)
        except TimeoutError:
            raise busy from None
        yield


def _make(client: SyncPrefectClient, name: str) -> None:
    """Make a limit if it is not there. If two machines do at once the server lets one in and tells the other 500."""
    try:
        client.read_global_concurrency_limit_by_name(name)
        return
    except ObjectNotFound:
        pass
    try:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
    except (ObjectAlreadyExists, HTTPStatusError):
        client.read_global_concurrency_limit_by_name(name)
