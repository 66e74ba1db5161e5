"""Where an adaptation starts: of what may be a start, the model whose knowledge transfers best."""

from __future__ import annotations

from dataclasses import asdict, replace

from lepton.core.errors import LeptonError, NotFound, NothingToLearn
from lepton.core.refs import ModelRef
from lepton.core.table import Table
from lepton.operations.session import Session
from lepton.operations.transfer.job import Considered, TransferJob


def choose_start(session: Session, job: TransferJob, train: Table) -> TransferJob:
    """Return the job with its ancestor, and with the score of each that was considered.

    All of them are loaded to be asked; those that are not needed any more are let go.

    Raises:
        NotFound: If a start was asked for that is not there.
        LeptonError: If there are no labels and no strategy that may be tried does without, or if the start is recalled.
    """
    from lepton.models.features import FeatureCache
    from lepton.transfer.ancestors import choose_ancestor

    _refuse_blind(job, train)
    refs = possible_starts(session, job)
    loaded = {label: session.load(ref) for label, ref in refs.items()}
    if job.start == "auto":
        # What learnt from these very labels is flattered by them: its answers to them, and any cross-validation on top
        # of it, say nothing.
        known = set(train.labelled().ids)
        loaded = {n: found for n, found in loaded.items() if n == "base" or known.isdisjoint(found.rows["train"])}
    models = {label: found.model for label, found in loaded.items()}
    best, scores = choose_ancestor(models, train, FeatureCache(session.ws.cache_dir / "features"))
    needed = (refs[best], job.base, job.champion)
    for ref in refs.values():
        if ref not in needed:
            session.release(ref)
    considered = tuple(Considered(**asdict(score), model=refs[score.label].label) for score in scores)
    return replace(job, ancestor=refs[best], considered=considered)


def possible_starts(session: Session, job: TransferJob) -> dict[str, ModelRef]:
    """Return what an adaptation may start from, by the name that it is shown under.

    Raises:
        NotFound: If a start was asked for that is not there.
        LeptonError: If it is recalled.
    """
    from lepton.registry.eligibility import recalled
    from lepton.registry.lineage.find import find_model
    from lepton.registry.lineage.starts import sound_ancestors

    ledger = session.ledger
    if job.start == "auto":
        refs = {ref.label: ref for ref in sound_ancestors(ledger, job.base)}
        own = {job.base.label: "base", **({job.champion.label: "champion"} if job.champion else {})}
        return {own.get(label, label): ref for label, ref in refs.items()}
    if job.start == "base":
        return {"base": job.base}
    if job.start == "champion":
        if job.champion is None:
            raise NotFound(
                f"No model serves {job.pair.target!r} yet, so there is no champion to start from.",
                fix=[f"lepton transfer {job.pair.target} --from base"],
            )
        chosen = job.champion
    else:
        chosen = find_model(session.ws, ledger, job.start)
    if why := recalled(ledger).get(chosen.key):
        raise LeptonError(
            f"{chosen.label} is recalled, so nothing can be adapted from it.",
            why=why,
            fix=[f"lepton transfer {job.pair.target} --from base"],
        )
    return {chosen.label if job.start != "champion" else "champion": chosen}


def _refuse_blind(job: TransferJob, train: Table) -> None:
    """Refuse to look for something better than a champion where nothing that may be tried can learn."""
    from lepton.transfer import get_strategy

    blind = all(name == "none" or get_strategy(name).needs.labels for name in job.strategies)
    if blind and job.champion is not None and not len(train.labelled()):
        raise NothingToLearn(
            f"There are no labelled rows of {job.pair.target!r} to adapt with.",
            why=f"None in {', '.join(job.batches)}: what the domain looks like now; and without labels"
            f" {', '.join(job.strategies)} learn nothing. {job.champion.label} goes on serving.",
            fix=[
                f"lepton label-next {job.pair.target}   (a sheet with the rows to label)",
                f"lepton ingest {job.pair.target} labels.csv --labels   (columns id and label)",
            ],
        )
