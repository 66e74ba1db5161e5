"""What becomes of a transfer's winner: register -> verify -> ledger -> alias -> read back.

The steps up to the ledger's row belong together: if verification fails, or the ledger refuses because somebody else was
first, the version that was registered is marked as abandoned and no alias ever pointed to it. The row is the commit;
after it there is nothing to undo, only an alias to move, which `reconcile` does if we cannot.
"""

from __future__ import annotations

import json
from typing import Any

from lepton.core.errors import Conflict, LeptonError
from lepton.core.ledger import ABANDONED, REFUSED, REGISTERED
from lepton.core.refs import ModelRef
from lepton.core.work.faults import reached
from lepton.operations.events import proposed
from lepton.operations.registration import register_model
from lepton.operations.session import ROWS, Session
from lepton.operations.transfer.job import THREADS, TransferJob, candidate_folder, rows_of_transfer, training_rows

Json = dict[str, Any]


def promote_winner(session: Session, job: TransferJob, story: Json, verdict: Json) -> Json:
    """Register the winner with its lineage; what becomes of it is said by the gate and, where asked for, a person.

    Args:
        session: The workspace at work.
        job: What was asked for.
        story: Signals, plan and every candidate with cost and score; goes on record with the outcome.
        verdict: Of the gate.

    Returns:
        `outcome` is promoted, refused (the gate said no; it stays as challenger), or proposed (the gate said yes, and
        lepton.yaml asks for a person's word).
    """
    from lepton.registry.promotion import champion, verify
    from lepton.registry.reconcile import reconcile

    pair, ledger = job.pair.name, session.ledger
    reconcile(session.ws, ledger, [pair])
    reached("promote.reconciled")
    serving = champion(ledger, pair)
    if (serving.ref if serving else None) != job.champion:
        raise Conflict(
            f"Another model was promoted for {job.pair.target!r} while this one was made.",
            why=f"The gate compared with {job.champion.label if job.champion else 'no champion'}.",
            fix=[f"lepton transfer {job.pair.target}"],
        )
    candidates = story["candidates"]
    winner = next(c for c in candidates if c["label"] == verdict["winner"])
    evidence = {"gate": verdict, "metrics": winner["metrics"], "run": job.run, "story": story}
    by_person = session.ws.config.transfer_for(job.pair.target).approval == "person"
    outcome = ("proposed" if by_person else "promoted") if verdict["passed"] else "refused"
    step, expected = session.runtime.step, serving.seq if serving else 0
    with session.runtime.together():
        ref, links = step(
            "register winner",
            lambda: _register(session, job, winner, candidates, verdict),
            undo=lambda registered, why: abandon(session, registered[0], why),
        )
        step("verify version", lambda: verify(session.ws, ref))
        step("record outcome", lambda: record_outcome(session, job, ref, evidence, outcome, expected))
    step("show aliases", lambda: show_aliases(session, pair))
    target = job.pair.target
    if outcome == "proposed":
        session.runtime.emit(proposed(pair, target, ref.version, verdict["summary"]))
    labels_decide = verdict.get("undecided") or verdict.get("basis") == "validators"
    next_step = {
        "promoted": f"lepton score {target}",
        "proposed": f"lepton promote {target} --approve   (or: lepton reject {target} --why ...)",
        "refused": f"lepton ingest {target} labels.csv --labels   (more labels would decide)"
        if labels_decide
        else f'lepton promote {target} {ref.version} --why "..."   (only if you know better)',
    }[outcome]
    return {"outcome": outcome, "model": ref.to_json(), "links": links, "metrics": winner["metrics"], "next": next_step}


def abandon(session: Session, ref: ModelRef, why: str) -> None:
    """Mark a registered version as abandoned, unless some later row speaks of it: then the commit had come through."""
    pair = ref.name.removeprefix("lepton-")
    if not any(
        r.action != REGISTERED and r.payload.get("model") == ref.to_json() for r in session.ledger.entries(pair)
    ):
        session.ledger.append(session.actor, pair, ABANDONED, {"model": ref.to_json(), "why": why})
    reached("promote.undone")


def record_outcome(
    session: Session, job: TransferJob, ref: ModelRef, evidence: Json, outcome: str, expect_seq: int
) -> None:
    """Write the row that decides; refused if the champion that the gate compared with does not serve any more."""
    from lepton.registry.approval import propose
    from lepton.registry.promotion import commit

    if outcome == "refused":
        session.ledger.append(session.actor, job.pair.name, REFUSED, {"model": ref.to_json(), **evidence})
        reached("promote.refused")
        return
    write = commit if outcome == "promoted" else propose
    pair, actor = job.pair.name, session.actor
    write(session.ledger, pair, ref, actor=actor, cause=job.cause, evidence=evidence, expect_seq=expect_seq)


def show_aliases(session: Session, pair: str) -> None:
    """Move MLflow's aliases to what the ledger says, and read them back."""
    from lepton.registry.projection import project

    try:
        project(session.ws, session.ledger, pair)
    except LeptonError as error:
        raise LeptonError(
            f"The decision about {pair} stands in the ledger, but MLflow's alias could not be moved.",
            why=f"{error.what} {error.why}".strip(),
            fix=["lepton doctor  (moves the alias when MLflow can be reached again)"],
        ) from None
    reached("promote.aliases-shown")


def _register(
    session: Session,
    job: TransferJob,
    winner: dict[str, Any],
    candidates: list[dict[str, Any]],
    verdict: dict[str, Any],
) -> tuple[ModelRef, dict[str, str]]:
    """Register the winner's folder, together with the ids that it learnt from and was judged on."""
    train, held_out = training_rows(session, job)
    folder = candidate_folder(job, winner["label"]) / "model"
    rows = rows_of_transfer(train, held_out, winner["strategy"])
    (folder / ROWS).write_text(json.dumps(rows))
    config = session.ws.config.transfer_for(job.pair.target).model_dump(mode="json")
    registered = register_model(
        session,
        pair_name=job.pair.name,
        folder=folder,
        run=job.run,
        strategy=winner["strategy"],
        config={
            "kind": session.ws.config.kind,
            "transfer": config,
            "strategy": winner["config"],
            "labels_per_class": job.labels_per_class,
            "exact": job.exact,
            "strategies": list(job.strategies),
            "validate": winner["validated"],
        },
        data=job.data,
        rows=rows,
        seed=job.seed,
        domain=job.pair.target,
        gate=verdict,
        cause=job.cause,
        cost={"seconds": sum(c["seconds"] for c in candidates), "labels": winner["labels"], "bytes": winner["size"]},
        metrics=winner["metrics"],
        key=job.key,
        threads=THREADS,
        parent=job.ancestor,
        ancestors=tuple(dict.fromkeys(ref for ref in (job.base, job.champion, job.ancestor) if ref is not None)),
        tables={"candidates.json": candidates, "gate.json": verdict},
    )
    reached("promote.registered")
    return registered
