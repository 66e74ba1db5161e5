"""P4: a base of MNIST that goes on with USPS as a second source, beside training on both anew.

10,000 MNIST rows, then 7,291 USPS rows as new batches of the same source; read on both official test parts.
"""

from __future__ import annotations

import statistics
from dataclasses import replace

import figures
import torch
from digits import CLASSES, load, table
from few import accuracy, rows_of
from torch.nn import functional as F

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.core.table import Table, concat
from lepton.models.model import Model
from lepton.pretraining import pretrain
from lepton.pretraining.continuation import go_on

SEEDS = 3
COMMAND = "python benchmarks/pretraining --only P4"


def measured(model: Model, name: str) -> float:
    """Return the accuracy, %, on a collection's official test part."""
    test = load(name)[1]
    return 100 * accuracy(model.predict_proba(table(test, f"{name}-test")), test[1])


def measure() -> list[figures.Figure]:
    """Return what is forgotten, what is behind joint training on the new source, and the cost as a share of it."""
    forgotten, behind, cost = [], [], []
    config, encoder = PretrainConfig(), EncoderConfig(fit="stretch")
    for seed in range(SEEDS):
        old, new = rows_of("mnist", 10_000, seed), rows_of("usps", 7_291, seed)
        both = concat([old, resized(new, old)])
        base = pretrain(old, CLASSES, encoder, config, seed=seed, threads=1).model
        later = go_on(base, both, set(new.ids), config, seed=seed, threads=1)
        joint = pretrain(both, CLASSES, encoder, config, seed=seed, threads=1)
        forgotten.append(measured(base, "mnist") - measured(later.model, "mnist"))
        behind.append(measured(joint.model, "usps") - measured(later.model, "usps"))
        cost.append(100 * later.seconds / joint.seconds)
        print("P4", seed, forgotten[-1], behind[-1], cost[-1], flush=True)
    shared = (SEEDS, range(SEEDS), COMMAND)
    return [
        figures.figure(
            *("P4a", statistics.mean(forgotten), "points lost on the old source", *shared), each=forgotten, bar="<= 1"
        ),
        figures.figure(
            *("P4b", statistics.mean(behind), "points behind joint training on the new source", *shared),
            each=behind,
            bar="<= 1",
        ),
        figures.figure(
            *("P4c", statistics.mean(cost), "% of the time of joint training", *shared), each=cost, bar="<= 40"
        ),
    ]


def resized(rows: Table, like: Table) -> Table:
    """Return the images at the size of another table's: batches of one source have one shape."""
    assert rows.images is not None
    assert like.images is not None
    x = torch.from_numpy(rows.images).float()
    x = F.interpolate(x, size=like.images.shape[-2:], mode="bilinear", align_corners=False)
    return replace(rows, images=x.round().clamp(0, 255).to(torch.uint8).numpy())
