"""P7: two processes over gloo beside one at the same batch: how far apart are their losses in fifty steps?

Supervised, MNIST, nothing augmented (each process would draw its own noise), fp32; the same settings but for
`processes`: two threads, which two processes share out. An epoch is one step, so that every step's loss is on record.
P7a compares with one process over gloo, P7b with an ordinary one, whose BatchNorm is torch's own: on images laid out
channels last that sums in fp32 one number after the other. P7c is the yardstick: one process with one thread and with
two.
"""

from __future__ import annotations

import figures
from digits import CLASSES
from few import rows_of

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.operations.pretrain.processes import train_together
from lepton.operations.pretrain.settings import BaseSettings
from lepton.operations.pretrain.training import pretrained

STEPS = 50
COMMAND = "python benchmarks/pretraining --only P7"


def curve(processes: int, together: bool = True, threads: int = 2) -> list[float]:
    """Return the training loss of every step."""
    config = PretrainConfig(epochs=STEPS, patience=STEPS, augment=False, processes=processes)
    settings = BaseSettings("image", EncoderConfig(fit="stretch"), config, threads, tuple(CLASSES))
    rows = rows_of("mnist", 300, 0)
    if together:
        done = train_together(rows, settings, 0, {}, None, lambda done, total, text: None)
    else:
        done = pretrained(rows, settings, 0)
    return [epoch["train_loss"] for epoch in done.curves]


def measure() -> list[figures.Figure]:
    """Return the largest relative differences of the curves."""
    two, one, ordinary, other = curve(2), curve(1), curve(1, together=False), curve(1, threads=1)
    found = []
    for name, before, after, what, bar in (
        ("P7a", one, two, "two processes and one over gloo", "<= 100"),
        ("P7b", ordinary, two, "two processes and an ordinary one", "<= 100"),
        ("P7c", one, other, "one process with two threads and with one", None),
    ):
        apart = [abs(b - a) / abs(a) for a, b in zip(before, after, strict=True)]
        unit = f"millionths, largest relative difference of 50 losses: {what}"
        found.append(
            figures.figure(name, 1e6 * max(apart), unit, STEPS, [0], COMMAND, bar=bar, last=[before[-1], after[-1]])
        )
    return found
