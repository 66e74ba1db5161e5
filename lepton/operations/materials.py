"""What was installed when a version was made, and the rows that it was made with: what lies beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lepton.core.errors import NotFound
from lepton.core.refs import ModelRef
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import ROWS, Session
from lepton.registry.lineage.find import find_model


@dataclass(frozen=True)
class Part:
    """A distribution that was installed."""

    name: str
    version: str
    licence: str | None
    """What it declares; None if it declares nothing."""


@dataclass(frozen=True)
class Materials(Result):
    """What was installed when a version was registered, compared with its checksum."""

    model: ModelRef
    lepton: str
    """The version of lepton."""
    parts: tuple[Part, ...]
    document: Mapping[str, Any]
    """The CycloneDX document as it lies beside the model, for scanners."""

    def facts(self) -> Facts:
        """Return a line a distribution."""
        return {"model": self.model.label, "lepton": self.lepton, **{one.name: one.version for one in self.parts}}

    def to_json(self) -> Json:
        """Return the CycloneDX document."""
        return dict(self.document)


@dataclass(frozen=True)
class RowsOfModel(Result):
    """The ids of the rows that a version was made with, by use; its files were compared with their checksums."""

    model: ModelRef
    rows: Mapping[str, list[str]]
    """`train`, `held_out` and the like; those of the reference are all of its batches, and not in it."""

    def facts(self) -> Facts:
        """Return how many, by use."""
        return {"model": self.model.label, **{use: f"{len(ids):,} rows" for use, ids in self.rows.items()}}


def materials(session: Session, words: str) -> Materials:
    """Return what was installed when a version was made.

    Args:
        session: The workspace at work.
        words: DOMAIN, DOMAIN@2, DOMAIN@challenger, or a model's full name.

    Raises:
        NotFound: If there is no such version, or it is from before there was a list.
        LeptonError: If the list is missing or was changed.
    """
    from lepton.registry.models import materials_of

    ref = find_model(session.ws, session.ledger, words)
    found = materials_of(session.ws, ref.name, ref.version)
    parts = tuple(Part(one["name"], one["version"], _licence(one)) for one in found["components"])
    return Materials(ref, found["metadata"]["component"]["version"], parts, found)


def rows_of_model(session: Session, words: str) -> RowsOfModel:
    """Return the ids of the rows that a version was made with.

    Args:
        session: The workspace at work.
        words: DOMAIN, DOMAIN@2, DOMAIN@challenger, or a model's full name.

    Raises:
        NotFound: If there is no such version, or it is from before they were kept.
        LeptonError: If a file of the version is missing or was changed.
    """
    import json

    from lepton.registry.models import fetch

    ref = find_model(session.ws, session.ledger, words)
    path = fetch(session.ws, ref.name, ref.version, expect=ref.digest)[1] / ROWS
    if not path.exists():
        raise NotFound(
            f"{ref.label} has no list of its rows.",
            why="It was registered before they were kept.",
            fix=[f"lepton lineage show {ref.name}@{ref.version}  (the batches that it saw)"],
        )
    return RowsOfModel(ref, json.loads(path.read_text(encoding="utf-8")))


def _licence(part: Mapping[str, Any]) -> str | None:
    known = [
        one.get("expression") or one["license"].get("id") or one["license"]["name"] for one in part.get("licenses", ())
    ]
    return "; ".join(known) or None
