"""The loss that strategies share: cross-entropy among the classes that the target's labels show.

A class without a single labelled row is no evidence that the class is gone: an annotator may not have met it yet. With
the plain loss every step pushes it down (MNIST -> optdigits without a labelled 3: recall of 3 falls from 1.00 to 0.52
for the probe and to 0.10 for fine-tuning). Left out of the softmax it keeps the base's belief (0.82 and 0.90).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def seen_classes(labels: Tensor) -> Tensor:
    """Return (s,) the classes with at least one row, ascending."""
    found: Tensor = torch.unique(labels)
    return found


def cross_entropy(logits: Tensor, labels: Tensor, seen: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy of (n, k) logits within the `seen` classes.

    With one seen class it is zero: nothing can be told apart, so nothing is learnt.

    Args:
        logits: (n, k).
        labels: (n,) all among `seen`.
        seen: (s,) ascending.
        smoothing: Label smoothing, within the seen classes.
    """
    places = (labels[:, None] == seen).int().argmax(dim=1)
    return F.cross_entropy(logits[:, seen], places, label_smoothing=smoothing)
