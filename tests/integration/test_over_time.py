"""The monitor over time: a trial run over history, windows that were missed, labels that come late, and the dashboard.

The tests of this file are one story in order, told on one workspace: it takes a minute to make it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pandas as pd
import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from lepton.monitoring.dashboard import INDEX, Point, draw, drawn
from lepton.registry.audit.history import decision_line
from tests.conftest import Answer, make_plant, restore_interrupt

PAIR, TARGET = "plant-1-to-plant-2", "plant-2"
CHROMIUM = Path("/usr/bin/chromium")
Cli = Callable[..., Answer]


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return a workspace whose target has a champion; beside it lie w1.csv, quiet, and w2 to w4, drifted."""
    from lepton.cli.main import main

    folder, before = tmp_path_factory.mktemp("time"), dict(os.environ)
    root = folder / "ws"
    os.environ.update({"LEPTON_PRETRAIN__EPOCHS": "4", "LEPTON_THREADS": "1", "LEPTON_MONITOR__UNKNOWN": "retransfer"})
    try:
        make_plant(900, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
        make_plant(600, 0.9, seed=2).to_csv(folder / "plant-2.csv", index=False)
        for number in (1, 2, 3, 4):
            rows = make_plant(200, 0.9, seed=10 + number)
            if number > 1:
                rows["heat"] = 6 - rows["heat"]
            rows.insert(0, "id", [f"w{number}-{k}" for k in range(len(rows))])
            rows[["id", "label"]].to_csv(folder / f"w{number}-labels.csv", index=False)
            rows.drop(columns=["label"]).to_csv(folder / f"w{number}.csv", index=False)
        for arguments in (
            ("init", root, "--from", folder / "plant-1.csv"),
            ("-w", root, "ingest", "plant-1", folder / "plant-1.csv", "--local"),
            ("-w", root, "pretrain", "--local"),
            ("-w", root, "ingest", TARGET, folder / "plant-2.csv", "--new", "--local"),
            ("-w", root, "transfer", TARGET, "--local", "-s", "probe"),
        ):
            assert main([str(argument) for argument in arguments]) == 0, arguments
        yield Workspace(root)
    finally:
        os.environ.clear()
        os.environ.update(before)


def rows_of(ws: Workspace, *actions: Any) -> list[dict[str, Any]]:
    return [row.payload for row in Ledger(ws.ledger_url).entries(PAIR, actions)]


def alerts(ws: Workspace) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ws.alerts_file.read_text().splitlines()] if ws.alerts_file.exists() else []


def test_before_a_window_was_judged_there_is_nothing_to_open(ws: Workspace, lepton: Cli) -> None:
    answer = lepton("-w", ws.root, "ui")
    assert answer.code == 1
    assert "There is nothing to show yet." in answer.text
    assert "lepton monitor" in answer.text


def test_a_replay_of_files_says_what_would_have_happened_and_leaves_no_trace(ws: Workspace, lepton: Cli) -> None:
    before = len(Ledger(ws.ledger_url).entries())
    files = [ws.root.parent / f"w{number}.csv" for number in (1, 2, 3, 4)]
    answer = lepton("-w", ws.root, "replay", TARGET, *files, "--hours", 0.5, "--json")
    assert answer.code == 0, answer.text
    found = json.loads(answer.out)
    decisions = [window["decision"]["action"] for window in found["windows"]]
    assert decisions[:3] == ["none", "suspect", "retransfer"]
    assert (found["retransfers"], found["windows"][2]["alerts"][0]["kind"]) == (1, "open")
    estimates = [window["observation"] for window in found["windows"]]
    assert all(o["estimated_low"] <= (o["estimated_accuracy"] or 0.5) <= o["estimated_high"] for o in estimates)
    assert estimates[0]["estimated_accuracy"] is not None
    # Far from all that was simulated there may be no number; that much may be lost is said in any case.
    assert estimates[2]["expected_accuracy"] - estimates[2]["estimated_low"] > 0.1
    assert len(Ledger(ws.ledger_url).entries()) == before
    assert alerts(ws) == []
    shown = lepton("-w", ws.root, "replay", TARGET, *files[::-1])
    assert "nothing was sent" in shown.out


def test_a_replay_goes_through_the_contract(ws: Workspace, lepton: Cli) -> None:
    files = [ws.root.parent / name for name in ("w1.csv", "wild.csv", "wild2.csv", "w2.csv")]
    for number, path in enumerate(files[1:3]):
        wild = pd.read_csv(files[0])
        wild["id"], wild["heat"] = [f"x{number}-{k}" for k in range(len(wild))], 1e6
        wild.to_csv(path, index=False)
    found = json.loads(lepton("-w", ws.root, "replay", TARGET, *files, "--json").out)["windows"]
    assert [window["observation"]["verdict"] for window in found] == ["judged", "refused", "refused", "judged"]
    assert [[alert["kind"] for alert in window["alerts"]] for window in found] == [
        [],
        ["open"],
        ["update"],
        ["resolve"],
    ]
    assert "heat" in found[1]["decision"]["reason"]
    assert [window["decision"]["action"] for window in found] == ["none", "alert", "alert", "suspect"]


def test_a_policy_is_tried_on_history_before_it_is_switched_on(
    ws: Workspace, lepton: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPTON_MONITOR__CONFIRM", "3")
    files = [ws.root.parent / f"w{number}.csv" for number in (1, 2, 3, 4)]
    found = json.loads(lepton("-w", ws.root, "replay", TARGET, *files, "--json").out)
    assert [window["decision"]["action"] for window in found["windows"]] == ["none", "suspect", "suspect", "retransfer"]


def test_what_is_neither_a_file_nor_a_batch_cannot_be_replayed(ws: Workspace, lepton: Cli) -> None:
    answer = lepton("-w", ws.root, "replay", TARGET, "may.csv")
    assert answer.code == 1
    assert "'may.csv' is neither a file nor a batch of 'plant-2'" in answer.text
    assert "lepton replay plant-2" in answer.text


def test_missed_windows_are_judged_as_of_when_they_came_and_people_hear_once(ws: Workspace, lepton: Cli) -> None:
    for number in (1, 2, 3):
        assert lepton("-w", ws.root, "ingest", TARGET, ws.root.parent / f"w{number}.csv", "--local").code == 0
    came = [row.at for row in Ledger(ws.ledger_url).entries(PAIR, "ingested")][-3:]
    trial = lepton("-w", ws.root, "backfill", TARGET, "--local", "--dry-run", "--json")
    assert len(json.loads(trial.out)["windows"]) == 3
    assert rows_of(ws, "observed", "decided", "alerted") == []
    answer = lepton("-w", ws.root, "backfill", TARGET, "--local", "--json")
    assert answer.code == 4, answer.text
    observed, decided = rows_of(ws, "observed"), rows_of(ws, "decided")
    assert [seen["time"] for seen in observed] == [at.isoformat() for at in came]
    assert [row["action"] for row in decided] == ["none", "suspect", "retransfer"]
    assert [(alert["kind"], alert["window"]) for alert in alerts(ws)] == [("open", "w3")]
    again = lepton("-w", ws.root, "backfill", TARGET, "--local", "--json")
    assert (json.loads(again.out)["windows"], len(alerts(ws))) == ([], 1)


def test_the_same_series_are_on_the_dashboard_and_in_mlflow(ws: Workspace) -> None:
    assert drawn(ws.dashboard_dir, PAIR) == ["w1 (v1)", "w2 (v1)", "w3 (v1)"]
    history = metrics(ws)
    assert [round(v, 3) for v in history["monitor/drift"]] == [
        round(max(seen["scores"].values()), 3) for seen in rows_of(ws, "observed")
    ]
    assert history["monitor/retransfer"] == [0, 0, 1]
    assert history["monitor/rows"] == [200, 200, 200]
    assert "monitor/realised" not in history


def test_labels_that_come_late_measure_what_was_estimated(ws: Workspace, lepton: Cli) -> None:
    labels = ws.root.parent / "w2-labels.csv"
    assert lepton("-w", ws.root, "ingest", TARGET, labels, "--labels", "--local").code == 0
    lepton("-w", ws.root, "monitor", TARGET, "--local")
    (measured,) = rows_of(ws, "measured")
    assert (measured["window"], measured["labelled"]) == ("w2", 200)
    assert metrics(ws)["monitor/realised"] == pytest.approx([measured["realised_accuracy"]])
    assert drawn(ws.dashboard_dir, PAIR) == ["w1 (v1)", "w2 (v1)", "w3 (v1)"]
    lepton("-w", ws.root, "monitor", TARGET, "--local")
    assert len(rows_of(ws, "measured")) == 1
    assert lepton("-w", ws.root, "ingest", TARGET, ws.root.parent / "w4.csv", "--local").code == 0
    lepton("-w", ws.root, "monitor", TARGET, "--local")
    last = rows_of(ws, "observed")[-1]
    assert last["window"] == "w4"
    if measured["estimated_accuracy"] is not None:
        off = abs(measured["estimated_accuracy"] - measured["realised_accuracy"])
        assert last["estimate_error"] == pytest.approx(off)
    told = [decision_line(row) for row in Ledger(ws.ledger_url).entries(PAIR, "measured")]
    assert told == [f"w2: accuracy {measured['realised_accuracy']:.3f} on 200 labels"]


def test_the_newest_reports_are_kept_and_each_opens_within_six_megabytes(
    ws: Workspace, lepton: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ws.reports_dir / "windows" / TARGET
    assert sorted(path.name for path in folder.glob("*.html")) == [f"w{k}.v1.html" for k in (1, 2, 3, 4)]
    assert all(path.stat().st_size < 6_000_000 for path in folder.glob("*.html"))
    monkeypatch.setenv("LEPTON_MONITOR__KEEP_REPORTS", "2")
    lepton("-w", ws.root, "monitor", TARGET, "--local")
    assert sorted(path.name for path in folder.glob("*.html")) == ["w3.v1.html", "w4.v1.html"]


def test_the_dashboard_opens_in_a_browser(ws: Workspace, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from lepton.cli.main import run; run()", "-w", str(ws.root), "ui", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, preexec_fn=restore_interrupt
    ) as process:
        try:
            url = json.loads("".join(process.stdout.readline() for _ in range(3)))["url"]
            with urlopen(f"{url}/api/projects") as answer:  # the link is printed when it leads somewhere
                assert PAIR in answer.read().decode()
            if CHROMIUM.exists():
                words = _words(url)
                assert PAIR in words
                assert "Drift (1.0 is the calibrated threshold)" in words
                assert "Decisions" in words
            elif os.environ.get("CI"):
                pytest.fail(f"CI must have {CHROMIUM}", pytrace=False)
        finally:
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=30)
        assert rest == ""  # no line a request among the words of the command


def test_windows_can_be_joined_from_several_batches(
    ws: Workspace, lepton: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPTON_MONITOR__WINDOW_ROWS", "300")
    for number in (5, 6, 7):
        rows = make_plant(200, 0.9, seed=20 + number, labelled=False)
        rows.insert(0, "id", [f"w{number}-{k}" for k in range(len(rows))])
        rows.to_csv(ws.root.parent / f"w{number}.csv", index=False)
        assert lepton("-w", ws.root, "ingest", TARGET, ws.root.parent / f"w{number}.csv", "--local").code == 0
    lepton("-w", ws.root, "monitor", TARGET, "--local")
    last = rows_of(ws, "observed")[-1]
    assert (last["window"], last["batches"], last["rows"]) == ("w5", ["w5", "w6"], 400)
    assert rows_of(ws, "decided")[-1]["batches"] == ["w5", "w6"]
    before = len(rows_of(ws, "observed"))
    lepton("-w", ws.root, "monitor", TARGET, "--local")
    assert len(rows_of(ws, "observed")) == before  # w7 waits for more
    monkeypatch.setenv("LEPTON_MONITOR__WINDOW_HOURS", "24")
    both = lepton("-w", ws.root, "monitor", TARGET, "--local")
    assert both.code == 2
    assert "leave the other out" in both.text


def test_a_reference_whose_file_is_gone_is_told_and_nothing_is_decided(ws: Workspace, lepton: Cli) -> None:
    (path,) = (ws.data_dir / TARGET).glob("*-plant-2.parquet")
    before = len(Ledger(ws.ledger_url).entries())
    kept = path.rename(path.with_suffix(".gone"))
    try:
        answer = lepton("-w", ws.root, "monitor", TARGET, "--local")
    finally:
        kept.rename(path)
    assert answer.code == 4, answer.text  # the drift from before is still confirmed
    assert "was adapted to are not all there" in answer.text
    assert "lepton data checkout" in answer.text
    assert "Nothing new to judge" not in answer.text
    assert len(Ledger(ws.ledger_url).entries()) == before
    assert lepton("-w", ws.root, "monitor", TARGET, "--local").code in (0, 4)


def test_a_lost_index_makes_the_dashboard_anew_and_not_twice(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    points = [Point(f"w{k}", datetime(2026, 1, 1 + k, tzinfo=UTC), {"drift": 0.5, "rows": None}, {}) for k in range(2)]
    draw(tmp_path, PAIR, points)
    draw(tmp_path, PAIR, points[1:])
    assert drawn(tmp_path, PAIR) == ["w0", "w1"]
    (tmp_path / INDEX).write_text("{")
    assert drawn(tmp_path, PAIR) == []
    draw(tmp_path, PAIR, points)
    projects = [path for path in tmp_path.iterdir() if (path / "metadata.json").exists()]
    assert len(projects) == 1
    assert len(list((projects[0] / "snapshots").glob("*.json"))) == 2


def metrics(ws: Workspace) -> dict[str, list[float]]:
    """Return every series of the pair's run, in order of the windows."""
    from lepton.registry.mlflow.tracking import connect

    run = connect(ws).series(PAIR)
    client = run.tracking.client
    names = client.get_run(run.id).data.metrics
    return {
        name: [point.value for point in sorted(client.get_metric_history(run.id, name), key=lambda p: p.step)]
        for name in names
        if pd.notna(names[name])
    }


def _words(url: str) -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1400, "height": 1500})
        page.goto(url)
        page.get_by_text(PAIR).first.click()
        page.get_by_text("Decisions").first.wait_for(timeout=30_000)
        page.wait_for_timeout(3000)
        if place := os.environ.get("LEPTON_SCREENSHOTS"):
            page.screenshot(path=f"{place}/dashboard.png", full_page=True)
        found = page.inner_text("body")
        browser.close()
        return str(found)
