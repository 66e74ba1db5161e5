"""The section `serve` of `lepton.yaml`: what a request may be, what is refused, and when answers become a window."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lepton.core.config.section import Section

Breach = Literal["column", "type", "missing", "range", "length", "category"]
"""How a request can break a contract: a column that is not known, a value of another type, none where there must be
one, a number out of range, a text or series of another length, a category that is not allowed."""


class ServeConfig(Section):
    """A champion that answers over HTTP, and how its answers come back to the monitor."""

    strict: tuple[Breach, ...] = ("column", "type", "missing")
    """What is refused with 422 when a request breaks the contract: any of `column`, `type`, `missing`, `range`,
    `length`, `category`. What is not listed is answered and counted: that is drift, which the monitor must see."""
    unlogged: Literal["refuse", "answer"] = "refuse"
    """What happens when an answer cannot be logged, such as on a full disk: `refuse` it with 503, or `answer` and count
    it."""
    max_bytes: int = Field(8_000_000, ge=1)
    """Most bytes of a request's body."""
    max_rows: int = Field(10_000, ge=1)
    """Most rows of a request."""
    batch_rows: int = Field(256, ge=1)
    """Most rows of several requests that are answered together; a larger request is answered by itself."""
    queue_rows: int = Field(20_000, ge=1)
    """Most rows that wait; what comes then is sent away with 429."""
    wait_seconds: float = Field(10.0, gt=0)
    """Longest time that a request waits to be answered, and longest time that its body may take to arrive."""
    tokens: str | None = None
    """A file of tokens, from the workspace's folder: YAML, a name -> `token` (or its `sha256`), `roles` of `predict`,
    `labels`, `metrics`, and if wanted `rate`. Only its owner may read it. LEPTON_SERVE_TOKEN is one more, for all."""
    rate: float | None = Field(None, gt=0)
    """Most requests a second of each token that has no rate of its own, or of all where there is no token; what comes
    then is sent away with 429. By default any."""
    window_rows: int = Field(500, ge=2)
    """Rows answered after which they are delivered to the domain, for the monitor to judge."""
    window_seconds: float | None = Field(None, gt=0)
    """Or so long after the last delivery, if there are any."""
