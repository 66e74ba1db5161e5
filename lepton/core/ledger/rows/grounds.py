"""The grounds of a decision about a version: why it was made or came to serve, and what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lepton.core.ledger.rows.row import SPARSE, Json, Part
from lepton.core.refs import ModelRef


@dataclass(frozen=True)
class Subject(Part):
    """What a recall speaks of: a model, or a batch."""

    kind: Literal["model", "batch"]
    model: ModelRef | None = field(default=None, metadata=SPARSE)
    domain: str | None = field(default=None, metadata=SPARSE)
    """Of the batch."""
    batch: str | None = field(default=None, metadata=SPARSE)

    @classmethod
    def of_model(cls, ref: ModelRef) -> Subject:
        """Return a model as a subject."""
        return cls("model", model=ref)

    @classmethod
    def of_batch(cls, domain: str, batch: str) -> Subject:
        """Return a batch as a subject."""
        return cls("batch", domain=domain, batch=batch)

    @property
    def line(self) -> str:
        """In a few words: `lepton-mnist v1`, `batch site-7 of mnist`."""
        return self.model.label if self.model is not None else f"batch {self.batch} of {self.domain}"


@dataclass(frozen=True)
class Cause(Part):
    """Why a version was made, or came to serve; which fields it has depends on its kind."""

    kind: str | None = field(default=None, metadata=SPARSE)
    """manual, schedule, drift, approval, rollback or recall; None if it is not on record."""
    why: str | None = field(default=None, metadata=SPARSE)
    """What the person said who decided."""
    reason: str | None = field(default=None, metadata=SPARSE)
    """Of a drift: what the controller said."""
    since: str | None = field(default=None, metadata=SPARSE)
    """Batch with which a drift set in."""
    ledger_row: int | None = field(default=None, metadata=SPARSE)
    """Of the decision that found it."""
    observation: Json | None = field(default=None, metadata=SPARSE)
    """Of the window that it was decided on, as the ledger has it."""
    who: str | None = field(default=None, metadata=SPARSE)
    """The person who approved."""
    through: str | None = field(default=None, metadata=SPARSE)
    """Where they said so."""
    proposal: int | None = field(default=None, metadata=SPARSE)
    """The ledger's row of what they approved."""
    proposed_because: Cause | None = field(default=None, metadata=SPARSE)
    """Why that version was made."""
    subject: Subject | None = field(default=None, metadata=SPARSE)
    """What was recalled."""

    @property
    def line(self) -> str:
        """In a few words: the kind, and what a person or the controller said."""
        kind, said = self.kind or "unknown", self.why or self.reason
        return f"{kind}: {said}" if said else kind

    @property
    def scores(self) -> Mapping[str, float]:
        """The drift's scores by aspect; empty if it was none."""
        return (self.observation or {}).get("scores") or {}

    @property
    def window(self) -> str:
        """The window that a drift was decided on; empty if there is none."""
        return str((self.observation or {}).get("window", ""))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; a drift always says of which observation, and if that is not on record, None."""
        told = super().to_json()
        return {"observation": None, **told} if self.ledger_row is not None else told


@dataclass(frozen=True)
class Evidence(Part):
    """What speaks for a version that is to serve."""

    gate: Json | None = field(default=None, metadata=SPARSE)
    """The verdict, as the lepton that made it wrote it down; None or empty if the gate was not asked."""
    metrics: Json | None = field(default=None, metadata=SPARSE)
    """On the held-out rows."""
    run: Json | None = field(default=None, metadata=SPARSE)
    """The run that made it."""
    story: Json | None = field(default=None, metadata=SPARSE)
    """Signals, plan and every candidate of the transfer that made it, if one did."""
    by_hand: bool | None = field(default=None, metadata=SPARSE)
    """Whether a person let it serve past the gate."""

    @property
    def summary(self) -> str:
        """The verdict in one line; empty if the gate was not asked."""
        return summary_of(self.gate)

    @property
    def accuracy(self) -> float | None:
        """On the held-out rows; None if none has a label."""
        found: float | None = (self.metrics or {}).get("accuracy")
        return found


def summary_of(gate: Json | None) -> str:
    """Return a verdict's own line; empty if the gate was not asked, or by a lepton that wrote none."""
    return str((gate or {}).get("summary") or "")
