"""What two registered versions differ in."""

from __future__ import annotations

from dataclasses import dataclass

from lepton.core.refs import ModelRef
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Session
from lepton.registry.lineage.dossier import Difference, differences
from lepton.registry.lineage.family import family, records
from lepton.registry.lineage.find import find_model


@dataclass(frozen=True)
class ModelsCompared(Result):
    """Two versions, and nothing that is the same in both."""

    a: ModelRef
    b: ModelRef
    differences: tuple[Difference, ...]
    """Part by part: data, settings, code, libraries, seed, cause, metrics, gate."""

    def facts(self) -> Facts:
        """Return a line a difference."""
        told = {f"{one.part} {one.what}": f"{one.a} -> {one.b}" for one in self.differences}
        same = "it is the same version" if self.a == self.b else "nothing that is on record"
        return {"from": self.a.label, "to": self.b.label, **(told or {"differs": same})}

    def to_json(self) -> Json:
        """Return a JSON object."""
        found = [one.to_json() for one in self.differences]
        return {"a": self.a.to_json(), "b": self.b.to_json(), "differences": found}


def compare_models(session: Session, a: str, b: str) -> ModelsCompared:
    """Return what two versions differ in.

    Args:
        session: The workspace at work.
        a: DOMAIN, DOMAIN@2, DOMAIN@challenger, or a model's full name.
        b: The same.

    Raises:
        NotFound: If there is no such version.
    """
    ledger = session.ledger
    one_ref, other_ref = (find_model(session.ws, ledger, words) for words in (a, b))
    known = family(ledger)
    one, other = (known[ref.name, ref.version] for ref in (one_ref, other_ref))
    made = records(ledger, [one, other])
    return ModelsCompared(one_ref, other_ref, tuple(differences(one, made[one.key], other, made[other.key])))
