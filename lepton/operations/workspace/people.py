"""The front door's verbs by which a person decides: which version serves, and which must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lepton.operations.workspace.base import Base

if TYPE_CHECKING:
    from lepton.operations.promotion import PromotionResult, RejectionResult
    from lepton.operations.recall import LiftResult, RecallResult


class People(Base):
    """A person's word; each goes on record with the name and the reason."""

    def promote(self, domain: str, version: str | int, *, why: str, dry_run: bool = False) -> PromotionResult:
        """Let a version serve a target because you say so; the reason goes on record."""
        from lepton.operations.promotion import promote_by_hand

        return self._here(promote_by_hand, domain, str(version), why, dry_run)

    def approve(
        self, domain: str, version: str | int | None = None, *, why: str = "approved", dry_run: bool = False
    ) -> PromotionResult:
        """Say yes to the version that passed the gate and waits for a person."""
        from lepton.operations.promotion import approve_proposal

        return self._here(approve_proposal, domain, _text(version), why, dry_run)

    def reject(
        self, domain: str, version: str | int | None = None, *, why: str, dry_run: bool = False
    ) -> RejectionResult:
        """Say no to the version that waits for a person, or to any other that does not serve."""
        from lepton.operations.promotion import reject_version

        return self._here(reject_version, domain, _text(version), why, dry_run)

    def rollback(
        self, domain: str, *, to: str | int | None = None, why: str = "rolled back by hand", dry_run: bool = False
    ) -> PromotionResult:
        """Give a target its previous champion back; those that were recalled since are passed over."""
        from lepton.operations.promotion import roll_back

        return self._here(roll_back, domain, _text(to), why, dry_run)

    def recall(
        self,
        model: str | None = None,
        *,
        why: str,
        batch: str | None = None,
        lift: bool = False,
        dry_run: bool = False,
    ) -> RecallResult | LiftResult:
        """Mark a model, or a batch, as poisoned, with what came of it; what serves it is moved back.

        Args:
            model: DOMAIN, DOMAIN@2, or a model's full name.
            why: Recorded in the ledger with your name.
            batch: DOMAIN/BATCH, in place of a model.
            lift: Take the recall back; promotes nothing.
            dry_run: Say what would be marked and moved.
        """
        from lepton.operations.recall import lift_recall, recall_subject

        if lift:
            return self._here(lift_recall, model, batch, why, dry_run)
        return self._here(recall_subject, model, batch, why, dry_run)


def _text(version: str | int | None) -> str | None:
    return None if version is None else str(version)
