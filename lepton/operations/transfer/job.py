"""What a transfer is asked for, and what it works on: which rows, instead of which champion, and the key of it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from lepton import __version__
from lepton.core.config.settings import TransferConfig
from lepton.core.errors import NothingToLearn
from lepton.core.ledger.rows import Cause, TransferFinished
from lepton.core.refs import DataRef, ModelRef, Pair
from lepton.core.work.files import digest
from lepton.core.work.resume import folder_of
from lepton.operations.regime import current_regime, recalled_batches
from lepton.operations.result import Json
from lepton.operations.runtime import Run
from lepton.operations.session import Session

THREADS = 1
"""Adaptation works on a few hundred rows: a second thread gains little on a quiet machine, and on a busy one the
waiting for each other made a residual adapter 40 times slower."""


@dataclass(frozen=True)
class Request:
    """What somebody asks of a transfer; what is left open is as the workspace says."""

    domain: str
    """The target."""
    cause: str = "manual"
    """manual, schedule or drift; drift reads its evidence from the ledger."""
    labels_per_class: int | None = None
    """Exactly so many labelled rows of each class."""
    strategies: tuple[str, ...] = ()
    """Strategies to try."""
    start: str | None = None
    """Where to start: `auto`, `base`, `champion`, or a registered version by name."""


@dataclass(frozen=True)
class Considered:
    """A possible ancestor with its score; see `lepton.transfer.ancestors.AncestorScore`."""

    label: str
    score: float
    accuracy: float | None = None
    probe_accuracy: float | None = None
    log_me: float | None = None
    confidence: float | None = None
    distance: float | None = None
    model: str = ""
    """The registered version."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Considered:
        """Read what stands in a job or a story, of another lepton too."""
        return cls(**{field.name: value[field.name] for field in fields(cls) if field.name in value})


@dataclass(frozen=True)
class TransferJob:
    """What one transfer works on: references only, so that any process can pick it up."""

    pair: Pair
    cause: Cause
    run: Run
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
    considered: tuple[Considered, ...]
    """Every possible ancestor with its score, best first; the second is the runner-up."""
    start: str = "auto"
    """Where to start: `auto`, `base`, `champion`, or a registered version by name."""
    combine: bool = True
    """Whether ensembles and soups may be tried."""
    key: str = ""
    """Digest of what is asked for: the same work done again after a crash finds what it left by it."""

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {**asdict(self), "cause": self.cause.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TransferJob:
        """Read what `to_json` wrote."""
        return cls(
            **{
                **value,
                "pair": Pair(**value["pair"]),
                "cause": Cause.from_json(value["cause"]),
                "run": Run(**value["run"]),
                "data": DataRef.from_json(value["data"]),
                "batches": tuple(value["batches"]),
                "strategies": tuple(value["strategies"]),
                "base": ModelRef.from_json(value["base"]),
                "champion": ModelRef.from_json(value["champion"]) if value["champion"] else None,
                "ancestor": ModelRef.from_json(value["ancestor"]),
                "considered": tuple(Considered.from_json(one) for one in value["considered"]),
            }
        )

    @property
    def candidates(self) -> Path:
        """Where the candidates lie until the transfer is over."""
        return Path(self.folder) / "candidates"

    def config(self, session: Session) -> TransferConfig:
        """Return the budgets of the workspace with the strategies of this job."""
        asked = {"strategies": self.strategies, "combine": self.combine}
        return session.ws.config.transfer_for(self.pair.target).model_copy(update=asked)


def ask(session: Session, request: Request, *, instead_of: ModelRef | None) -> TransferJob:
    """Return what a transfer is asked for: its rows, what they may start from, and the key; nothing is computed yet.

    Args:
        session: The workspace at work.
        request: What somebody asks for.
        instead_of: The champion that the result would replace.

    Raises:
        NotFound: If there is no base model, or the target has no data.
        LeptonError: If the base is recalled, or every batch that could be learnt from is.
    """
    from lepton.contract.file import load_contract
    from lepton.data.store import batches as delivered
    from lepton.data.versions import data_ref
    from lepton.transfer import default_strategies

    domain, pair = request.domain, session.ws.pair(request.domain)
    config = session.ws.config.transfer_for(domain)
    base = session.sound_base()
    if not delivered(session.ws, domain):
        raise NothingToLearn(f"Domain {domain!r} has no data yet.", fix=[f"lepton ingest {domain} FILE"])
    regime = current_regime(session, pair, instead_of)
    if not regime.batches:
        recalled_ones = "; ".join(f"{batch}: {why}" for batch, why in recalled_batches(session, domain).items())
        raise NothingToLearn(
            f"Every batch of {domain!r} that could be learnt from is recalled.",
            why=recalled_ones,
            fix=[f"lepton ingest {domain} FILE"],
        )
    per_class = request.labels_per_class or config.labels_per_class
    if config.budget_labels is not None:
        most = max(1, config.budget_labels // max(1, len(load_contract(session.ws, domain).classes)))
        per_class = min(per_class or most, most)
    job = TransferJob(
        pair=pair,
        cause=(regime.drift if request.cause == "drift" else None) or Cause(request.cause),
        run=session.runtime.run,
        folder="",
        batches=regime.batches,
        data=data_ref(session.ws, domain, regime.batches),
        labels_per_class=per_class,
        exact=request.labels_per_class is not None and per_class == request.labels_per_class,
        strategies=tuple(request.strategies or config.strategies or default_strategies()),
        seed=session.ws.config.seed,
        base=base,
        champion=instead_of,
        ancestor=base,
        considered=(),
        start=request.start or config.ancestor,
        combine=config.combine and not request.strategies,
    )
    key = _key(session, job)
    return replace(job, key=key, folder=str(folder_of(session.ws, "transfer", pair.name, key)))


def last_good_end(session: Session, pair_name: str) -> int:
    """Return the ledger's row that says when a transfer of the pair ended well the last time; 0 if none did."""
    return max((end.seq for end in session.ledger.rows(pair_name, TransferFinished) if end.row.ok), default=0)


def _key(session: Session, job: TransferJob) -> str:
    """Return the identity of the work: all that decides what comes of it, and which of several equal requests it is."""
    from lepton.registry.eligibility import recalled

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
