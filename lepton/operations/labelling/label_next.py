"""Label next: the stored rows whose labels would decide most, as a sheet to fill in; and how many until a verdict.

Which rows could decide is a question of what is judged how (see `docs/architecture.md`, "How one transfer runs"):

- Where few labels are held out, all testify by cross-fitting, so rows of every split are drawn. Once held-out rows are
  enough for a test of their own, they alone decide, so only rows of the test split are drawn: a fifth of the labels do
  the same. That does not bias them: the split is a hash of the id, which knows nothing of the row.
- Of these rows each has the same chance, spread over what the models answer; `lepton.transfer.picking` says why none is
  taken more often for being doubtful. So gate, monitor and calibration may read the labels as those of any rows.
"""

from __future__ import annotations

import shlex
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lepton.core.decisions.gate import CHAMPION, Verdict
from lepton.core.decisions.outlook import Outlook, from_answers, from_labels, unknown
from lepton.core.decisions.pair_statistics import Z, rows_needed
from lepton.core.errors import LeptonError, NotFound, NothingToLearn, UsageError
from lepton.core.ledger.rows import Move, Refused
from lepton.core.splits import split, split_of, unit
from lepton.core.work.files import atomic_write
from lepton.operations.labelling.result import LabelNext
from lepton.operations.regime import current_regime, recalled_batches
from lepton.operations.session import Serving, Session

if TYPE_CHECKING:
    from lepton.core.refs import ModelRef
    from lepton.core.table import Table

MOST = 10_000
"""Rows that are looked at: of more, so many are drawn by a hash of their ids before a model answers them."""


def label_next(session: Session, domain: str, n: int = 20, out: Path | None = None, dry_run: bool = False) -> LabelNext:
    """Write the rows to label next into a sheet that `ingest --labels` takes as it is.

    Args:
        session: The workspace at work.
        domain: The target.
        n: Rows to label.
        out: The sheet; by default a new file below `reports/labels/`.
        dry_run: Say what would be written.

    Raises:
        UsageError: If fewer than one row is asked for.
        NotFound: If the domain is not known, there is no model yet, or no row is left without a label.
        LeptonError: If the file cannot be written, or it is there already and holds something else.
    """
    if n < 1:
        raise UsageError(f"{n} rows cannot be labelled.", fix=[f"lepton label-next {domain} --n 20"])
    return _LabelNext(session, domain, n).into(out, dry_run)


class _LabelNext:
    """The choice at work: rows, models and verdict are looked up once.

    Args:
        session: The workspace at work.
        domain: The target.
        n: Rows to label.
    """

    def __init__(self, session: Session, domain: str, n: int) -> None:
        self.session, self.domain, self.n = session, domain, n
        self.pair = session.ws.pair(domain)

    @cached_property
    def serving(self) -> Serving:
        """What answers for the domain, else the base, which would be adapted."""
        try:
            return self.session.serving_of(self.domain)
        except NotFound:
            return Serving(self.session.sound_base(), provisional=True)

    @cached_property
    def refused(self) -> Refused | None:
        """What the gate refused last, unless another model was let serve since, or it must not serve any more."""
        from lepton.registry.projection import CHALLENGER, wanted

        ledger, pair = self.session.ledger, self.pair.name
        last, moved = ledger.last_row(pair, Refused), ledger.last_row(pair, Move)
        if last is None or (moved is not None and moved.seq > last.seq):
            return None
        return last.row if wanted(ledger, pair)[CHALLENGER] == last.row.model else None

    @cached_property
    def verdict(self) -> Verdict | None:
        """Why it was refused."""
        return Verdict.from_json(self.refused.gate) if self.refused is not None and self.refused.gate else None

    @cached_property
    def margin(self) -> float:
        """Loss of accuracy that must be ruled out."""
        return self.session.ws.config.transfer_for(self.domain).margin

    @cached_property
    def stored(self) -> Table:
        """The rows that show the domain as it is now; where all of these have a label, those that came since."""
        from lepton.data.store import batches
        from lepton.data.versions import data_ref

        session, ws = self.session, self.session.ws
        known = batches(ws, self.domain)
        if not known:
            raise NothingToLearn(f"Domain {self.domain!r} has no data yet.", fix=[f"lepton ingest {self.domain} FILE"])
        poisoned = recalled_batches(session, self.domain)
        now = current_regime(session, self.pair, session.find_champion(self.pair.name)).batches
        since = [one for one in known if one not in poisoned and one not in now]
        for chosen in (now, since):
            if chosen and not (found := session.rows(data_ref(ws, self.domain, chosen))).known().all():
                return found
        raise NotFound(
            f"No row of {self.domain!r} is left to be labelled.",
            why=f"Each row of {', '.join((*now, *since)[-8:])} has a label, or its batch is recalled.",
            fix=[f"lepton ingest {self.domain} FILE  (further rows)", f"lepton transfer {self.domain}"],
        )

    @cached_property
    def held_out_decide(self) -> bool:
        """Whether only held-out rows could decide, and there are some."""
        found = self.verdict
        if found is None or not found.comparisons or found.cross_fitted or found.rows < rows_needed(self.margin):
            return False
        return bool(((split_of(self.stored.ids) == "test") & ~self.stored.known()).any())

    @cached_property
    def open(self) -> Table:
        """The rows that may be drawn."""
        rows = self.stored.take(~self.stored.known())
        return split(rows, "test") if self.held_out_decide else rows

    def into(self, out: Path | None, dry_run: bool) -> LabelNext:
        """Draw the rows, write the sheet unless it is a dry run, and say what its labels are good for."""
        from lepton.contract.file import load_contract
        from lepton.data.sheets import free_path, sheet
        from lepton.transfer.picking import pick_rows_to_label

        ws, serving = self.session.ws, self.serving
        places = np.array([unit(f"label-next:{ws.config.seed}:{one}") for one in self.open.ids])
        rows = self.open.take(np.argsort(places, kind="stable")[: max(MOST, self.n)])
        model = self.session.load(serving.ref).model
        chances = model.predict_proba(rows)
        differ = None
        if self.refused is not None:
            differ = chances.argmax(axis=1) != self._answers(self.refused.model, rows, model.classes)
        picks = pick_rows_to_label(list(rows.ids), chances, model.embed(rows), differ, self.n, ws.config.seed)
        drawn = rows.take(picks.rows)
        contract = load_contract(ws, self.domain)
        content, marked = sheet(drawn, contract.id, contract.label)
        path = out or free_path(ws, self.domain, content)
        _write(path, content, dry_run)
        counts = np.bincount(picks.classes[picks.rows], minlength=len(model.classes))
        return LabelNext(
            domain=self.domain,
            file=path,
            ids=tuple(drawn.ids),
            unlabelled=len(self.open),
            labelled=int(self.stored.known().sum()),
            held_out=self.held_out_decide,
            model=serving.ref.label,
            provisional=serving.provisional,
            challenger=self.refused.model.label if self.refused is not None else None,
            differing=None if differ is None else int(differ[picks.rows].sum()),
            share=None if differ is None else float(differ.mean()),
            classes={name: int(count) for name, count in zip(model.classes, counts, strict=True) if count},
            clusters=len(np.unique(picks.clusters[picks.rows])),
            marked=marked,
            outlook=self._outlook(None if differ is None else float(differ.mean())),
            dry_run=dry_run,
        )

    def _answers(self, ref: ModelRef, rows: Table, classes: tuple[str, ...]) -> NDArray[np.int64]:
        """Return (n,) the classes that another version answers, as positions in `classes`; -1 for one of its own."""
        other = self.session.load(ref).model
        place = np.array([classes.index(one) if one in classes else -1 for one in other.classes], dtype=np.int64)
        found: NDArray[np.int64] = place[other.predict_proba(rows).argmax(axis=1)]
        return found

    def _outlook(self, share: float | None) -> Outlook:
        """Return how many labels until a verdict; see `lepton.core.decisions.outlook`."""
        from lepton.transfer import crossfit

        if share is None:
            return unknown("no challenger waits for a verdict; a transfer tries some")
        if (verdict := self.verdict) is not None:
            # A champion that learnt from the rows is flattered by cross-fitting: how it did there says nothing of it.
            told = [one for one in verdict.comparisons if not (verdict.cross_fitted and one.against == CHAMPION)]
            if any(not one.passed for one in told) or (told and not verdict.undecided):
                return from_labels(told, self.margin, crossfit.Z if verdict.cross_fitted else Z)
        labelled = int(self.stored.known().sum())
        return from_answers(share, self.margin, crossfit.Z, least=crossfit.FEWEST, labelled=labelled)


def _write(path: Path, content: str, dry_run: bool) -> None:
    """Write a sheet, whole or not at all, and never over anything else; of a dry run, only look.

    Raises:
        LeptonError: If it cannot be written, or is there already with another content: labels may stand in it.
    """
    try:
        if path.exists() and path.read_bytes() != content.encode():
            raise LeptonError(
                f"{path} is there already; nothing was written.",
                why="Somebody may have begun to fill it in.",
                fix=["name another file: --out FILE", f"mv {shlex.quote(str(path))} {shlex.quote(f'{path}.old')}"],
            )
        if not dry_run:
            atomic_write(path, content)
    except OSError as error:
        raise LeptonError(f"{path} cannot be written.", why=str(error), fix=["--out FILE"]) from None
