"""What verbs answer: facts for people, the same JSON as ever for machines, and jobs that survive a round trip."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton.core.config.settings import PretrainConfig
from lepton.core.decisions.gate import GatePolicy, Verdict, judge
from lepton.core.errors import LeptonError
from lepton.core.ledger.rows import Cause
from lepton.core.refs import DataRef, ModelRef
from lepton.operations.audit import ExportResult, LedgerChecked
from lepton.operations.data.erasure import Erasure, ForgetResult, Traces, Witness
from lepton.operations.lineage.comparison import ModelsCompared
from lepton.operations.lineage.impact import ImpactResult
from lepton.operations.lineage.page import LineagePage
from lepton.operations.materials import Materials, Part, RowsOfModel
from lepton.operations.pretrain.job import Continuation, PretrainJob
from lepton.operations.pretrain.result import PretrainResult
from lepton.operations.pretrain.settings import BaseSettings
from lepton.operations.pretrain.verdict import BaseVerdict, Kept
from lepton.operations.promotion import PromotionResult, RejectionResult
from lepton.operations.recall import RecallResult
from lepton.operations.result import Result
from lepton.operations.runtime import Run
from lepton.operations.score import ScoredBatch, ScoreResult
from lepton.registry.lineage.dossier import Difference
from lepton.registry.lineage.family import Reign, Version
from lepton.registry.lineage.impact import Touched
from lepton.registry.recall import Serving
from tests.unit.factories import SMALL

DATA = DataRef("plant-1", ("a", "b"), "d" * 32, "m.dir", None, 1200, 1100)
BASE = ModelRef("lepton-plant-1", "1", "d" * 64, "r")
SETTINGS = BaseSettings("tabular", SMALL, PretrainConfig(epochs=3), 2, ("bad", "good"))
JOB = PretrainJob(
    "manual",
    Run("r", "in process"),
    DATA,
    SETTINGS,
    seed=7,
    others={"plant-2": replace(DATA, domain="plant-2")},
    continues=Continuation(BASE, ("b",)),
    key="k" * 16,
    after=3,
    serving=2,
    folder="/w/pretrain-plant-1-k",
)
TESTED = judge(np.array([0, 1] * 20), np.array([0, 1] * 20), {"base": np.array([0, 0] * 20)}, GatePolicy())


def through_json(value: object) -> object:
    return json.loads(json.dumps(value, allow_nan=False))


def test_a_job_of_a_pretraining_is_the_same_after_it_was_kept_in_a_file() -> None:
    for job in (JOB, replace(JOB, others={}, continues=None)):
        assert PretrainJob.from_json(through_json(job.to_json())) == job


@pytest.mark.parametrize(
    "verdict",
    [
        BaseVerdict(True, "first base model"),
        BaseVerdict(True, "the very model that serves", unchanged=BASE),
        BaseVerdict(TESTED.passed, TESTED.summary(), TESTED.reasons, TESTED),
        BaseVerdict(False, "forgot", ("forgot",), TESTED, kept=Kept(False, 9, "0.9 before", 0.9, 0.8, 0.01)),
        BaseVerdict(True, "passed", (), TESTED, kept=Kept(True, 0, "no old row to measure on")),
    ],
    ids=["first", "unchanged", "tested", "forgot", "nothing to forget"],
)
def test_a_verdict_on_a_base_is_the_same_on_record(verdict: BaseVerdict) -> None:
    told = through_json(verdict.to_json())
    again = BaseVerdict.from_json(told)
    assert through_json(again.to_json()) == told
    assert again.passed == verdict.passed
    assert {"passed", "summary", "reasons", "comparisons"} <= set(told)


def test_the_gates_verdict_is_read_as_it_was_written() -> None:
    assert Verdict.from_json(through_json(TESTED.to_json())) == TESTED


@pytest.mark.parametrize(
    ("outcome", "also"),
    [("promoted", set()), ("refused", {"champion"}), ("kept", set())],
)
def test_a_pretraining_tells_machines_the_same_keys_as_ever(outcome: str, also: set[str]) -> None:
    verdict = BaseVerdict(True, "first base model")
    done = PretrainResult(outcome, BASE, {"accuracy": 0.91, "confusion": [[1]]}, 3.21, verdict)
    keys = {"outcome", "model", "metrics", "seconds", "gate", "links"}
    assert set(done.to_json()) == keys | also
    assert set(replace(done, interrupted=True).to_json()) == keys | {"champion", "interrupted"}
    assert done.facts()["accuracy"] == "0.910"
    assert "lepton-plant-1 v1" in str(done)


def test_a_dry_run_of_a_pretraining_tells_what_would_be_trained_on() -> None:
    done = PretrainResult("dry run", job=JOB)
    assert done.facts() == {"would train on": "1,200 rows: a, b", "also plant-2": "1,200 rows"}
    assert done.to_json() == {**JOB.to_json(), "outcome": "dry run"}


SERVED = Version(
    BASE,
    "plant-1",
    3,
    "2026-11-29T10:00:00+00:00",
    "user:ada",
    "supervised",
    None,
    (),
    [],
    [Reign("2026-11-29T10:01:00+00:00", "user:ada", Cause("manual"), 4)],
)
TRACES = Traces("s-to-t", 2, {"one": 2}, {"late": 1}, 3, 1, ("bad.csv",), 2, ("secret-1", "secret-2"))
ERASURE = Erasure("k", ("secret-1", "secret-2"), None, "request 1", 2, {"cache": 4}, {"t": TRACES})
WITNESS = Witness("m v1", "t", "saw their batch", True, True)
FORGOTTEN = ForgetResult("request 1", 2, 2, {"t": TRACES}, {"cache": 4}, (WITNESS,), (3,), ("lepton x",), False)


def test_the_journal_of_an_erasure_is_the_same_after_a_kill() -> None:
    assert Erasure.from_json(through_json(ERASURE.to_json())) == ERASURE


def test_what_is_told_of_an_erasure_names_no_row() -> None:
    assert "secret" not in json.dumps(FORGOTTEN.to_json()) + str(FORGOTTEN) + FORGOTTEN._repr_html_()
    assert set(FORGOTTEN.to_json()["domains"]["t"]) == {
        *("rows", "batches", "labels", "predictions", "quarantine", "unread", "found")
    }


RESULTS = [
    PretrainResult("promoted", BASE, {"accuracy": 0.9}, 1.0, BaseVerdict(True, "first base model")),
    PromotionResult("m v2", "m v1", "seen", "passed"),
    PromotionResult("m v1", None, "worse"),
    RejectionResult("m v2", None, "no"),
    RecallResult("m v1", "bad", False, ("m v1",), (Serving("s-to-t", "m v1", None, "policy: mark"),), False),
    ScoreResult("t", "m v1", ("a",), (ScoredBatch("a", 3, Path("/p/a.v1.parquet")),)),
    ScoreResult("t", "m v1", (), ()),
    FORGOTTEN,
    ModelsCompared(BASE, replace(BASE, version="2"), (Difference("seed", "seed", 0, 1),)),
    ModelsCompared(BASE, BASE, ()),
    ImpactResult("batch a of t", (Touched(SERVED, "saw it (train)", True),)),
    ImpactResult("batch b of t", ()),
    LineagePage(Path("/w/reports/lineage.html"), 3, 1, 9, False),
    Materials(BASE, "0.2.0", (Part("torch", "2.13.0", "BSD-3-Clause"),), {"version": 1}),
    RowsOfModel(BASE, {"train": ["1", "2"], "held_out": []}),
    LedgerChecked("the ledger of shop", 2, 1, "2026-11-29T10:00:00", "2026-11-29T11:00:00", "2:abc", ()),
    ExportResult(Path("audit"), 2, ("jsonl",), ("ledger.jsonl",), {"rows": 2}, False),
    ExportResult(Path("audit"), 2, ("jsonl",), (), {}, True),
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda one: type(one).__name__)
def test_a_result_is_readable_in_a_terminal_and_a_notebook_and_is_json(result: Result) -> None:
    assert result.facts()
    assert all(value != "" and "object at 0x" not in str(value) for value in result.facts().values())
    for name in result.facts():
        assert name in str(result)
        assert f"<th>{name}</th>" in result._repr_html_()
    assert through_json(result.to_json())


def test_a_chain_that_does_not_hold_is_an_error_that_names_the_rows() -> None:
    broken = LedgerChecked("ledger.jsonl", 2, 1, "t", "t", "2:abc", ("row 2 was edited",))
    assert broken.to_json()["ok"] is False
    with pytest.raises(LeptonError, match="tampered") as caught:
        broken.check()
    assert "row 2 was edited" in caught.value.why
    replace(broken, problems=()).check()


def test_what_was_reached_names_first_what_has_to_be_acted_on() -> None:
    unused = replace(SERVED, ref=replace(BASE, version="2"), reigns=[])
    found = ImpactResult("batch a of t", (Touched(unused, "is it", True), Touched(SERVED, "is it", True)))
    assert [one.version.ref.version for one in found.production] == ["1"]
    assert list(found.facts())[:2] == ["reached by", BASE.label]
