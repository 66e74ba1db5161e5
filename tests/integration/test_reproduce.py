"""Reproduce on a real workspace: a base, a model adapted from it, and one that descends from that after a drift."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import REGISTERED, Entry, Ledger
from lepton.core.ledger.rows import Forgotten
from lepton.core.refs import ModelRef
from tests.conftest import Answer, make_plant
from tests.registry import with_mlflow
from tests.tampering import unguarded

Cli = Callable[..., Answer]
BASE, PAIR = "lepton-plant-1", "lepton-plant-1-to-plant-2"


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Workspace]:
    """Return a workspace whose champion v2 descends from champion v1, with labels that came late and later still."""
    from lepton.cli.main import main

    folder, before = tmp_path_factory.mktemp("reproduce"), dict(os.environ)
    root = folder / "ws"

    def ok(*arguments: object) -> None:
        assert main([str(argument) for argument in arguments]) == 0, arguments

    def deliver(name: str, seed: int, rows: int, shift: float, *options: str) -> None:
        """Deliver rows, and then labels for half of them."""
        table = make_plant(rows, shift, seed=seed)
        table.insert(0, "id", [f"{name}-{k}" for k in range(rows)])
        table.drop(columns="label").to_csv(folder / f"{name}.csv", index=False)
        ok("-w", root, "ingest", "plant-2", folder / f"{name}.csv", *options, "--local")
        labels(name, table[: rows // 2])

    def labels(name: str, table: Any) -> None:
        table[["id", "label"]].to_csv(folder / f"{name}-labels-{len(table)}.csv", index=False)
        ok("-w", root, "ingest", "plant-2", folder / f"{name}-labels-{len(table)}.csv", "--labels", "--local")

    os.environ |= {"LEPTON_PRETRAIN__EPOCHS": "2", "LEPTON_MONITOR__CONFIRM": "1", "LEPTON_MONITOR__OF": "1"}
    os.environ |= {"LEPTON_TRANSFER__MARGIN": "0.5"}
    try:
        make_plant(500, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
        ok("init", root, "--from", folder / "plant-1.csv")
        with_mlflow(Workspace(root), migrated)
        ok("-w", root, "ingest", "plant-1", folder / "plant-1.csv", "--local")
        ok("-w", root, "pretrain", "--local")
        deliver("first", 2, 500, 0.9, "--new")
        ok("-w", root, "transfer", "plant-2", "--local", "-s", "residual", "--labels-per-class", 30)
        deliver("drifted", 3, 400, 3.0)
        main(["-w", str(root), "monitor", "plant-2", "--local"])
        ok("-w", root, "transfer", "plant-2", "--local", "--cause", "drift", "-s", "finetune")
        late = make_plant(400, 3.0, seed=3)
        late.insert(0, "id", [f"drifted-{k}" for k in range(400)])
        labels("drifted", late[100:])
        yield Workspace(root)
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_the_champion_comes_out_again_although_labels_came_since_and_nothing_is_changed(
    ws: Workspace, lepton: Cli
) -> None:
    before = Ledger(ws.ledger_url).entries()
    answer = lepton("-w", ws.root, "reproduce", "plant-2", "--check")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"identical  {PAIR} v2  (")
    assert Ledger(ws.ledger_url).entries() == before


def test_deep_makes_everything_again_from_the_source_on(ws: Workspace, lepton: Cli, tmp_path: Path) -> None:
    answer = lepton("-w", ws.root, "reproduce", "plant-2@champion", "--deep", "--json", "--keep", tmp_path / "kept")
    told = json.loads(answer.out)
    assert (answer.code, told["identical"]) == (0, True)
    assert [_label(one["model"]) for one in told["models"]] == [f"{BASE} v1", f"{PAIR} v1", f"{PAIR} v2"]
    assert [one["parent"] and one["parent"]["rebuilt"] for one in told["models"]] == [None, True, True]
    assert [one["deviation"]["outputs"] for one in told["models"]] == [0.0, 0.0, 0.0]
    assert sorted(path.name for path in (tmp_path / "kept" / f"{BASE}-v1").iterdir()) == [
        "data",
        "lepton.yaml",
        "model",
    ]


def test_a_folder_to_keep_that_holds_something_is_left_alone(ws: Workspace, lepton: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    answer = lepton("-w", ws.root, "reproduce", "plant-1", "--keep", tmp_path)
    assert answer.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_record_with_another_seed_makes_another_model_and_the_table_says_by_how_much(
    ws: Workspace, lepton: Cli
) -> None:
    with _forged(ws, PAIR, "1", lambda lineage: lineage.update(seed=7)):
        answer = lepton("-w", ws.root, "reproduce", "plant-2@1", "--json")
        found = json.loads(answer.out)["models"][0]
        shown = lepton("-w", ws.root, "reproduce", "plant-2@1")
        terse = lepton("-w", ws.root, "reproduce", "plant-2@1", "--check")
    assert (answer.code, found["identical"]) == (1, False)
    assert found["deviation"]["weights"] > 0.01
    assert "rows: train" in [one["what"] for one in found["differences"]]
    assert (shown.code, "did NOT come out again" in shown.out, "rows: train" in shown.out) == (1, True, True)
    assert (terse.code, terse.out.count("\n")) == (1, 1)
    assert terse.out.startswith(f"DIFFERENT  {PAIR} v1  weights by ")


def test_other_libraries_than_then_are_named(ws: Workspace, lepton: Cli) -> None:
    def other(lineage: dict[str, Any]) -> None:
        lineage["libraries"]["torch"] = "1.0.0"
        lineage["config"]["strategy"]["lr"] = 1e-3

    with _forged(ws, PAIR, "1", other):
        answer = lepton("-w", ws.root, "reproduce", "plant-2@1")
    assert answer.code == 1
    assert any(line.split()[:2] == ["torch", "1.0.0"] for line in answer.out.splitlines()), answer.out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lineage: lineage.update(threads=0), "does not say all that decides the weights"),
        (lambda lineage: lineage["config"].pop("exact"), "Missing: exact"),
        (lambda lineage: lineage.update(format=99), "cannot be read by this lepton"),
        (lambda lineage: lineage.update(strategy="magic"), "asks for what this one does not have"),
        (lambda lineage: lineage["config"]["strategy"].update(magic=1), "ResidualConfig differs in magic"),
        (lambda lineage: lineage["data"]["train"].update(digest="0" * 16), "does not hold what"),
    ],
)
def test_a_record_that_cannot_be_followed_is_told_in_a_message(
    ws: Workspace, lepton: Cli, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    with _forged(ws, PAIR, "1", change):
        answer = lepton("-w", ws.root, "reproduce", "plant-2@1")
    assert answer.code == 1
    assert message in answer.err
    assert "mistake in lepton" not in answer.err


def test_an_unknown_model_is_not_found(ws: Workspace, lepton: Cli) -> None:
    for words in ("plant-9", "plant-2@9", "plant-2@best"):
        answer = lepton("-w", ws.root, "reproduce", words)
        assert answer.code == 1, words
        assert "Fix:" in answer.err


def test_a_damaged_object_is_fetched_again_and_one_that_nobody_has_is_named(ws: Workspace, lepton: Cli) -> None:
    cached, stored = _objects(ws, "plant-2", "first")
    whole = stored.read_bytes()
    cached.chmod(0o644)
    cached.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert lepton("-w", ws.root, "reproduce", "plant-2@1", "--check").code == 0
    assert cached.read_bytes() == whole
    try:
        for path in (cached, stored):
            path.chmod(0o644)
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        answer = lepton("-w", ws.root, "reproduce", "plant-2@1")
    finally:
        cached.write_bytes(whole)
        stored.write_bytes(whole)
    assert answer.code == 1
    assert "cannot be rebuilt: the data it was made of is not all there" in answer.err
    assert cached.parent.name + cached.name in answer.err


def test_a_model_whose_rows_were_erased_says_who_erased_them(ws: Workspace, lepton: Cli) -> None:
    ledger_file, (cached, stored) = ws.state_dir / "ledger.db", _objects(ws, "plant-2", "first")
    whole = stored.read_bytes()
    shutil.copy(ledger_file, ledger_file.with_suffix(".before"))
    try:
        row = Forgotten(key="k", domain="plant-2", why="", rows=2, asked=2, batches={"first": 2})
        Ledger(ws.ledger_url).record("user:eve", ws.slot("plant-2"), row)
        for path in (cached, stored):
            path.unlink()
        answer = lepton("-w", ws.root, "reproduce", "plant-2@1")
    finally:
        shutil.copy(ledger_file.with_suffix(".before"), ledger_file)
        for path in (cached, stored):
            path.write_bytes(whole)
    assert answer.code == 1
    assert "rows that it was made of were erased since" in answer.err
    assert "user:eve: 2 rows of plant-2, from first" in answer.err


@pytest.mark.parametrize("pair", ["plant-1", "plant-1-to-plant-2"])
def test_all_that_the_lineage_must_say_is_on_record(ws: Workspace, pair: str) -> None:
    for row in Ledger(ws.ledger_url).entries(pair, REGISTERED):
        made = row.payload["lineage"]
        assert {use: ref["digest"] for use, ref in made["data"].items()} == dict.fromkeys(
            ("train", "validation", "held_out", "reference"), made["data"]["train"]["digest"]
        )
        kept = json.loads((_folder(ws, row) / "rows.json").read_text())
        assert {use: count["count"] for use, count in made["rows"].items()} == {u: len(ids) for u, ids in kept.items()}
        assert set(kept) == {"train", "validation", "held_out"}
        assert set(kept["train"]).isdisjoint(kept["held_out"])
        empty = [name for name, value in made.items() if value in (None, "", {}, [])]
        assert sorted(empty) == (["ancestors", "parent"] if pair == "plant-1" else [])
        assert made["contract"]["passed"] is True
        assert set(made["cost"]) == {"seconds", "labels", "bytes"}
        assert set(made["dependencies"]) == {"digest", "count", "lock"}
        assert {"revision", "dirty", "version"} == set(made["code"])
    if pair == "plant-1-to-plant-2":
        assert (made["cause"]["kind"], made["parent"]["name"]) == ("drift", PAIR)
        assert made["cause"]["observation"]["scores"]


def test_mlflow_shows_ancestor_and_base_and_what_the_data_was_for(ws: Workspace) -> None:
    from lepton.registry.mlflow.tracking import connect

    client = connect(ws).client
    last = Ledger(ws.ledger_url).entries(ws.slot("plant-2"), REGISTERED)[-1]
    inputs = client.get_run(ModelRef.from_json(last.payload["model"]).run_id).inputs
    sources = [client.get_model_version(name, "1").source for name in (PAIR, BASE)]
    assert sorted(f"models:/{one.model_id}" for one in inputs.model_inputs) == sorted(sources)
    assert [tag.value for one in inputs.dataset_inputs for tag in one.tags] == [
        "train, validation, held_out, reference"
    ]


def _label(model: dict[str, str]) -> str:
    return f"{model['name']} v{model['version']}"


def _folder(ws: Workspace, row: Entry) -> Path:
    from lepton.registry.models import fetch

    ref = ModelRef.from_json(row.payload["model"])
    return fetch(ws, ref.name, ref.version, expect=ref.digest)[1]


def _objects(ws: Workspace, domain: str, batch: str) -> tuple[Path, Path]:
    """Return a batch's object in DVC's cache and in the remote."""
    from lepton.data.manifest import manifest

    md5 = next(md5 for path, md5 in manifest(ws.root).items() if path.endswith(f"-{batch}.parquet") and domain in path)
    name = Path("files") / "md5" / md5[:2] / md5[2:]
    return ws.root / ".dvc" / "cache" / name, ws.root / ws.config.data.remote / name


@contextmanager
def _forged(ws: Workspace, model: str, version: str, change: Callable[[dict[str, Any]], Any]) -> Iterator[None]:
    """Change a record in the ledger as somebody would who owns its database; put it back at the end."""
    path = ws.state_dir / "ledger.db"
    rows = Ledger(ws.ledger_url).entries(model.removeprefix("lepton-"), REGISTERED)
    row = next(row for row in rows if row.payload["model"]["version"] == version)
    payload = json.loads(json.dumps(row.payload))
    change(payload["lineage"])
    try:
        _write(path, row.seq, payload)
        yield
    finally:
        _write(path, row.seq, row.payload)


def _write(path: Path, seq: int, payload: dict[str, Any]) -> None:
    from lepton.core.work.files import canonical

    with unguarded(path) as db:
        db.execute("UPDATE ledger SET payload = ? WHERE seq = ?", (canonical(payload), seq))
