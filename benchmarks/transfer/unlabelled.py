"""A whole source and a whole target without labels, five times: what T1 and T2 share."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import figures
import numpy as np
import torch
from digits import base, load, table

from lepton.models.features import FeatureCache
from lepton.models.model import Model
from lepton.transfer.judgement import Rivals, judge
from lepton.transfer.search import Ground, search

SEEDS, SIZE = 5, 28


@dataclass(frozen=True)
class Adapted:
    """One adaptation."""

    unadapted: float
    """% of the test images."""
    reached: float
    chosen: str
    tried: tuple[str, ...]
    promoted: str
    """What the guard lets serve."""
    fit: float
    """Seconds to fit what was chosen."""
    whole: float
    """Seconds of all that was tried."""


@dataclass(frozen=True)
class Protocol:
    """From where to where, and what is to be reached."""

    name: str
    source: str
    target: str
    epochs: int
    """Of the base."""
    bar: float
    published: float
    """SHOT's own figure."""
    most_seconds: int | None = None
    """To fit what is chosen."""

    def adapt(self, seed: int) -> Adapted:
        """Return what `lepton transfer` comes to with no option."""
        torch.set_num_threads(1)
        train, test = load(self.target)
        rows, unseen = table(train, self.target), table(test, f"{self.target}-test")
        model = base(self.source, seed, count=len(load(self.source)[0][0]), size=SIZE, epochs=self.epochs)
        with TemporaryDirectory() as folder:
            rows = rows.with_labels(np.full(len(rows), None))
            # No row of the target has a label: none is held out, and the guard decides.
            ground = Ground(model, rows, rows.take(np.arange(0)), seed=seed, cache=FeatureCache(Path(folder)))
            found = search(ground)
            judged = judge(ground, [place.label for place in found.ranking], found.candidates, Rivals(model))

        def right(read: Model) -> float:
            return 100 * float((read.predict_proba(unseen).argmax(axis=1) == read.label_indices(unseen.labels)).mean())

        return Adapted(
            unadapted=right(model),
            reached=right(found.winner.model),
            chosen=found.ranking[0].label,
            tried=tuple(found.candidates),
            promoted=judged.winner if judged.verdict.passed else "none",
            fit=found.winner.fit_seconds,
            whole=found.seconds,
        )

    def measure(self) -> list[figures.Figure]:
        """Return two figures: mean test accuracy, mean seconds of fitting what was chosen."""
        done: list[Adapted] = []
        for seed in range(SEEDS):
            done.append(self.adapt(seed))
            print(self.name, seed, done[-1], flush=True)
        reached, unadapted, fits = [d.reached for d in done], [d.unadapted for d in done], [d.fit for d in done]
        command, chosen = f"python benchmarks/transfer --only {self.name}", [d.chosen for d in done]
        return [
            figures.figure(
                f"{self.name}a",
                statistics.mean(reached),
                "% of the test images",
                SEEDS,
                range(SEEDS),
                command,
                each=reached,
                sd=round(statistics.stdev(reached), 4),
                bar=f">= {self.bar}",
                published=self.published,
                unadapted=round(statistics.mean(unadapted), 4),
                unadapted_sd=round(statistics.stdev(unadapted), 4),
                chosen={name: chosen.count(name) for name in sorted(set(chosen))},
                promoted=sum(d.promoted == d.chosen for d in done),
            ),
            figures.figure(
                f"{self.name}b",
                statistics.mean(fits),
                "s to fit what was chosen, one thread",
                SEEDS,
                range(SEEDS),
                command,
                each=fits,
                bar=f"<= {self.most_seconds}" if self.most_seconds else None,
                whole_search=[round(d.whole, 1) for d in done],
            ),
        ]
