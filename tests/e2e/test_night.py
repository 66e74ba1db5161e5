"""A night on a real stack: parts are killed, people are told in time, and `lepton up` mends what is broken, no more."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lepton.cli.stack.parts import services_of
from lepton.cli.stack.schedules import plan
from lepton.core.config.addresses import Stack, read_stack
from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from lepton.operations.machinery import standing
from tests.stack import lepton, played, small_stack, wait_for

TOLD_WITHIN = 120.0

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with its stack up, in a folder that no checkout is above of."""
    with small_stack(tmp_path_factory.mktemp("night")) as found:
        yield found


def stack_of(ws: Workspace) -> Stack:
    found = read_stack(ws)
    assert found is not None
    return found


@pytest.mark.parametrize("names", [("worker cpu", "mlflow server"), ("prefect server", "worker gpu")], ids=" and ".join)
def test_what_is_killed_is_told_within_two_minutes_and_mended_where_it_was(
    ws: Workspace, names: tuple[str, ...]
) -> None:
    before = stack_of(ws)
    services = services_of(before)
    wait_for(lambda: all(Path(services[name].log).read_text() for name in names), TOLD_WITHIN)  # there is a log to keep
    for name in names:
        os.kill(services[name].pid, signal.SIGKILL)
    wait_for(
        lambda: {one.pair for one in standing(Ledger(ws.ledger_url))} >= {f"stack/{name}" for name in names},
        TOLD_WITHIN,
    )
    assert {one["title"].split(": ")[1] for one in alerts(ws)} >= {f"{name} is gone" for name in names}
    assert f"Not well: {', '.join(name for name in services if name in names)}." in checkup(ws)["stack"]["detail"]

    lepton("-w", ws.root, "up")
    after = stack_of(ws)
    assert (after.prefect_url, after.mlflow_url) == (before.prefect_url, before.mlflow_url)
    for name, service in services_of(after).items():
        assert service.alive()
        assert (service == services[name]) == (name not in names), name
    for name in names:
        log = Path(services[name].log)
        assert log.with_name(f"{log.stem}.1.log").read_text()
    wait_for(lambda: not standing(Ledger(ws.ledger_url)), TOLD_WITHIN)
    wait_for(lambda: plan(after).runs >= 6)


def test_the_end_of_the_watchdog_is_seen_by_status_and_checkup_and_mended_alone(ws: Workspace) -> None:
    services = services_of(stack_of(ws))
    os.kill(services["watchdog"].pid, signal.SIGKILL)
    wait_for(lambda: not services["watchdog"].alive())
    assert "The watchdog has ended" in checkup(ws)["watchdog"]["detail"]
    assert "watchdog has ended" in lepton("-w", ws.root, "status")
    assert json.loads(lepton("-w", ws.root, "up", "--dry-run", "--json"))["would_start"] == ["watchdog"]
    lepton("-w", ws.root, "up")
    again = services_of(stack_of(ws))
    assert {name for name in services if services[name] != again[name]} == {"watchdog"}
    assert checkup(ws)["watchdog"]["ok"]


def test_the_ports_are_the_same_after_a_stop(ws: Workspace) -> None:
    before = stack_of(ws)
    lepton("-w", ws.root, "down")
    assert json.loads(lepton("-w", ws.root, "up", "--json")) == {
        "prefect": before.prefect_url,
        "mlflow": before.mlflow_url,
    }


def checkup(ws: Workspace) -> dict[str, dict[str, Any]]:
    done = played("-w", ws.root, "doctor", "--json")  # ends with 1 where something is not well
    return {one["what"]: one for one in json.loads(done.stdout)}


def alerts(ws: Workspace) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ws.alerts_file.read_text().splitlines()]
