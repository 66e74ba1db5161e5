"""Score: the champion's predictions for batches, logged as Parquet.

A batch is read, answered and written piece by piece, so that memory does not hang on how many rows it has. Pieces that
are answered are kept: whoever is killed goes on behind them, and writes the same file as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.errors import Busy, NotFound
from lepton.core.work.faults import reached
from lepton.core.work.files import digest
from lepton.core.work.lock import hold
from lepton.core.work.resume import discard, folder_of, once, until_done
from lepton.core.work.tally import Tally
from lepton.operations.answering import Answering, answering
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Loaded, Serving, Session

if TYPE_CHECKING:
    from lepton.models.model import Model

WAIT_SECONDS = 600.0
"""How long a score waits for another one of the same pair; what that one has scored is done."""
PIECE_BYTES = 64 << 20
"""What the rows of a piece may take, as they are stored and as the network reads them."""
MOST_ROWS = 65_536
"""Rows of a piece at most; each is a row group of the log."""


@dataclass(frozen=True)
class ScoredBatch:
    """The predictions for one batch."""

    batch: str
    rows: int
    file: Path
    """Parquet: id, prediction, confidence, model, provisional, scored_at."""
    without: str = ""
    """Why torch answered, and not the graph that a server answers by; empty if the graph did."""

    def to_json(self) -> Json:
        """Return a JSON object."""
        found: Json = {"batch": self.batch, "rows": self.rows, "file": str(self.file)}
        return {**found, "without_graph": self.without} if self.without else found


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
        why = next((one.without for one in self.scored if one.without), "")
        by = {"answered by": f"torch: {why}"} if why else {}
        return {"champion": who, **(told or {"to score": ", ".join(self.batches) or "nothing new"}), **by}


def score(session: Session, domain: str, batch: str | None = None, dry_run: bool = False) -> ScoreResult:
    """Score one batch of a domain, or every batch that its champion has not scored yet.

    Killed in between and asked for again, it goes on behind what is done.

    Args:
        session: The workspace at work.
        domain: The target.
        batch: Only this one, also if it is scored already.
        dry_run: Say which.

    Raises:
        NotFound: If nothing serves the domain, or it has no such batch.
        Busy: If another score of the pair is at work for very long.
    """
    from lepton.data.batchfile import count

    serving = session.serving_of(domain)
    if dry_run:
        return ScoreResult(
            domain, serving.ref.label, tuple(find_work(session, domain, batch, serving)), (), serving.provisional
        )
    with _in_turn(session, domain):
        paths = find_work(session, domain, batch, serving)
        if not paths:
            discard(session.ws, "score", session.ws.pair(domain).name)  # killed once the log was there
        tally = Tally(session.progress, sum(count(path) for path in paths.values()))
        done = []
        for name, path in paths.items():
            work = partial(score_batch, session, domain, name, path, serving, tally)
            done.append(session.runtime.step(f"score {name}", work))
    return ScoreResult(domain, serving.ref.label, tuple(paths), tuple(done), serving.provisional)


def find_work(session: Session, domain: str, batch: str | None, serving: Serving) -> dict[str, Path]:
    """Return the batches to score with what serves, by name, each with its file."""
    from lepton.data.store import batch_files
    from lepton.data.store import batches as delivered

    known = delivered(session.ws, domain)
    if batch is not None and batch not in known:
        raise NotFound(
            f"Domain {domain!r} has no batch {batch!r}.",
            why=f"Its batches: {', '.join(known[-8:]) or 'none'}.",
            fix=[f"lepton ingest {domain} FILE"],
        )
    wanted, files = known if batch is None else [batch], batch_files(session.ws, domain)
    new = (name for name in wanted if batch or not predictions_path(session, domain, name, serving).exists())
    return {name: files[name] for name in new}


def score_batch(session: Session, domain: str, batch: str, path: Path, serving: Serving, tally: Tally) -> ScoredBatch:
    """Write the predictions of what serves for one batch; the file appears whole or not at all.

    Args:
        session: The workspace at work, in turn with others who score the pair.
        domain: The target.
        batch: Its name.
        path: Its file.
        serving: What answers.
        tally: Told of every piece.
    """
    from lepton.data.predictions import Told, join
    from lepton.data.stream import footprint

    champion = session.load(serving.ref)
    rows = piece_rows(champion.model, path)
    # Whatever else would be answered, by whomever, is other work and finds none of these parts.
    by = answering(session, domain, serving)
    key = digest([batch, footprint(path), serving.ref.digest, serving.name, rows, by.key])
    folder = folder_of(session.ws, "score", session.ws.pair(domain).name, key)
    goal = predictions_path(session, domain, batch, serving)
    with until_done(folder):
        begun = once(folder, "begun", lambda: {"at": datetime.now(UTC).isoformat(timespec="seconds")})
        reached("score.begun")
        parts = answer(champion, by, path, rows, folder, batch, tally)
        count = join(parts, goal, Told(champion.ref.label, serving.provisional, begun["at"]))
        reached("score.joined")
    return ScoredBatch(batch, count, goal, by.without)


def answer(
    champion: Loaded, by: Answering, path: Path, rows: int, folder: Path, batch: str, tally: Tally
) -> list[Path]:
    """Answer a batch, part by part, from the first one on that is not there yet; return all parts.

    Args:
        champion: The version.
        by: What answers for it.
        path: The batch's file.
        rows: Of a part.
        folder: Of the parts.
        batch: Its name, for the progress.
        tally: Told of every part.
    """
    from lepton.data.batchfile import count
    from lepton.data.predictions import part_path, rows_of_part, write_part
    from lepton.data.stream import stream

    total = count(path)
    parts = [part_path(folder, number) for number in range(-(-total // rows))]
    there = 0
    while there < len(parts) and rows_of_part(parts[there]) == min(rows, total - there * rows):
        there += 1
    tally.found(min(there * rows, total), batch)
    if there == len(parts):
        return parts
    model = champion.model
    for part, (ids, table) in zip(parts[there:], stream(path, rows, skip=there * rows), strict=True):
        write_part(part, ids, by.chances(model, table), model.classes)
        reached("score.part-kept")
        tally(len(table), batch)
    return parts


def piece_rows(model: Model, path: Path) -> int:
    """Return how many rows of a batch file to answer at once: a multiple of what the model answers in one go."""
    from lepton.data.stream import row_bytes
    from lepton.models.model import CHUNK

    wide = max(4 * prod(model.inputs.layout.shape), row_bytes(path))
    return CHUNK * max(1, min(MOST_ROWS, PIECE_BYTES // wide) // CHUNK)


def predictions_path(session: Session, domain: str, batch: str, serving: Serving) -> Path:
    """Return where the predictions of one model for one batch lie."""
    return session.ws.predictions_dir / domain / f"{batch}.{serving.name}.parquet"


@contextmanager
def _in_turn(session: Session, domain: str) -> Iterator[None]:
    """Be the only one on this machine who scores a pair."""
    lock = session.ws.state_dir / "locks" / f"score-{session.ws.pair(domain).name}.lock"
    busy = Busy(
        f"Another score of {domain!r} has been at work for {WAIT_SECONDS / 60:.0f} minutes.",
        fix=["wait for it to end: lepton status"],
    )
    with hold(lock, seconds=WAIT_SECONDS, busy=busy):
        yield
