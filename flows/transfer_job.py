"""The work behind the steps of a transfer: which rows, which ancestor, which candidate, and what becomes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from flows.champions import Loaded, find_champion, load_base, load_version, rows_of
from flows.regime import current_regime
from flows.steps import open_ledger, progress
from lepton import __version__
from lepton.core.errors import LeptonError, NotFound
from lepton.core.files import digest
from lepton.core.gate import GatePolicy
from lepton.core.gate import judge as judge_answers
from lepton.core.ledger import TRANSFER_FINISHED
from lepton.core.refs import DataRef, ModelRef, Pair
from lepton.core.splits import pick_per_class, split
from lepton.core.table import Table
from lepton.core.workspace import Workspace

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
    """Where the candidates lie until one is registered."""
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
    """Accuracy of every possible ancestor on the labelled training rows, best first."""
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


def prepare_job(
    ws: Workspace,
    domain: str,
    cause: str,
    labels_per_class: int | None,
    strategies: list[str] | None,
    run: dict[str, Any],
) -> TransferJob:
    """Choose rows and ancestor.

    Raises:
        NotFound: If there is no base model, or the target has no data.
        LeptonError: If there are fewer labelled rows than asked for.
    """
    from lepton.data.store import batches as delivered
    from lepton.data.versions import data_ref
    from lepton.models.features import FeatureCache
    from lepton.transfer.ancestors import choose_ancestor

    pair = ws.pair(domain)
    config = ws.config.transfer_for(domain)
    base = load_base(ws)
    if not delivered(ws, domain):
        raise NotFound(f"Domain {domain!r} has no data yet.", fix=[f"lepton ingest {domain} FILE"])
    champion = find_champion(ws, pair.name)
    chosen, trigger = current_regime(ws, pair, champion)
    job = TransferJob(
        pair=pair,
        cause={"kind": cause, **(trigger if cause == "drift" else {})},
        run=run,
        folder=str(ws.work_dir / run["id"]),
        batches=chosen,
        data=data_ref(ws, domain, chosen),
        labels_per_class=labels_per_class or config.labels_per_class,
        exact=labels_per_class is not None,
        strategies=tuple(strategies or config.strategies),
        seed=ws.config.seed,
        base=base.ref,
        champion=champion,
        ancestor=base.ref,
        considered=[],
    )
    job = replace(job, key=_key(ws, job))
    train, _ = training_rows(ws, job)
    if champion is not None and not len(train.labelled()):
        raise LeptonError(
            f"There are no labelled rows of {domain!r} to adapt with.",
            why=f"None in {', '.join(chosen)}: what the domain looks like now. {champion.label} goes on serving.",
            fix=[f"lepton ingest {domain} labels.csv --labels   (columns id and label)"],
        )
    models, refs = {"base": base.model}, {"base": base.ref}
    if champion is not None and not _learnt_from(loaded := load_version(ws, champion), train):
        models["champion"], refs["champion"] = loaded.model, champion
    best, scores = choose_ancestor(models, train, FeatureCache(ws.cache_dir / "features"))
    return TransferJob(
        **{
            **vars(job),
            "ancestor": refs[best],
            "considered": [{**s.to_json(), "model": refs[s.label].label} for s in scores],
        }
    )


def training_rows(ws: Workspace, job: TransferJob) -> tuple[Table, Table]:
    """Return (rows to adapt with, held-out rows to judge on).

    Rows to adapt with: the labels asked for from the train and validation splits, and all other rows of those
    splits without their labels. Held-out rows: the labelled rows of the test split; no model ever learns from one.
    """
    from lepton.contract.spec import load_contract
    from lepton.data.store import load

    table = load(ws, job.pair.target, job.batches)
    usable, held_out = split(table, "train", "val"), split(table, "test").labelled()
    if job.labels_per_class is None:
        return usable, held_out
    labelled = usable.labelled()
    if not job.exact and not len(labelled):
        return usable, held_out
    classes = load_contract(ws, job.pair.target).classes
    picked = pick_per_class(labelled, job.labels_per_class, job.seed, at_most=not job.exact, classes=classes)
    chosen = set(picked.ids)
    keep = [label if row_id in chosen else None for row_id, label in zip(usable.ids, usable.labels, strict=True)]
    labels = usable.labels.copy()
    labels[:] = keep
    return usable.with_labels(labels), held_out


def describe_plan(ws: Workspace, job: TransferJob) -> list[dict[str, Any]]:
    """Return each strategy with its predicted cost and, where it is left out, the reason."""
    from lepton.transfer.planner import plan

    train, _ = training_rows(ws, job)
    config = ws.config.transfer_for(job.pair.target).model_copy(update={"strategies": job.strategies})
    steps = plan(config, labels=len(train.labelled()), kind=ws.config.kind, costs=_costs(ws, job))
    return [{"strategy": s.strategy, "seconds": s.seconds, "skipped": "" if s.run else s.reason} for s in steps]


def adapt(ws: Workspace, job: TransferJob, strategy: str) -> dict[str, Any]:
    """Fit one strategy, evaluate it on the held-out rows, and leave the candidate in the job's folder."""
    from lepton.models.features import FeatureCache
    from lepton.transfer.candidates import try_strategy

    train, held_out = training_rows(ws, job)
    done = job.strategies.index(strategy) if strategy in job.strategies else 0
    progress()(done, len(job.strategies), strategy)
    candidate = try_strategy(
        strategy,
        load_version(ws, job.ancestor).model,
        train,
        held_out,
        seed=job.seed,
        cache=FeatureCache(ws.cache_dir / "features"),
        threads=THREADS,
    )
    candidate.save(candidate_folder(job, strategy))
    progress()(done + 1, len(job.strategies), strategy)
    return candidate.to_json()


def candidate_folder(job: TransferJob, strategy: str) -> Path:
    """Return where a candidate lies until the transfer is over."""
    return Path(job.folder) / "candidates" / strategy


def judge_winner(ws: Workspace, job: TransferJob, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """Choose by cross-validation on the training rows, then test the choice on the held-out rows."""
    from lepton.transfer.candidates import Candidate, choose
    from lepton.transfer.control import target_only

    train, held_out = training_rows(ws, job)
    winner = choose([Candidate.load(candidate_folder(job, c["strategy"])) for c in candidates])
    config = ws.config.transfer_for(job.pair.target)
    policy = GatePolicy(margin=config.margin, min_rows=config.min_held_out)
    truth = winner.model.label_indices(held_out.labels)
    answers = winner.probabilities.argmax(axis=1)
    base = load_version(ws, job.base).model
    # What is the very same model needs no test: it cannot be worse than itself.
    rivals = {"base": base}
    if job.champion is not None:
        rivals["champion"] = load_version(ws, job.champion).model
    same = [name for name, model in rivals.items() if model.digest() == winner.model.digest()]
    rivals = {name: model for name, model in rivals.items() if name not in same}
    replies = (
        {name: model.predict_proba(held_out).argmax(axis=1) for name, model in rivals.items()} if len(truth) else {}
    )
    control, controls = None, {}
    if len(train.labelled()) and len(truth):
        control = target_only(train, held_out, base, seed=job.seed)
        controls = {"target-only control": control.probabilities.argmax(axis=1)}
    size = winner.size / max(sum(t.numel() * t.element_size() for t in base.state_dict().values()), 1)
    classes = winner.model.classes
    verdict = judge_answers(truth, answers, replies, policy, controls=controls, classes=classes, size_ratio=size)
    return {
        **verdict.to_json(),
        "summary": verdict.summary(),
        "winner": winner.strategy,
        "unchanged": "champion" in same,
        "held_out_rows": len(held_out),
        "control": control.method if control else None,
    }


def settle(
    ws: Workspace,
    job: TransferJob,
    plan: list[dict[str, Any]],
    candidates: list[dict[str, Any]],
    verdict: dict[str, Any],
) -> dict[str, Any]:
    """Register the winner and let it serve if the gate passed; if nothing beats what serves, change nothing."""
    from flows.promote import promote_winner

    outcome = {
        "ancestor": job.ancestor.label,
        "winner": verdict["winner"],
        "candidates": candidates,
        "plan": plan,
        "gate": verdict,
        "held_out_rows": verdict["held_out_rows"],
        "champion": job.champion.label if job.champion else None,
        "links": {},
        "next": f"lepton status {job.pair.target}",
    }
    settled = {"outcome": "kept"} if verdict["unchanged"] else promote_winner(ws, job, candidates, verdict)
    return {**outcome, **settled}


def _key(ws: Workspace, job: TransferJob) -> str:
    """Return the identity of the work: all that decides what comes of it, and which of several equal requests it is."""
    finished = open_ledger(ws).entries(job.pair.name, TRANSFER_FINISHED)
    asked = {
        "pair": job.pair.name,
        "data": job.data.digest,
        "labels_per_class": job.labels_per_class,
        "exact": job.exact,
        "strategies": job.strategies,
        "settings": ws.config.transfer_for(job.pair.target).model_dump(mode="json"),
        "seed": job.seed,
        "threads": THREADS,
        "base": job.base.digest,
        "champion": job.champion.digest if job.champion else None,
        "version": __version__,
        # Doing it again after it ended well is new work; after a crash it is the same.
        "after": max((row.seq for row in finished if row.payload["ok"]), default=0),
    }
    return digest(asked)


def _learnt_from(champion: Loaded, train: Table) -> bool:
    """Return whether a champion was fitted to any of these labels.

    Its answers to them, and any cross-validation on top of it, would then say nothing: the base is the start.
    """
    return not set(rows_of(champion.folder)["train"]).isdisjoint(train.labelled().ids)


def _costs(ws: Workspace, job: TransferJob) -> dict[str, float]:
    """Return the seconds that each strategy took in the pair's last transfer."""
    last = open_ledger(ws).last(job.pair.name, ["promoted", "refused"])
    return dict((last.payload.get("evidence") or last.payload).get("seconds", {})) if last else {}
