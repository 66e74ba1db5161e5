"""What serves a domain leaves the house: as a graph that answers as it does, or not at all; and one row by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lepton as front_door
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.graph.run import Graph
from lepton.operations.export import export as verb
from tests.conftest import make_plant

NAMES = {"heat": "<script>window.broken=1</script>", "speed": 'the "speed"\nof it', "line": "A_b"}
LABELS = {"good": "<img src=x onerror=window.broken=2>", "bad": "=1+1"}
TARGET = "plant-2"


def rows(count: int, shift: float, seed: int) -> pd.DataFrame:
    """Return rows of a plant whose columns and labels have hostile names; two columns differ by a sign alone."""
    made = make_plant(count, shift, seed).rename(columns=NAMES)
    made["A b"] = np.arange(count) % 7.0
    return made.assign(label=made["label"].map(LABELS))


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[front_door.Workspace]:
    """A workspace whose target has a champion; tests must not change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_PRETRAIN__EPOCHS", "4")
        patch.delenv("LEPTON_WORKSPACE", raising=False)
        root = tmp_path_factory.mktemp("house") / "shop"
        ws = front_door.init(root, rows(600, 0.0, 1), source="plant-1", progress=False)
        ws.ingest("plant-1", rows(600, 0.0, 1), name="first")
        ws.pretrain()
        ws.ingest(TARGET, rows(500, 0.9, 2), name="first", new=True)
        ws.transfer(TARGET, strategies=("none", "probe"))
        yield ws


def columns_of(frame: pd.DataFrame) -> dict[str, list[object]]:
    return {name: [None if pd.isna(value) else value for value in frame[name]] for name in frame.columns}


def test_an_exported_graph_answers_raw_rows_as_the_champion_does(ws: front_door.Workspace, tmp_path: Path) -> None:
    done = ws.export(TARGET, tmp_path / "champion.onnx")
    assert done.size == done.file.stat().st_size < 1_000_000
    assert done.deviation <= 1e-5
    frame = rows(1_500, 0.9, 5).drop(columns="label")
    expected, found = ws.champion(TARGET).predict(frame), Graph.open(done.file).answer(columns_of(frame))
    assert list(found.labels) == expected["label"].tolist()
    np.testing.assert_allclose(found.probabilities, expected.drop(columns="label"), rtol=0, atol=1e-5)


def test_a_graph_says_where_it_comes_from(ws: front_door.Workspace, tmp_path: Path) -> None:
    about = Graph.open(ws.export(TARGET, tmp_path / "champion.onnx").file).about
    serving = ws.serving(TARGET)
    assert serving is not None
    assert (about.domain, about.model, about.digest) == (TARGET, serving.label, serving.digest)
    assert set(about.classes) == set(LABELS.values())
    assert ws.verify_ledger(head=about.ledger).ok
    assert len(about.contract) == len(about.lineage) == 16


def test_the_source_can_be_exported_too(ws: front_door.Workspace, tmp_path: Path) -> None:
    assert "plant-1 v1" in Graph.open(ws.export("plant-1", tmp_path / "base.ONNX").file).about.model


def test_an_export_replaces_a_file_or_leaves_it_as_it_is(
    ws: front_door.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "champion.onnx"
    file.write_bytes(b"before")
    assert ws.export(TARGET, file, dry_run=True).dry_run
    assert file.read_bytes() == b"before"
    right = verb.graph_bytes
    monkeypatch.setattr(verb, "graph_bytes", lambda *given: right(*given)[:-100])
    with pytest.raises(LeptonError, match="cannot be used"):
        ws.export(TARGET, file)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"before"]


@pytest.mark.parametrize("name", ["champion", "champion.pt2", "champion.csv"])
def test_another_ending_is_refused_before_anything_is_loaded(
    ws: front_door.Workspace, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="Nothing can be exported"):
        ws.export(TARGET, tmp_path / name)


def test_what_nothing_serves_cannot_be_exported(ws: front_door.Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        ws.export("plant-9", tmp_path / "champion.onnx")


def test_a_package_that_is_not_the_one_expected_is_not_put_into_a_page(
    ws: front_door.Workspace, tmp_path: Path
) -> None:
    package = tmp_path / "onnxruntime-web.tgz"
    with pytest.raises(NotFound):
        ws.export(TARGET, tmp_path / "champion.html", runtime=package)
    package.write_bytes(b"another one")
    with pytest.raises(LeptonError, match="is not the package"):
        ws.export(TARGET, tmp_path / "champion.html", runtime=package)
    assert not (tmp_path / "champion.html").exists()


def test_without_a_network_the_remedy_is_a_file(
    ws: front_door.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    with pytest.raises(LeptonError, match="could not be fetched") as refused:
        ws.export(TARGET, tmp_path / "champion.html")
    assert "npm pack onnxruntime-web" in refused.value.fix[0]


def test_one_row_is_answered_as_among_others(ws: front_door.Workspace) -> None:
    champion, frame = ws.champion(TARGET), rows(20, 0.9, 7)
    row = frame.iloc[3].to_dict()
    found, expected = champion.predict_one(row), champion.predict(frame).iloc[3]
    assert found.label == expected["label"]
    assert found.probabilities[found.label] == found.confidence
    np.testing.assert_allclose(found.confidence, expected.drop("label").astype(float).max(), atol=1e-7)


def test_what_a_row_leaves_out_is_missing_and_what_nobody_knows_is_refused(ws: front_door.Workspace) -> None:
    champion = ws.champion(TARGET)
    assert champion.predict_one({"wear": 1}).missing == (*NAMES.values(), "A b")
    gaps = {**dict.fromkeys((*NAMES.values(), "A b")), "wear": 1.0, "label": "ignored"}
    assert champion.predict_one(gaps).probabilities == champion.predict_one({"wear": 1}).probabilities
    for bad, told in (
        ({"wera": 1}, "'wera'"),
        ({}, "no value"),
        ({"wear": None}, "no value"),
        ({"wear": "much"}, "'wear': 'much' is no number"),
    ):
        with pytest.raises(UsageError) as refused:
            champion.predict_one(bad)
        assert told in refused.value.render()


def test_on_the_command_line(lepton, ws: front_door.Workspace, tmp_path: Path) -> None:
    file = tmp_path / "champion.onnx"
    done = lepton("export", TARGET, "--to", file, "--json", cwd=ws.root)
    assert done.code == 0, done.text
    assert json.loads(done.out)["file"] == str(file)
    told = lepton("export", TARGET, "--to", file, "--dry-run", cwd=ws.root)
    assert "Would write" in told.out
    assert "answered as the model does" in told.out
    row = json.dumps({"wear": 0.5, NAMES["heat"]: 1.5})
    said = lepton("predict", TARGET, "--row", row, "--json", cwd=ws.root)
    assert said.code == 0, said.text
    answer = json.loads(said.out)
    other = Graph.open(file).answer_one(json.loads(row))
    assert answer["label"] == next(iter(other))
    assert answer["confidence"] == pytest.approx(other[answer["label"]], abs=1e-5)
    plain = lepton("predict", TARGET, "--row", row, cwd=ws.root)
    assert "missing" in plain.out
    for bad in ("[1]", "{", "wear=1", '{"wera": 1}'):
        assert lepton("predict", TARGET, "--row", bad, cwd=ws.root).code == 2
    assert lepton("export", TARGET, "--to", tmp_path / "x.csv", cwd=ws.root).code == 2


def test_beside_the_main_thread_a_process_of_its_own_makes_the_graph(
    ws: front_door.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lepton.operations.serve import graphs
    from lepton.operations.session import Session

    session = Session(Workspace(ws.root))
    serving = session.serving_in(TARGET)
    here = graphs.made_for(session, TARGET, serving).path
    content = here.read_bytes()
    here.unlink()
    monkeypatch.setattr("lepton.operations.export.export.graph_bytes", None)  # nothing is made in this process
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(graphs.made_for, session, TARGET, serving).result().path == here
    assert Graph.open(here).about.model == Graph.of(content).about.model
    here.unlink()
    unknown = replace(serving, ref=replace(serving.ref, version="99"))
    with ThreadPoolExecutor(1) as pool, pytest.raises(LeptonError, match="no version or alias"):
        pool.submit(graphs.made_for, session, TARGET, unknown).result()
    monkeypatch.undo()
    graphs.made_for(session, TARGET, serving)
