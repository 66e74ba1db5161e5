"""T1: MNIST -> USPS without target labels.

The base is made of the 60,000 MNIST training images by lepton's own split: 60 % to train on, 20 % to stop by, 20 % to
test the base. The target shows its official training part (7,291 images) without labels; what `lepton transfer` chooses
by itself, with no option, is read once on the official test part (2,007). Images of 28 x 28 (USPS is enlarged), pixels
0..1, lepton's default augmentation.
"""

from __future__ import annotations

import figures
from unlabelled import Protocol

PROTOCOL = Protocol("T1", "mnist", "usps", epochs=12, bar=97.8, published=97.9, most_seconds=60)


def measure() -> list[figures.Figure]:
    """Return mean test accuracy over five seeds, and the seconds of the adaptation itself."""
    return PROTOCOL.measure()
