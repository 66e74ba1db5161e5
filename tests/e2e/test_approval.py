"""A person's word: the gate passes, an automation asks on a real server, a worker waits suspended, the form decides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from lepton.core.work.lock import alone
from lepton.registry.champions import champion
from lepton.registry.models import aliases
from tests.conftest import make_plant
from tests.stack import played, wait_for

SETTINGS = {"LEPTON_PRETRAIN__EPOCHS": "3", "LEPTON_TRANSFER__APPROVAL": "person"}
PAIR, MODEL = "plant-1-to-plant-2", "lepton-plant-1-to-plant-2"

pytestmark = pytest.mark.timeout(300)


def lepton(*arguments: object, fails: int = 0) -> str:
    done = played(*arguments, settings=SETTINGS)
    assert done.returncode == fails, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose promotions ask for a person, with a base, a target, and its stack running."""
    folder = tmp_path_factory.mktemp("approval")
    root = folder / "ws"
    make_plant(1200, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
    make_plant(700, 0.9, seed=2).to_csv(folder / "plant-2.csv", index=False)
    lepton("init", root, "--from", folder / "plant-1.csv")
    lepton("-w", root, "ingest", "plant-1", folder / "plant-1.csv", "--local")
    lepton("-w", root, "pretrain", "--local")
    lepton("-w", root, "ingest", "plant-2", folder / "plant-2.csv", "--new", "--local")
    try:
        lepton("-w", root, "up", "--no-schedules")
        yield Workspace(root)
    finally:
        lepton("-w", root, "down")


def test_the_form_of_a_suspended_run_lets_a_proposed_version_serve(up: Workspace) -> None:
    done = json.loads(lepton("-w", up.root, "transfer", "plant-2", "--json"))
    assert done["outcome"] == "proposed"
    ledger = Ledger(up.ledger_url)
    assert champion(ledger, PAIR) is None
    asked = wait_for(lambda: suspended(up), 90)
    assert aliases(up, MODEL) == {"challenger": done["model"]["version"]}
    said = {"decision": "approve", "who": "ada", "why": "seen the report"}
    api(up, f"/flow_runs/{asked['id']}/resume", {"run_input": said})
    serving = wait_for(lambda: champion(ledger, PAIR), 90)
    assert serving.ref.to_json() == done["model"]
    assert serving.actor == "user:ada"
    assert serving.cause.why == "seen the report"
    assert asked["id"] in (serving.cause.through or "")
    assert (serving.evidence.gate or {})["passed"]
    wait_for(lambda: aliases(up, MODEL) == {"champion": serving.ref.version}, 90)
    assert wait_for(lambda: run_state(up, asked["id"]) == "COMPLETED", 90)


def test_a_transfer_that_finds_another_one_running_is_cancelled_on_the_server_and_told_to_its_caller(
    up: Workspace,
) -> None:
    with alone(up, "transfer", PAIR):
        told = played("-w", up.root, "transfer", "plant-2", settings=SETTINGS)
    assert told.returncode == 1
    assert "is running already" in told.stderr
    assert "lepton status" in told.stderr
    assert wait_for(lambda: newest_transfer(up)["state"]["type"], 90) == "CANCELLED"
    assert "is running already" in newest_transfer(up)["state"]["message"]


def newest_transfer(up: Workspace) -> dict[str, Any]:
    """Return the newest flow run of a transfer."""
    about = {"flows": {"name": {"any_": ["transfer"]}}, "sort": "START_TIME_DESC", "limit": 1}
    found: list[dict[str, Any]] = api(up, "/flow_runs/filter", about)
    return found[0]


def suspended(up: Workspace) -> dict[str, Any] | None:
    """Return the run that waits for its form."""
    found = api(up, "/flow_runs/filter", {"flow_runs": {"state": {"name": {"any_": ["Suspended"]}}}})
    return found[0] if found else None


def run_state(up: Workspace, run_id: str) -> str:
    found = api(up, "/flow_runs/filter", {"flow_runs": {"id": {"any_": [run_id]}}})
    return str(found[0]["state"]["type"])


def api(up: Workspace, path: str, body: dict[str, Any]) -> Any:
    """Ask the Prefect server with its own client, which asks again where SQLite was busy (503, nothing written)."""
    url = json.loads(up.stack_file.read_text())["prefect"]["url"]
    with SyncPrefectClient(f"{url}/api") as client:
        return client.request("POST", path, json=body).json()


STORY = """
import json
from prefect import flow
from lepton.core.errors import LeptonError
from lepton_flows.runtime import OnPrefect

undone = []

def take_back(made, why):
    undone.append([made, why])

def make(runtime, number):
    runtime.step("make", lambda: {"made": number}, undo=take_back)

@flow
def story(fails_within):
    runtime = OnPrefect()
    with runtime.together():
        make(runtime, 1)
        make(runtime, 2)
        if fails_within:
            raise LeptonError("the third step failed")
    raise LeptonError("something failed later")

for fails_within in (True, False):
    try:
        story(fails_within)
    except LeptonError as error:
        undone.append(error.what)
print(json.dumps(undone))
"""


def test_in_a_flow_run_steps_that_belong_together_are_undone_together_the_last_one_first(up: Workspace) -> None:
    url = json.loads(up.stack_file.read_text())["prefect"]["url"]
    environ = os.environ | {"PREFECT_API_URL": f"{url}/api", "PREFECT_LOGGING_LEVEL": "CRITICAL"}
    command = [sys.executable, "-c", STORY]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    why = "the third step failed"
    told = [[{"made": 2}, why], [{"made": 1}, why], why, "something failed later"]
    assert json.loads(done.stdout.splitlines()[-1]) == told
    runs = api(up, "/flow_runs/filter", {"flow_runs": {"state": {"name": {"any_": ["Failed"]}}}})
    assert len(runs) == 2
