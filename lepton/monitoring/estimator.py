"""Windows whose accuracy is known, made of the reference's held-out labelled rows: what the estimate is learnt from.

The rows are degraded in every way that `lepton.data` can simulate and answered by the champion, and they are drawn anew
in every way of `shifts`, which needs no answer. On each window every piece of the estimate says its number, without
having seen the rows' labels; the difference to the truth is its error (`fusion`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lepton.core.table import Table
from lepton.core.work.files import atomic_write
from lepton.data.corruptions.degradation import degradations, degrade
from lepton.monitoring.answers import Judged, atc_threshold, certainty, correct
from lepton.monitoring.features import NAMES, Usual
from lepton.monitoring.fusion import QUIET_KIND, Fused, Fusion
from lepton.monitoring.meta_regression import Learnt
from lepton.monitoring.mixes import apart, plausible, steadiness
from lepton.monitoring.past import Past, PieceError
from lepton.monitoring.pieces import PIECES, Held
from lepton.monitoring.shifts import SHIFTS

Answer = Callable[[Table], Judged]
"""The champion: rows to its answers."""
Matrix = NDArray[np.float64]

VERSION = 3
"""Part of the cache's key: raise it when the numbers of equal inputs change."""
MIN_ROWS = 60
"""Fewer held-out labelled rows than this show too little of how accuracy falls."""
MOST_ROWS = 400
"""More are not degraded: each is answered once a kind and strength."""
MOST_DRAWN = 1000
"""Most rows of a window that is drawn anew: as many as are held out, up to this."""
STRENGTHS = (1, 2, 3)
SHARES = (0.25, 0.5, 0.75)
"""Of the rows that are degraded where not all of them are."""
DRAWS = 5
"""Windows of each family of shifts and strength."""
QUIET = 48
"""Windows without drift that are learnt from, too: most windows have none, and what looks like them should be taken
for one of them rather than for slight damage."""
QUIET_KINDS = 12
"""They are as many kinds."""
NAMED = ("learnt", "corrected", *PIECES)
"""The pieces of the estimate, in order."""


@dataclass(frozen=True)
class Simulated:
    """Windows whose accuracy is known, because they were made from labelled rows."""

    features: Matrix
    """(w, len(NAMES))."""
    said: Matrix
    """(w, len(PIECES)) what each piece says of each; NaN where it says nothing."""
    accuracy: Matrix
    """(w,)."""
    kinds: NDArray[np.str_]
    """(w,) what was done to the rows; windows without drift are each a kind of their own."""
    moved: Matrix
    """(w,) how far the true mix of the classes is from the reference's: total variation."""
    rows: int
    """In a window."""
    steady: float
    """How far it moves in the course of the reference."""
    usual: Usual
    held: Held
    """All held-out rows with their calibrations."""
    cache: Path | None = None
    """Folder for what is learnt of the windows; None keeps nothing."""

    @cached_property
    def fitted(self) -> tuple[Learnt, Learnt, Fusion]:
        """The processes, and how they and the other pieces erred; made at the first use, some two seconds."""
        believed = plausible(self.moved, self.steady)
        nothing, confidence = np.zeros(len(self.accuracy)), self.said[:, 0]
        whole, said = Learnt.to(self.features, nothing, self.accuracy, self.kinds, believed, self.cache)
        rest, mended = Learnt.to(self.features, confidence, self.accuracy, self.kinds, believed, self.cache)
        places = np.stack([whole.standardised(one) for one in self.features])
        pieces = np.column_stack([said, mended, self.said])
        return whole, rest, Fusion.of(places, pieces, self.accuracy, self.kinds, believed)

    def estimate(self, window: Judged, past: Past | None = None) -> tuple[Fused, Matrix]:
        """Return the estimate for a window of finite answers, and (len(NAMED),) what each piece says of it."""
        whole, rest, fusion = self.fitted
        features = self.usual.features(window.probabilities, window.embedding, window.agreement)
        others = self.held.say(window)
        said = np.concatenate([[whole.says(features, 0.0), rest.says(features, float(others[0]))], others])
        record = None
        if past is not None and past.pieces:
            found = [past.pieces.get(name, PieceError(0.0, 0)) for name in NAMED]
            record = np.array([[one.squared for one in found], [one.windows for one in found]], dtype=np.float64)
        return fusion.fuse(whole.standardised(features), said, record), said


def simulate(
    reference: Judged,
    held_out: NDArray[np.bool_],
    quiet: NDArray[np.bool_],
    answer: Answer,
    seed: int = 0,
    cache: Path | None = None,
    kinds: Sequence[str] | None = None,
) -> Simulated | None:
    """Return windows made of the reference's held-out labelled rows; None where that cannot be done.

    Args:
        reference: Rows without drift.
        held_out: (n,) labelled rows that the champion was not fitted to.
        quiet: (n,) rows that show what is usual.
        answer: The champion.
        seed: Same reference, champion and seed: same windows.
        cache: Folder for the result; None keeps nothing.
        kinds: Which degradations may be simulated; by default everything that lepton knows for such rows.
    """
    rows = np.flatnonzero(held_out)
    if len(rows) < MIN_ROWS or reference.embedding.shape[1] == 0:
        return None
    able = [kind for kind in degradations(reference.table) if kinds is None or kind in kinds]
    held = Held.of(reference.take(rows), seed)
    bar = atc_threshold(certainty(held.rows.probabilities), held.right)
    usual = Usual.of(reference.take(np.flatnonzero(quiet)), bar)
    path = None if cache is None else cache / f"{_key(reference, rows, able, seed)}.json"
    stored = None if path is None else _read(path)
    if stored is None:
        made = [*_degraded(held, able, answer, usual, seed), *_drawn(held, usual, seed)]
        stored = (
            np.stack([one.features for one in made]),
            np.stack([one.said for one in made]),
            np.array([one.accuracy for one in made]),
            np.array([one.kind for one in made]),
            np.array([one.moved for one in made]),
        )
        if path is not None:
            names = ("features", "said", "accuracy", "kinds", "moved")
            atomic_write(path, json.dumps({n: part.tolist() for n, part in zip(names, stored, strict=True)}))
    rows_of = min(len(rows), MOST_ROWS)
    return Simulated(
        *stored, rows=rows_of, steady=steadiness(reference.table.labels), usual=usual, held=held, cache=cache
    )


@dataclass(frozen=True)
class Made:
    """One simulated window."""

    features: Matrix
    said: Matrix
    accuracy: float
    kind: str
    moved: float


def _made(
    held: Held, usual: Usual, window: Judged, origin: NDArray[np.int64], right: NDArray[np.bool_], kind: str
) -> Made:
    features = usual.features(window.probabilities, window.embedding, window.agreement)
    moved = apart(window.table.labels, held.rows.table.labels)
    return Made(features, held.say(window, origin), float(right.mean()), kind, moved)


def _degraded(held: Held, kinds: Sequence[str], answer: Answer, usual: Usual, seed: int) -> Iterator[Made]:
    """Yield held-out rows that befell something: all of them, and a part."""
    rng = np.random.default_rng(seed)
    at = np.arange(len(held.rows))
    if len(at) > MOST_ROWS:
        at = np.sort(rng.choice(at, MOST_ROWS, replace=False))
    before, well = held.rows.take(at), held.right[at]
    place = dict(zip(before.table.ids, at, strict=True))
    for kind in kinds:
        for strength in STRENGTHS:
            after = answer(degrade(before.table, kind, strength, seed))
            if not after.finite().all():
                continue
            right = correct(after)
            origin = np.array([place[name] for name in after.table.ids], dtype=np.int64)
            yield _made(held, usual, after, origin, right, kind)
            for share in SHARES:
                bad = rng.random(len(before)) < share
                some = replace(
                    after,
                    probabilities=np.where(bad[:, None], after.probabilities, before.probabilities),
                    embedding=np.where(bad[:, None], after.embedding, before.embedding),
                    agreement=_mixed(bad, after.agreement, before.agreement),
                )
                yield _made(held, usual, some, np.where(bad, origin, at), np.where(bad, right, well), kind)


def _drawn(held: Held, usual: Usual, seed: int) -> Iterator[Made]:
    """Yield held-out rows as they are, some more often than others."""
    rng, count = np.random.default_rng(seed + 1), min(len(held.rows), MOST_DRAWN)
    for k in range(QUIET):
        at = rng.choice(len(held.rows), count)
        yield _made(held, usual, held.rows.take(at), at, held.right[at], f"{QUIET_KIND} {k % QUIET_KINDS}")
    for name, family in SHIFTS.items():
        for strength in STRENGTHS:
            for _ in range(DRAWS):
                weights = family(held.rows, strength, rng)
                if weights is not None:
                    at = rng.choice(len(held.rows), count, p=weights)
                    yield _made(held, usual, held.rows.take(at), at, held.right[at], name)


def _mixed(
    bad: NDArray[np.bool_], after: NDArray[np.float64] | None, before: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    return None if after is None or before is None else np.where(bad, after, before)


def _key(reference: Judged, rows: NDArray[np.int64], kinds: Sequence[str], seed: int) -> str:
    """Return a name for what the windows hang on; the champion is known by its answers and embeddings."""
    h = blake2b(digest_size=16)
    h.update(f"{VERSION}|{seed}|{NAMES}|{PIECES}|{kinds}|{list(SHIFTS)}|{STRENGTHS}|{SHARES}|{QUIET}|{DRAWS}".encode())
    h.update(reference.table.content_digest().encode())
    for values in (rows, reference.probabilities, reference.embedding):
        h.update(np.ascontiguousarray(values).tobytes())
    return h.hexdigest()


def _read(path: Path) -> tuple[Matrix, Matrix, Matrix, NDArray[np.str_], Matrix] | None:
    """Return stored windows; None if there are none that can be read: they are made again."""
    try:
        found = json.loads(path.read_text())
        names = ("features", "said", "accuracy", "moved")
        features, said, accuracy, moved = (np.array(found[name], dtype=np.float64) for name in names)
        return features, said, accuracy, np.array(found["kinds"]), moved
    except (OSError, ValueError, KeyError, TypeError):
        return None
