"""Encoders, one file each; a new file is a new encoder."""

from __future__ import annotations

import sys
from functools import cache

from lepton.core.config import EncoderConfig
from lepton.core.discovery import discover, unknown
from lepton.core.errors import UsageError
from lepton.core.table import Kind
from lepton.models.encoders.base import Encoder

DEFAULTS: dict[Kind, str] = {"image": "cnn", "tabular": "mlp"}


@cache
def all_encoders() -> dict[str, type[Encoder]]:
    """Return the known encoders by name."""
    return discover(sys.modules[__name__], Encoder)


def build_encoder(config: EncoderConfig, kind: Kind, shape: tuple[int, ...]) -> Encoder:
    """Return a new encoder; its weights come from torch's global random state (see `device.seeded`).

    Raises:
        UsageError: If the encoder is unknown or reads rows of another kind.
    """
    name = config.name or DEFAULTS[kind]
    known = all_encoders()
    if name not in known:
        raise unknown("encoder", name, known, "set encoder.name in lepton.yaml")
    if known[name].kind != kind:
        raise UsageError(
            f"Encoder {name!r} reads {known[name].kind} rows; these are {kind}.",
            fix=[f"set encoder.name to {DEFAULTS[kind]} in lepton.yaml, or leave it out"],
        )
    return known[name](config.model_copy(update={"name": name}), shape)


__all__ = ["Encoder", "all_encoders", "build_encoder"]
