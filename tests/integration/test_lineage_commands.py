"""`lepton lineage`, as an auditor calls it: on a workspace whose models were really registered and promoted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import INGESTED, Ledger
from lepton.core.refs import DataRef, ModelRef
from lepton.registry.lineage.record import Lineage
from lepton.registry.models import register
from tests.conftest import Answer

PAIR = "plant-to-north"
Cli = Callable[..., Answer]


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A base and two versions of a pair in a real registry; the second served, the first does again."""
    root = tmp_path_factory.mktemp("plants")
    (root / "lepton.yaml").write_text("name: plants\nkind: tabular\nsource: plant\n")
    (root / "contracts").mkdir()
    for domain in ("plant", "north"):
        (root / "contracts" / f"{domain}.yaml").write_text("")
    ws = Workspace(root)
    ledger = Ledger(ws.ledger_url)
    for pair, batch in (("plant", "jan"), (PAIR, "march"), (PAIR, "april")):
        ledger.append("user:ada", pair, INGESTED, {"batch": batch})
    base = _registered(ws, "plant", ("jan",), None, seed=0)
    first = _registered(ws, PAIR, ("march",), base, seed=0)
    second = _registered(ws, PAIR, ("march", "april"), first, seed=1)
    for action, ref in (("promoted", base), ("promoted", first), ("promoted", second), ("rolled_back", first)):
        payload = {"model": ref.to_json(), "cause": {"kind": "manual"}, "evidence": {}}
        ledger.append("user:ada", ref.name.removeprefix("lepton-"), action, payload)  # type: ignore[arg-type]
    return ws


def _registered(ws: Workspace, pair: str, batches: tuple[str, ...], parent: ModelRef | None, seed: int) -> ModelRef:
    folder = ws.root / "made" / f"{pair}-{len(batches)}-{seed}"
    folder.mkdir(parents=True)
    rows = {"train": [f"{batch}:{seed}" for batch in batches], "held_out": ["x:1"]}
    (folder / "rows.json").write_text(json.dumps(rows))
    data = DataRef(pair.split("-to-")[-1], batches, ("ab" * 16)[:30] + f"{len(batches)}{seed}", "f" * 32, None, 300, 30)
    gate = {"passed": True, "rows": 90, "comparisons": []}
    made = Lineage(
        "residual",
        {"train": data, "held_out": data},
        seed,
        parent,
        config={"residual": {"width": 16 * (seed + 1), "steps": 200}},
        gate=gate if parent else None,
        rows={use: {"count": len(ids), "digest": "r" * 16} for use, ids in rows.items()},
    )
    return register(ws, Ledger(ws.ledger_url), pair, folder, made, actor="user:ada")


@pytest.fixture
def ask(lepton: Cli, ws: Workspace) -> Callable[..., Any]:
    def run(*words: str) -> Any:
        answer = lepton("-w", ws.root, "lineage", *words)
        assert answer.code == 0, answer.text
        return json.loads(answer.out) if "--json" in words else answer.out

    return run


def test_lineage_alone_is_the_tree(ask: Callable[..., Any]) -> None:
    assert ask() == ask("tree")
    assert ask("--json") == ask("tree", "--json")
    assert [one["model"]["version"] for one in ask("tree", "north", "--json")] == ["1", "1", "2"]


def test_show_tells_where_a_version_comes_from_how_it_stands_and_what_came_of_it(ask: Callable[..., Any]) -> None:
    told = ask("show", "north", "--json")
    assert (told["model"]["version"], told["standing"], told["base"]["name"]) == ("1", "champion", "lepton-plant")
    assert [reign["until"] is None for reign in told["served"]] == [False, True]
    assert [one["model"]["version"] for one in told["descendants"]] == ["2"]
    assert told["data"]["train"]["used"] == {"count": 1, "digest": "r" * 16}
    text = ask("show", "north")
    for line in ("descends from lepton-plant v1", "residual.width  16", "threads not recorded", "1 row rrrr"):
        assert line in text


def test_show_prints_the_exact_rows_from_beside_the_weights(
    ask: Callable[..., Any], lepton: Cli, ws: Workspace
) -> None:
    assert ask("show", "north@2", "--rows", "--json")["rows"]["train"] == ["march:1", "april:1"]
    assert "train\tmarch:1" in ask("show", "north@2", "--rows").splitlines()
    kept = next(path for path in ws.artifacts_dir.rglob("rows.json") if "april" in path.read_text())
    whole = kept.read_text()
    kept.write_text(whole.replace("april", "april "))
    answer = lepton("-w", ws.root, "lineage", "show", "north@2", "--rows")
    kept.write_text(whole)
    assert answer.code == 1
    assert "rows.json" in answer.err


def test_diff_tells_what_differs_and_nothing_else(ask: Callable[..., Any]) -> None:
    told = {
        (one["part"], one["what"]): (one["a"], one["b"])
        for one in ask("diff", "north@1", "north@2", "--json")["differences"]
    }
    assert told["data", "train.batches"] == ([], ["april"])
    assert told["config", "residual.width"] == (16, 32)
    assert told["seed", "seed"] == (0, 1)
    assert told["model", "parent"] == ("lepton-plant v1", f"lepton-{PAIR} v1")
    assert {part for part, _ in told} == {"data", "config", "seed", "model"}
    assert ("config", "residual.steps") not in told
    assert "only here: april" in ask("diff", "north@1", "north@2")
    assert "the same version" in ask("diff", "north@1", "north")


@pytest.mark.parametrize(
    ("words", "reached", "production"),
    [
        (("--batch", "plant/jan"), ["1", "1", "2"], 3),
        (("--batch", "april"), ["2"], 1),
        (("--model", "north@1"), ["1", "2"], 2),
        (("--data", "ffff"), ["1", "1", "2"], 3),
    ],
)
def test_impact_lists_who_saw_it_who_descends_and_who_served(
    ask: Callable[..., Any], words: tuple[str, ...], reached: list[str], production: int
) -> None:
    told = ask("impact", *words, "--json")
    assert [one["model"]["version"] for one in told["models"]] == reached
    assert len(told["production"]) == production
    models = "model" if len(reached) == 1 else "models"
    assert f"reached {len(reached)} {models}; {production} of them served" in ask("impact", *words)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("impact",), 2, "one of --batch, --data and --model"),
        (("impact", "--batch", "jan", "--model", "north"), 2, "one of"),
        (("impact", "--batch", "north/may"), 1, "north/march, north/april"),
        (("impact", "--data", "00"), 2, "4 characters"),
        (("show", "north@7"), 1, "Versions: 1, 2"),
        (("diff", "north", "south"), 1, "'south' is not known"),
        (("tree", "south"), 1, "'south' is not known"),
    ],
)
def test_a_slip_is_answered_with_what_there_is(
    lepton: Cli, ws: Workspace, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = lepton("-w", ws.root, "lineage", *words)
    assert answer.code == code
    assert said in answer.err


def test_an_auditor_needs_the_ledger_alone(ask: Callable[..., Any], ws: Workspace, tmp_path: Path) -> None:
    hidden = tmp_path / "mlflow.db"
    ws.mlflow_db.rename(hidden)
    try:
        for words in ((), ("show", "north"), ("diff", "north@1", "north@2"), ("impact", "--batch", "plant/jan")):
            assert ask(*words)
    finally:
        hidden.rename(ws.mlflow_db)
