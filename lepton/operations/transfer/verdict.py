"""Which candidate is put forward, and whether it may serve: by a test on labels, or by what needs none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton.core.decisions.gate import GatePolicy, Verdict
from lepton.core.decisions.gate import judge as judge_answers
from lepton.core.table import Table
from lepton.core.work.faults import reached
from lepton.core.work.resume import once
from lepton.operations.session import Session
from lepton.operations.transfer.job import TransferJob, candidate_folder, training_rows
from lepton.operations.transfer.trial import best_first, end_of
from lepton.registry.recalls import key_of, recalled

if TYPE_CHECKING:
    from lepton.models.model import Model
    from lepton.transfer.candidates import Candidate

Json = dict[str, Any]

SOURCE_ROWS = 1000
"""Test rows of the source on which it is measured how much of it was forgotten."""


def judge_winner(session: Session, job: TransferJob, plan: Json, candidates: list[Json]) -> Json:
    """Choose by promise and cross-validation, then judge the choice: the held-out rows choose nothing."""
    verdict: Json = once(job.folder, "verdict", lambda: _judge(session, job, plan, candidates))
    reached("transfer.judged")
    return verdict


def _judge(session: Session, job: TransferJob, plan: Json, candidates: list[Json]) -> Json:
    from lepton.transfer.candidates import Candidate

    train, held_out = training_rows(session, job)
    ranked = best_first(session, job, plan, candidates)
    config = session.ws.config.transfer_for(job.pair.target)
    policy = GatePolicy(margin=config.margin, min_rows=config.min_held_out)
    base = session.load(job.base).model
    # What is recalled sets no standard.
    rivals = {"base": base}
    if job.champion is not None and key_of(job.champion.to_json()) not in recalled(session.ledger):
        rivals["champion"] = session.load(job.champion).model
    loaded = {c["label"]: Candidate.load(candidate_folder(job, c["label"])) for c in candidates}
    winner = ranked[0][0]
    verdict, control = _by_labels(job, loaded[winner], rivals, base, train, held_out, policy)
    if verdict.undecided:
        guarded = _by_validators([name for name, _, _ in ranked], loaded, rivals, job, session, train, held_out)
        winner, verdict = _both(winner, verdict, guarded)
    chosen = loaded[winner]
    same = [name for name, model in rivals.items() if model.digest() == chosen.model.digest()]
    return {
        **verdict.to_json(),
        "summary": verdict.summary(),
        "winner": winner,
        "ranking": [{"label": label, "gain": round(gain, 2), "sd": round(sd, 2)} for label, gain, sd in ranked],
        "stopped": end_of(session, job, plan, candidates),
        "unchanged": "champion" in same,
        "held_out_rows": len(held_out),
        "control": control,
        "source": _retention(session, chosen.model, base),
    }


def _by_labels(
    job: TransferJob,
    winner: Candidate,
    rivals: dict[str, Model],
    base: Model,
    train: Table,
    held_out: Table,
    policy: GatePolicy,
) -> tuple[Verdict, str | None]:
    """Return the paired test on the held-out rows, and the method of the target-only control."""
    from lepton.transfer.control import target_only

    truth = winner.model.label_indices(held_out.labels)
    # What is the very same model needs no test: it cannot be worse than itself.
    others = {name: model for name, model in rivals.items() if model.digest() != winner.model.digest()}
    control, controls, replies = None, {}, {}
    if len(truth):
        replies = {name: model.predict_proba(held_out).argmax(axis=1) for name, model in others.items()}
    if len(truth) and len(train.labelled()):
        control = target_only(train, held_out, base, seed=job.seed)
        controls = {"target-only control": control.probabilities.argmax(axis=1)}
    verdict = judge_answers(
        truth,
        winner.probabilities.argmax(axis=1),
        replies,
        policy,
        controls=controls,
        classes=winner.model.classes,
        size_ratio=winner.size / base.size,
    )
    return verdict, control.method if control else None


def _by_validators(
    ranked: list[str],
    loaded: dict[str, Candidate],
    rivals: dict[str, Model],
    job: TransferJob,
    session: Session,
    train: Table,
    held_out: Table,
) -> tuple[str, Verdict] | None:
    """Return the first of the best candidates that the guard lets pass, else the best with why it was refused.

    None if there is nothing to ask it about. A model that is the very same as all its rivals is no worse than they are;
    but whether the un-adapted base reads this domain at all, nothing but labels shows.
    """
    from lepton.transfer.choice import case_of
    from lepton.transfer.guard import PUT_FORWARD, Seen, judge_without_labels
    from lepton.transfer.label_shift import plausible_prior

    ancestor = session.load(job.ancestor).model
    prior = plausible_prior(ancestor, ancestor.features(train)).numpy()
    labels = ancestor.label_indices(train.labels)
    truth = ancestor.label_indices(held_out.labels)
    seen = {name: Seen(m.predict_proba(train), m.embed(train)) for name, m in rivals.items()}
    told = {name: m.predict_proba(held_out).argmax(axis=1) for name, m in rivals.items()}
    first: tuple[str, Verdict] | None = None
    for name in ranked[:PUT_FORWARD]:
        candidate, verdicts = loaded[name], dict[str, Verdict]()
        for against, model in rivals.items():
            if model.digest() == candidate.model.digest():
                continue
            mine = candidate.probabilities.argmax(axis=1)
            # Out-of-fold answers may be held against the base alone: a champion may have learnt from these rows.
            case = case_of(
                candidate,
                loaded["none"],
                {label: other for label, other in loaded.items() if label != name},
                ancestor,
                labels,
                prior,
                held_out=(truth, mine, told[against]),
                instead_of=None if against == "base" and job.ancestor == job.base else seen[against],
            )
            verdicts[against] = judge_without_labels(case, against=against)
        if not verdicts:
            continue
        verdict = together(verdicts)
        first = first or (name, verdict)
        if verdict.passed:
            return name, verdict
    return first


def _both(winner: str, verdict: Verdict, guarded: tuple[str, Verdict] | None) -> tuple[str, Verdict]:
    """Return the guard's word if a candidate passes, else the refusal for want of labels and what the guard adds."""
    if guarded is None:
        return winner, verdict
    name, found = guarded
    if found.passed:
        return name, found
    if name != winner:
        return winner, verdict
    return winner, replace(verdict, reasons=(*verdict.reasons, *found.reasons), findings=found.findings)


def together(verdicts: dict[str, Verdict]) -> Verdict:
    """Return one verdict of those against each rival: passed if all are. A reason says which rival it holds for."""
    first, *others = verdicts.values()
    everywhere = {reason for reason in first.reasons if all(reason in other.reasons for other in others)}
    reasons = {
        reason if reason in everywhere or against in reason else f"{reason} (against the {against})": None
        for against, verdict in verdicts.items()
        for reason in verdict.reasons
    }
    return replace(
        first,
        passed=all(verdict.passed for verdict in verdicts.values()),
        reasons=tuple(reasons),
        comparisons=tuple(c for verdict in verdicts.values() for c in verdict.comparisons),
        findings=tuple(f for verdict in verdicts.values() for f in verdict.findings),
    )


def _retention(session: Session, winner: Model, base: Model) -> Json | None:
    """Return how well the winner and the base read test rows of the source; None if there are none any more."""
    from lepton.core.splits import split
    from lepton.data.store import batches, load

    if not (found := batches(session.ws, session.ws.source)):
        return None
    rows = split(load(session.ws, session.ws.source, tuple(batch for batch in found)), "test").labelled()
    rows = rows.take(np.arange(len(rows))[:SOURCE_ROWS])
    if not len(rows):
        return None
    truth = base.label_indices(rows.labels)
    read = {
        name: float((m.predict_proba(rows).argmax(axis=1) == truth).mean())
        for name, m in {"winner": winner, "base": base}.items()
    }
    return {**read, "rows": len(rows)}
