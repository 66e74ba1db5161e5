"""What a model is made of: one record for each registered version, written once and never changed.

It is kept twice: as `lineage.json` beside the weights, and in the ledger's row of the registration, where the
chain of hashes covers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Cause, Registered
from lepton.core.refs import DataRef, ModelRef
from lepton.core.work.files import digest

FORMAT = 2
"""2 added `key`, `rows`, `threads` and `dependencies`; a record of format 1 is read without them."""


@dataclass(frozen=True)
class Lineage:
    """The record of one version; everything in it is JSON or knows how to become it."""

    strategy: str
    """How it was made: a pretraining objective for a base, an adaptation strategy for a pair's model."""
    data: Mapping[str, DataRef]
    """What it saw, by use: train, validation (what chose or stopped it), held_out (what judged it), reference (what the
    monitor compares with). Uses of the same batches share a DataRef: their rows are told apart by the split."""
    seed: int
    parent: ModelRef | None = None
    """The model it was adapted from; None for a base."""
    ancestors: tuple[ModelRef, ...] = ()
    """All models that were considered as a start."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """All settings in force."""
    contract: Mapping[str, Any] | None = None
    """Result of the contract that the data was checked against."""
    gate: Mapping[str, Any] | None = None
    """Verdict of the gate with its evidence; None for a base that replaced nothing."""
    cause: Cause = field(default_factory=lambda: Cause("manual"))
    """Why it was made."""
    flow_run: Mapping[str, Any] | None = None
    """`id`, `name` and `url` of the Prefect run."""
    code: Mapping[str, Any] = field(default_factory=dict)
    """`version`, git `revision`, and whether the checkout was `dirty`."""
    libraries: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    """Where it was computed: device, the instructions that torch chose its kernels by, processor, system."""
    cost: Mapping[str, float] = field(default_factory=dict)
    """`seconds`, `labels`, `bytes`."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Held-out metrics."""
    key: str = ""
    """Digest of what was asked for: the same work done again after a crash is known by it."""
    rows: Mapping[str, Any] = field(default_factory=dict)
    """By use: `count` and `digest` of the sorted ids of the rows; the ids themselves are in `rows.json` beside the
    weights. A reference is all rows of its DataRef, so it is not repeated here."""
    threads: int = 0
    """Threads that torch used: they decide the last bits of a sum. 0: not recorded."""
    dependencies: Mapping[str, Any] = field(default_factory=dict)
    """`digest` and `count` of every distribution that was installed, and the SHA-256 of the `lock` they came from, if
    lepton ran from a checkout that has one."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "format": FORMAT,
            **asdict(self),
            "parent": self.parent.to_json() if self.parent else None,
            "ancestors": [ref.to_json() for ref in self.ancestors],
            "data": {use: ref.to_json() for use, ref in self.data.items()},
            "cause": self.cause.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Lineage:
        """Read what `to_json` wrote.

        Raises:
            ValueError: If a newer lepton wrote it, or it is no lineage record.
        """
        if value.get("format") not in (1, FORMAT):
            raise ValueError(f"lineage format {value.get('format')!r} is not known here")
        given = {key: inner for key, inner in value.items() if key != "format"}
        if value["format"] == 1:
            given = {"key": "", "rows": {}, "threads": 0, "dependencies": {}, **given}
        if wrong := set(given) ^ {one.name for one in fields(cls)}:
            raise ValueError(f"not a lineage record: missing or unknown {sorted(wrong)}")
        parent = given["parent"]
        typed = {
            "parent": ModelRef.from_json(parent) if parent else None,
            "ancestors": tuple(ModelRef.from_json(ref) for ref in given["ancestors"]),
            "data": {use: DataRef.from_json(ref) for use, ref in given["data"].items()},
            "cause": Cause.from_json(given["cause"]),
        }
        return cls(**{**given, **typed})

    def digest(self) -> str:
        """Return 16 hex digits over the whole record."""
        return digest(self.to_json())


def forebears(ledger: Ledger, made: Lineage) -> tuple[ModelRef, ...]:
    """Return the model that a record's model was adapted from, what that one was adapted from, ..., and the base."""
    parents: dict[str, dict[str, ModelRef | None]] = {}
    found: list[ModelRef] = []
    ref = made.parent
    while ref is not None:
        found.append(ref)
        if ref.name not in parents:
            rows = ledger.rows(ref.name.removeprefix("lepton-"), Registered)
            parents[ref.name] = {entry.row.model.version: entry.row.parent for entry in rows}
        ref = parents[ref.name].get(ref.version)
    return tuple(found)
