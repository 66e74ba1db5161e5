"""The registry on a real MLflow: a temporary SQLite file, and once a real server."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.errors import Conflict, LeptonError, NotFound
from lepton.core.ledger import PROMOTED, REGISTERED, Ledger
from lepton.core.ledger.rows import Cause, Evidence
from lepton.core.refs import ModelRef
from lepton.core.table import Table
from lepton.registry import projection
from lepton.registry.champions import Champion, champion
from lepton.registry.lineage.record import Lineage
from lepton.registry.mlflow.gone import gone
from lepton.registry.mlflow.server import initialise, server_command, server_environment
from lepton.registry.mlflow.tracking import connect
from lepton.registry.models import aliases, fetch, lineage_of, register, set_alias, versions
from lepton.registry.projection import Realigned
from lepton.registry.promotion import promote, rollback
from lepton.registry.reconcile import Reconciled, reconcile
from tests.registry import DATA, MODEL, PAIR, workspace_in

BY_HAND = Cause("manual")


def promoted(ws: Workspace, ledger: Ledger, ref: ModelRef, **other: object) -> Champion:
    return promote(ws, ledger, PAIR, ref, actor="user:ada", cause=BY_HAND, evidence=Evidence(), **other)


def rolled_back(ws: Workspace, ledger: Ledger, to: str | None = None) -> Champion:
    return rollback(ws, ledger, PAIR, actor="user:ada", why="alarm", to=to)


# Runs


def test_processes_that_race_to_create_the_database_all_get_one(tmp_path: Path) -> None:
    ws = workspace_in(tmp_path / "ws")
    code = (
        "from lepton.core.config.workspace import Workspace; from lepton.registry.mlflow.server import initialise;"
        "initialise(Workspace.find())"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "LEPTON_WORKSPACE": str(ws.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(4)
    ]
    assert [racer.communicate(timeout=120)[0] for racer in racers] == [""] * 4
    assert [racer.returncode for racer in racers] == [0] * 4
    assert {path.name for path in ws.state_dir.iterdir()} == {"mlflow.db", "mlflow.lock"}
    assert connect(ws).experiment_id == "1"


def test_a_run_keeps_settings_numbers_curves_and_files(ws: Workspace, tmp_path: Path) -> None:
    tracking = connect(ws)
    (tmp_path / "picture.png").write_bytes(b"png")
    with tracking.run("pretrain", {"pair": "mnist", "flow_run": "f1", "nothing": None}) as run:
        run.params({"lr": 0.1, "encoder": {"width": 4, "name": None}})
        run.metrics({"accuracy": 0.5, "unknown": None, "bad": float("nan"), "p(0->1)": 1.0})
        run.curves({"loss/train": [1 / (1 + step) for step in range(2500)], "lr": {10: 0.1, 20: 0.2}})
        run.json("tables/candidates.json", {"a": [1, 2]})
        run.file(tmp_path / "picture.png", "pictures")
        run.tags({"late": 1})
        run.data(DATA, "train")
        with run.child("probe") as child:
            child.metrics({"accuracy": 0.25})
    found = tracking.client.get_run(run.id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"lr": "0.1", "encoder.width": "4", "encoder.name": "null"}
    assert found.data.metrics["accuracy"] == 0.5
    assert not {"unknown", "bad"} & set(found.data.metrics)
    assert {k: v for k, v in found.data.tags.items() if k.startswith("lepton")} == {
        "lepton.pair": "mnist",
        "lepton.flow_run": "f1",
        "lepton.late": "1",
    }
    assert len(tracking.client.get_metric_history(run.id, "loss/train")) == 2500
    assert [m.step for m in tracking.client.get_metric_history(run.id, "lr")] == [10, 20]
    assert {f.path for f in tracking.client.list_artifacts(run.id)} == {"tables", "pictures"}
    assert tracking.client.get_parent_run(child.id).info.run_id == run.id
    assert found.inputs.dataset_inputs[0].dataset.name == "mnist"
    assert (run.url, tracking.model_url("x", "1")) == (None, None)


@pytest.mark.parametrize(("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_a_run_that_breaks_says_so(ws: Workspace, error: type[BaseException], status: str) -> None:
    tracking = connect(ws)
    with pytest.raises(error), tracking.run("breaks") as run:
        raise error
    assert tracking.client.get_run(run.id).info.status == status


def test_a_stack_file_whose_server_has_gone_is_passed_over(ws: Workspace) -> None:
    write_stack(ws, "http://127.0.0.1:9")
    assert connect(ws).uri == f"sqlite:///{ws.mlflow_db}"


def test_a_moved_workspace_is_a_clear_error(ws: Workspace, tmp_path: Path) -> None:
    connect(ws)
    moved = Workspace(ws.root.rename(tmp_path / "moved"))
    with pytest.raises(LeptonError, match="was moved"):
        connect(moved)


def test_a_database_that_is_damaged_is_a_clear_error(ws: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    ws.mlflow_db.write_bytes(b"no database" * 1000)
    with pytest.raises(LeptonError, match="MLflow cannot be reached") as caught:
        connect(ws)
    assert "not a database" in caught.value.why
    assert capfd.readouterr().err == ""


# Models


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_registered_model_comes_back_with_files_and_lineage(
    ws: Workspace, ledger: Ledger, make, model_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    base = make("mnist")
    ref = make(parent=base, cause=Cause("drift", reason="embedding drift"), config={"a": {"b": 1}})
    found, folder = fetch(ws, ref.name, ref.version)
    assert found == ref
    assert (ref.name, ref.version) == (MODEL, "1")
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        p.name: p.read_bytes() for p in model_folder.iterdir()
    }
    lineage = lineage_of(ws, ref.name, ref.version)
    assert (lineage.parent, lineage.config, lineage.data["train"]) == (base, {"a": {"b": 1}}, DATA)
    row = ledger.last(PAIR, REGISTERED)
    assert row is not None
    assert ModelRef.from_json(row.payload["model"]) == ref
    assert Lineage.from_json(row.payload["lineage"]) == lineage
    assert tuple(capfd.readouterr()) == ("", "")


def test_versions_are_listed_in_order_and_know_their_parent(ws: Workspace, make) -> None:
    assert versions(ws, MODEL) == []
    base = make("mnist")
    made = [make(parent=base) for _ in range(10)]
    assert versions(ws, MODEL) == made
    assert [ref.version for ref in made][-2:] == ["9", "10"]
    client = connect(ws).client
    run = client.get_run(made[0].run_id)
    source = client.get_model_version(base.name, base.version).source
    assert [f"models:/{given.model_id}" for given in run.inputs.model_inputs] == [source]
    assert run.data.metrics == {"accuracy": 0.9}
    tags = client.get_model_version(MODEL, "1").tags
    assert (tags["lepton.parent"], tags["lepton.pair"], tags["lepton.digest"]) == (
        "lepton-mnist v1",
        PAIR,
        made[0].digest,
    )


def test_an_unknown_version_is_not_found(ws: Workspace, make) -> None:
    make()
    for name, version in [(MODEL, "7"), ("lepton-other", "1")]:
        with pytest.raises(NotFound, match=f"There is no {name} v{version}"):
            fetch(ws, name, version)


def damage(folder: Path, how: str) -> str:
    """Do something to a model's folder; return the name of the file to be told of."""
    weights, other = folder / "weights.safetensors", folder / "model.json"
    raw = weights.read_bytes()
    if how == "bit":
        weights.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    elif how == "truncated":
        weights.write_bytes(raw[: len(raw) // 2])
    elif how == "missing":
        weights.unlink()
    elif how == "added":
        (folder / "extra.py").write_text("print()")
        return "extra.py"
    elif how == "emptied":
        weights.unlink()
        other.unlink()
    return "weights.safetensors"


@pytest.mark.parametrize("how", ["bit", "truncated", "missing", "added", "emptied"])
def test_a_damaged_model_is_never_handed_out_or_promoted(ws: Workspace, ledger: Ledger, make, how: str) -> None:
    good, bad = make(), make()
    promoted(ws, ledger, good)
    _, folder = fetch(ws, bad.name, bad.version)
    name = damage(folder, how)
    for use in (lambda: fetch(ws, bad.name, bad.version), lambda: promoted(ws, ledger, bad)):
        with pytest.raises(LeptonError, match="damaged") as caught:
            use()
        assert name in caught.value.why
    serving = champion(ledger, PAIR)
    assert serving is not None
    assert serving.ref == good
    assert aliases(ws, MODEL) == {"champion": good.version}


def test_files_and_checksums_changed_together_are_found(ws: Workspace, ledger: Ledger, make) -> None:
    from lepton.registry.checksums import digest_of, file_checksums

    ref = make()
    _, folder = fetch(ws, ref.name, ref.version)
    (folder / "rows.json").write_text("{}")
    checksums = file_checksums(folder)
    client = connect(ws).client
    client.set_model_version_tag(ref.name, ref.version, "lepton.files", json.dumps(checksums))
    client.set_model_version_tag(ref.name, ref.version, "lepton.digest", digest_of(checksums))
    with pytest.raises(LeptonError, match="damaged"):
        promoted(ws, ledger, ref)


@pytest.mark.parametrize("how", ["edited", "missing", "not json"])
def test_a_changed_lineage_is_found(ws: Workspace, make, how: str) -> None:
    ref = make()
    path = fetch(ws, ref.name, ref.version)[1].parent.parent / "lineage.json"
    if how == "missing":
        path.unlink()
    else:
        path.write_text("{" if how == "not json" else path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(LeptonError, match="damaged"):
        lineage_of(ws, ref.name, ref.version)


def test_a_folder_without_files_is_not_registered(ws: Workspace, ledger: Ledger, tmp_path: Path) -> None:
    lineage = Lineage(strategy="none", data={}, seed=0)
    with pytest.raises(LeptonError, match="no model"):
        register(ws, ledger, PAIR, tmp_path / "nothing", lineage, actor="user:ada")
    assert (ledger.entries(), versions(ws, MODEL)) == ([], [])


def test_mlflow_itself_serves_the_champion(ws: Workspace, ledger: Ledger, make, images: np.ndarray) -> None:
    import mlflow

    from lepton.models.format import load

    ref = make()
    promoted(ws, ledger, ref)
    mlflow.set_tracking_uri(connect(ws).uri)
    try:
        answers = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion").predict(images)
    finally:
        mlflow.set_tracking_uri(None)
    ids = np.array([str(n) for n in range(len(images))], dtype=object)
    table = Table("image", ids, np.full(len(images), None, dtype=object), images=images)
    expected = load(fetch(ws, ref.name, ref.version)[1]).predict_proba(table)
    np.testing.assert_array_equal(answers[["p(a)", "p(b)", "p(c)"]].to_numpy(), expected)
    assert list(answers["label"]) == ["abc"[k] for k in expected.argmax(axis=1)]


# Promotion


def test_a_promotion_writes_the_ledger_and_moves_the_alias(ws: Workspace, ledger: Ledger, make) -> None:
    first, second = make(), make()
    before = promoted(ws, ledger, first, expect_seq=0)
    evidence = Evidence({"passed": True, "rows": 99})
    cause = Cause("drift", reason="embedding drift")
    after = promote(ws, ledger, PAIR, second, actor="flow:x", cause=cause, evidence=evidence, expect_seq=before.seq)
    assert champion(ledger, PAIR) == after
    assert (after.ref, after.actor, after.cause, after.evidence) == (second, "flow:x", cause, evidence)
    assert aliases(ws, MODEL) == {"champion": second.version}
    row = ledger.last(PAIR, PROMOTED)
    assert row is not None
    assert row.payload["previous"] == first.to_json()
    assert ledger.verify() == []


def test_promoting_the_champion_again_changes_nothing(ws: Workspace, ledger: Ledger, make) -> None:
    ref = make()
    once = promoted(ws, ledger, ref, expect_seq=0)
    assert promoted(ws, ledger, ref, expect_seq=0) == once
    assert len(ledger.entries(PAIR, PROMOTED)) == 1


def test_a_promotion_over_another_champion_than_was_judged_is_refused(ws: Workspace, ledger: Ledger, make) -> None:
    first, second, third = make(), make(), make()
    seen = promoted(ws, ledger, first)
    promoted(ws, ledger, second)
    with pytest.raises(Conflict):
        promoted(ws, ledger, third, expect_seq=seen.seq)
    assert aliases(ws, MODEL) == {"champion": second.version}


def test_of_promoters_that_race_exactly_one_wins_and_the_alias_is_the_winners(
    ws: Workspace, ledger: Ledger, make
) -> None:
    contenders = [make() for _ in range(4)]
    start, lost = threading.Barrier(4), []

    def race(ref: ModelRef) -> None:
        start.wait()
        try:
            promoted(ws, Ledger(ws.ledger_url), ref, expect_seq=0)
        except Conflict as error:
            lost.append(error)

    threads = [threading.Thread(target=race, args=(ref,)) for ref in contenders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    serving = champion(ledger, PAIR)
    assert serving is not None
    assert len(lost) == 3
    assert aliases(ws, MODEL) == {"champion": serving.ref.version}


def test_a_promotion_whose_alias_cannot_be_moved_stands_and_is_reconciled(
    ws: Workspace, ledger: Ledger, make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make(), make()
    promoted(ws, ledger, first)

    def unreachable(*_: object) -> None:
        raise LeptonError("MLflow cannot be reached.")

    with monkeypatch.context() as patch:
        patch.setattr(projection, "set_alias", unreachable)
        with pytest.raises(LeptonError, match="is the champion of mnist-to-usps, but"):
            promoted(ws, ledger, second)
    assert aliases(ws, MODEL) == {"champion": "1"}
    assert reconcile(ws, ledger).moved == (Realigned(MODEL, "1", "2"),)
    assert aliases(ws, MODEL) == {"champion": "2"}
    assert reconcile(ws, ledger) == Reconciled()


def test_what_serves_and_was_deleted_by_hand_is_seen_and_brought_back(ws: Workspace, ledger: Ledger, make) -> None:
    first, second = make(), make()
    promoted(ws, ledger, first)
    promoted(ws, ledger, second)
    client = connect(ws).client
    client.delete_registered_model_alias(MODEL, "champion")
    client.delete_model_version(MODEL, second.version)
    assert gone(ws, [first, second]) == [second]
    with pytest.raises(NotFound):
        fetch(ws, MODEL, second.version)
    found = reconcile(ws, ledger)
    assert (found.back, found.moved) == ((second,), (Realigned(MODEL, None, "2"),))
    assert fetch(ws, MODEL, second.version, expect=second.digest)[0] == second
    assert gone(ws, [first, second]) == []
    assert reconcile(ws, ledger) == Reconciled()


def test_an_alias_moved_by_hand_is_put_back(ws: Workspace, ledger: Ledger, make) -> None:
    first, second = make(), make()
    promoted(ws, ledger, first)
    set_alias(ws, second, "champion")
    assert reconcile(ws, ledger).moved == (Realigned(MODEL, "2", "1"),)


def test_a_rollback_brings_the_champion_before_back(ws: Workspace, ledger: Ledger, make) -> None:
    first, second, third = make(), make(), make()
    for ref in (first, second, third):
        promoted(ws, ledger, ref)
    back = rolled_back(ws, ledger)
    assert (back.ref, back.cause) == (second, Cause("rollback", "alarm"))
    assert aliases(ws, MODEL) == {"champion": second.version}
    assert rolled_back(ws, ledger, to="3").ref == third
    with pytest.raises(NotFound, match="never served"):
        rolled_back(ws, ledger, to="9")


def test_a_rollback_to_a_damaged_model_is_refused(ws: Workspace, ledger: Ledger, make) -> None:
    first, second = make(), make()
    for ref in (first, second):
        promoted(ws, ledger, ref)
    damage(fetch(ws, first.name, first.version)[1], "bit")
    with pytest.raises(LeptonError, match="damaged"):
        rolled_back(ws, ledger)
    assert aliases(ws, MODEL) == {"champion": second.version}


# The server


def write_stack(ws: Workspace, url: str) -> None:
    stack = {"prefect": {"url": "http://127.0.0.1:9", "pid": 0}, "mlflow": {"url": url, "pid": 0}, "services": []}
    ws.stack_file.write_text(json.dumps(stack))


def group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def server(tmp_path: Path, ws: Workspace) -> Iterator[str]:
    """A real MLflow server for the workspace, in its own process group; ended without a trace."""
    # The copied template names the template's folder: the server must know this workspace as its own.
    ws.mlflow_db.unlink()
    initialise(ws)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            server_command(ws, port), env=server_environment(), stdout=stream, stderr=stream, start_new_session=True
        )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 90
    try:
        while True:
            try:
                with urlopen(f"{url}/health", timeout=2):
                    break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        write_stack(ws, url)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        deadline = time.monotonic() + 10
        while group_is_alive(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not group_is_alive(process.pid)


def test_with_the_server_up_the_same_files_are_used_through_it(
    ws: Workspace, ledger: Ledger, server: str, make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ref = make()
    promoted(ws, ledger, ref)
    tracking = connect(ws)
    assert tracking.uri == tracking.url == server
    assert tracking.model_url(ref.name, ref.version) == f"{server}/#/models/{MODEL}/versions/1"
    _, folder = fetch(ws, ref.name, ref.version)
    assert folder.is_relative_to(ws.artifacts_dir)
    logged = tracking.client.get_model_version(ref.name, ref.version).source.removeprefix("models:/")
    with urlopen(f"{server}/ajax-api/2.0/mlflow/logged-models/{logged}/artifacts/directories", timeout=10) as answer:
        assert {"MLmodel", "data", "lineage.json"} <= {entry["path"] for entry in json.load(answer)["files"]}

    # Another workspace that finds this address in its own, outdated, stack file does not use the server.
    other = workspace_in(tmp_path / "other")
    other.state_dir.mkdir()
    shutil.copy(ws.stack_file, other.stack_file)
    assert connect(other).url is None

    # Without the server everything is still there.
    ws.stack_file.unlink()
    assert connect(ws).uri.startswith("sqlite:///")
    assert versions(ws, MODEL) == [ref]
    assert aliases(ws, MODEL) == {"champion": "1"}
    assert fetch(ws, ref.name, ref.version) == (ref, folder)
    assert tuple(capfd.readouterr()) == ("", "")
