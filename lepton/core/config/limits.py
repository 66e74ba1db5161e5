"""The section `limits` of `lepton.yaml`: how large a delivery may be, which is looked at before it is read."""

from __future__ import annotations

from pydantic import Field

from lepton.core.config.section import Section


class LimitsConfig(Section):
    """How large a delivery may be. What is larger is refused before memory is taken for it."""

    max_bytes: int = Field(8_000_000_000, ge=1)
    """Most bytes of a delivery, as they are after decompression; of images, their pixels."""
    max_rows: int = Field(100_000_000, ge=1)
    """Most rows."""
    max_columns: int = Field(20_000, ge=1)
    """Most columns."""
    max_ratio: float = Field(200.0, ge=1)
    """Most times its own size that a compressed file may grow to, told of what grows beyond 64 MB: a file that grows
    a thousandfold was made to fill a machine."""
