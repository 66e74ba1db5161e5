"""The verbs by their own door, in process, on one small workspace; retrain above all: no target keeps the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lepton.core.config.workspace import Workspace
from lepton.core.errors import Busy, LeptonError
from lepton.core.ledger import REGISTERED, Ledger
from lepton.operations.ingest import ingest
from lepton.operations.pretrain.pretrain import pretrain
from lepton.operations.reproduce.reproduce import reproduce
from lepton.operations.retrain import retrain, source_has_grown
from lepton.operations.runtime import InProcess
from lepton.operations.score import score
from lepton.operations.session import Session
from tests.conftest import make_plant
from tests.registry import with_mlflow

SETTINGS = {
    "pretrain": {"epochs": 1},
    "threads": 1,
    "transfer": {"strategies": ["probe"], "combine": False, "margin": 0.5},
}


@dataclass(frozen=True)
class Outcome:
    """All that retrain asks of what a verb answers."""

    outcome: str


class Recorder(InProcess):
    """A runtime that writes down which verbs are asked for as parts, and does them, or what stands in their place."""

    def __init__(self, instead: Callable[[str], Any] | None = None) -> None:
        super().__init__(actor="user:ada")
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.instead = instead

    def part(self, verb: Callable[..., Any], session: Any, *args: Any, **kwargs: Any) -> Any:
        self.asked.append((verb.__name__, args, kwargs))
        return self.instead(args[0] if args else "base") if self.instead else verb(session, *args, **kwargs)


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Workspace]:
    """A labelled source, a target with labels, one without, and one without data; no model yet."""
    from lepton.cli.main import main

    folder = tmp_path_factory.mktemp("retrain")
    make_plant(400, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
    make_plant(300, 0.6, seed=2).to_csv(folder / "plant-2.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LEPTON_WORKSPACE", raising=False)
        assert main(["init", str(folder / "ws"), "--from", str(folder / "plant-1.csv")]) == 0
        patch.setenv("LEPTON_WORKSPACE", str(folder / "ws"))
        config = folder / "ws" / "lepton.yaml"
        config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | SETTINGS))
        ws = with_mlflow(Workspace(folder / "ws"), migrated)
        session = Session(ws)
        ingest(session, "plant-1", str(folder / "plant-1.csv"))
        ingest(session, "plant-2", str(folder / "plant-2.csv"), new=True)
        text = (ws.contracts_dir / "plant-2.yaml").read_text()
        (ws.contracts_dir / "plant-0.yaml").write_text(text.replace("domain: plant-2", "domain: plant-0"))
        yield ws


def test_a_new_base_and_every_target_that_can_learn_each_a_part_of_its_own(ws: Workspace) -> None:
    runtime = Recorder()
    done = retrain(Session(ws, runtime), cause="manual")
    assert runtime.asked == [
        ("pretrain", (), {"cause": "manual"}),
        ("transfer", ("plant-0",), {"cause": "manual"}),
        ("transfer", ("plant-2",), {"cause": "manual"}),
    ]
    assert done.base == "promoted"
    assert done.targets["plant-0"] == "not adapted: Domain 'plant-0' has no data yet."
    assert done.targets["plant-2"] in ("promoted", "kept", "refused")
    assert done.to_json() == {"base": done.base, "targets": dict(done.targets)}
    assert Ledger(ws.ledger_url).entries("plant-1", REGISTERED)
    assert not source_has_grown(Session(ws))


def test_a_champion_is_loaded_once_however_many_batches_it_scores(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lepton.registry import models

    for seed in (5, 6):
        make_plant(40, 0.6, seed=seed, labelled=False).to_csv(tmp_path / f"week-{seed}.csv", index=False)
        ingest(Session(ws), "plant-2", str(tmp_path / f"week-{seed}.csv"))
    fetched: list[str] = []
    fetch = models.fetch
    monkeypatch.setattr(models, "fetch", lambda *args, **kwargs: fetched.append(args[1]) or fetch(*args, **kwargs))
    dry = score(Session(ws), "plant-2", dry_run=True)
    assert (dry.batches, dry.scored, fetched) == (("plant-2", "week-5", "week-6"), (), [])
    done = score(Session(ws), "plant-2")
    assert [(one.batch, one.rows) for one in done.scored] == [("plant-2", 300), ("week-5", 40), ("week-6", 40)]
    assert all(one.file.exists() for one in done.scored)
    assert len(fetched) == 1
    assert score(Session(ws), "plant-2").batches == ()
    assert len(score(Session(ws), "plant-2", batch="week-5").scored) == 1


def test_a_base_made_again_is_the_registered_one_and_a_dry_run_says_what_would_be_trained_on(ws: Workspace) -> None:
    done = reproduce(Session(ws), "plant-1")
    assert done.identical
    assert [(one.model.name, one.parent, one.differences) for one in done.models] == [("lepton-plant-1", None, ())]
    before = Ledger(ws.ledger_url).last_seq()
    dry = pretrain(Session(ws), dry_run=True)
    assert dry.job is not None
    assert (dry.job.data.batches, dry.job.others, dry.job.continues) == (("plant-1",), {}, None)
    assert (dry.job.settings.classes, dry.job.settings.pretrain.epochs) == (("bad", "good"), 1)
    assert Ledger(ws.ledger_url).last_seq() == before
    assert not list(ws.work_dir.glob("*"))


def test_training_the_same_again_keeps_what_serves_and_going_on_needs_something_new(ws: Workspace) -> None:
    done = pretrain(Session(ws))
    assert (done.outcome, done.model) == ("kept", Session(ws).find_champion("plant-1"))
    assert done.gate is not None
    assert done.gate.unchanged == done.model
    with pytest.raises(LeptonError, match="nothing new to go on with"):
        pretrain(Session(ws), go_on=True)


@pytest.mark.parametrize("error", [RuntimeError("no memory"), LeptonError("The disk is full.", fix=["make room"])])
def test_a_target_that_fails_is_told_when_all_others_are_done(ws: Workspace, error: Exception) -> None:
    def instead(what: str) -> Outcome:
        if what == "plant-0":
            raise error
        return Outcome("promoted")

    runtime = Recorder(instead)
    with pytest.raises(LeptonError, match="plant-0 could not be retrained; everything else was done") as caught:
        retrain(Session(ws, runtime))
    assert caught.value.__cause__ is error
    assert [asked[1] for asked in runtime.asked if asked[0] == "transfer"] == [("plant-0",), ("plant-2",)]
    assert "plant-2  promoted" in caught.value.why
    assert str(getattr(error, "what", error)) in caught.value.why
    assert caught.value.fix == (*getattr(error, "fix", ()), "lepton doctor")


@pytest.mark.parametrize(
    "outcome", ["refused", "kept", "not due", Busy("A transfer is running already.")], ids=lambda one: str(one)
)
def test_a_refusal_or_somebody_else_at_it_is_no_failure(ws: Workspace, outcome: Any) -> None:
    def instead(what: str) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return Outcome(outcome)

    done = retrain(Session(ws, Recorder(instead)))
    assert set(done.targets) == {"plant-0", "plant-2"}
    assert all(str(getattr(outcome, "what", outcome)) in told for told in done.targets.values())


def test_the_flow_works_on_its_workspace_and_each_part_is_a_flow_run(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lepton_flows import runtime
    from lepton_flows.retrain import retrain as flow
    from lepton_flows.runtime import working_on

    asked: list[Any] = []

    def flow_of(verb: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: asked.append((verb, args, kwargs)) or Outcome("promoted")

    monkeypatch.setattr(runtime, "flow_of", flow_of)
    with working_on(ws.root):
        done = flow.fn(cause="schedule")
    assert done.targets == {"plant-0": "promoted", "plant-2": "promoted"}
    assert asked == [("transfer", (target,), {"cause": "schedule"}) for target in ("plant-0", "plant-2")]


def test_a_base_that_fails_does_not_keep_the_targets_from_being_adapted(ws: Workspace, tmp_path: Path) -> None:
    def instead(what: str) -> Outcome:
        if what == "base":
            raise OSError(28, "No space left on device")
        return Outcome("kept")

    make_plant(60, 0.0, seed=3).to_csv(tmp_path / "more.csv", index=False)
    ingest(Session(ws), "plant-1", str(tmp_path / "more.csv"))
    session = Session(ws, runtime := Recorder(instead))
    assert source_has_grown(session)
    with pytest.raises(LeptonError, match="plant-1 could not be retrained"):
        retrain(session)
    assert [asked[0] for asked in runtime.asked] == ["pretrain", "transfer", "transfer"]
