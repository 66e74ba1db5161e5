"""T2: USPS -> MNIST without target labels.

As T1, the other way round: the base is made of the official USPS training part (7,291 images), the target shows the
60,000 MNIST training images without labels, and the 10,000 MNIST test images are read once.
"""

from __future__ import annotations

import figures
from unlabelled import Protocol

PROTOCOL = Protocol("T2", "usps", "mnist", epochs=40, bar=98.7, published=98.0)


def measure() -> list[figures.Figure]:
    """Return mean test accuracy over five seeds, and the seconds of the adaptation itself."""
    return PROTOCOL.measure()
