"""What a request is told that is not answered: a status, and in JSON what happened, why, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lepton.core.errors import LeptonError


class Rejected(LeptonError):
    """A request that is not answered.

    Args:
        status: Of HTTP.
        what: What happened.
        why: The cause.
        fix: What mends it.
        retry: Seconds after which it may be sent again; None: it would fail again.
        details: What is wrong with the rows, one JSON object each.
        close: Whether the connection must end: the rest of the body is not read.
    """

    def __init__(
        self,
        status: int,
        what: str,
        why: str = "",
        fix: Sequence[str] = (),
        retry: int | None = None,
        details: Sequence[dict[str, Any]] = (),
        close: bool = False,
    ) -> None:
        super().__init__(what, why, fix)
        self.status = status
        self.retry = retry
        self.details = tuple(details)
        self.close = close

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        found: dict[str, Any] = {"error": self.what, "why": self.why, "fix": list(self.fix)}
        return {**found, "details": list(self.details)} if self.details else found

    def __reduce__(self) -> Any:
        """Keep all of it when it crosses a process boundary."""
        return type(self), (self.status, self.what, self.why, self.fix, self.retry, self.details, self.close)
