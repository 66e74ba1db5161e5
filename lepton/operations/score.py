"""Score: the champion's predictions for batches, logged as Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from lepton.core.errors import NotFound
from lepton.core.work.files import atomic_write
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Serving, Session


@dataclass(frozen=True)
class ScoredBatch:
    """The predictions for one batch."""

    batch: str
    rows: int
    file: Path
    """Parquet: id, prediction, confidence, model, provisional, scored_at."""

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {"batch": self.batch, "rows": self.rows, "file": str(self.file)}


@dataclass(frozen=True)
class ScoreResult(Result):
    """What a champion predicted."""

    domain: str
    champion: str
    batches: tuple[str, ...]
    """Those that were to be scored."""
    scored: tuple[ScoredBatch, ...]
    """Those that were; none of a dry run."""
    provisional: bool = False
    """Whether it is the un-adapted base that answers, which nobody verified on this domain."""

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        told = {one.batch: f"{one.rows:,} rows -> {one.file}" for one in self.scored}
        who = f"{self.champion}, provisionally: not verified on {self.domain!r}" if self.provisional else self.champion
        return {"champion": who, **(told or {"to score": ", ".join(self.batches) or "nothing new"})}


def score(session: Session, domain: str, batch: str | None = None, dry_run: bool = False) -> ScoreResult:
    """Score one batch of a domain, or every batch that its champion has not scored yet.

    Args:
        session: The workspace at work.
        domain: The target.
        batch: Only this one, also if it is scored already.
        dry_run: Say which.

    Raises:
        NotFound: If nothing serves the domain, or it has no such batch.
    """
    serving = session.serving_of(domain)
    batches = find_work(session, domain, batch, serving)
    done = []
    for name in [] if dry_run else batches:
        work = partial(score_batch, session, domain, name, serving)
        done.append(session.runtime.step(f"score {name}", work))
    return ScoreResult(domain, serving.ref.label, tuple(batches), tuple(done), serving.provisional)


def find_work(session: Session, domain: str, batch: str | None, serving: Serving) -> list[str]:
    """Return the batches to score with what serves."""
    from lepton.data.store import batches as delivered

    known = delivered(session.ws, domain)
    if batch is not None and batch not in known:
        raise NotFound(
            f"Domain {domain!r} has no batch {batch!r}.",
            why=f"Its batches: {', '.join(known[-8:]) or 'none'}.",
            fix=[f"lepton ingest {domain} FILE"],
        )
    wanted = known if batch is None else [batch]
    return [name for name in wanted if batch or not predictions_path(session, domain, name, serving).exists()]


def score_batch(session: Session, domain: str, batch: str, serving: Serving) -> ScoredBatch:
    """Write the predictions of what serves for one batch; the file appears whole or not at all."""
    import pandas as pd

    from lepton.data.store import load

    table, champion = load(session.ws, domain, [batch]), session.load(serving.ref)
    chances = champion.model.predict_proba(table)
    log = pd.DataFrame(
        {
            "id": table.ids,
            "prediction": [champion.model.classes[k] for k in chances.argmax(axis=1)],
            "confidence": chances.max(axis=1),
            "model": champion.ref.label,
            "provisional": serving.provisional,
            "scored_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )
    path = predictions_path(session, domain, batch, serving)
    atomic_write(path, log.to_parquet(index=False))
    return ScoredBatch(batch, len(log), path)


def predictions_path(session: Session, domain: str, batch: str, serving: Serving) -> Path:
    """Return where the predictions of one model for one batch lie."""
    return session.ws.predictions_dir / domain / f"{batch}.{serving.name}.parquet"
