"""Rows about data: what came in, what was refused at the door, what was erased, which state was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lepton.core.ledger.actions import DELIVERY_REFUSED, FORGOTTEN, INGESTED, PUBLISHED, Action
from lepton.core.ledger.rows.row import SPARSE, Json, Row
from lepton.core.refs import DataRef


@dataclass(frozen=True)
class Ingested(Row):
    """A delivery was taken in."""

    action: ClassVar[Action] = INGESTED
    batch: str
    """Name of the batch, or of the delivery of labels."""
    domain: str = ""
    rows: int | None = None
    labelled: int | None = None
    contract: Json | None = None
    """Result of the contract's check."""
    data: DataRef | None = None
    """The new batch; for labels the whole domain."""
    labels: bool = False
    """Whether it is a delivery of labels."""
    completed: bool = False
    """Whether an earlier ingest stored it and was interrupted before it was on record."""
    repeated: int | None = field(default=None, metadata=SPARSE)
    """Further rows that were stored already and left out, of an export of all that there is so far."""
    set_aside: int | None = field(default=None, metadata=SPARSE)
    """Rows of the delivery that were out of bounds and are in quarantine instead."""
    left_open: int | None = field(default=None, metadata=SPARSE)
    """Rows of a delivery of labels that had no label yet and were passed over."""

    @property
    def key(self) -> tuple[str, bool]:
        """What tells the deliveries of a domain apart: rows and labels have names of their own."""
        return self.batch, self.labels

    @property
    def passed(self) -> bool | None:
        """Whether it met its contract; None if that is not on record."""
        found: bool | None = (self.contract or {}).get("passed")
        return found

    @property
    def rules(self) -> str | None:
        """Digest of the contract that it was checked against; None if that is not on record."""
        found: str | None = (self.contract or {}).get("contract")
        return found


@dataclass(frozen=True)
class DeliveryRefused(Row):
    """A delivery broke its contract and is in quarantine."""

    action: ClassVar[Action] = DELIVERY_REFUSED
    delivery: str
    """Digest of its content: the same file delivered again is refused once."""
    name: str = ""
    """Of the file."""
    reasons: tuple[str, ...] = ()
    """A line each, without what stood in the delivery: the ledger cannot forget."""
    rows: int | None = field(default=None, metadata=SPARSE)


@dataclass(frozen=True)
class Forgotten(Row):
    """Rows of a domain were erased: how many and from which batches, never which rows."""

    action: ClassVar[Action] = FORGOTTEN
    key: str
    """Of the erasure; each domain that lost something has a row with it."""
    domain: str
    why: str
    rows: int
    """Stored rows that are gone."""
    asked: int
    """Ids that were to be erased."""
    found: int = 0
    """Ids of those that were found somewhere in the domain."""
    batches: Mapping[str, int] = field(default_factory=dict)
    """Rows lost by each batch."""
    labels: Mapping[str, int] = field(default_factory=dict)
    """Labels lost by each delivery of labels."""
    predictions: int = 0
    """Lines of the prediction log."""
    quarantine: int = 0
    """Refused deliveries that held a row."""
    objects: Mapping[str, int] = field(default_factory=dict)
    """Stored objects removed from the cache and the remote."""
    models: tuple[Json, ...] = ()
    """Registered versions that saw a row, and how."""
    data: DataRef | None = None
    """The domain afterwards; None if nothing is left."""


@dataclass(frozen=True)
class Published(Row):
    """The pointer to the data was committed to git by a person."""

    action: ClassVar[Action] = PUBLISHED
    dvc_md5: str
    git_revision: str | None = None
    message: str | None = None
