"""The command line in process: a table's whole journey, and a clear answer to every mistake on the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from tests.conftest import Answer, make_plant, restore_interrupt

Cli = Callable[..., Answer]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with deliveries of two generated plants."""
    folder = tmp_path_factory.mktemp("deliveries")
    make_plant(1500, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
    make_plant(700, 0.9, seed=2).to_csv(folder / "plant-2.csv", index=False)
    make_plant(200, 0.9, seed=3, labelled=False).to_csv(folder / "march.csv", index=False)
    make_plant(200, 0.9, seed=4, labelled=False).to_parquet(folder / "april.parquet", index=False)
    drifted = make_plant(200, 0.9, seed=5, labelled=False)
    drifted["heat"] = 6 - drifted["heat"]
    drifted.to_csv(folder / "may.csv", index=False)
    return folder


@pytest.fixture
def empty(lepton: Cli, files: Path, tmp_path: Path) -> Path:
    """Return a workspace that has seen no data yet."""
    assert lepton("init", tmp_path / "ws", "--from", files / "plant-1.csv").code == 0
    return tmp_path / "ws"


NEED_LABELS = "[none, probe, residual, finetune]"
"""Strategies that learn nothing without labels."""


def adapted(lepton: Cli, files: Path, ws: Path) -> Path:
    """Return a workspace whose target plant-2 has a champion."""
    os.environ["LEPTON_PRETRAIN__EPOCHS"] = "4"
    assert lepton("init", ws, "--from", files / "plant-1.csv").code == 0
    for arguments in (
        ("ingest", "plant-1", files / "plant-1.csv"),
        ("pretrain",),
        ("ingest", "plant-2", files / "plant-2.csv", "--new"),
        ("transfer", "plant-2"),
    ):
        assert lepton("-w", ws, *arguments, "--local").code == 0
    return ws


def test_a_csv_user_gets_from_init_to_monitor_and_back_without_python(lepton: Cli, files: Path, tmp_path: Path) -> None:
    ws = tmp_path / "plant"

    def ok(*arguments: object, code: int = 0) -> str:
        answer = lepton("-w", ws, *arguments)
        assert answer.code == code, answer.text
        assert "Warning" not in answer.text
        assert "Traceback" not in answer.text
        return answer.out

    assert lepton("init", ws, "--from", files / "plant-1.csv").code == 0
    assert "kind: tabular" in (ws / "lepton.yaml").read_text()
    assert "plant-1" in (ws / "contracts" / "plant-1.yaml").read_text()
    ok("ingest", "plant-1", files / "plant-1.csv", "--local")
    base = json.loads(ok("pretrain", "--local", "--json"))
    assert base["outcome"] == "promoted"
    ok("ingest", "plant-2", files / "plant-2.csv", "--new", "--local")
    plan = json.loads(ok("transfer", "plant-2", "--dry-run", "--local", "--json"))
    assert plan["plan"]["steps"][0]["strategy"] == "none"
    first = json.loads(ok("transfer", "plant-2", "--local", "--json"))
    assert first["outcome"] == "promoted"
    none = next(c for c in first["candidates"] if c["strategy"] == "none")
    assert first["metrics"]["accuracy"] > none["metrics"]["accuracy"] + 0.03
    assert {c["held_out"] for c in first["candidates"]} == {none["held_out"]}  # the same rows for all
    for name in ("plant-1", "plant-2"):  # and a version has all that belongs to it
        assert "torch" in {part["name"] for part in json.loads(ok("sbom", name, "--json"))["components"]}
    for kind in ("examples.safetensors", "inference.pt2", "rows.json"):
        assert len(list((ws / ".lepton" / "artifacts").rglob(kind))) == 2

    for name in ("march.csv", "april.parquet"):
        ok("ingest", "plant-2", files / name, "--local")
    scored = json.loads(ok("score", "plant-2", "--local", "--json"))
    assert [item["batch"] for item in scored["scored"]] == ["plant-2", "march", "april"]
    assert Path(scored["scored"][1]["file"]).exists()
    calm = json.loads(ok("monitor", "plant-2", "--local", "--json"))
    assert [seen["decision"]["action"] for seen in calm["windows"]] == ["none", "none"]
    assert "Nothing new to judge" in ok("monitor", "plant-2", "--local")

    ok("ingest", "plant-2", files / "may.csv", "--local")
    drifted = json.loads(ok("monitor", "plant-2", "--local", "--json"))
    assert drifted["windows"][0]["decision"]["action"] == "suspect"
    assert "inputs: heat" in drifted["windows"][0]["observation"]["columns"]
    before = Ledger(Workspace(ws).ledger_url).last_seq()
    old = json.loads(ok("monitor", "plant-2", "--window", "march", "--local", "--json"))
    assert "no new window" in old["windows"][0]["decision"]["reason"]
    assert Ledger(Workspace(ws).ledger_url).last_seq() == before  # looking back changes nothing

    status = json.loads(ok("status", "--json"))["pairs"][0]
    assert (status["champion"], status["window"], status["state"]) == ("v1", "may", "suspect")
    tree = ok("lineage")
    assert "lepton-plant-1 v1" in tree
    assert "lepton-plant-1-to-plant-2 v1" in tree
    assert "there is none before it" in lepton("-w", ws, "rollback", "plant-2").err

    same = json.loads(ok("transfer", "plant-2", "--local", "--json"))
    assert same["ancestor"] == "lepton-plant-1 v1"  # the champion learnt from these labels
    assert same["outcome"] == "kept"  # the very same weights again
    other = "probe" if first["winner"] != "probe" else "residual"
    answer = lepton("-w", ws, "transfer", "plant-2", "--local", "--json", "-s", other)
    second = json.loads(answer.out)
    assert (answer.code, second["outcome"]) in [(0, "promoted"), (3, "refused")]
    by_hand = json.loads(ok("promote", "plant-2", "2", "--why", "I looked", "--json"))
    assert by_hand["gate"] == second["gate"]["summary"]
    back = json.loads(ok("rollback", "plant-2", "--why", "I was wrong", "--json"))
    assert (back["before"], back["model"]) == ("lepton-plant-1-to-plant-2 v2", "lepton-plant-1-to-plant-2 v1")
    assert json.loads(ok("status", "--json"))["pairs"][0]["champion"] == "v1"
    nothing = ok("transfer", "plant-2", "--local", "--cause", "drift")
    assert "No confirmed drift" in nothing
    ledger = Ledger(Workspace(ws).ledger_url)
    assert ledger.verify() == []
    assert ledger.last("plant-1-to-plant-2", "rolled_back").payload["cause"]["why"] == "I was wrong"
    assert "ok   ledger" in ok("doctor")


def test_confirmed_drift_is_acted_on_in_process_once_it_has_labels(lepton: Cli, files: Path, tmp_path: Path) -> None:
    os.environ |= {"LEPTON_TRANSFER__STRATEGIES": NEED_LABELS, "LEPTON_MONITOR__UNKNOWN": "retransfer"}
    ws = adapted(lepton, files, tmp_path / "plant")
    for month in range(3):
        drifted = make_plant(300, 0.9, seed=20 + month)
        drifted["heat"] = 6 - drifted["heat"]
        drifted.drop(columns="label").to_csv(tmp_path / f"month-{month}.csv", index=False)
        assert lepton("-w", ws, "ingest", "plant-2", tmp_path / f"month-{month}.csv", "--local").code == 0
        answer = lepton("-w", ws, "monitor", "plant-2", "--act", "--local", "--json")
        seen = json.loads(answer.out)
        if month == 0:
            assert (answer.code, seen["windows"][0]["decision"]["action"]) == (0, "suspect")
        if month == 1:
            assert (answer.code, seen["windows"][0]["decision"]["action"]) == (4, "retransfer")
            assert "There are no labelled rows" in seen["retransfers"]["plant-2"]
            status = json.loads(lepton("-w", ws, "status", "--json").out)["pairs"][0]
            assert status["state"] == "drifted"
            assert "There are no labelled rows" in status["next"]
    scored = json.loads(lepton("-w", ws, "score", "plant-2", "--batch", "month-1", "--local", "--json").out)
    import pandas as pd

    log = pd.read_parquet(scored["scored"][0]["file"])
    truth = make_plant(300, 0.9, seed=21)["label"]
    pd.DataFrame({"id": log["id"], "label": truth}).to_csv(tmp_path / "labels.csv", index=False)
    assert lepton("-w", ws, "ingest", "plant-2", tmp_path / "labels.csv", "--labels", "--local").code == 0
    done = json.loads(lepton("-w", ws, "transfer", "plant-2", "--cause", "drift", "--local", "--json").out)
    assert done["outcome"] == "promoted", done["gate"]
    promoted = Ledger(Workspace(ws).ledger_url).last("plant-1-to-plant-2", "promoted")
    assert promoted.payload["cause"]["since"] == "month-0"
    assert promoted.payload["cause"]["observation"]["window"] == "month-2"


def test_a_window_that_cannot_be_judged_does_not_blind_the_monitor(lepton: Cli, files: Path, tmp_path: Path) -> None:
    ws = adapted(lepton, files, tmp_path / "plant")
    contract = ws / "contracts" / "plant-2.yaml"
    rule = '  - {name: "extra", dtype: number, missing: 1}\n'
    narrow = contract.read_text()
    contract.write_text(narrow + rule)
    wide = make_plant(200, 0.9, seed=30, labelled=False).assign(extra=1.0)
    wide.to_csv(tmp_path / "wide.csv", index=False)
    assert lepton("-w", ws, "ingest", "plant-2", tmp_path / "wide.csv", "--local").code == 0
    contract.write_text(narrow)
    assert lepton("-w", ws, "ingest", "plant-2", files / "march.csv", "--local").code == 0
    answer = lepton("-w", ws, "monitor", "--local", "--json")
    seen = json.loads(answer.out)
    assert answer.code == 4  # a breach of the schema is an alert
    assert seen["problems"] == []
    assert [w["observation"]["window"] for w in seen["windows"]] == ["wide", "march"]
    assert [w["observation"]["verdict"] for w in seen["windows"]] == ["schema breach", "judged"]
    assert seen["windows"][0]["observation"]["problems"] == ["new column: extra"]
    assert lepton("-w", ws, "monitor", "--local").out.startswith("Nothing new to judge")


def test_a_target_without_labels_is_refused_not_broken(lepton: Cli, files: Path, empty: Path) -> None:
    os.environ |= {"LEPTON_PRETRAIN__EPOCHS": "1", "LEPTON_TRANSFER__STRATEGIES": NEED_LABELS}
    assert lepton("-w", empty, "ingest", "plant-1", files / "plant-1.csv", "--local").code == 0
    assert lepton("-w", empty, "pretrain", "--local").code == 0
    assert lepton("-w", empty, "ingest", "plant-2", files / "march.csv", "--new", "--local").code == 0
    answer = lepton("-w", empty, "transfer", "plant-2", "--local")
    assert answer.code == 3
    assert "only 0 labelled held-out rows" in answer.out


def test_real_wine_goes_the_same_way(lepton: Cli, shared_data: Path, tmp_path: Path) -> None:
    import pandas as pd

    wine = pd.read_csv(shared_data / "tabular" / "wine_quality_red_white.csv.gz")
    wine["good"] = (wine.pop("quality") >= 6).map({True: "yes", False: "no"})
    for colour, rows in wine.groupby("colour"):
        rows.drop(columns="colour").to_csv(tmp_path / f"{colour}.csv.gz", index=False)
    ws = tmp_path / "wine"
    assert lepton("init", ws, "--from", tmp_path / "white.csv.gz", "--label", "good").code == 0
    assert lepton("-w", ws, "ingest", "white", tmp_path / "white.csv.gz", "--local").code == 0
    assert lepton("-w", ws, "pretrain", "--local").code == 0
    assert lepton("-w", ws, "ingest", "red", tmp_path / "red.csv.gz", "--new", "--local").code == 0
    answer = lepton("-w", ws, "transfer", "red", "--local", "--json")
    done = json.loads(answer.out)
    by_name = {c["strategy"]: c["metrics"]["accuracy"] for c in done["candidates"]}
    assert by_name[done["winner"]] > by_name["none"] + 0.03
    assert answer.code == (0 if done["outcome"] == "promoted" else 3)


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        (("pretrain", "--local"), "has no data yet", 1),
        (("transfer", "plant-2", "--local"), "Domain 'plant-2' is not known here", 1),
        (("monitor", "plant-2", "--local"), "is not known here", 1),
        (("transfer", "plant-1", "--local"), "only targets are adapted to", 2),
        (("transfer", "plant-1", "--cause", "bananas"), "bananas", 2),
        (("transfer", "../x", "--local"), "cannot name a domain", 2),
        (("ingest", "plant-1", "nowhere.csv", "--local"), "nowhere.csv", 1),
        (("score", "plant-1", "--local"), "is the source", 2),
        (("rollback", "nobody"), "is not known here", 1),
        (("rollback", "plant-1"), "Nothing serves plant-1 yet", 1),
        (("transfer",), "Missing argument", 2),
        (("frobnicate",), "No such command", 2),
    ],
)
def test_a_mistake_gets_an_answer_and_a_remedy(
    lepton: Cli, empty: Path, arguments: tuple[str, ...], told: str, code: int
) -> None:
    answer = lepton("-w", empty, *arguments)
    assert answer.code == code, answer.text
    assert told in answer.err
    assert "Traceback" not in answer.text
    assert Ledger(Workspace(empty).ledger_url).last_seq() == 0


def test_transfer_before_a_base_and_monitor_before_a_champion(lepton: Cli, empty: Path, files: Path) -> None:
    assert lepton("-w", empty, "ingest", "plant-1", files / "plant-1.csv", "--local").code == 0
    assert lepton("-w", empty, "ingest", "plant-2", files / "plant-2.csv", "--new", "--local").code == 0
    early = lepton("-w", empty, "transfer", "plant-2", "--local")
    assert early.code == 1
    assert "There is no base model yet" in early.err
    assert "lepton pretrain" in early.err
    blind = lepton("-w", empty, "monitor", "plant-2", "--local")
    assert blind.code == 1
    assert "nothing to monitor" in blind.err
    os.environ["LEPTON_PRETRAIN__EPOCHS"] = "1"
    assert lepton("-w", empty, "pretrain", "--local").code == 0
    greedy = lepton("-w", empty, "transfer", "plant-2", "--labels-per-class", "5000", "--local")
    assert greedy.code == 1
    assert "fewer labelled rows than the 5000 per class" in greedy.err
    assert "class 'bad':" in greedy.err


def test_a_corrupt_configuration_names_the_line_and_a_wrong_key_the_right_one(lepton: Cli, empty: Path) -> None:
    file = empty / "lepton.yaml"
    good = file.read_text()
    file.write_text(good + "\nmonitor: [1, 2\n")
    answer = lepton("-w", empty, "status")
    assert answer.code == 2
    assert "not valid YAML at line" in answer.err
    file.write_text(good + "\nmonitr: {enter: 2}\n")
    answer = lepton("-w", empty, "status")
    assert answer.code == 2
    assert "did you mean 'monitor'?" in answer.err


def test_init_never_overwrites_and_asks_which_column_is_the_label(lepton: Cli, empty: Path, tmp_path: Path) -> None:
    before = (empty / "lepton.yaml").read_text()
    make_plant(100, 0.0, seed=1).rename(columns={"label": "verdict"}).to_csv(tmp_path / "new.csv", index=False)
    again = lepton("init", empty, "--from", tmp_path / "new.csv")
    assert again.code == 2
    assert (empty / "lepton.yaml").read_text() == before
    unsure = lepton("init", tmp_path / "other", "--from", tmp_path / "new.csv")
    assert unsure.code == 2
    assert "--label verdict" in unsure.err
    assert not (tmp_path / "other").exists()


def test_a_taken_port_is_told_and_nothing_is_left_running(lepton: Cli, empty: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = lepton("-w", empty, "up", "--prefect-port", taken.getsockname()[1])
    assert answer.code == 1
    assert "cannot be used" in answer.err
    assert not (empty / ".lepton" / "stack.json").exists()
    assert not _processes_of(empty)


def test_interrupting_pretraining_leaves_nothing_behind_and_it_can_be_run_again(
    lepton: Cli, empty: Path, files: Path
) -> None:
    assert lepton("-w", empty, "ingest", "plant-1", files / "plant-1.csv", "--local").code == 0
    environ = {**os.environ, "LEPTON_PRETRAIN__EPOCHS": "100000", "LEPTON_PRETRAIN__PATIENCE": "100000"}
    command = [sys.executable, "-c", "from lepton.cli.main import run; run()", "-w", str(empty), "pretrain", "--local"]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = subprocess.Popen(command, env=environ, text=True, preexec_fn=restore_interrupt, **pipes)
    assert child.stderr is not None
    assert "pretraining" in child.stderr.readline()  # the first line of progress: it is training
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Interrupted." in err
    assert "Traceback" not in err
    assert Ledger(Workspace(empty).ledger_url).last("plant-1", "registered") is None
    os.environ["LEPTON_PRETRAIN__EPOCHS"] = "1"
    assert lepton("-w", empty, "pretrain", "--local").code == 0


def test_help_is_instant_and_needs_no_workspace() -> None:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from lepton.cli.main import run; run()", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "transfer" in done.stdout
    for heavy in ("torch", "mlflow", "prefect", "evidently", "great_expectations", "dvc", "pandas", "numpy"):
        assert f" {heavy}\n" not in done.stderr, f"{heavy} is imported by --help"
    assert time.perf_counter() - started < 30  # a hang, not a measurement


def _processes_of(root: Path) -> list[psutil.Process]:
    """Return the processes that work on a workspace."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("LEPTON_WORKSPACE") == str(root) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_an_option_of_lepton_itself_after_the_command_is_explained(lepton: Cli, empty: Path) -> None:
    answer = lepton("status", "-w", empty)
    assert answer.code == 2
    assert "-w stands before the command: lepton -w FOLDER status ..." in answer.err


def test_a_label_that_is_no_column_gets_the_columns_and_the_nearest_one(
    lepton: Cli, files: Path, tmp_path: Path
) -> None:
    answer = lepton("init", tmp_path / "ws", "--from", files / "plant-1.csv", "--label", "labl")
    assert answer.code == 2
    assert "Did you mean 'label'?" in answer.err
    assert "heat, speed, wear, line" in answer.err


def test_the_command_printed_after_init_works_where_it_is_printed(lepton: Cli, files: Path, tmp_path: Path) -> None:
    answer = lepton("init", "shop", "--from", "plant-1.csv", cwd=files)
    assert answer.code == 0, answer.text
    assert "next       cd shop && lepton ingest plant-1 ../plant-1.csv" in answer.out


def test_several_labels_in_one_are_refused_by_name(lepton: Cli, tmp_path: Path) -> None:
    rows = "".join(
        f"{k},{('urgent', 'billing', 'urgent;billing', 'billing;other', 'other')[k % 5]}\n" for k in range(60)
    )
    (tmp_path / "mails.csv").write_text("length,label\n" + rows)
    answer = lepton("init", tmp_path / "ws", "--from", tmp_path / "mails.csv")
    assert answer.code == 2
    assert "several labels in one, such as 'billing;other'" in answer.err
