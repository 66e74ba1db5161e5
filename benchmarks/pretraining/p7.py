"""P7: two processes over gloo beside one at the same batch: how far apart are their losses in fifty steps?

Supervised, MNIST, nothing augmented (each process would draw its own noise), fp32, one thread each; an epoch is one
step, so that every step's loss is on record. P7a compares with one process over gloo, P7b with an ordinary one, whose
BatchNorm is torch's own: on images laid out channels last that sums in fp32 one number after the other, and is itself
off by some 1e-3 of a value (it differs as much between one thread and two).
"""

from __future__ import annotations

import figures
from digits import CLASSES
from few import rows_of

from flows.base_training import pretrained
from flows.shared_training import train_together
from lepton.core.config import EncoderConfig, PretrainConfig

STEPS = 50
COMMAND = "python benchmarks/pretraining --only P7"


def curve(processes: int, together: bool = True) -> list[float]:
    """Return the training loss of every step."""
    config = PretrainConfig(epochs=STEPS, patience=STEPS, augment=False, processes=processes)
    settings = {
        "classes": list(CLASSES),
        "encoder": EncoderConfig(fit="stretch").model_dump(mode="json"),
        "pretrain": config.model_dump(mode="json"),
        "threads": processes,
    }
    rows = rows_of("mnist", 300, 0)
    if together:
        done = train_together(rows, settings, 0, {}, None, lambda done, total, text: None)
    else:
        done = pretrained(rows, settings, 0)
    return [epoch["train_loss"] for epoch in done.curves]


def measure() -> list[figures.Figure]:
    """Return the largest relative differences of the curves."""
    two, found = curve(2), []
    for name, one, what in (("P7a", curve(1), "one over gloo"), ("P7b", curve(1, together=False), "an ordinary one")):
        apart = [abs(b - a) / abs(a) for a, b in zip(one, two, strict=True)]
        found.append(
            figures.figure(
                *(name, 1e6 * max(apart), f"millionths, largest relative difference of 50 losses to {what}"),
                *(STEPS, [0], COMMAND),
                bar="<= 100",
                last=[one[-1], two[-1]],
            )
        )
    return found
