"""Rows about registered versions: how each was made, and what the gate and people let become of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from lepton.core.ledger.actions import (
    ABANDONED,
    PROMOTED,
    PROPOSED,
    RECALLED,
    REFUSED,
    REGISTERED,
    REINSTATED,
    REJECTED,
    ROLLED_BACK,
    Action,
)
from lepton.core.ledger.rows.grounds import Cause, Evidence, Subject, summary_of
from lepton.core.ledger.rows.row import SPARSE, Json, Row
from lepton.core.refs import DataRef, ModelRef


@dataclass(frozen=True)
class OfModel(Row):
    """A row that speaks of one registered version."""

    model: ModelRef


@dataclass(frozen=True)
class Registered(OfModel):
    """A version was stored with its lineage; it serves nobody yet."""

    action: ClassVar[Action] = REGISTERED
    lineage: Json
    """The whole record, as `lepton.registry.lineage.record.Lineage` reads and writes it."""
    sbom: str = ""
    """Checksum of the list of what was installed."""

    @property
    def parent(self) -> ModelRef | None:
        """What it was adapted from; None for a base."""
        parent = self.lineage.get("parent")
        return ModelRef.from_json(parent) if parent else None

    @property
    def key(self) -> str:
        """Digest of what was asked for; empty in old records."""
        return str(self.lineage.get("key", ""))

    @property
    def strategy(self) -> str:
        """How it was made; empty if that is not on record."""
        return str(self.lineage.get("strategy", ""))

    @property
    def run_id(self) -> str:
        """Of the run in which it was made; empty if that is not on record."""
        return str((self.lineage.get("flow_run") or {}).get("id", ""))

    @property
    def ancestors(self) -> tuple[ModelRef, ...]:
        """All models that were considered as a start."""
        return tuple(ModelRef.from_json(one) for one in self.lineage.get("ancestors", ()))

    def data_refs(self) -> Iterator[tuple[str, DataRef]]:
        """Yield (use, data) for everything that it saw."""
        for use, ref in self.lineage["data"].items():
            if ref:
                yield use, DataRef.from_json(ref)


@dataclass(frozen=True)
class Decisive(OfModel):
    """A row with the evidence that a version may serve, and the cause for which it was made to."""

    previous: ModelRef | None = None
    """What served before; None if nothing did."""
    cause: Cause = field(default_factory=Cause)
    evidence: Evidence = field(default_factory=Evidence)
    """Empty after a rollback, which needs none."""

    @property
    def kind(self) -> str:
        """Of the cause; empty if none is on record."""
        return self.cause.kind or ""

    @property
    def why(self) -> str:
        """What the person said who decided; empty where none did."""
        return self.cause.why or ""

    @property
    def gate(self) -> Json:
        """The gate's verdict; empty if it was not asked."""
        return self.evidence.gate or {}

    @property
    def story(self) -> Json | None:
        """Signals, plan and every candidate of the transfer that made it, if one did."""
        return self.evidence.story


@dataclass(frozen=True)
class Move(Decisive):
    """Another version serves a pair from here on."""


@dataclass(frozen=True)
class Promoted(Move):
    """A version became the champion."""

    action: ClassVar[Action] = PROMOTED


@dataclass(frozen=True)
class RolledBack(Move):
    """An earlier champion serves again."""

    action: ClassVar[Action] = ROLLED_BACK


@dataclass(frozen=True)
class Proposed(Decisive):
    """A version passed the gate and waits for a person's word."""

    action: ClassVar[Action] = PROPOSED


@dataclass(frozen=True)
class Refused(OfModel):
    """The gate refused a version; it stays as challenger."""

    action: ClassVar[Action] = REFUSED
    gate: Json = field(default_factory=dict)
    """The verdict."""
    metrics: Json | None = field(default=None, metadata=SPARSE)
    run: Json | None = field(default=None, metadata=SPARSE)
    """The run that made it."""
    story: Json | None = field(default=None, metadata=SPARSE)
    """Signals, plan and every candidate of the transfer that made it."""
    provisional: ModelRef | None = field(default=None, metadata=SPARSE)
    """The base, where it answers for the target until something is promoted."""

    @property
    def summary(self) -> str:
        """The verdict in one line."""
        return summary_of(self.gate) or "; ".join(self.gate.get("reasons", ()))

    @property
    def run_id(self) -> str:
        """Of the run that made it; empty if that is not on record."""
        return str((self.run or {}).get("id", ""))


@dataclass(frozen=True)
class Rejected(OfModel):
    """A person refused a version."""

    action: ClassVar[Action] = REJECTED
    why: str = ""


@dataclass(frozen=True)
class Abandoned(OfModel):
    """A registration was undone or never finished."""

    action: ClassVar[Action] = ABANDONED
    why: str = ""


@dataclass(frozen=True)
class OfRecall(Row):
    """A row that speaks of a recall."""

    subject: Subject
    why: str


@dataclass(frozen=True)
class Recalled(OfRecall):
    """A model or a batch is marked as poisoned, and with it all that comes of it."""

    action: ClassVar[Action] = RECALLED
    models: tuple[ModelRef, ...] = ()
    """What it concerned when it was written; what is registered later is caught, too."""
    pairs: tuple[str, ...] = ()
    """Those that served one of them."""


@dataclass(frozen=True)
class Reinstated(OfRecall):
    """A recall is lifted."""

    action: ClassVar[Action] = REINSTATED
