"""Encoders, one file each; a new file is a new encoder."""

from __future__ import annotations

import sys
from functools import cache

from lepton.core.config.settings import EncoderConfig
from lepton.core.discovery import discover, unknown
from lepton.core.errors import UsageError
from lepton.core.kinds import Kind
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout

DEFAULTS: dict[Kind, str] = {
    "image": "cnn",
    "tabular": "mlp",
    "sequence": "gru",
    "text": "transformer",
    "mixed": "fusion",
}


@cache
def all_encoders() -> dict[str, type[Encoder]]:
    """Return the known encoders by name."""
    return discover(sys.modules[__name__], Encoder)


def build_encoder(config: EncoderConfig, layout: Layout) -> Encoder:
    """Return a new encoder; its weights come from torch's global random state (see `device.seeded`).

    Raises:
        UsageError: If the encoder is unknown or reads rows of another kind.
    """
    name = config.name or DEFAULTS[layout.kind]
    known = all_encoders()
    if name not in known:
        raise unknown("encoder", name, known, "set encoder.name in lepton.yaml")
    if layout.kind not in known[name].kinds:
        fit = sorted(other for other, encoder in known.items() if layout.kind in encoder.kinds)
        raise UsageError(
            f"Encoder {name!r} reads {' or '.join(known[name].kinds)} rows; these are {layout.kind}.",
            fix=[f"set encoder.name to {' or '.join(fit)} in lepton.yaml, or leave it out"],
        )
    return known[name](config.model_copy(update={"name": name}), layout)


__all__ = ["Encoder", "all_encoders", "build_encoder"]
