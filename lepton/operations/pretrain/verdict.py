"""Whether a new base may serve: not worse than the one before on the source, and nothing old forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton.core.decisions.gate import GatePolicy, Verdict, judge
from lepton.core.refs import ModelRef
from lepton.core.splits import split
from lepton.core.table import Table
from lepton.core.work.faults import reached
from lepton.core.work.resume import once
from lepton.operations.pretrain.fit import Trained
from lepton.operations.pretrain.job import Continuation, PretrainJob
from lepton.operations.pretrain.training import new_rows
from lepton.operations.result import Json
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.models.model import Model


@dataclass(frozen=True)
class Kept:
    """What a base that was gone on with still knows of the batches that it had seen before."""

    passed: bool
    rows: int
    """Old rows that it was measured on."""
    summary: str
    before: float | None = None
    """Accuracy before; None if there was no row."""
    after: float | None = None
    floor: float | None = None
    """Largest fall that is let pass."""

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class BaseVerdict:
    """Whether a base may serve, and why."""

    passed: bool
    summary: str
    """In one line."""
    reasons: tuple[str, ...] = ()
    """Why it was refused."""
    gate: Verdict | None = None
    """The paired test; None if there was nothing to compare with."""
    unchanged: ModelRef | None = None
    """The base that serves, if training again gave the very same model."""
    kept: Kept | None = None
    """Of one that was gone on with."""

    def to_json(self) -> Json:
        """Return a JSON object, as it goes on record."""
        tested = self.gate.to_json() if self.gate else {"comparisons": []}
        said = {"passed": self.passed, "summary": self.summary, "reasons": list(self.reasons)}
        also = {"unchanged": self.unchanged, "kept": self.kept}
        return {**tested, **said, **{key: value.to_json() for key, value in also.items() if value is not None}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BaseVerdict:
        """Read what `to_json` wrote."""
        return cls(
            value["passed"],
            value["summary"],
            tuple(value["reasons"]),
            gate=Verdict.from_json(value) if "basis" in value else None,
            unchanged=ModelRef.from_json(value["unchanged"]) if "unchanged" in value else None,
            kept=Kept(**value["kept"]) if "kept" in value else None,
        )


def judge_against_base(session: Session, job: PretrainJob, trained: Trained) -> BaseVerdict:
    """Return the gate's verdict on the source's held-out rows."""
    found = once(job.folder, "verdict", lambda: _judge(session, job, trained).to_json())
    reached("pretrain.judged")
    return BaseVerdict.from_json(found)


def _judge(session: Session, job: PretrainJob, trained: Trained) -> BaseVerdict:
    from lepton.models.format import load as load_model
    from lepton.registry.eligibility import recalled

    before = session.find_champion(session.ws.source)
    if before is None:
        return BaseVerdict(True, "first base model")
    if before.key in recalled(session.ledger):
        return BaseVerdict(True, f"{before.label} is recalled and sets no standard")
    new, old = load_model(trained.model), session.load(before).model
    if new.digest() == old.digest():
        return BaseVerdict(True, f"the very model that serves, {before.label}", unchanged=before)
    rows = split(session.rows(job.data), "test").labelled()
    truth = new.label_indices(rows.labels)
    rivals = {"base": old.label_indices([old.classes[k] for k in old.predict_proba(rows).argmax(axis=1)])}
    policy = GatePolicy(margin=session.ws.config.transfer.margin, min_rows=session.ws.config.transfer.min_held_out)
    gate = judge(truth, new.predict_proba(rows).argmax(axis=1), rivals, policy, classes=new.classes)
    if not job.continues:
        return BaseVerdict(gate.passed, gate.summary(), gate.reasons, gate)
    old_rows = _old_rows(session, job.continues, rows)
    kept = what_was_kept(old, new, old_rows, session.ws.config.pretrain.continuation.floor)
    if kept.passed:
        return BaseVerdict(gate.passed, gate.summary(), gate.reasons, gate, kept=kept)
    forgot = f"forgot too much: {kept.summary}"
    return BaseVerdict(False, f"{forgot}; {gate.summary()}", (*gate.reasons, forgot), gate, kept=kept)


def _old_rows(session: Session, continues: Continuation, rows: Table) -> Table:
    new = set(new_rows(session, session.ws.source, continues.batches))
    return rows.take(np.array([row_id not in new for row_id in rows.ids], dtype=bool))


def what_was_kept(old: Model, new: Model, rows: Table, floor: float) -> Kept:
    """Return the accuracy of a base before and after it was gone on with, on rows of the batches that it knew.

    Args:
        old: Before.
        new: After.
        rows: Labelled rows of the old batches' test split.
        floor: Largest fall that is let pass.
    """
    if not len(rows):
        return Kept(True, 0, "no old row to measure on")
    truth = old.label_indices(rows.labels)
    before, after = (float((m.predict_proba(rows).argmax(axis=1) == truth).mean()) for m in (old, new))
    summary = f"{before:.3f} before, {after:.3f} after on {len(rows)} old rows, {floor:.3f} may be lost"
    return Kept(before - after <= floor, len(rows), summary, before, after, floor)
