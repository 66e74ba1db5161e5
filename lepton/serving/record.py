"""What the log says of one request that was answered, and of one delivery of labels.

A request is one record, so it is in the log whole or not at all. A row is known by `REQUEST-ROW`, counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from lepton.core.errors import LeptonError
from lepton.serving.asked import Columns


@dataclass(frozen=True)
class Record:
    """A request that was answered."""

    request: str
    """Its id, which the server made."""
    time: str
    """UTC, ISO 8601; a clock may be set back, so the order is that of the log."""
    model: str
    """Name and version."""
    digest: str
    """Of the version's files."""
    provisional: bool
    """Whether the un-adapted base answered."""
    columns: Columns
    """Values (n) by column, as the model read them."""
    labels: list[str]
    """(n,) what was answered."""
    confidences: list[float]
    """(n,) the probability of that."""

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.labels)

    @property
    def ids(self) -> list[str]:
        """(n,) by which a row is known."""
        return row_ids(self.request, self.rows)

    def to_bytes(self) -> bytes:
        """Return what `from_bytes` reads."""
        return orjson.dumps(self, option=orjson.OPT_SERIALIZE_NUMPY)

    @classmethod
    def from_bytes(cls, content: bytes) -> Record:
        """Read what `to_bytes` wrote.

        Raises:
            LeptonError: If it is something else.
        """
        try:
            found = cls(**orjson.loads(content))
            if any(len(values) != found.rows for values in (*found.columns.values(), found.confidences)):
                raise ValueError("its columns differ in length")
        except (TypeError, ValueError) as error:
            raise LeptonError("A record of the log of answers cannot be read.", why=f"{error}.") from None
        return found


def row_ids(request: str, rows: int) -> list[str]:
    """Return the ids of a request's rows."""
    return [f"{request}-{row}" for row in range(1, rows + 1)]


def labels_to_bytes(labels: dict[str, str]) -> bytes:
    """Return labels by row id as a record."""
    return orjson.dumps(labels)


def labels_from_bytes(content: bytes) -> dict[str, str]:
    """Read what `labels_to_bytes` wrote.

    Raises:
        LeptonError: If it is something else.
    """
    found: Any = None
    try:
        found = orjson.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise LeptonError("A record of the labels that came cannot be read.")
    return {str(key): str(label) for key, label in found.items()}
