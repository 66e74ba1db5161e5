"""Lineage records, the tree of descent and the way back: folded from the ledger alone."""

import json
import subprocess
from pathlib import Path

import pytest

import lepton
from lepton.cli.commands.recall import show
from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger import PROMOTED, REGISTERED, ROLLED_BACK, Entry, Ledger
from lepton.core.ledger.rows import Cause
from lepton.core.refs import DataRef, ModelRef
from lepton.operations.recall import RecallResult
from lepton.registry.champions import champion, history
from lepton.registry.lineage.descent import Node, Tree, to_json, to_text, tree, walk
from lepton.registry.lineage.environment import code_state, environment
from lepton.registry.lineage.family import fold
from lepton.registry.lineage.phrases import span
from lepton.registry.lineage.record import Lineage
from lepton.registry.promotion import rollback_target
from lepton.registry.recall import Serving

PAIR = "mnist-to-usps"
DATA = DataRef("mnist", ("a", "b"), "d" * 32, "m" * 32, None, 1200, 900)
RUN = {"id": "1234", "name": "transfer-usps", "url": "http://localhost/run/1234"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def ref(pair: str, version: int) -> ModelRef:
    return ModelRef(f"lepton-{pair}", str(version), f"{version:064}", f"run{version}")


def record(**other: object) -> Lineage:
    return Lineage(**{"strategy": "residual", "data": {"train": DATA}, "seed": 0, **other})


def registered(ledger: Ledger, model: ModelRef, lineage: Lineage) -> ModelRef:
    pair = model.name.removeprefix("lepton-")
    ledger.append("user:ada", pair, REGISTERED, {"model": model.to_json(), "lineage": lineage.to_json()})
    return model


def promoted(ledger: Ledger, model: ModelRef) -> ModelRef:
    pair = model.name.removeprefix("lepton-")
    ledger.append("user:ada", pair, PROMOTED, {"model": model.to_json(), "cause": {"kind": "manual"}, "evidence": {}})
    return model


def rolled_back(ledger: Ledger, model: ModelRef) -> None:
    pair = model.name.removeprefix("lepton-")
    ledger.append("user:ada", pair, ROLLED_BACK, {"model": model.to_json(), "cause": {"kind": "rollback", "why": "x"}})


def test_a_record_survives_json() -> None:
    parent = ref("mnist", 1)
    given = record(parent=parent, ancestors=(parent,), flow_run=RUN, cost={"seconds": 1.5}, **environment())
    again = Lineage.from_json(json.loads(json.dumps(given.to_json())))
    assert again == given
    assert again.digest() == given.digest() != record().digest()


@pytest.mark.parametrize("change", [{"format": 3}, {"strategy": None, "invented": 1}, {"format": None}])
def test_a_record_of_another_format_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="lineage"):
        Lineage.from_json({**record().to_json(), **change})


def test_the_environment_names_revision_libraries_and_device() -> None:
    found = environment("cuda:0")
    assert set(found) == {"code", "libraries", "dependencies", "device"}
    assert {"python", "torch", "numpy", "mlflow"} <= set(found["libraries"])
    assert found["device"].startswith("cuda:0, ")


def test_code_outside_a_checkout_has_no_revision_even_inside_some_other_repository(tmp_path: Path) -> None:
    package, installed = tmp_path / "lepton", tmp_path / "venv" / "lepton"
    for folder in (package, installed):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    assert code_state(package)["revision"] is None

    def git(*command: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *identity, "-C", str(tmp_path), *command], check=True, capture_output=True)

    git("init")
    assert code_state(package)["revision"] is None
    git("add", ".")
    git("commit", "-m", "x")
    clean = code_state(package)
    assert len(clean["revision"]) == 40
    assert clean["dirty"] is False
    (package / "new.py").touch()
    assert code_state(package) == {**clean, "dirty": True}
    assert code_state(installed)["revision"] is None  # tracked, too, but the repository is somebody else's


def test_an_installed_package_says_which_revision_it_was_built_from(tmp_path: Path) -> None:
    (tmp_path / "build.json").write_text(json.dumps({"revision": "a" * 40, "dirty": False}))
    assert code_state(tmp_path) == {"version": lepton.__version__, "revision": "a" * 40, "dirty": False}
    (tmp_path / "build.json").write_text("[]")
    assert code_state(tmp_path)["revision"] is None


def three_generations(ledger: Ledger) -> None:
    base = promoted(ledger, registered(ledger, ref("mnist", 1), record(strategy="supervised")))
    first = promoted(ledger, registered(ledger, ref(PAIR, 1), record(parent=base, flow_run=RUN)))
    drift = Cause("drift", observation={"window": "w7", "scores": {"inputs": 0.4, "embedding": 2.31}})
    promoted(ledger, registered(ledger, ref(PAIR, 2), record(parent=first, cause=drift)))
    registered(ledger, ref("mnist-to-svhn", 1), record(parent=base))
    registered(ledger, ref("cifar", 1), record())


def test_the_tree_follows_the_parents(ledger: Ledger) -> None:
    three_generations(ledger)
    found = [(depth, node.ref.label, node.is_champion) for depth, node in walk(tree(ledger, "mnist").nodes)]
    assert found == [
        (0, "lepton-mnist v1", True),
        (1, f"lepton-{PAIR} v1", False),
        (2, f"lepton-{PAIR} v2", True),
        (1, "lepton-mnist-to-svhn v1", False),
    ]


def test_the_tree_of_one_pair_keeps_only_what_leads_to_it(ledger: Ledger) -> None:
    three_generations(ledger)
    found = [node.ref.name for _, node in walk(tree(ledger, "mnist", PAIR).nodes)]
    assert found == ["lepton-mnist", *[f"lepton-{PAIR}"] * 2]


def test_the_tree_as_text_tells_what_each_model_is_made_of(ledger: Ledger) -> None:
    three_generations(ledger)
    text = to_text(tree(ledger, "mnist"))
    assert "lepton-mnist v1  champion, first promoted" in text
    assert "train: mnist dddddddddddd, 1,200 rows, 900 labelled, 2 batches (a, b)" in text
    assert "drift: embedding 2.31 in window w7, by user:ada" in text
    assert "transfer-usps 1234 http://localhost/run/1234" in text
    assert "lepton-mnist-to-svhn v1  never promoted" in text
    for word in ("contract", "strategy", "gate", "cause", "code"):
        assert text.count(f" {word} ") >= 4


def test_the_tree_as_json_lists_each_model_after_its_parent(ledger: Ledger) -> None:
    three_generations(ledger)
    seen = []
    for one in json.loads(json.dumps(to_json(tree(ledger, "mnist").nodes))):
        parent = one["lineage"]["parent"]
        assert parent is None or parent in seen
        seen.append(one["model"])
    assert len(seen) == 4


def test_a_bounded_tree_shows_what_serves_first_and_says_what_is_between_and_hidden(ledger: Ledger) -> None:
    parent = promoted(ledger, registered(ledger, ref("mnist", 1), record()))
    for version in range(1, 6):
        parent = promoted(ledger, registered(ledger, ref(PAIR, version), record(parent=parent)))
    registered(ledger, ref(PAIR, 6), record(parent=parent))
    few = tree(ledger, "mnist", limit=2)
    assert [(depth, node.ref.label, node.between) for depth, node in walk(few.nodes)] == [
        (0, "lepton-mnist v1", 0),
        (1, f"lepton-{PAIR} v5", 4),
    ]
    assert few.hidden == 5
    assert "4 versions between are not shown" in to_text(few)
    assert tree(ledger, "mnist", limit=7).hidden == 0


def test_a_chain_of_a_thousand_retransfers_is_no_problem() -> None:
    nodes: tuple[Node, ...] = ()
    rows, parent = [], None
    for version in range(1200):
        lineage, model = record(parent=parent), ref(PAIR, version)
        payload = {"model": model.to_json(), "lineage": lineage.to_json()}
        rows.append(Entry(version + 1, "2026-01-01", "x", PAIR, REGISTERED, payload, "", ""))
        parent = model
    known = fold(rows)
    for one in reversed(known.versions.values()):
        nodes = (Node(one, record(), nodes),)
    assert len(to_text(Tree(nodes)).splitlines()) == 1200 * 8
    assert len(known.ancestors(known[f"lepton-{PAIR}", "1199"])) == 1199
    assert len(known.descendants(known[f"lepton-{PAIR}", "0"])) == 1199


def test_an_empty_ledger_has_no_tree_and_no_champion(ledger: Ledger) -> None:
    assert tree(ledger, "mnist") == Tree(())
    assert to_text(Tree(())) == ""
    assert champion(ledger, PAIR) is None
    assert history(ledger, PAIR) == []


def test_history_tells_who_served_from_when_to_when(ledger: Ledger) -> None:
    promoted(ledger, ref(PAIR, 1))
    promoted(ledger, ref("mnist-to-svhn", 9))
    promoted(ledger, ref(PAIR, 2))
    first, second = history(ledger, PAIR)
    assert (first.ref, second.ref) == (ref(PAIR, 1), ref(PAIR, 2))
    assert (first.until, second.until) == (second.since, None)
    now = champion(ledger, PAIR)
    assert now is not None
    assert (now.ref, now.actor, now.cause.kind, now.seq) == (ref(PAIR, 2), "user:ada", "manual", 3)


def test_each_rollback_goes_one_step_further_back(ledger: Ledger) -> None:
    for version in (1, 2, 3):
        promoted(ledger, ref(PAIR, version))
    for expected in ("2", "1"):
        target = rollback_target(ledger, PAIR).ref
        assert target.version == expected
        rolled_back(ledger, target)
    with pytest.raises(NotFound, match="first champion"):
        rollback_target(ledger, PAIR)
    promoted(ledger, ref(PAIR, 4))
    assert rollback_target(ledger, PAIR).ref.version == "1"


@pytest.mark.parametrize(("pair", "step"), [("mnist", "lepton pretrain"), (PAIR, "lepton transfer usps")])
def test_where_there_is_nothing_to_go_back_to_the_way_to_another_champion_is_shown(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], pair: str, step: str
) -> None:
    promoted(ledger, ref(pair, 1))
    with pytest.raises(NotFound, match="first champion") as caught:
        rollback_target(ledger, pair)
    assert caught.value.fix[0] == step
    left = Serving(pair=pair, model="v1", moved_to=None, why_not="")
    show(RecallResult(subject="v1", why="poisoned", known=False, models=("v1",), serving=(left,), dry_run=False))
    assert f"next        {step}   (or" in capsys.readouterr().out


def test_a_rollback_to_a_named_version_accepts_only_what_has_served(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="nothing to roll back"):
        rollback_target(ledger, PAIR, "1")
    for version in (1, 2, 3):
        promoted(ledger, ref(PAIR, version))
    assert rollback_target(ledger, PAIR, "v1").ref.version == "1"
    with pytest.raises(LeptonError, match="serves mnist-to-usps already"):
        rollback_target(ledger, PAIR, "3")
    with pytest.raises(NotFound, match="never served") as caught:
        rollback_target(ledger, PAIR, "7")
    assert "v1, v2, v3" in caught.value.why


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        ("2026-03-01T10:00:05.1+00:00", None, "2026-03-01 10:00 UTC to now"),
        ("2026-03-01T10:00:05.1+00:00", "2026-03-02T11:30:00+00:00", "2026-03-01 10:00 UTC to 2026-03-02 11:30 UTC"),
        ("2026-03-01T10:00:05.1+00:00", "2026-03-01T10:00:41.2+00:00", "2026-03-01 10:00:05 to 10:00:41 UTC"),
    ],
)
def test_what_served_for_less_than_a_minute_shows_its_seconds(since: str, until: str | None, told: str) -> None:
    assert span(since, until) == told
