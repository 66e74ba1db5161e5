"""Encoders, one file each; a new file is a new encoder."""

from __future__ import annotations

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import UsageError
from lepton.core.kinds import Kind
from lepton.core.plugins import Catalogue
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout

CATALOGUE = Catalogue("encoder", __name__, Encoder, "lepton.encoders", "set encoder.name in lepton.yaml")


def all_encoders() -> dict[str, type[Encoder]]:
    """Return the known encoders by name; those from outside come last."""
    return CATALOGUE.known()


def default_encoder(kind: Kind) -> str:
    """Return the encoder of rows of a kind where lepton.yaml names none: the first that says it is.

    Raises:
        UsageError: If none reads them.
    """
    for fits in ("default_for", "kinds"):
        for name, encoder in all_encoders().items():
            if kind in getattr(encoder, fits):
                return name
    raise UsageError(
        f"There is no encoder for rows of kind {kind!r}.",
        why=f"Encoders: {', '.join(all_encoders())}.",
        fix=["pip install a package that brings one, and set encoder.name in lepton.yaml"],
    )


def build_encoder(config: EncoderConfig, layout: Layout) -> Encoder:
    """Return a new encoder; its weights come from torch's global random state (see `device.seeded`).

    Raises:
        UsageError: If the encoder is unknown or reads rows of another kind.
    """
    name = config.name or default_encoder(layout.kind)
    chosen = CATALOGUE.get(name)
    if layout.kind not in chosen.kinds:
        fit = sorted(other for other, encoder in all_encoders().items() if layout.kind in encoder.kinds)
        raise UsageError(
            f"Encoder {name!r} reads {' or '.join(chosen.kinds)} rows; these are {layout.kind}.",
            fix=[f"set encoder.name to {' or '.join(fit)} in lepton.yaml, or leave it out"],
        )
    return chosen(config.model_copy(update={"name": name}), layout)


__all__ = ["CATALOGUE", "Encoder", "all_encoders", "build_encoder", "default_encoder"]
