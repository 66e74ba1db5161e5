"""Episodes: a few rows of some classes of one domain, as a new target would show them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lepton.models.model import Model
from lepton.pretraining.engine import Curve
from lepton.pretraining.material import Material

SHOTS = 5
"""Rows a class to learn an episode from."""
MEASURED = 2000
"""Most training rows behind the prototypes that an epoch is measured with."""


@dataclass(frozen=True)
class Episode:
    """Rows to learn from and rows to be told, their classes renumbered."""

    support: Tensor
    """(w * SHOTS, ...)."""
    support_y: Tensor
    queries: Tensor
    """(q, ...), at least one a class."""
    queries_y: Tensor
    ways: int


class Episodes:
    """Draws episodes over domains and classes.

    Args:
        material: Its tasks are the domains; a class with too few rows for support and query is left out.
    """

    def __init__(self, material: Material) -> None:
        self._rows: list[tuple[Tensor, list[Tensor]]] = []
        for train, _ in material.tasks().values():
            classes = [torch.nonzero(train.y == k).flatten() for k in range(len(train.classes))]
            classes = [rows for rows in classes if len(rows) > SHOTS]
            if len(classes) > 1:
                self._rows.append((train.x, classes))

    def __len__(self) -> int:
        """Return how many domains there are to draw from."""
        return len(self._rows)

    def draw(self, size: int, source: torch.Generator) -> Episode:
        """Return an episode of about `size` rows: as many classes as that allows, each with the same number of rows."""
        x, classes = self._rows[int(torch.randint(len(self._rows), (1,), generator=source))]
        ways = max(2, min(len(classes), size // (SHOTS + 1)))
        queries = max(1, size // ways - SHOTS)
        chosen = torch.randperm(len(classes), generator=source)[:ways].tolist()
        support, query, query_y = [], [], []
        for number, place in enumerate(chosen):
            rows = classes[place]
            drawn = rows[torch.randperm(len(rows), generator=source)[: SHOTS + queries]]
            support.append(drawn[:SHOTS])
            query.append(drawn[SHOTS:])
            query_y += [number] * len(drawn[SHOTS:])
        support_y = torch.arange(ways).repeat_interleave(SHOTS)
        return Episode(x[torch.cat(support)], support_y, x[torch.cat(query)], torch.tensor(query_y), ways)


@torch.no_grad()
def told_by_prototypes(model: Model, material: Material) -> Curve:
    """Return loss and accuracy of the nearest class mean on the source's validation rows (Snell et al. 2017)."""
    train, val = material.train, material.val
    known, asked = model.features(train.x[:MEASURED]), model.features(val.x)
    y = train.y[:MEASURED]
    means = torch.stack([known[y == k].mean(dim=0) for k in range(len(train.classes))]).nan_to_num(1e3)
    logits = -torch.cdist(asked, means).pow(2) / asked.shape[1]
    loss = F.cross_entropy(logits, val.y).item()
    return {"val_loss": loss, "val_accuracy": (logits.argmax(1) == val.y).float().mean().item()}
