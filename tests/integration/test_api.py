"""The Python interface: the whole loop in a script, from another folder, and two workspaces in two threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import lepton
from lepton.core.refs import ModelRef
from tests.conftest import make_plant

QUICK = ("none", "recalibrate", "probe")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEPTON_PRETRAIN__EPOCHS", "4")
    monkeypatch.delenv("LEPTON_WORKSPACE", raising=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)


def adapted(root: Path, seed: int) -> lepton.Workspace:
    """Return a workspace whose target has a champion, made from rows in memory."""
    ws = lepton.init(root, make_plant(800, 0.0, seed), source="plant-1", progress=False)
    ws.ingest("plant-1", make_plant(800, 0.0, seed), name="first")
    ws.pretrain()
    ws.ingest("plant-2", make_plant(600, 0.9, seed + 1), name="first", new=True)
    ws.transfer("plant-2", strategies=QUICK)
    return ws


def weights(ws: lepton.Workspace) -> str:
    """Return the digest of the champion's files."""
    return ws.champion("plant-2").model.digest


def test_the_whole_loop_from_rows_in_memory(tmp_path: Path) -> None:
    before = dict(os.environ)
    ws = adapted(tmp_path / "shop", 1)
    champion = ws.champion("plant-2")
    assert champion.classes == ("bad", "good")

    rows = make_plant(50, 0.9, 7, labelled=False)
    rows.index = pd.Index([f"part-{k}" for k in range(50)])
    answers = champion.predict(rows)
    assert list(answers.columns) == ["label", "p(bad)", "p(good)"]
    assert answers.index.equals(rows.index)
    assert answers[["p(bad)", "p(good)"]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert champion.predict(rows.iloc[:0]).empty
    with pytest.raises(lepton.LeptonError, match="lack 1 column"):
        champion.predict(rows.drop(columns="heat"))

    ws.ingest("plant-2", rows, name="march")
    ws.score("plant-2", batch="march")
    scored = pd.read_parquet(next((tmp_path / "shop" / ".lepton" / "predictions" / "plant-2").glob("march*")))
    assert sorted(scored["prediction"]) == sorted(answers["label"])

    replayed = ws.replay("plant-2", ["march"])
    missed = ws.backfill("plant-2", dry_run=True)
    judged = ws.monitor("plant-2")
    for found in (replayed, missed, judged):
        assert [one.observation.window for one in found.windows] == ["march"]
    assert ws.backfill("plant-2").windows == ()
    assert ws.retransfers_due() == ws.retransfers_due("plant-2") == []
    status = ws.status("plant-2").pairs[0]
    assert status.champion == "v1"
    assert status.window == "march"
    found = ws.lineage("plant-2")
    assert found.model == champion.model
    assert found.descends_from == (ws.lineage("plant-1").model,)
    assert champion.model.label in str(ws.tree())
    on_record(ws, champion.model)
    assert ws.alerts() == []
    assert [one.what for one in ws.doctor().findings if not one.ok] == []
    with pytest.raises(lepton.NotFound) as caught:
        ws.transfer("plant-3")
    assert caught.value.fix
    new = {name for name in set(os.environ) - set(before) if name.startswith(("LEPTON", "PREFECT"))}
    assert new == set()
    assert list(Path.cwd().iterdir()) == []


def on_record(ws: lepton.Workspace, model: ModelRef) -> None:
    """Ask what the record says of the target's champion, whose first batch is `first` and second `march`."""
    assert ws.serving("plant-2") == model
    assert ws.explain("plant-2").outcome == "promoted"
    compared = ws.diff("plant-1", "plant-2")
    assert {one.what for one in compared.differences if one.part == "model"} >= {"pair", "parent", "strategy"}
    assert ws.diff("plant-2", "plant-2@1").differences == ()
    assert [one.version.ref for one in ws.impact(batch="plant-2/first").production] == [model]
    assert ws.impact(batch="plant-2/march").models == ()
    with pytest.raises(lepton.UsageError, match="one of"):
        ws.impact()
    assert ws.draw_lineage().page == ws.root / "reports" / "lineage.html"
    assert len(ws.rows_of("plant-2").rows["train"]) > 100
    assert "torch" in {part.name for part in ws.materials("plant-2").parts}
    checked = ws.verify_ledger()
    assert (checked.ok, checked.rows) == (True, ws.verify_ledger(head=checked.head).rows)
    assert ws.served("plant-2").champion.ref == model
    assert [reign.champion.ref for reign in ws.reigns("plant-2")] == [model]
    assert ws.export_record(ws.root / "audit", formats=["jsonl"]).files == ("ledger.jsonl",)
    assert ws.data_log("plant-2")[0].what == "first"
    assert ws.data_diff("plant-2/first").difference.batches_added == ("march",)
    assert ws.mend(dry_run=True).mended == {}
    assert ws.checkout("plant-2", "first", dry_run=True).files == 1
    assert ws.publish(dry_run=True).new
    assert ws.collect_garbage(dry_run=True).places
    recalled = ws.recall("plant-2", why="a trial", dry_run=True)
    assert isinstance(recalled, lepton.RecallResult)
    assert model.label in recalled.models


def test_two_workspaces_in_two_threads_do_as_each_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(adapted, (tmp_path / "one", tmp_path / "other"), (1, 5))
    alone = adapted(tmp_path / "alone", 1)
    assert weights(one) == weights(alone) != weights(other)
    assert {ws.champion("plant-2").model.version for ws in (one, other)} == {"1"}


def test_a_runner_in_place_of_this_process_gets_the_verb_and_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "lepton.yaml").write_text("name: shop\nkind: tabular\nsource: site-1\n")
    seen = []

    def runner(verb, ws, progress, *args, **kwargs):
        seen.append((verb.__name__, ws.root, args))
        return "done"

    ws = lepton.Workspace(tmp_path, runner=runner)
    assert ws.transfer("site-2", strategies=["probe"]) == "done"
    assert seen == [("transfer", tmp_path.resolve(), ("site-2", "manual", None, ["probe"], False, None))]
