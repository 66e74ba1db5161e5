"""What a base will be trained on: the job, as it is kept in the folder of the work until the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lepton import __version__
from lepton.core.errors import LeptonError, NothingToLearn
from lepton.core.ledger import Entry
from lepton.core.ledger.rows import Move, Refused
from lepton.core.refs import DataRef, ModelRef
from lepton.core.work.faults import reached
from lepton.core.work.files import digest
from lepton.core.work.resume import KEY, folder_of, once, result_of
from lepton.operations.pretrain.settings import BaseSettings, settings_of, source_classes
from lepton.operations.pretrain.training import further_domains
from lepton.operations.regime import recalled_batches
from lepton.operations.result import Json
from lepton.operations.runtime import Run
from lepton.operations.session import Session

CONTINUED = "continued"
"""Strategy of a base that goes on from the one before, and the key of the settings that say how."""


@dataclass(frozen=True)
class Continuation:
    """What a base goes on from."""

    base: ModelRef
    batches: tuple[str, ...]
    """Those that it has not seen."""

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {"base": self.base.to_json(), "batches": list(self.batches)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Continuation:
        """Read what `to_json` wrote."""
        return cls(ModelRef.from_json(value["base"]), tuple(value["batches"]))


@dataclass(frozen=True)
class PretrainJob:
    """One training of a base."""

    cause: str
    """manual or schedule."""
    run: Run
    """In which it was asked for."""
    data: DataRef
    """All sound batches of the source."""
    settings: BaseSettings
    seed: int
    others: Mapping[str, DataRef] = field(default_factory=dict)
    """The further domains, by name."""
    continues: Continuation | None = None
    """None where a new base is trained."""
    key: str = ""
    """Of the work: all that decides what comes of it, and which of several equal requests it is."""
    after: int = 0
    """Newest row of the ledger before it, of those that say what became of a base."""
    serving: int = 0
    """Row of the ledger by which the base serves that this one would replace; 0: none does."""
    folder: str = ""
    """Where the steps leave what they came to."""
    settled: bool = False
    """Whether an interrupted run of the very same work had already put its outcome on record."""

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {
            **asdict(self),
            "run": self.run.to_json(),
            "data": self.data.to_json(),
            "settings": self.settings.to_json(),
            "others": {name: ref.to_json() for name, ref in self.others.items()},
            "continues": self.continues.to_json() if self.continues else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PretrainJob:
        """Read what `to_json` wrote."""
        typed = {
            "run": Run(**value["run"]),
            "data": DataRef.from_json(value["data"]),
            "settings": BaseSettings.from_json(value["settings"]),
            "others": {name: DataRef.from_json(ref) for name, ref in value["others"].items()},
            "continues": Continuation.from_json(value["continues"]) if value["continues"] else None,
        }
        return cls(**{**value, **typed})


def prepare_job(session: Session, cause: str, run: Run, dry_run: bool = False, go_on: bool = False) -> PretrainJob:
    """Return what will be trained on, and the folder and key of the work.

    Raises:
        NothingToLearn: If the source has no batch, or none that is not recalled.
    """
    from lepton.data.store import batches
    from lepton.data.versions import data_ref

    source = session.ws.source
    poisoned = recalled_batches(session, source)
    chosen = [batch for batch in batches(session.ws, source) if batch not in poisoned]
    if not chosen:
        raise NothingToLearn(
            f"The source domain {source!r} has no data {'that is not recalled' if poisoned else 'yet'}.",
            why="; ".join(f"{batch}: {why}" for batch, why in poisoned.items()) or "The base model is trained on it.",
            fix=[f"lepton ingest {source} FILE"],
        )
    asked = PretrainJob(
        cause,
        run,
        data_ref(session.ws, source, chosen),
        settings_of(session),
        session.ws.config.seed,
        others={} if go_on else further_domains(session),
        continues=_continuation(session, chosen) if go_on else None,
    )
    last = last_outcome(session)
    if last is not None and (left := _left(session, asked, last.row.model)) is not None:
        return left
    serving = session.ledger.last_row(source, Move)
    after = last.seq if last else 0
    key = _key(session, asked, after)
    folder = str(folder_of(session.ws, "pretrain", source, key))
    job = replace(asked, key=key, after=after, serving=serving.seq if serving else 0, folder=folder)
    if not dry_run:
        once(job.folder, "job", job.to_json)
        reached("pretrain.prepared")
    return job


def last_outcome(session: Session) -> Entry[Move | Refused] | None:
    """Return the newest row of what became of a base: training again after it is new work, not the same after a crash.

    Where there is none, nothing was trained here yet.
    """
    return session.ledger.last_row(session.ws.source, Move, Refused)


def _continuation(session: Session, chosen: list[str]) -> Continuation:
    """Return the base that serves and the batches that it has not seen.

    Raises:
        NotFound: If there is no base.
        LeptonError: If it has seen them all, or knows other classes than the source has now.
    """
    base = session.sound_base()
    seen = set(session.lineage(base).data["train"].batches)
    new = [batch for batch in chosen if batch not in seen]
    if not new:
        raise LeptonError(
            f"There is nothing new to go on with: {base.label} has seen every batch of {session.ws.source!r}.",
            why=f"Its batches: {', '.join(sorted(seen))}.",
            fix=[f"lepton ingest {session.ws.source} FILE", "lepton pretrain  (trains a new base)"],
        )
    known, now = session.load(base).model.classes, source_classes(session)
    if tuple(known) != now:
        raise LeptonError(
            f"{base.label} cannot be gone on with: the source's classes are others now.",
            why=f"It tells apart {', '.join(known)}; the contract allows {', '.join(now)}.",
            fix=["lepton pretrain  (trains a new base)"],
        )
    return Continuation(base, tuple(new))


def _key(session: Session, job: PretrainJob, after: int) -> str:
    """Return the identity of the work: all that decides what comes of it, and which of several equal requests it is."""
    transfer = session.ws.config.transfer
    asked: Json = {
        "source": session.ws.source,
        "data": job.data.digest,
        "settings": {
            **job.settings.to_json(),
            "margin": transfer.margin,
            "min_held_out": transfer.min_held_out,
        },
        "seed": job.seed,
    }
    if job.others:
        asked["others"] = {name: ref.digest for name, ref in job.others.items()}
    if job.continues:
        asked[CONTINUED] = job.continues.to_json()
    return digest({**asked, "version": __version__, "after": after})


def _left(session: Session, asked: PretrainJob, ref: ModelRef) -> PretrainJob | None:
    """Return the job that an interrupted run left, if it asked for the same as now and `ref` is what came of it."""
    for path in session.ws.work_dir.glob(f"pretrain-{session.ws.source}-{KEY}"):
        left = result_of(path, "job")
        if left and left["key"] == session.lineage(ref).key == _key(session, asked, left["after"]):
            same = {name: left[name] for name in ("key", "after", "serving", "folder")}
            return replace(asked, **same, settled=True)
    return None
