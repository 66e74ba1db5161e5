"""What a transfer works on: which rows, instead of which champion, from which ancestor, and the key of it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lepton import __version__
from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger import TRANSFER_FINISHED
from lepton.core.refs import DataRef, ModelRef, Pair
from lepton.core.splits import pick_per_class, split
from lepton.core.table import Table
from lepton.core.work.files import digest
from lepton.core.work.resume import folder_of
from lepton.operations.regime import current_regime, recalled_batches
from lepton.operations.session import Loaded, Session, rows_of
from lepton.registry.recalls import key_of

THREADS = 1
"""Adaptation works on a few hundred rows: a second thread gains little on a quiet machine, and on a busy one the
waiting for each other made a residual adapter 40 times slower."""


@dataclass(frozen=True)
class TransferJob:
    """What one transfer works on: references only, so that any process can pick it up."""

    pair: Pair
    cause: dict[str, Any]
    run: dict[str, Any]
    folder: str
    """Where the steps leave their results until the work has ended well; empty: nowhere, as in a dry run."""
    batches: tuple[str, ...]
    data: DataRef
    labels_per_class: int | None
    exact: bool
    """Whether exactly that many labels a class were asked for, or at most."""
    strategies: tuple[str, ...]
    seed: int
    base: ModelRef
    champion: ModelRef | None
    ancestor: ModelRef
    considered: list[dict[str, Any]]
    """Score of every possible ancestor, best first; the second is the runner-up."""
    start: str = "auto"
    """Where to start: `auto`, `base`, `champion`, or a registered version by name."""
    combine: bool = True
    """Whether ensembles and soups may be tried."""
    key: str = ""
    """Digest of what is asked for: the same work done again after a crash finds what it left by it."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TransferJob:
        """Read what `to_json` wrote."""
        return cls(
            **{
                **value,
                "pair": Pair(**value["pair"]),
                "data": DataRef.from_json(value["data"]),
                "batches": tuple(value["batches"]),
                "strategies": tuple(value["strategies"]),
                "base": ModelRef.from_json(value["base"]),
                "champion": ModelRef.from_json(value["champion"]) if value["champion"] else None,
                "ancestor": ModelRef.from_json(value["ancestor"]),
            }
        )


def ask(
    session: Session,
    domain: str,
    cause: str,
    labels_per_class: int | None,
    strategies: list[str] | None,
    run: dict[str, Any],
    *,
    instead_of: ModelRef | None,
    start: str | None = None,
) -> TransferJob:
    """Return what a transfer is asked for: its rows, what they may start from, and the key; nothing is computed yet.

    Args:
        session: The workspace at work.
        domain: The target.
        cause: manual, schedule or drift.
        labels_per_class: Exactly so many; by default at most what the workspace says.
        strategies: To be tried; by default those of the workspace.
        run: The flow run.
        instead_of: The champion that the result would replace.
        start: Where to start; by default what the workspace says.

    Raises:
        NotFound: If there is no base model, or the target has no data.
        LeptonError: If the base is recalled, or every batch that could be learnt from is.
    """
    from lepton.contract.spec import load_contract
    from lepton.data.store import batches as delivered
    from lepton.data.versions import data_ref
    from lepton.transfer import default_strategies

    pair = session.ws.pair(domain)
    config = session.ws.config.transfer_for(domain)
    base = session.sound_base()
    if not delivered(session.ws, domain):
        raise NotFound(f"Domain {domain!r} has no data yet.", fix=[f"lepton ingest {domain} FILE"])
    chosen, trigger = current_regime(session, pair, instead_of)
    if not chosen:
        recalled_ones = "; ".join(f"{batch}: {why}" for batch, why in recalled_batches(session, domain).items())
        raise LeptonError(
            f"Every batch of {domain!r} that could be learnt from is recalled.",
            why=recalled_ones,
            fix=[f"lepton ingest {domain} FILE"],
        )
    per_class = labels_per_class or config.labels_per_class
    if config.budget_labels is not None:
        most = max(1, config.budget_labels // max(1, len(load_contract(session.ws, domain).classes)))
        per_class = min(per_class or most, most)
    job = TransferJob(
        pair=pair,
        cause={"kind": cause, **(trigger if cause == "drift" else {})},
        run=run,
        folder="",
        batches=chosen,
        data=data_ref(session.ws, domain, chosen),
        labels_per_class=per_class,
        exact=labels_per_class is not None and per_class == labels_per_class,
        strategies=tuple(strategies or config.strategies or default_strategies()),
        seed=session.ws.config.seed,
        base=base,
        champion=instead_of,
        ancestor=base,
        considered=[],
        start=start or config.ancestor,
        combine=config.combine and not strategies,
    )
    key = _key(session, job)
    return replace(job, key=key, folder=str(folder_of(session.ws, "transfer", pair.name, key)))


def prepare_job(session: Session, job: TransferJob) -> TransferJob:
    """Choose the ancestor of a job: of what may be a start, the model whose knowledge transfers best.

    Raises:
        NotFound: If a start was asked for that is not there.
        LeptonError: If there are fewer labelled rows than asked for, if there are none and no strategy that may be
            tried does without, or if the start is recalled.
    """
    from lepton.models.features import FeatureCache
    from lepton.transfer import get_strategy
    from lepton.transfer.ancestors import choose_ancestor

    train, _ = training_rows(session, job)
    blind = all(name == "none" or get_strategy(name).needs.labels for name in job.strategies)
    if blind and job.champion is not None and not len(train.labelled()):
        raise LeptonError(
            f"There are no labelled rows of {job.pair.target!r} to adapt with.",
            why=f"None in {', '.join(job.batches)}: what the domain looks like now; and without labels"
            f" {', '.join(job.strategies)} learn nothing. {job.champion.label} goes on serving.",
            fix=[f"lepton ingest {job.pair.target} labels.csv --labels   (columns id and label)"],
        )
    refs = possible_starts(session, job)
    loaded = {label: session.load(ref) for label, ref in refs.items()}
    if job.start == "auto":  # what learnt from these very labels is flattered by them
        loaded = {n: found for n, found in loaded.items() if n == "base" or not _learnt_from(found, train)}
    models = {label: found.model for label, found in loaded.items()}
    best, scores = choose_ancestor(models, train, FeatureCache(session.ws.cache_dir / "features"))
    considered = [{**s.to_json(), "model": refs[s.label].label} for s in scores]
    return replace(job, ancestor=refs[best], considered=considered)


def possible_starts(session: Session, job: TransferJob) -> dict[str, ModelRef]:
    """Return what an adaptation may start from, by the name that it is shown under."""
    from lepton.registry.lineage.find import find_model
    from lepton.registry.lineage.starts import sound_ancestors
    from lepton.registry.recalls import recalled

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
    if why := recalled(ledger).get(key_of(chosen.to_json())):
        raise LeptonError(
            f"{chosen.label} is recalled, so nothing can be adapted from it.",
            why=why,
            fix=[f"lepton transfer {job.pair.target} --from base"],
        )
    return {chosen.label if job.start != "champion" else "champion": chosen}


def candidate_folder(job: TransferJob, strategy: str) -> Path:
    """Return where a candidate lies until the transfer is over."""
    return Path(job.folder) / "candidates" / strategy


def training_rows(session: Session, job: TransferJob) -> tuple[Table, Table]:
    """Return (rows to adapt with, held-out rows to judge on).

    Rows to adapt with: the labels asked for from the train and validation splits, and all other rows of those
    splits without their labels. Held-out rows: the labelled rows of the test split; no model ever learns from one.
    """
    from lepton.contract.spec import load_contract

    classes = load_contract(session.ws, job.pair.target).classes
    return pick_rows(session.rows(job.data), job.labels_per_class, job.exact, job.seed, classes)


def pick_rows(
    table: Table, labels_per_class: int | None, exact: bool, seed: int, classes: Sequence[str]
) -> tuple[Table, Table]:
    """Return what `training_rows` does from all rows of the target."""
    usable, held_out = split(table, "train", "val"), split(table, "test").labelled()
    if labels_per_class is None:
        return usable, held_out
    labelled = usable.labelled()
    if not exact and not len(labelled):
        return usable, held_out
    picked = pick_per_class(labelled, labels_per_class, seed, at_most=not exact, classes=classes)
    chosen = set(picked.ids)
    keep = [label if row_id in chosen else None for row_id, label in zip(usable.ids, usable.labels, strict=True)]
    labels = usable.labels.copy()
    labels[:] = keep
    return usable.with_labels(labels), held_out


def rows_of_transfer(train: Table, held_out: Table, strategy: str) -> dict[str, list[str]]:
    """Return the ids of the rows that a model is fitted to, those it is cross-validated on, and those that judge it.

    A strategy that also learns from rows without labels has these under a use of their own.
    """
    from lepton.transfer import get_strategy

    fitted = list(train.labelled().ids)  # a fold of them is held back in turn: they validate, too
    found = {"train": fitted, "validation": fitted, "held_out": list(held_out.ids)}
    needs = get_strategy(strategy).needs
    if not needs.labels and needs.features != "none":
        found["unlabelled"] = [row_id for row_id, label in zip(train.ids, train.labels, strict=True) if label is None]
    return found


def _key(session: Session, job: TransferJob) -> str:
    """Return the identity of the work: all that decides what comes of it, and which of several equal requests it is."""
    from lepton.registry.recalls import recalled

    name = job.champion.name if job.champion else ""
    asked = {
        "pair": job.pair.name,
        "data": job.data.digest,
        "labels_per_class": job.labels_per_class,
        "exact": job.exact,
        "strategies": job.strategies,
        "start": job.start,
        "settings": session.ws.config.transfer_for(job.pair.target).model_dump(mode="json"),
        "seed": job.seed,
        "threads": THREADS,
        "base": job.base.digest,
        "champion": job.champion.digest if job.champion else None,
        "recalled": sorted(" v".join(model) for model in recalled(session.ledger) if model[0] == name),
        "version": __version__,
        # Doing it again after it ended well is new work; after a crash it is the same.
        "after": last_good_end(session, job.pair.name),
    }
    return digest(asked)


def last_good_end(session: Session, pair_name: str) -> int:
    """Return the ledger's row that says when a transfer of the pair ended well the last time; 0 if none did."""
    ends = session.ledger.entries(pair_name, TRANSFER_FINISHED)
    return max((row.seq for row in ends if row.payload["ok"]), default=0)


def _learnt_from(champion: Loaded, train: Table) -> bool:
    """Return whether a champion was fitted to any of these labels.

    Its answers to them, and any cross-validation on top of it, would then say nothing: the base is the start.
    """
    return not set(rows_of(champion.folder)["train"]).isdisjoint(train.labelled().ids)
