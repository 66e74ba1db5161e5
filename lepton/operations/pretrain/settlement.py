"""The end of a pretraining: the base is registered and serves, or is refused, and the ledger says which."""

from __future__ import annotations

from lepton.core.config.settings import AUTO
from lepton.core.decisions.encoders import CHOICE, Choice
from lepton.core.ledger.rows import Cause, Evidence, Refused
from lepton.core.refs import ModelRef
from lepton.core.work.faults import reached
from lepton.operations.pretrain.fit import Trained
from lepton.operations.pretrain.job import CONTINUED, PretrainJob, last_outcome
from lepton.operations.pretrain.result import PretrainResult
from lepton.operations.pretrain.settings import BaseSettings
from lepton.operations.pretrain.verdict import BaseVerdict
from lepton.operations.registration import Registration, register_model
from lepton.operations.session import Session, rows_of


def settle(session: Session, job: PretrainJob, trained: Trained, verdict: BaseVerdict) -> PretrainResult:
    """Register the base with its lineage; make it serve if the gate allows it, over the base that it was compared with.

    Raises:
        Conflict: If another base was promoted meanwhile.
    """
    from lepton.registry.projection import MOVES, project
    from lepton.registry.promotion import promote

    if verdict.unchanged:
        return PretrainResult(
            "kept", verdict.unchanged, trained.metrics, trained.seconds, verdict, choice=trained.choice
        )
    ref, links = _register(session, job, trained, verdict)
    reached("pretrain.registered")
    ledger, source, gate = session.ledger, session.ws.source, verdict.to_json()
    if verdict.passed:
        evidence = Evidence(gate, trained.metrics, job.run.to_json())
        promote(
            session.ws,
            ledger,
            source,
            ref,
            actor=session.actor,
            cause=Cause(job.cause),
            evidence=evidence,
            expect_seq=job.serving,
        )
        reached("pretrain.promoted")
        return PretrainResult("promoted", ref, trained.metrics, trained.seconds, verdict, links, choice=trained.choice)
    before = session.find_champion(source)
    ledger.record(session.actor, source, Refused(ref, gate), expect_seq=job.serving, expect_of=MOVES)
    reached("pretrain.refused")
    project(session.ws, ledger, source)
    return PretrainResult(
        "refused", ref, trained.metrics, trained.seconds, verdict, links, before, choice=trained.choice
    )


def _register(
    session: Session, job: PretrainJob, trained: Trained, verdict: BaseVerdict
) -> tuple[ModelRef, dict[str, str]]:
    """Register the base; return the version, and links for people."""
    from lepton.models.format import WEIGHTS

    going_on = {CONTINUED: job.continues.to_json()} if job.continues else {}
    chosen = {CHOICE: trained.choice.to_json()} if trained.choice else {}
    stages = [{"name": one.name, "curves": one.curves, "seconds": one.seconds} for one in trained.stages]
    made = Registration(
        slot=session.ws.source,
        folder=trained.model,
        run=job.run,
        strategy=CONTINUED if job.continues else "+".join(job.settings.pretrain.chain),
        config={**_made_of(session, job, trained).to_json(), **going_on, **chosen},
        parent=job.continues.base if job.continues else None,
        data=job.data,
        rows=rows_of(trained.model),
        seed=job.seed,
        domain=session.ws.source,
        gate=verdict.to_json(),
        cause=Cause(job.cause),
        cost={
            "seconds": trained.seconds,
            "labels": job.data.labelled,
            "bytes": (trained.model / WEIGHTS).stat().st_size,
        },
        metrics=trained.metrics,
        key=job.key,
        threads=job.settings.threads,
        curves=trained.curves,
        also={f"domain:{name}": ref for name, ref in job.others.items()},
        parts=stages if len(stages) > 1 else (),
    )
    return register_model(session, made)


def _made_of(session: Session, job: PretrainJob, trained: Trained) -> BaseSettings:
    """Return the settings with the encoder that was taken: what makes the base again need not choose again."""
    if trained.choice:
        return job.settings.with_encoder(trained.choice.took)
    if job.continues and job.settings.encoder.name == AUTO:
        return job.settings.with_encoder(session.lineage(job.continues.base).config["encoder"]["name"])
    return job.settings


def finish_settled(session: Session) -> PretrainResult:
    """Return what had become of work that was killed after its outcome was on record; the alias is put right."""
    from lepton.registry.reconcile import reconcile

    source = session.ws.source
    last = last_outcome(session)
    assert last is not None  # it is what made the job a settled one
    for problem in reconcile(session.ws, session.ledger, [source]).problems:
        raise problem
    ref = last.row.model
    lineage = session.lineage(ref)
    return PretrainResult(
        "refused" if isinstance(last.row, Refused) else "promoted",
        ref,
        dict(lineage.metrics),
        lineage.cost["seconds"],
        BaseVerdict.from_json(lineage.gate) if lineage.gate else None,
        champion=session.find_champion(source),
        interrupted=True,
        choice=Choice.from_json(lineage.config[CHOICE]) if CHOICE in lineage.config else None,
    )
