"""Lineage: which model came of which, and everything on record of one; from the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass

from lepton.core.refs import ModelRef
from lepton.operations.result import Facts, Json, Result, as_html
from lepton.operations.session import Session
from lepton.registry.lineage.descent import Node, Tree, to_json, to_text, tree
from lepton.registry.lineage.dossier import dossier
from lepton.registry.lineage.family import family, records
from lepton.registry.lineage.find import find_model
from lepton.registry.lineage.phrases import cause_line, gate_line
from lepton.registry.lineage.record import Lineage


@dataclass(frozen=True)
class LineageTree(Result):
    """Versions below what they were adapted from."""

    nodes: tuple[Node, ...]
    """The bases; each has its children."""
    hidden: int
    """Versions that are not shown."""

    def __str__(self) -> str:
        more = f"\n{self.hidden:,} more versions are not shown." if self.hidden else ""
        return (to_text(Tree(self.nodes)) or "No model is registered yet.") + more

    def _repr_html_(self) -> str:
        return as_html(str(self))

    def to_json(self) -> Json:
        """Return a JSON object: `models`, each after its parent, and how many are `hidden`."""
        return {"models": to_json(self.nodes), "hidden": self.hidden}


@dataclass(frozen=True)
class ModelLineage(Result):
    """Everything on record of one registered version."""

    model: ModelRef
    pair: str
    standing: str
    """Whether it serves, served, waits, or why it never did."""
    registered_at: str
    registered_by: str
    record: Lineage
    """What it is made of, as it was sealed at the registration."""
    descends_from: tuple[ModelRef, ...]
    """Its parent first, the base last."""
    descendants: tuple[ModelRef, ...]
    json: Json
    """The same and more as a JSON object, as `lepton lineage show --json` prints it."""

    def facts(self) -> Facts:
        """Return what an auditor asks first."""
        made, data = self.record, self.record.data.get("train")
        return {
            "model": self.model.label,
            "standing": self.standing,
            "registered": f"{self.registered_at[:19]} by {self.registered_by}",
            "strategy": made.strategy,
            "data": f"{data.domain} {', '.join(data.batches)}, {data.rows:,} rows" if data else "-",
            "gate": gate_line(made.gate),
            "cause": cause_line(made.cause),
            "descends from": ", ".join(ref.label for ref in self.descends_from) or "-",
            "descendants": ", ".join(ref.label for ref in self.descendants) or "-",
        }

    def to_json(self) -> Json:
        """Return a JSON object."""
        return self.json


def descent(session: Session, domain: str | None = None, limit: int = 0) -> LineageTree:
    """Return which version came of which.

    Args:
        session: The workspace at work.
        domain: Only this target's branch.
        limit: Show so many versions at most, those that serve, wait or served first; 0: all.
    """
    ws = session.ws
    found = tree(session.ledger, ws.source, ws.slot(domain) if domain else None, limit)
    return LineageTree(found.nodes, found.hidden)


def lineage(session: Session, words: str) -> ModelLineage:
    """Return everything on record of a version.

    Args:
        session: The workspace at work.
        words: DOMAIN, DOMAIN@2, DOMAIN@challenger, or a model's full name; the champion by default.

    Raises:
        NotFound: If there is no such version.
    """
    ledger = session.ledger
    ref = find_model(session.ws, ledger, words)
    known = family(ledger)
    version = known[ref.name, ref.version]
    made = records(ledger, [version])[version.key]
    return ModelLineage(
        model=version.ref,
        pair=version.pair,
        standing=version.standing(),
        registered_at=version.registered_at,
        registered_by=version.actor,
        record=made,
        descends_from=tuple(one.ref for one in known.ancestors(version)),
        descendants=tuple(one.ref for one in known.descendants(version)),
        json=dossier(known, version, made),
    )
