"""What a batch, a data set or a model has reached, and whether any of it ever served."""

from __future__ import annotations

from dataclasses import dataclass

from lepton.core.errors import UsageError
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Session
from lepton.registry.lineage import impact as reach
from lepton.registry.lineage.family import family
from lepton.registry.lineage.find import find_model


@dataclass(frozen=True)
class ImpactResult(Result):
    """The versions that saw what was asked about or descend from it, in the order of their registration."""

    subject: str
    """What was asked about, in words."""
    models: tuple[reach.Touched, ...]

    @property
    def production(self) -> tuple[reach.Touched, ...]:
        """Those that served or serve: what somebody has to act on."""
        return tuple(one for one in self.models if one.version.reigns)

    def facts(self) -> Facts:
        """Return a line a version, those that serve first."""
        first = sorted(self.models, key=lambda one: not one.version.serves)
        told = {one.version.ref.label: f"{one.version.standing()}, {one.how}" for one in first}
        return {"reached by": self.subject, **(told or {"models": "none"})}

    def to_json(self) -> Json:
        """Return a JSON object; `production` names those that served."""
        return {
            "subject": self.subject,
            "models": [one.to_json() for one in self.models],
            "production": [one.version.ref.to_json() for one in self.production],
        }


def find_impact(
    session: Session, batch: str | None = None, data: str | None = None, model: str | None = None
) -> ImpactResult:
    """Return what one of them has reached.

    Args:
        session: The workspace at work.
        batch: DOMAIN/BATCH, or the name of a batch that only one domain has.
        data: Digest of a data set, or its start.
        model: DOMAIN, DOMAIN@2, or a model's full name.

    Raises:
        UsageError: If not exactly one of them is given, or it can mean several.
        NotFound: If there is no such thing.
    """
    if sum(one is not None for one in (batch, data, model)) != 1:
        raise UsageError("Say what is asked about: one of --batch, --data and --model.")
    ws, ledger = session.ws, session.ledger
    known = family(ledger)
    if batch is not None:
        asked = reach.find_batch(ledger, known, ws.source, batch)
        return ImpactResult(f"batch {asked[1]} of {asked[0]}", tuple(reach.of_batch(known, asked)))
    if data is not None:
        digest, sets = reach.find_data(known, data)
        domains = ", ".join(sorted({one.domain for one in sets}))
        return ImpactResult(f"data {digest} ({domains})", tuple(reach.of_data(known, digest)))
    ref = find_model(ws, ledger, str(model))
    return ImpactResult(ref.label, tuple(reach.of_model(known, known[ref.name, ref.version])))
