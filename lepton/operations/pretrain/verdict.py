"""Whether a new base may serve: not worse than the one before on the source, and nothing old forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton.core.refs import DataRef
from lepton.core.splits import split
from lepton.core.table import Table
from lepton.core.work.faults import reached
from lepton.core.work.resume import once
from lepton.operations.pretrain.training import new_rows
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.models.model import Model


def judge_against_base(session: Session, job: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """Return the gate's verdict on the source's held-out rows."""
    verdict: dict[str, Any] = once(job["folder"], "verdict", lambda: _judge(session, job, trained))
    reached("pretrain.judged")
    return verdict


def _judge(session: Session, job: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    from lepton.core.decisions.gate import GatePolicy, judge
    from lepton.models.format import load as load_model
    from lepton.registry.recalls import key_of, recalled

    before = session.find_champion(session.ws.source)
    if before is None or key_of(before.to_json()) in recalled(session.ledger):
        summary = "first base model" if before is None else f"{before.label} is recalled and sets no standard"
        return {"passed": True, "summary": summary, "reasons": [], "comparisons": []}
    new, old = load_model(Path(trained["model"])), session.load(before).model
    if new.digest() == old.digest():
        summary = f"the very model that serves, {before.label}"
        return {"passed": True, "summary": summary, "reasons": [], "comparisons": [], "unchanged": before.to_json()}
    rows = split(session.rows(DataRef.from_json(job["data"])), "test").labelled()
    truth = new.label_indices(rows.labels)
    rivals = {"base": old.label_indices([old.classes[k] for k in old.predict_proba(rows).argmax(axis=1)])}
    policy = GatePolicy(margin=session.ws.config.transfer.margin, min_rows=session.ws.config.transfer.min_held_out)
    verdict = judge(truth, new.predict_proba(rows).argmax(axis=1), rivals, policy, classes=new.classes)
    found = {**verdict.to_json(), "summary": verdict.summary()}
    if job["continues"]:
        kept = what_was_kept(old, new, _old_rows(session, job, rows), session.ws.config.pretrain.continuation.floor)
        found |= {"kept": kept, "passed": found["passed"] and kept["passed"]}
        if not kept["passed"]:
            found["summary"] = f"forgot too much: {kept['summary']}; {found['summary']}"
            found["reasons"] = [*found["reasons"], f"forgot too much: {kept['summary']}"]
    return found


def _old_rows(session: Session, job: dict[str, Any], rows: Table) -> Table:
    new = set(new_rows(session, session.ws.source, job["continues"]["batches"]))
    return rows.take(np.array([row_id not in new for row_id in rows.ids], dtype=bool))


def what_was_kept(old: Model, new: Model, rows: Table, floor: float) -> dict[str, Any]:
    """Return the accuracy of a base before and after it was gone on with, on rows of the batches that it knew.

    Args:
        old: Before.
        new: After.
        rows: Labelled rows of the old batches' test split.
        floor: Largest fall that is let pass.
    """
    if not len(rows):
        return {"passed": True, "rows": 0, "summary": "no old row to measure on"}
    truth = old.label_indices(rows.labels)
    before, after = (float((m.predict_proba(rows).argmax(axis=1) == truth).mean()) for m in (old, new))
    return {
        "passed": before - after <= floor,
        "rows": len(rows),
        "before": before,
        "after": after,
        "floor": floor,
        "summary": f"{before:.3f} before, {after:.3f} after on {len(rows)} old rows, {floor:.3f} may be lost",
    }
