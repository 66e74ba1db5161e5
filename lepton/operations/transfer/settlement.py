"""What becomes of a transfer's winner: register -> verify -> ledger -> alias -> read back.

The steps up to the ledger's row belong together: if verification fails, or the ledger refuses because somebody else was
first, the version that was registered is marked as abandoned and no alias ever pointed to it. The row is the commit;
after it there is nothing to undo, only an alias to move, which `reconcile` does if we cannot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lepton.core.errors import Conflict, LeptonError
from lepton.core.ledger.rows import Abandoned, Evidence, OfModel, Refused, Registered
from lepton.core.refs import ModelRef
from lepton.core.work.faults import reached
from lepton.operations.events import proposed
from lepton.operations.registration import Registration, register_model
from lepton.operations.serve.graphs import prepare
from lepton.operations.session import ROWS, Serving, Session
from lepton.operations.transfer.job import THREADS, TransferJob
from lepton.operations.transfer.rows import Rows, rows_of_transfer
from lepton.operations.transfer.stories import Story
from lepton.operations.transfer.verdict import TransferVerdict

if TYPE_CHECKING:
    from lepton.transfer.attempt import Attempt

Settled = Literal["promoted", "refused", "proposed"]


@dataclass(frozen=True)
class Winner:
    """What is put forward, with all that goes on record with it."""

    job: TransferJob
    attempt: Attempt
    story: Story
    verdict: TransferVerdict
    rows: Rows


@dataclass(frozen=True)
class Settlement:
    """What became of a winner."""

    outcome: Settled
    """promoted, refused (the gate said no; it stays as challenger), or proposed (the gate said yes, and lepton.yaml
    asks for a person's word)."""
    model: ModelRef
    links: Mapping[str, str]
    next: str
    """The command to give next."""
    provisional: ModelRef | None = None
    """The base, if it answers for the target until something is promoted."""


def settle_winner(session: Session, winner: Winner) -> Settlement:
    """Register the winner with its lineage; what becomes of it is said by the gate and, where asked for, a person.

    Raises:
        Conflict: If another model was promoted meanwhile.
        LeptonError: If the version does not verify, or the alias could not be moved.
    """
    from lepton.registry.champions import champion
    from lepton.registry.promotion import verify
    from lepton.registry.reconcile import reconcile

    job, verdict = winner.job, winner.verdict
    pair, target, ledger = job.pair.name, job.pair.target, session.ledger
    reconcile(session.ws, ledger, [pair])
    reached("promote.reconciled")
    serving = champion(ledger, pair)
    if (serving.ref if serving else None) != job.champion:
        raise Conflict(
            f"Another model was promoted for {target!r} while this one was made.",
            why=f"The gate compared with {job.champion.label if job.champion else 'no champion'}.",
            fix=[f"lepton transfer {target}"],
        )
    by_person = session.ws.config.transfer_for(target).approval == "person"
    provisional = _provisional(session, winner)
    outcome: Settled = ("proposed" if by_person else "promoted") if verdict.passed else "refused"
    step, expected = session.runtime.step, serving.seq if serving else 0
    with session.runtime.together():
        ref, links = step(
            "register winner",
            lambda: _register(session, winner),
            undo=lambda registered, why: abandon(session, registered[0], why),
        )
        step("verify version", lambda: verify(session.ws, ref))
        if outcome != "refused":
            step("make graph", lambda: prepare(session, target, Serving(ref)))
        elif provisional:
            step("make graph", lambda: prepare(session, target, Serving(provisional, provisional=True)))
        step("record outcome", lambda: record_outcome(session, winner, ref, outcome, expected))
    step("show aliases", lambda: show_aliases(session, pair))
    if outcome == "proposed":
        session.runtime.emit(proposed(pair, target, ref.version, verdict.summary))
    return Settlement(outcome, ref, links, _next(target, outcome, ref, verdict), provisional)


def _provisional(session: Session, winner: Winner) -> ModelRef | None:
    """Return the base if it is to answer for the target although the gate let nothing through."""
    job, verdict = winner.job, winner.verdict
    wanted = session.ws.config.transfer_for(job.pair.target).provisional
    refused = not verdict.passed and job.champion is None
    return job.base if wanted and refused and not verdict.useless else None


def abandon(session: Session, ref: ModelRef, why: str) -> None:
    """Mark a registered version as abandoned, unless some later row speaks of it: then the commit had come through."""
    pair = ref.name.removeprefix("lepton-")
    rows = (entry.row for entry in session.ledger.rows(pair, OfModel))
    if not any(row.model == ref and not isinstance(row, Registered) for row in rows):
        session.ledger.record(session.actor, pair, Abandoned(ref, why))
    reached("promote.undone")


def record_outcome(session: Session, winner: Winner, ref: ModelRef, outcome: Settled, expect_seq: int) -> None:
    """Write the row that decides; refused if the champion that the gate compared with does not serve any more."""
    from lepton.registry.approval import propose
    from lepton.registry.promotion import commit

    job = winner.job
    gate, story = winner.verdict.to_json(), winner.story.to_json()
    known = (winner.attempt.metrics, job.run.to_json(), story)
    if outcome == "refused":
        row = Refused(ref, gate, *known, provisional=_provisional(session, winner))
        session.ledger.record(session.actor, job.pair.name, row)
        reached("promote.refused")
        return
    write = commit if outcome == "promoted" else propose
    pair, actor, evidence = job.pair.name, session.actor, Evidence(gate, *known)
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


def _next(target: str, outcome: Settled, ref: ModelRef, verdict: TransferVerdict) -> str:
    """Return the command to give next."""
    if outcome == "promoted":
        return f"lepton score {target}"
    if outcome == "proposed":
        return f"lepton promote {target} --approve   (or: lepton reject {target} --why ...)"
    if verdict.for_want_of_labels:
        return f"lepton label-next {target}   (the rows whose labels would decide)"
    return f'lepton promote {target} {ref.version} --why "..."   (only if you know better)'


def _register(session: Session, winner: Winner) -> tuple[ModelRef, dict[str, str]]:
    """Register the winner's folder, together with the ids that it learnt from and was judged on."""
    job, attempt = winner.job, winner.attempt
    folder = job.candidates / attempt.label / "model"
    rows = rows_of_transfer(*winner.rows, attempt.strategy)
    (folder / ROWS).write_text(json.dumps(rows))
    attempts, gate = winner.story.attempts, winner.verdict.to_json()
    registered = register_model(
        session,
        Registration(
            slot=job.pair.name,
            domain=job.pair.target,
            folder=folder,
            run=job.run,
            strategy=attempt.strategy,
            config={
                "kind": session.ws.config.kind,
                "transfer": session.ws.config.transfer_for(job.pair.target).model_dump(mode="json"),
                "strategy": attempt.config,
                "labels_per_class": job.labels_per_class,
                "exact": job.exact,
                "strategies": list(job.strategies),
                "validate": attempt.validated,
            },
            data=job.data,
            rows=rows,
            seed=job.seed,
            gate=gate,
            cause=job.cause,
            cost={"seconds": sum(a.seconds for a in attempts), "labels": attempt.labels, "bytes": attempt.size},
            metrics=attempt.metrics,
            key=job.key,
            threads=THREADS,
            parent=job.ancestor,
            ancestors=tuple(dict.fromkeys(ref for ref in (job.base, job.champion, job.ancestor) if ref is not None)),
            tables={"candidates.json": [one.to_json() for one in attempts], "gate.json": gate},
        ),
    )
    reached("promote.registered")
    return registered
