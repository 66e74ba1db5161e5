"""Retrain: the weekly round. A new base if the source has grown, then every target adapted again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from lepton.core.errors import Conflict, LeptonError, NothingToLearn
from lepton.operations.pretrain.pretrain import pretrain
from lepton.operations.regime import recalled_batches
from lepton.operations.result import Facts, Result
from lepton.operations.runtime import in_a_line
from lepton.operations.session import Session
from lepton.operations.transfer.transfer import transfer

NOT_NOW = (NothingToLearn, Conflict)
"""What keeps a target from being adapted without anything being broken: nothing to learn from yet, or
somebody else at it. The round has done its part then."""


@dataclass(frozen=True)
class RetrainResult(Result):
    """What became of the base and of every target."""

    base: str
    """Outcome of the pretraining; unchanged: the source has no new batch."""
    targets: Mapping[str, str]
    """Outcome of each transfer, or why there was none."""

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        return {"base": self.base, **self.targets}


def retrain(session: Session, cause: str = "schedule") -> RetrainResult:
    """Train the base again if its source has new batches, then adapt every target; the gate guards each step.

    One target that cannot be adapted (no labels yet, say) does not keep the others from it, and neither does one that
    fails; what failed is told when all others are done.

    Args:
        session: The workspace at work.
        cause: Who or what asked for it: schedule or manual.

    Raises:
        LeptonError: If the base or a target failed for another reason than `NOT_NOW`, after everything else was done.
    """
    failures: dict[str, Exception] = {}
    part = session.runtime.part

    def outcome(of: str, work: Callable[[], str]) -> str:
        """Do a part and return what became of it, whatever that is."""
        try:
            return work()
        except NOT_NOW as error:
            return f"not adapted: {error.what}"
        except Exception as error:
            failures[of] = error
            return f"failed: {in_a_line(error)}"

    def adapted(target: str) -> str:
        return part(transfer, session, target, cause=cause).outcome

    base = "unchanged"
    if source_has_grown(session):
        base = outcome(session.ws.source, lambda: part(pretrain, session, cause=cause).outcome)
    targets = {target: outcome(target, partial(adapted, target)) for target in session.ws.targets()}
    if failures:
        raise _failed(failures, RetrainResult(base, targets)) from next(iter(failures.values()))
    return RetrainResult(base, targets)


def source_has_grown(session: Session) -> bool:
    """Return whether the source holds sound batches that the serving base was not trained on, or no base is sound."""
    from lepton.data.store import batches
    from lepton.registry.eligibility import recalled

    base = session.find_champion(session.ws.source)
    if base is None or base.key in recalled(session.ledger):
        return True
    seen = set(session.lineage(base).data["train"].batches) | set(recalled_batches(session, session.ws.source))
    return not set(batches(session.ws, session.ws.source)) <= seen


def _failed(failures: Mapping[str, Exception], done: RetrainResult) -> LeptonError:
    """Return what failed, beside what became of the others."""
    fixes = [step for error in failures.values() for step in getattr(error, "fix", ())]
    return LeptonError(
        f"{' and '.join(failures)} could not be retrained; everything else was done.",
        why=str(done),
        fix=list(dict.fromkeys([*fixes, "lepton doctor"])),
    )
