"""What all rows share: a frozen dataclass that becomes the JSON of a payload, and is read from it again.

The fields are the keys. What an older lepton did not write has a default; what only a newer one writes is passed over
in reading. So a row written by any version reads, and what is written is the same JSON as ever: the chain is sealed
over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, ClassVar, Self, TypeAlias, Union, get_args, get_origin, get_type_hints

from lepton.core.ledger.actions import Action

Json: TypeAlias = Mapping[str, Any]
"""A JSON object that an upper room owns: a lineage record, a gate's verdict, a story."""
Reader = Callable[[Any], Any]

SPARSE: Mapping[str, bool] = {"sparse": True}
"""Metadata of a field whose key is left out of the JSON where it is None."""


@dataclass(frozen=True)
class Part:
    """An object in a payload: its fields are the keys, by name."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        told = {one.name: (getattr(self, one.name), bool(one.metadata)) for one in fields(self)}
        return {name: _written(value) for name, (value, left_out) in told.items() if value is not None or not left_out}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what `to_json` wrote; what only a later lepton writes is passed over.

        Raises:
            KeyError: If a key is missing that every lepton wrote.
            TypeError: If something in it is no such object.
            ValueError: If a time is none.
        """
        if not isinstance(value, Mapping):
            raise TypeError(f"{value!r} is no JSON object")
        given: dict[str, Any] = {}
        for name, read, required in _readers(cls):
            if name in value:
                given[name] = value[name] if read is None else read(value[name])
            elif required:
                raise KeyError(name)
        return cls(**given)


@dataclass(frozen=True)
class Row(Part):
    """What one row of the ledger says, beside who wrote it, when, and of which pair."""

    action: ClassVar[Action]
    """Names the kind in the ledger."""


_KNOWN: dict[type[Part], tuple[tuple[str, Reader | None, bool], ...]] = {}
"""What `_readers` found before: type hints take longer to look up than a row takes to be read."""


def _readers(kind: type[Part]) -> tuple[tuple[str, Reader | None, bool], ...]:
    """Return name, reader and whether it is required of every field; None reads a value as it stands."""
    if (found := _KNOWN.get(kind)) is None:
        hints = get_type_hints(kind)
        found = _KNOWN[kind] = tuple(
            (one.name, _reader(hints[one.name]), one.default is MISSING and one.default_factory is MISSING)
            for one in fields(kind)
        )
    return found


def _reader(hint: Any) -> Reader | None:
    """Return what makes a value of a type from its JSON; None where the JSON is the value."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        one = _reader(next(kind for kind in inner if kind is not NoneType))
        return None if one is None else lambda value: None if value is None else one(value)
    if origin is tuple:
        each = _reader(inner[0])
        return tuple if each is None else lambda value: tuple(map(each, value))
    if hint is datetime:
        return datetime.fromisoformat
    read: Reader | None = getattr(hint, "from_json", None)
    return read


def _written(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_written(one) for one in value]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value.to_json() if hasattr(value, "to_json") else value
