"""One row of the ledger as it is read: number, time, actor and pair, what it says, and its seal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, cast

from typing_extensions import TypeVar

from lepton.core.errors import LeptonError
from lepton.core.ledger.actions import Action
from lepton.core.ledger.rows import KINDS, Row

Said = TypeVar("Said", bound=Row, default=Row, covariant=True)
Asked = TypeVar("Asked", bound=Row)


@dataclass(frozen=True)
class Entry(Generic[Said]):
    """One row of the ledger; `row` is what it says, typed: `Entry[Promoted]` says that a version was promoted."""

    seq: int
    time: str
    """UTC, ISO 8601 with microseconds and offset."""
    actor: str
    """Who did it: a person (`user:ada`), a flow run, `demo`."""
    pair: str
    """A pair's name, or the source's name for what concerns its base model or its data."""
    action: Action
    payload: dict[str, Any]
    """The JSON as it is sealed, for who exports or verifies it; everybody else reads `row`."""
    prev_hash: str
    hash: str

    @property
    def at(self) -> datetime:
        """The time as a datetime."""
        return datetime.fromisoformat(self.time)

    @cached_property
    def row(self) -> Said:
        """What it says.

        Raises:
            LeptonError: If it cannot be read, or a newer lepton wrote an action that is not known here.
        """
        kind = KINDS.get(self.action)
        try:
            if kind is None:
                raise ValueError(f"the action {self.action!r} is not known")
            return cast("Said", kind.from_json(self.payload))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            lacks = isinstance(error, KeyError)
            raise LeptonError(
                f"Row {self.seq} of the ledger ({self.action}) cannot be read.",
                why=f"It lacks {error}." if lacks else f"{error}.",
                fix=["pip install --upgrade lepton  (if a newer lepton wrote it)", "lepton audit verify"],
            ) from None

    def of(self, kind: type[Asked]) -> Asked | None:
        """Return what it says if it is a row of this type, or of one derived from it; else None, unread."""
        known = KINDS.get(self.action)
        return cast("Asked", self.row) if known is not None and issubclass(known, kind) else None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
