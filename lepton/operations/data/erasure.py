"""An erasure: what is to go, as the journal keeps it until it is gone, and what is told of it, which names no row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lepton.operations.result import Facts, Json, Result


@dataclass(frozen=True)
class Traces:
    """Where the rows are in one domain: how many, and which."""

    slot: str
    """The name under which the ledger keeps the domain."""
    rows: int
    batches: Mapping[str, int]
    """Rows by batch."""
    labels: Mapping[str, int]
    """Labels by the delivery that brought them."""
    predictions: int
    quarantine: int
    """Refused deliveries that hold one."""
    unread: tuple[str, ...]
    """Refused deliveries that cannot be looked into."""
    found: int
    """Of the ids that were asked for."""
    ids: tuple[str, ...]
    """Of the rows themselves; never put on record."""

    def counts(self) -> Json:
        """Return a JSON object of how many there are, without the ids."""
        return {key: value for key, value in self.to_json().items() if key not in ("ids", "slot")}

    def to_json(self) -> Json:
        """Return a JSON object, with the ids."""
        return asdict(self) | {"unread": list(self.unread), "ids": list(self.ids)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Traces:
        """Read what `to_json` wrote."""
        return cls(**{**value, "unread": tuple(value["unread"]), "ids": tuple(value["ids"])})


@dataclass(frozen=True)
class Erasure:
    """What a person asked to have erased, and where it was found."""

    key: str
    """Of the erasure: its rows in the ledger bear it."""
    asked: tuple[str, ...]
    """Ids, sorted."""
    domain: str | None
    """Looked in this one only; None: in all."""
    why: str
    found: int
    """How many of the ids are anywhere."""
    objects: Mapping[str, int]
    """Place -> objects there that hold a row."""
    domains: Mapping[str, Traces]

    def to_json(self) -> Json:
        """Return a JSON object: the journal."""
        domains = {name: found.to_json() for name, found in self.domains.items()}
        return asdict(self) | {"asked": list(self.asked), "domains": domains}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Erasure:
        """Read what `to_json` wrote."""
        domains = {name: Traces.from_json(found) for name, found in value["domains"].items()}
        return cls(**{**value, "asked": tuple(value["asked"]), "domains": domains})


@dataclass(frozen=True)
class Witness:
    """A registered version that an erasure concerns."""

    model: str
    """Its label."""
    domain: str
    """Of the rows."""
    how: str
    """What it did with them; see `consequences`."""
    holds_ids: bool
    """Whether the ids lie beside its weights, sealed."""
    serves: bool

    def to_json(self) -> Json:
        """Return a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class ForgetResult(Result):
    """What was erased, and whom it concerns; never which rows."""

    why: str
    asked: int
    """Ids that were asked for."""
    found: int
    """How many of them were anywhere."""
    domains: Mapping[str, Traces]
    objects: Mapping[str, int]
    """Place -> objects there that held a row."""
    models: tuple[Witness, ...]
    """Registered versions that saw the rows."""
    ledger_rows: tuple[int, ...]
    """Rows of the ledger that name one of the ids: nothing there can be erased."""
    next: tuple[str, ...]
    """Commands to give next."""
    dry_run: bool

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        verb = "would erase" if self.dry_run else "erased"
        told: Facts = {verb: f"{self.found:,} of {self.asked:,} ids were found", "why": self.why}
        told |= {name: f"{found.rows:,} rows" for name, found in self.domains.items() if found.found}
        told |= {one.model: one.how + (", serves now" if one.serves else "") for one in self.models}
        return told | {f"next {number}": step for number, step in enumerate(self.next, 1)}

    def to_json(self) -> Json:
        """Return a JSON object, without any id."""
        return super().to_json() | {"domains": {name: found.counts() for name, found in self.domains.items()}}
