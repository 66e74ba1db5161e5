"""What a round asks of a real Prefect server: one at a time, and shares that a worker takes, ends or leaves."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lepton_flows import several, shares
from lepton_flows.limits import one_at_a_time
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from lepton.cli.stack.parts import HEALTH, PREFECT, start_prefect
from lepton.cli.stack.ports import free_port
from lepton.cli.stack.processes import stop, wait_until_answering
from lepton.core.config.workspace import Workspace
from lepton.core.errors import Busy, LeptonError

BUSY = Busy("somebody else is at it")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server as `lepton up` starts it, which knows the deployment of shares; nobody works."""
    service = start_prefect(Workspace(tmp_path_factory.mktemp("server")), free_port())
    try:
        wait_until_answering(service, HEALTH[PREFECT], 120)
        address = f"{service.url}/api"
        flow = ask(address, "flows/", {"name": "several"})
        ask(address, "deployments/", {"name": "several", "flow_id": flow["id"]})
        with temporary_settings({PREFECT_API_URL: address}):
            yield address
    finally:
        stop([service])


def ask(api: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{api}/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture
def making(tmp_path: Path) -> Path:
    return tmp_path / "limits.lock"


@contextmanager
def alone(api: str, target: str, seconds: float, making: Path) -> Iterator[None]:
    name = f"lepton-monitor-a-to-{target}"
    with temporary_settings({PREFECT_API_URL: api}), one_at_a_time(name, seconds, BUSY, making):
        yield


def test_of_two_who_name_the_same_limit_one_waits_and_gives_up_in_the_end(api: str, making: Path) -> None:
    seen: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with alone(api, "b", 60, making):
            seen.append("first in")
            inside.set()
            leave.wait(60)
            seen.append("first out")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(60)
    with alone(api, "c", 5, making):
        seen.append("another pair")
    with pytest.raises(Busy, match="somebody else"), alone(api, "b", 1, making):
        pytest.fail("two at once")
    threading.Timer(1, leave.set).start()
    with alone(api, "b", 60, making):
        seen.append("second in")
    thread.join()
    assert seen == ["first in", "another pair", "first out", "second in"]
    limits = {one["name"]: one["limit"] for one in ask(api, "v2/concurrency_limits/filter", {})}
    assert limits == {"lepton-monitor-a-to-b": 1, "lepton-monitor-a-to-c": 1}


@pytest.mark.parametrize("machines", ["one", "several"])
def test_a_limit_that_many_want_at_first_is_made_once(api: str, tmp_path: Path, machines: str) -> None:
    """On one machine they share a lock; of several the server lets one in."""
    inside: list[int] = []
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with alone(api, machines, 60, tmp_path / (machines if machines == "one" else f"{number}.lock")):
                inside.append(number)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(inside) == [0, 1, 2, 3]


def test_a_timeout_of_the_work_itself_is_not_taken_for_a_busy_limit(api: str, making: Path) -> None:
    with pytest.raises(TimeoutError, match="ours"), alone(api, "b", 5, making):
        raise TimeoutError("ours")


def test_a_share_that_no_worker_takes_is_given_back_and_will_not_be_done_later(
    api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "START_SECONDS", 0.5)
    share = shares.give("monitor_pair", ["b", "c"], [None, False])
    asked = ask(api, f"flow_runs/{share.run}")
    assert asked["parameters"] == {"verb": "monitor_pair", "domains": ["b", "c"], "arguments": [None, False]}
    assert asked["name"] == "monitor-pair-of-2-targets"
    with pytest.raises(TimeoutError):
        shares.wait(share)
    assert ask(api, f"flow_runs/{share.run}")["state_type"] == "CANCELLED"


@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CRASHED"])
def test_a_share_that_a_worker_took_is_waited_for_and_its_end_is_told(
    api: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "START_SECONDS", 0.5)
    share = shares.give("monitor_pair", ["b"], [])

    def become(kind: str) -> None:
        state = {"type": kind, "message": "b: it broke"}
        ask(api, f"flow_runs/{share.run}/set_state", {"state": state, "force": True})

    become("RUNNING")
    threading.Timer(2, become, [end]).start()  # longer than a worker may take to begin
    began = time.monotonic()
    answer = shares.wait(share)
    assert time.monotonic() - began > 1
    if end == "COMPLETED":
        assert answer is None
    else:
        assert isinstance(answer, LeptonError)
        assert "b: it broke" in answer.why


def test_the_flow_of_a_share_plays_each_target_as_a_run_of_its_own(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @flow(name="one", flow_run_name="one-{domain}")
    def one(domain: str, window: str | None, dry_run: bool) -> str:
        if domain == "b":
            raise LeptonError("it broke")
        return domain

    monkeypatch.setattr(several, "flow_of", lambda _: one)
    state = several.several("one", ["a", "b", "c"], [None, False], return_state=True)
    assert (state.is_failed(), state.message) == (True, "b: it broke")
    runs = ask(api, "flow_runs/filter", {"flows": {"name": {"any_": ["one"]}}})
    assert {run["name"]: run["state_type"] for run in runs} == {
        "one-a": "COMPLETED",
        "one-b": "FAILED",
        "one-c": "COMPLETED",
    }
    assert several.several("one", ["a", "c"], [None, False]) == 2
