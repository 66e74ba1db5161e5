"""The front door's questions to the record: what a version came of, what came of it, who served when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.operations.workspace.base import Base

if TYPE_CHECKING:
    from lepton.operations.audit import ExportResult, LedgerChecked
    from lepton.operations.lineage.comparison import ModelsCompared
    from lepton.operations.lineage.impact import ImpactResult
    from lepton.operations.lineage.lineage import LineageTree, ModelLineage
    from lepton.operations.lineage.page import LineagePage
    from lepton.operations.materials import Materials, RowsOfModel
    from lepton.registry.audit.history import Reign


class Records(Base):
    """What is on record: from the ledger alone, but for what is said to lie beside the weights."""

    def lineage(self, model: str) -> ModelLineage:
        """Return everything on record of a version: DOMAIN (its champion), DOMAIN@2, or a model's full name."""
        from lepton.operations.lineage.lineage import lineage

        return self._here(lineage, model)

    def tree(self, domain: str | None = None, *, limit: int = 0) -> LineageTree:
        """Return which version came of which; of many (`limit`) those that serve, wait or served come first."""
        from lepton.operations.lineage.lineage import descent

        return self._here(descent, domain, limit)

    def diff(self, a: str, b: str) -> ModelsCompared:
        """Return what two versions differ in, and nothing else: data, settings, code, seed, cause, metrics, gate."""
        from lepton.operations.lineage.comparison import compare_models

        return self._here(compare_models, a, b)

    def impact(self, *, batch: str | None = None, data: str | None = None, model: str | None = None) -> ImpactResult:
        """Return the versions that something has reached, and which of them served; `recall` marks them.

        Args:
            batch: DOMAIN/BATCH: the models that ever saw it.
            data: Digest of a data set, or its start.
            model: A version: all that descends from it.

        Raises:
            UsageError: If not exactly one of them is given.
        """
        from lepton.operations.lineage.impact import find_impact

        return self._here(find_impact, batch, data, model)

    def draw_lineage(
        self, domain: str | None = None, *, out: str | Path | None = None, limit: int = 500, dry_run: bool = False
    ) -> LineagePage:
        """Draw the lineage as one page that needs no network.

        Args:
            domain: Only this target's branch.
            out: The page's file; by default `reports/lineage.html`.
            limit: Versions on the page, those that serve, wait or served first; 0: all.
            dry_run: Say what would be drawn.
        """
        from lepton.operations.lineage.page import draw_page

        return self._here(draw_page, domain, _path(out), limit, dry_run)

    def rows_of(self, model: str) -> RowsOfModel:
        """Return the ids of the rows that a version was made with; they lie beside its weights."""
        from lepton.operations.materials import rows_of_model

        return self._here(rows_of_model, model)

    def materials(self, model: str) -> Materials:
        """Return what was installed when a version was made, with licences; the list lies beside its weights."""
        from lepton.operations.materials import materials

        return self._here(materials, model)

    def verify_ledger(self, *, head: str | None = None) -> LedgerChecked:
        """Walk the ledger's chain of hashes.

        Args:
            head: ROW:HASH that was noted earlier: it must still be in the chain.
        """
        from lepton.operations.audit import check_ledger

        return self._here(check_ledger, head)

    def served(self, domain: str, *, at: str | None = None) -> Reign:
        """Return what served a target (or the source) at a time, why, and on what evidence.

        Args:
            domain: A target, or the source for its base.
            at: ISO date or time, UTC unless it says otherwise; by default now.

        Raises:
            NotFound: If nothing did.
        """
        from lepton.operations.audit import find_served

        return self._here(find_served, domain, at)

    def reigns(self, domain: str) -> list[Reign]:
        """Return everything that ever served a target (or the source), oldest first."""
        from lepton.operations.audit import find_reigns

        return self._here(find_reigns, domain)

    def export_record(
        self,
        folder: str | Path = "audit",
        *,
        begin: str | None = None,
        end: str | None = None,
        formats: Sequence[str] = (),
        dry_run: bool = False,
    ) -> ExportResult:
        """Write the record as files for others; the JSON Lines can be verified by anybody.

        Args:
            folder: Made, or made anew if an earlier export lies there.
            begin: From this ISO date or time on.
            end: Before this time, or to the end of this date.
            formats: jsonl, openlineage, html; by default all.
            dry_run: Say how many rows it would be.
        """
        from lepton.operations.audit import export_record

        return self._here(export_record, Path(folder).expanduser(), begin, end, formats, dry_run)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given).expanduser()
