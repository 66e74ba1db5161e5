"""Evidently as this room wants it: quiet, and without the three quarters of it that nobody here asks for.

`import evidently` imports every test, preset and descriptor that it has, with what these need for texts and language
models, and the web framework of its pages: four seconds, for two statistics. See `lepton.core.deferral`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from lepton.core.deferral import imported_without
from lepton.core.extras import require

require("evidently")

UNUSED = (
    "evidently._registry",  # names of types, for reading what another Evidently has written
    "evidently.core.registries",
    "evidently.descriptors",
    "evidently.generators",
    "evidently.guardrails",
    "evidently.legacy.calculations.stattests",
    "evidently.legacy.descriptors",
    "evidently.legacy.features",
    "evidently.legacy.metric_preset",
    "evidently.legacy.metrics",
    "evidently.legacy.test_preset",
    "evidently.legacy.tests",
    "evidently.llm",
    "evidently.metrics",
    "evidently.presets",
    "evidently.sdk",
    "evidently.tests",
    "evidently.ui",
    "nltk.corpus",
)
"""Modules that are imported when they are used; of the packages among them, those modules that are used."""
USED = (
    "evidently.core.report",
    "evidently.core.datasets",
    "evidently.metrics.column_statistics",
    "evidently.legacy.calculations.stattests.jensenshannon",
    "evidently.legacy.calculations.stattests.wasserstein_distance_norm",
)
DRAWN = (*USED, "evidently.ui.workspace", "evidently.sdk.models", "evidently.sdk.panels")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Evidently's warnings (deprecations, empty slices of constant columns) from the user."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def load(drawn: bool = False) -> None:
    """Import the parts of Evidently that are used: about a second, which a caller may have to spare.

    Args:
        drawn: Those that keep the dashboards, too.
    """
    with quiet():
        imported_without(UNUSED, *(DRAWN if drawn else USED))
