"""A workspace at work: its ledger, whoever orchestrates, and what was loaded, each model and each set of rows once.

A session lives as long as one piece of work. Registered versions and the rows behind a reference never change, so what
was loaded holds to its end; the ledger is asked anew each time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound, NothingToLearn
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Registered
from lepton.core.refs import DataRef, ModelRef
from lepton.core.work import Progress
from lepton.operations.plugins import require
from lepton.operations.runtime import InProcess, Runtime

if TYPE_CHECKING:
    from lepton.core.table import Table
    from lepton.models.model import Model
    from lepton.registry.lineage.record import Lineage

ROWS = "rows.json"
"""Beside the weights: the ids of the rows by use. Those of the reference are all of its batches, and not in it."""


@dataclass(frozen=True)
class Loaded:
    """A registered version with its weights in memory."""

    ref: ModelRef
    model: Model
    folder: Path

    @cached_property
    def rows(self) -> dict[str, list[str]]:
        """The ids that it was fitted to and judged on, by use; none for a model without the record."""
        return rows_of(self.folder)


@dataclass(frozen=True)
class Serving:
    """What answers for a target."""

    ref: ModelRef
    provisional: bool = False
    """Whether it is the un-adapted base, which nobody verified on this domain, until something is promoted."""

    @property
    def name(self) -> str:
        """`v3`, or `base-v1`: what its predictions are filed under."""
        return f"{'base-' if self.provisional else ''}v{self.ref.version}"


class Session:
    """What every verb works with.

    Args:
        ws: The workspace.
        runtime: Whoever orchestrates; by default nobody does, and the work is plain calls in this process.
    """

    def __init__(self, ws: Workspace, runtime: Runtime | None = None) -> None:
        self.ws = ws
        self.runtime: Runtime = runtime or InProcess()
        self.ledger = Ledger(ws.ledger_url)
        self._models: dict[ModelRef, Loaded] = {}
        self._records: dict[ModelRef, Lineage] = {}
        self._rows: dict[str, Table] = {}

    @property
    def actor(self) -> str:
        """Who acts, as the ledger records it."""
        return self.runtime.actor

    @property
    def progress(self) -> Progress:
        """Where long work reports to."""
        return self.runtime.progress

    def find_champion(self, pair: str) -> ModelRef | None:
        """Return the serving version of a pair, or of the source, from the ledger."""
        from lepton.registry.champions import champion

        serving = champion(self.ledger, pair)
        return serving.ref if serving else None

    def serving_of(self, domain: str) -> Serving:
        """Return what answers for a target: its champion, or provisionally the base, without loading it.

        Raises:
            NotFound: If nothing was promoted for it yet and no base stands in, or the one that did is recalled.
        """
        from lepton.registry.champions import stand_in
        from lepton.registry.eligibility import recalled

        base = stand_in(self.ledger, self.ws.pair(domain).name)
        wanted = self.ws.config.transfer_for(domain).provisional
        if base is not None and wanted and base.key not in recalled(self.ledger):
            return Serving(base, provisional=True)
        return Serving(self.champion_of(domain))

    def serving_in(self, domain: str) -> Serving:
        """Return what serves a target, provisionally too, or the source, without loading it.

        Raises:
            NotFound: If nothing does yet, or there is no such domain.
        """
        return Serving(self.sound_base()) if domain == self.ws.source else self.serving_of(domain)

    def champion_of(self, domain: str) -> ModelRef:
        """Return the reference of a target's champion without loading it.

        Raises:
            NotFound: If nothing was promoted for it yet.
        """
        found = self.find_champion(self.ws.pair(domain).name)
        if found is None:
            raise NotFound(
                f"No model serves {domain!r} yet.",
                why="A champion is made by adapting the base model to the domain.",
                fix=[f"lepton transfer {domain}"],
            )
        return found

    def sound_base(self) -> ModelRef:
        """Return the base model that serves the source; what is recalled is no start for anything.

        Raises:
            NotFound: If none was trained yet.
            LeptonError: If it is recalled.
        """
        from lepton.registry.eligibility import recalled

        found = self.find_champion(self.ws.source)
        if found is None:
            raise NothingToLearn(
                "There is no base model yet.", why="It is trained on the source.", fix=["lepton pretrain"]
            )
        why = recalled(self.ledger).get(found.key)
        if why is not None:
            raise LeptonError(
                f"The base {found.label} is recalled, so nothing can be adapted from it.",
                why=why,
                fix=[
                    "lepton pretrain  (trains another one)",
                    f"lepton rollback {self.ws.source}  (to the base before)",
                ],
            )
        return found

    def load(self, ref: ModelRef) -> Loaded:
        """Fetch a version, verify its files and load it; only once."""
        from lepton.models.format import load
        from lepton.registry.models import fetch

        if ref not in self._models:
            found, folder = fetch(self.ws, ref.name, ref.version, expect=ref.digest)
            try:
                self._models[ref] = Loaded(found, load(folder), folder)
            except LeptonError:
                require(found, self.lineage(found), "loaded", to_answer=True)  # says it better, if that is it
                raise
        return self._models[ref]

    def release(self, ref: ModelRef) -> None:
        """Let go of a version that was loaded to be looked at and is not needed any more."""
        self._models.pop(ref, None)

    def load_champion(self, domain: str) -> Loaded:
        """Return the champion of a target, as the ledger names it.

        Raises:
            NotFound: If nothing was promoted for it yet.
        """
        return self.load(self.champion_of(domain))

    def lineage(self, ref: ModelRef) -> Lineage:
        """Return the record of a registered version, from the ledger; only once.

        Raises:
            NotFound: If the ledger has no such registration.
        """
        from lepton.registry.lineage.record import Lineage

        if ref in self._records:
            return self._records[ref]
        for entry in reversed(self.ledger.rows(ref.name.removeprefix("lepton-"), Registered)):
            if entry.row.model.version == ref.version:
                self._records[ref] = Lineage.from_json(entry.row.lineage)
                return self._records[ref]
        raise NotFound(f"The ledger has no registration of {ref.label}.", fix=["lepton doctor"])

    def rows(self, data: DataRef) -> Table:
        """Return the rows that a reference names, whatever came to the data folder since; read only once."""
        from lepton.data.resolve import load_seen

        if data.digest not in self._rows:
            self._rows[data.digest] = load_seen(self.ws, data)
        return self._rows[data.digest]


def rows_of(folder: Path) -> dict[str, list[str]]:
    """Return the ids that a model was fitted to and judged on, by use; none for a model without the record."""
    path = folder / ROWS
    return json.loads(path.read_text()) if path.exists() else {"train": [], "held_out": []}
