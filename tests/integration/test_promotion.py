"""Promotion as a transaction, what a crash leaves, a person's word, and recall: on a real MLflow."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.decisions.gate import Verdict
from lepton.core.errors import Conflict, LeptonError, NotFound
from lepton.core.ledger import (
    ABANDONED,
    INGESTED,
    PROMOTED,
    PROPOSED,
    RECALLED,
    REFUSED,
    REGISTERED,
    REJECTED,
    ROLLED_BACK,
    Ledger,
)
from lepton.core.ledger.rows import Cause, Evidence
from lepton.core.refs import DataRef, ModelRef, Pair
from lepton.operations import promotion as flow
from lepton.operations.runtime import Run
from lepton.operations.session import Session
from lepton.operations.transfer import settlement
from lepton.operations.transfer.job import TransferJob
from lepton.operations.transfer.rows import Rows
from lepton.operations.transfer.settlement import Settlement, Winner
from lepton.operations.transfer.stories import Story
from lepton.operations.transfer.verdict import TransferVerdict
from lepton.registry import approval, models, recall
from lepton.registry.champions import champion
from lepton.registry.eligibility import recalled, waiting
from lepton.registry.mlflow import store
from lepton.registry.mlflow.tracking import connect
from lepton.registry.models import aliases, fetch, versions
from lepton.registry.orphans import orphans, registering, strangers
from lepton.registry.promotion import promote, rollback, rollback_target
from lepton.registry.reconcile import reconcile
from lepton.transfer.attempt import Attempt
from lepton.transfer.signals import Signals
from tests.registry import MODEL, PAIR, Maker, workspace_in
from tests.unit.factories import images

SIGNALS = Signals("image", 10, 1000, 50, 0.8, 0.7, None, None, None, 1.0, 0.0)
BATCH = DataRef("usps", ("site-7",), "d" * 32, None, None, 10, 10)


def promoted(ws: Workspace, ledger: Ledger, ref: ModelRef, pair: str = PAIR) -> ModelRef:
    promote(ws, ledger, pair, ref, actor="user:ada", cause=Cause("manual"), evidence=Evidence())
    return ref


def serving(ledger: Ledger, pair: str = PAIR) -> ModelRef | None:
    reign = champion(ledger, pair)
    return reign.ref if reign else None


def flip_a_bit(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))


# Registering


def test_the_same_work_is_registered_once(ws: Workspace, ledger: Ledger, make: Maker) -> None:
    first, other = make(key="k1"), make(key="k2")
    assert make(key="k1") == first
    assert make(key="k2") == other
    assert make(key="") != make(key="")
    assert len(ledger.entries(PAIR, REGISTERED)) == len(versions(ws, MODEL)) == 4


@pytest.mark.parametrize("how", ["damaged", "abandoned"])
def test_a_registration_that_is_of_no_use_is_made_again(ws: Workspace, ledger: Ledger, make: Maker, how: str) -> None:
    first = make(key="k")
    if how == "damaged":
        flip_a_bit(fetch(ws, first.name, first.version)[1] / "weights.safetensors")
    else:
        ledger.append("test", PAIR, ABANDONED, {"model": first.to_json(), "why": "x"})
    assert make(key="k").version == "2"


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it on the way that a process killed there would not go."""


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    """Run something that ends at a fault point of the registration."""

    def run(point: str, work: Any) -> None:
        def reached(name: str) -> None:
            if name == point:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(models, "reached", reached)
            with pytest.raises(Killed):
                work()

    return run


def test_a_version_that_a_crash_kept_from_the_ledger_is_found_and_removed(
    ws: Workspace, ledger: Ledger, make: Maker, killed_at: Any
) -> None:
    good = make()
    killed_at("register.version-made", make)
    left = [ref.version for ref in orphans(ws, ledger)]
    assert left == ["2"]
    assert [ref.version for ref in reconcile(ws, ledger).removed] == ["2"]
    assert versions(ws, MODEL) == [good]
    assert orphans(ws, ledger) == []
    assert make().version == "3"  # a number is not given twice


def test_the_next_registration_removes_what_a_crash_left(ws: Workspace, make: Maker, killed_at: Any) -> None:
    killed_at("register.version-made", make)
    made = make()
    assert versions(ws, MODEL) == [made]


def test_a_registration_that_the_ledger_refuses_leaves_nothing(
    ws: Workspace, ledger: Ledger, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise LeptonError("The ledger cannot be written.")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", full)
        with pytest.raises(LeptonError, match="cannot be written"):
            make()
    assert (versions(ws, MODEL), ledger.entries()) == ([], [])


def test_what_is_being_registered_now_is_no_orphan(ws: Workspace, ledger: Ledger, make: Maker, killed_at: Any) -> None:
    killed_at("register.version-made", make)
    with registering(ws):  # somebody is between the version and the ledger's row
        assert reconcile(ws, ledger).removed == ()
    assert len(reconcile(ws, ledger).removed) == 1


def test_versions_of_another_ledger_are_left_alone(ws: Workspace, ledger: Ledger, make: Maker, tmp_path: Path) -> None:
    ledger.append("test", PAIR, INGESTED, {"batch": "a"})
    made = make()
    other = Ledger(f"sqlite:///{tmp_path / 'other.db'}")
    other.append("test", PAIR, INGESTED, {"batch": "b"})
    found = reconcile(ws, other)
    assert (found.removed, found.strangers) == ((), (made,))
    assert (versions(ws, MODEL), orphans(ws, other), strangers(ws, ledger)) == ([made], [], [])


def test_an_alias_is_not_moved_to_a_model_that_does_not_verify_any_more(
    ws: Workspace, ledger: Ledger, make: Maker
) -> None:
    first = promoted(ws, ledger, make())
    second = promoted(ws, ledger, make())
    models.set_alias(ws, first, "champion")
    flip_a_bit(fetch(ws, second.name, second.version)[1] / "weights.safetensors")
    found = reconcile(ws, ledger)
    assert found.moved == ()
    assert "weights.safetensors" in found.problems[0].why
    assert aliases(ws, MODEL) == {"champion": "1"}


def test_of_promoters_that_all_may_win_the_alias_is_the_last_ones(ws: Workspace, ledger: Ledger, make: Maker) -> None:
    contenders = [make() for _ in range(6)]
    start = threading.Barrier(len(contenders))

    def race(ref: ModelRef) -> None:
        start.wait()
        promoted(ws, Ledger(ws.ledger_url), ref)

    threads = [threading.Thread(target=race, args=(ref,)) for ref in contenders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = serving(ledger)
    assert now is not None
    assert len(ledger.entries(PAIR, PROMOTED)) == len(contenders)
    assert aliases(ws, MODEL) == {"champion": now.version}


# The transaction in the flow


@pytest.fixture
def settle(ws: Workspace, ledger: Ledger, make: Maker, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settlement]:
    """Play the end of a transfer whose winner is the small model; `spoil` is done right after it is registered."""
    monkeypatch.setenv("LEPTON_WORKSPACE", str(ws.root))
    (ws.contracts_dir / "usps.yaml").write_text("")

    def run(passed: bool = True, spoil: Callable[[ModelRef], None] | None = None, person: bool = False) -> Settlement:
        def register(_: Session, put_forward: Winner) -> tuple[ModelRef, dict[str, str]]:
            ref = make(key=put_forward.job.key)
            if spoil:
                spoil(ref)
            return ref, {}

        monkeypatch.setattr(settlement, "_register", register)
        if person:
            monkeypatch.setenv("LEPTON_TRANSFER__APPROVAL", "person")
        here = Workspace.find()
        job = TransferJob(
            pair=Pair("mnist", "usps"),
            cause=Cause("manual"),
            run=Run("r", "a run"),
            folder="",
            batches=("site-7",),
            data=BATCH,
            labels_per_class=None,
            exact=False,
            strategies=("residual",),
            seed=0,
            base=ModelRef("lepton-mnist", "1", "d", "r"),
            champion=serving(ledger),
            ancestor=ModelRef("lepton-mnist", "1", "d", "r"),
            considered=(),
            key=f"k{ledger.last_seq()}",
        )
        attempt = Attempt.from_json({"strategy": "residual", "seconds": 1.0, "metrics": {"accuracy": 0.9}})
        story = Story(SIGNALS, (), (attempt,), "", (), job.ancestor.label, "residual")
        verdict = TransferVerdict(Verdict(passed, () if passed else ("worse",), (), 100), "residual")
        rows = Rows(images(3), images(3))
        return settlement.settle_winner(Session(here), settlement.Winner(job, attempt, story, verdict, rows))

    return run


@pytest.mark.parametrize(("passed", "outcome", "action"), [(True, "promoted", PROMOTED), (False, "refused", REFUSED)])
def test_the_gate_decides_what_becomes_of_the_winner(
    ws: Workspace, ledger: Ledger, settle: Any, passed: bool, outcome: str, action: Any
) -> None:
    done = settle(passed)
    row = ledger.last(PAIR)
    assert row is not None
    assert (done.outcome, row.action) == (outcome, action)
    assert aliases(ws, MODEL) == {"champion" if passed else "challenger": "1"}


def other_answers(ws: Workspace) -> Callable[[ModelRef], None]:
    """Change the stored expected answers together with all checksums: only the prediction can find that."""

    def spoil(ref: ModelRef) -> None:
        from safetensors.numpy import load_file, save_file

        from lepton.core.work.files import canonical
        from lepton.registry.checksums import digest_of, file_checksums

        folder = fetch(ws, ref.name, ref.version)[1]
        held = load_file(folder / "examples.safetensors")
        name = next(key for key in held if "expected" in key or "probabilities" in key)
        save_file({**held, name: held[name][:, ::-1].copy()}, folder / "examples.safetensors")
        sums = file_checksums(folder)
        client = connect(ws).client
        client.set_model_version_tag(ref.name, ref.version, "lepton.files", canonical(sums))
        client.set_model_version_tag(ref.name, ref.version, "lepton.digest", digest_of(sums))

    return spoil


def a_bit(ws: Workspace) -> Callable[[ModelRef], None]:
    return lambda ref: flip_a_bit(fetch(ws, ref.name, ref.version)[1] / "weights.safetensors")


def test_a_registration_is_undone_if_verification_fails(ws: Workspace, ledger: Ledger, settle: Any) -> None:
    settle()
    with pytest.raises(LeptonError, match="damaged"):
        settle(spoil=a_bit(ws))
    row = ledger.last(PAIR)
    assert row is not None
    assert row.action == ABANDONED
    assert (row.payload["model"]["version"], "damaged" in row.payload["why"]) == ("2", True)
    assert aliases(ws, MODEL) == {"champion": "1"}
    assert settle().model.version == "3"  # the same work again does not find what was abandoned


def test_a_registration_is_undone_if_somebody_else_was_first(ws: Workspace, ledger: Ledger, settle: Any) -> None:
    def overtake(_: ModelRef) -> None:
        ledger.append("user:eve", PAIR, PROMOTED, {"model": first, "cause": {}, "evidence": {}})

    first = settle().model.to_json()
    with pytest.raises(Conflict):
        settle(spoil=overtake)
    row = ledger.last(PAIR)
    assert row is not None
    assert (row.action, row.payload["model"]["version"]) == (ABANDONED, "2")
    assert "wrote to the ledger first" in row.payload["why"]


def test_what_is_in_the_ledger_is_not_undone_when_the_alias_cannot_be_moved(
    ws: Workspace, ledger: Ledger, settle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lepton.registry import projection

    def unreachable(*_: object) -> None:
        raise LeptonError("MLflow cannot be reached.")

    with monkeypatch.context() as patch:
        patch.setattr(projection, "set_alias", unreachable)
        with pytest.raises(LeptonError, match="stands in the ledger"):
            settle()
    assert ledger.entries(PAIR, ABANDONED) == []
    assert aliases(ws, MODEL) == {}
    assert [move.now for move in reconcile(ws, ledger).moved] == ["1"]


# A person's word


@pytest.fixture
def proposed(ws: Workspace, ledger: Ledger, settle: Any) -> ModelRef:
    """Return a version that passed the gate and waits, while another one serves."""
    settle()
    done = settle(person=True)
    assert done.outcome == "proposed"
    return done.model


def test_a_proposal_serves_nobody_and_is_written_once(ws: Workspace, ledger: Ledger, proposed: ModelRef) -> None:
    assert serving(ledger) != proposed
    assert aliases(ws, MODEL) == {"champion": "1", "challenger": "2"}
    again = approval.propose(ledger, PAIR, proposed, actor="x", cause=Cause(), evidence=Evidence())
    assert (len(ledger.entries(PAIR, PROPOSED)), again) == (1, waiting(ledger, PAIR))


def test_an_approval_promotes_in_the_persons_name_with_the_gates_evidence(
    ws: Workspace, ledger: Ledger, proposed: ModelRef
) -> None:
    assert flow.approve_proposal(Session(ws), "usps", None, "looks right", True).model == proposed.label
    assert serving(ledger) != proposed
    flow.approve_proposal(Session(ws), "usps", "2", "looks right", False, who="user:bob", through="test")
    row = ledger.last(PAIR, PROMOTED)
    assert row is not None
    assert (serving(ledger), row.actor) == (proposed, "user:bob")
    cause = row.payload["cause"]
    assert (cause["kind"], cause["who"], cause["why"]) == ("approval", "user:bob", "looks right")
    assert cause["proposed_because"] == {"kind": "manual"}
    assert row.payload["evidence"]["gate"]["passed"]
    assert aliases(ws, MODEL) == {"champion": "2"}


def test_a_rejection_is_final_for_the_proposal(ws: Workspace, ledger: Ledger, proposed: ModelRef) -> None:
    assert flow.reject_version(Session(ws), "usps", None, "no", True).model == proposed.label
    flow.reject_version(Session(ws), "usps", None, "not on a Friday", False, who="user:bob")
    row = ledger.last(PAIR, REJECTED)
    assert row is not None
    assert (row.actor, row.payload["why"]) == ("user:bob", "not on a Friday")
    assert aliases(ws, MODEL) == {"champion": "1"}
    with pytest.raises(Conflict, match="was rejected already") as second:
        flow.approve_proposal(Session(ws), "usps", None, "yes", False)
    assert "user:bob" in second.value.why
    assert "Friday" in second.value.why
    with pytest.raises(Conflict, match="is rejected already"):
        flow.reject_version(Session(ws), "usps", "2", "again", False)


def test_who_comes_second_to_an_approval_is_told(ws: Workspace, proposed: ModelRef) -> None:
    flow.approve_proposal(Session(ws), "usps", None, "yes", False, who="user:bob")
    for late in (
        lambda: flow.approve_proposal(Session(ws), "usps", None, "yes", False),
        lambda: flow.reject_version(Session(ws), "usps", None, "no", False),
    ):
        with pytest.raises(Conflict, match="was approved already") as told:
            late()
        assert "user:bob" in told.value.why


def test_a_proposal_that_was_overtaken_is_refused(
    ws: Workspace, ledger: Ledger, proposed: ModelRef, make: Maker
) -> None:
    promoted(ws, ledger, make())
    assert waiting(ledger, PAIR) is None
    with pytest.raises(Conflict, match=f"{MODEL} v2 was overtaken: {MODEL} v3 was made champion"):
        flow.approve_proposal(Session(ws), "usps", None, "yes", False)
    assert serving(ledger) != proposed


def test_an_approval_and_a_rejection_at_once_cannot_both_come_through(
    ws: Workspace, ledger: Ledger, proposed: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = approval.verify

    def rejected_meanwhile(*given: Any) -> None:
        verify(*given)
        flow.reject_version(Session(ws), "usps", None, "no", False, who="user:eve")

    monkeypatch.setattr(approval, "verify", rejected_meanwhile)
    with pytest.raises(Conflict):
        flow.approve_proposal(Session(ws), "usps", None, "yes", False)
    assert serving(ledger) != proposed


def test_a_damaged_proposal_cannot_be_approved(ws: Workspace, ledger: Ledger, proposed: ModelRef) -> None:
    a_bit(ws)(proposed)
    with pytest.raises(LeptonError, match="damaged"):
        flow.approve_proposal(Session(ws), "usps", None, "yes", False)
    assert serving(ledger) != proposed


def test_where_nothing_was_proposed_the_error_says_when_something_would_be(ws: Workspace, settle: Any) -> None:
    settle()
    with pytest.raises(NotFound, match="No version of mnist-to-usps waits") as told:
        flow.approve_proposal(Session(ws), "usps", None, "yes", False)
    assert "transfer.approval: person" in told.value.why
    with pytest.raises(LeptonError, match="serves: what serves is not rejected"):
        flow.reject_version(Session(ws), "usps", "1", "no", False)


# Recall


def allowed(_: str) -> recall.Policy:
    return "move_back"


def recall_model(ws: Workspace, ledger: Ledger, ref: ModelRef, policy: Any = allowed) -> list[recall.Serving]:
    slot = ref.name.removeprefix("lepton-")
    return recall.recall(
        ws, ledger, slot, recall.Subject.of_model(ref), actor="user:ada", why="poisoned", policy=policy
    )


@pytest.fixture
def family(ws: Workspace, ledger: Ledger, make: Maker) -> dict[str, ModelRef]:
    """Two bases, and two pairs that moved from children of the first to children of the second."""
    made = {"good": promoted(ws, ledger, make("mnist"), "mnist")}
    made["usps-1"] = promoted(ws, ledger, make(parent=made["good"]))
    made["bad"] = promoted(ws, ledger, make("mnist"), "mnist")
    made["usps-2"] = promoted(ws, ledger, make(parent=made["bad"], data={"train": BATCH}))
    made["svhn-1"] = promoted(ws, ledger, make("mnist-to-svhn", parent=made["bad"]), "mnist-to-svhn")
    return made


def test_a_recall_moves_back_what_can_be_and_says_what_cannot(
    ws: Workspace, ledger: Ledger, family: dict[str, ModelRef]
) -> None:
    done = {one.pair: one for one in recall_model(ws, ledger, family["bad"])}
    assert serving(ledger, "mnist") == family["good"]
    assert serving(ledger) == family["usps-1"]
    assert serving(ledger, "mnist-to-svhn") == family["svhn-1"]
    assert done["mnist-to-svhn"].moved_to is None
    assert "is the first champion of mnist-to-svhn" in done["mnist-to-svhn"].why_not
    assert (aliases(ws, "lepton-mnist"), aliases(ws, MODEL)) == ({"champion": "1"}, {"champion": "1"})
    rows = ledger.entries(after=ledger.entries(action=RECALLED)[0].seq - 1)
    assert [row.action for row in rows] == [RECALLED, ROLLED_BACK, ROLLED_BACK]  # the mark comes first
    assert rows[1].payload["cause"]["kind"] == "recall"
    assert set(recall.serving_recalled(ledger, ["mnist", PAIR, "mnist-to-svhn"])) == {"mnist-to-svhn"}


def test_a_pair_whose_policy_says_so_is_only_marked(ws: Workspace, ledger: Ledger, family: dict[str, ModelRef]) -> None:
    done = {one.pair: one for one in recall_model(ws, ledger, family["bad"], policy=lambda pair: "mark")}
    assert serving(ledger) == family["usps-2"]
    assert "transfer.on_recall: mark" in done[PAIR].why_not


def test_what_was_recalled_can_neither_be_promoted_nor_rolled_back_to(
    ws: Workspace, ledger: Ledger, family: dict[str, ModelRef], make: Maker
) -> None:
    third = promoted(ws, ledger, make(parent=family["good"]))
    recall_model(ws, ledger, family["bad"])
    assert serving(ledger) == third
    with pytest.raises(LeptonError, match="was recalled and must not serve"):
        promoted(ws, ledger, family["usps-2"])
    with pytest.raises(LeptonError, match="was recalled and must not serve"):
        rollback(ws, ledger, PAIR, actor="user:ada", why="x", to=family["usps-2"].version)
    assert rollback_target(ledger, PAIR).ref == family["usps-1"]  # the recalled one between is passed over
    late = make(parent=family["bad"])  # a transfer that had started before the recall
    with pytest.raises(LeptonError, match="was recalled"):
        promoted(ws, ledger, late)
    recall.reinstate(ledger, "mnist", recall.Subject.of_model(family["bad"]), actor="user:ada", why="false alarm")
    assert promoted(ws, ledger, family["usps-2"]) == serving(ledger)


def test_a_recall_that_was_killed_is_completed_by_asking_again(
    ws: Workspace, ledger: Ledger, family: dict[str, ModelRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(point: str) -> None:
        if point == "recall.moved-back":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(recall, "reached", reached)
        with pytest.raises(Killed):
            recall_model(ws, ledger, family["bad"])
    assert (serving(ledger, "mnist"), serving(ledger)) == (family["good"], family["usps-2"])
    recall_model(ws, ledger, family["bad"])
    recall_model(ws, ledger, family["bad"])
    assert serving(ledger) == family["usps-1"]
    assert len(ledger.entries(action=RECALLED)) == 1
    assert len(ledger.entries(action=ROLLED_BACK)) == 2


def test_the_recall_of_a_batch_reaches_who_saw_it(
    ws: Workspace, ledger: Ledger, family: dict[str, ModelRef], make: Maker
) -> None:
    with pytest.raises(NotFound, match="never had a batch 'site-7'"):
        recall.of_batch(ledger, PAIR, "usps", "site-7")
    ledger.append("test", PAIR, INGESTED, {"batch": "site-7"})
    child = make(parent=family["usps-2"])
    subject = recall.of_batch(ledger, PAIR, "usps", "site-7")
    found = recall.reach(ledger, subject)
    assert (found.models, found.pairs) == ((family["usps-2"], child), (PAIR,))
    recall.recall(ws, ledger, PAIR, subject, actor="user:ada", why="mislabelled", policy=allowed)
    assert serving(ledger) == family["usps-1"]
    assert set(recalled(ledger)) == {(MODEL, "2"), (MODEL, "3")}


def test_a_recalled_proposal_cannot_be_approved(ws: Workspace, ledger: Ledger, proposed: ModelRef) -> None:
    recall_model(ws, ledger, proposed)
    with pytest.raises(LeptonError, match="was recalled and must not serve"):
        flow.approve_proposal(Session(ws), "usps", None, "yes", False)
    assert aliases(ws, MODEL) == {"champion": "1"}


# A corrupted folder


def test_any_damage_to_any_file_is_found_and_named(ws: Workspace, ledger: Ledger, make: Maker, tmp_path: Path) -> None:
    ref = promoted(ws, ledger, make())
    folder = fetch(ws, ref.name, ref.version)[1]
    assert fetch(ws, ref.name, ref.version, expect=ref.digest)[1] == folder
    shutil.copytree(folder, tmp_path / "sound")
    for path in sorted((tmp_path / "sound").rglob("*")):
        broken = folder / path.name
        broken.unlink()
        with pytest.raises(LeptonError, match="damaged") as told:
            fetch(ws, ref.name, ref.version, expect=ref.digest)
        assert path.name in told.value.why
        shutil.copy(path, broken)
    assert store.local_files(connect(ws), store.find_version(connect(ws), ref.name, ref.version)).exists()


def test_the_workspace_of_these_tests_is_a_workspace(tmp_path: Path) -> None:
    assert workspace_in(tmp_path / "w").source == "mnist"
