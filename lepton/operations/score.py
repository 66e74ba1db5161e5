"""Score: the champion's predictions for batches, logged as Parquet."""

from __future__ import annotations

from functools import partial
from typing import Any

from lepton.operations.session import Session


def score(session: Session, domain: str, batch: str | None = None, dry_run: bool = False) -> dict[str, Any]:
    """Score one batch of a domain, or every batch that its champion has not scored yet.

    Returns:
        The champion, and for each batch the rows and the file with id, prediction, confidence and model.
    """
    serving, batches = find_work(session, domain, batch)
    step = session.runtime.step
    done = []
    for name in [] if dry_run else batches:
        done.append(step(f"score {name}", partial(score_batch, session, domain, name)))
    return {"domain": domain, "champion": serving, "batches": batches, "scored": done}


def find_work(session: Session, domain: str, batch: str | None) -> tuple[str, list[str]]:
    """Return the champion's label and the batches to score."""
    from lepton.core.errors import NotFound
    from lepton.data.store import batches as delivered

    champion = session.champion_of(domain)
    known = delivered(session.ws, domain)
    if batch is not None and batch not in known:
        raise NotFound(
            f"Domain {domain!r} has no batch {batch!r}.",
            why=f"Its batches: {', '.join(known[-8:]) or 'none'}.",
            fix=[f"lepton ingest {domain} FILE"],
        )
    wanted = known if batch is None else [batch]
    todo = [name for name in wanted if batch or not predictions_path(session, domain, name, champion.version).exists()]
    return champion.label, todo


def score_batch(session: Session, domain: str, batch: str) -> dict[str, Any]:
    """Write the champion's predictions for one batch; the file appears whole or not at all."""
    from datetime import UTC, datetime

    import pandas as pd

    from lepton.core.work.files import atomic_write
    from lepton.data.store import load

    champion = session.load_champion(domain)
    table = load(session.ws, domain, [batch])
    chances = champion.model.predict_proba(table)
    log = pd.DataFrame(
        {
            "id": table.ids,
            "prediction": [champion.model.classes[k] for k in chances.argmax(axis=1)],
            "confidence": chances.max(axis=1),
            "model": champion.ref.label,
            "scored_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )
    path = predictions_path(session, domain, batch, champion.ref.version)
    atomic_write(path, log.to_parquet(index=False))
    return {"batch": batch, "rows": len(log), "file": str(path)}


def predictions_path(session: Session, domain: str, batch: str, version: str) -> Any:
    """Return where the predictions of one champion for one batch lie."""
    return session.ws.predictions_dir / domain / f"{batch}.v{version}.parquet"
