"""Random variants of prepared rows, so that a base learns what a class is and not how one source draws it.

For images, in this order: rotation, shear, scale and shift; thicker or thinner strokes; fewer pixels (shrunk and
enlarged again, as if taken by a coarser camera); contrast, brightness and noise. For tables: jitter on every column and
columns dropped to their mean. For sequences (Um et al. 2017): jitter, one gain a row, a stretch of steps hidden. For
texts: single bytes hidden. Of several inputs: each in its own way, and sometimes one is left out. Augmenting the source
is worth more than most adaptation methods: see the docs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lepton.models.input_spec import InputSpec
from lepton.models.variation import LIGHT, PRETRAINING, Strength

__all__ = ["LIGHT", "PRETRAINING", "Strength", "augment"]


def augment(x: Tensor, inputs: InputSpec, strength: Strength, source: torch.Generator) -> Tensor:
    """Return a random variant of each prepared row.

    Args:
        x: (n, ...) as `inputs.to_tensor` returns them.
        inputs: Says what zero and one mean in x, and how such rows vary.
        strength: How far.
        source: Where randomness comes from; the global state is left alone.
    """
    return inputs.varied(x, strength, source)
