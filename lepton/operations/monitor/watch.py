"""One target as the monitor sees it: its champion and reference, loaded once for all windows that wait."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.decisions.history import History, history_of
from lepton.core.decisions.memory import Decision, Policy, State
from lepton.core.decisions.observation import Observation
from lepton.core.decisions.testimony import Answers, testified
from lepton.core.decisions.windows import Arrived, group
from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger.rows import Ingested
from lepton.core.work.faults import reached
from lepton.core.work.lease import running_transfer
from lepton.operations.monitor.judgement import Judgement, Memory, judge
from lepton.operations.monitor.predecessors import Earlier
from lepton.operations.regime import refusals_in_a_row
from lepton.operations.session import Loaded, Session

MOST_ROWS = 20_000
"""Rows of a window, and of a reference, that are answered by the champion; larger ones are read as a stream."""

if TYPE_CHECKING:
    from lepton.core.table import Table
    from lepton.data.sampling import Sampled
    from lepton.monitoring.baseline import Baseline
    from lepton.monitoring.window import Extent, Rows, Window


class Watch:
    """What the monitor needs of one target, for as long as its champion serves.

    Champion, reference and what is learnt from them are made at the first window that needs them. What the ledger
    knows is read on before every window: somebody else may judge, label or promote meanwhile.

    Args:
        session: The workspace at work.
        domain: A target.

    Raises:
        NotFound: If nothing serves it yet.
    """

    def __init__(self, session: Session, domain: str) -> None:
        self.session, self.domain = session, domain
        self.pair = session.ws.pair(domain).name
        self.config = session.ws.config.monitor_for(domain)
        self.ref = session.champion_of(domain)
        self._history, self._earlier = History(), Earlier(self)

    @property
    def history(self) -> History:
        """What the ledger says of the pair's windows now."""
        self._history = history_of(self.session.ledger, self.pair, self._history)
        return self._history

    def pretend(self, found: Judgement) -> None:
        """Let what comes next be judged as if this were on record, for as long as this watch lasts."""
        self._history = self.history.followed_by(found.observation, found.decision)

    @property
    def is_current(self) -> bool:
        """Whether the champion still serves."""
        return self.session.champion_of(self.domain) == self.ref

    @cached_property
    def champion(self) -> Loaded:
        """The champion with its weights."""
        return self.session.load(self.ref)

    @cached_property
    def reference(self) -> tuple[str, ...]:
        """The batches that the champion was adapted to."""
        return tuple(self.session.lineage(self.ref).data["train"].batches)

    @cached_property
    def baseline(self) -> Baseline:
        """The champion, its answers to the reference, and what an alarm is.

        Raises:
            LeptonError: If the rows of the reference are not all there.
        """
        import numpy as np

        from lepton.data.sampling import sample
        from lepton.monitoring.answers import answer
        from lepton.monitoring.baseline import Baseline

        ws, model = self.session.ws, self.champion.model
        try:
            table = sample(ws, self.domain, self.reference, MOST_ROWS, ws.config.seed).table
        except NotFound as error:
            raise LeptonError(
                f"The rows that {self.ref.label} was adapted to are not all there, to be compared with.",
                why=str(error),
                fix=[
                    "lepton data checkout  (brings back lost files)",
                    f"lepton transfer {self.domain}  (adapts to what is there)",
                ],
            ) from None
        fitted = set(self.champion.rows["train"])
        marked = np.array([row_id in fitted for row_id in table.ids], dtype=bool)
        return Baseline(
            pair=self.pair,
            champion=self.ref.label,
            reference=answer(model, table, marked),
            config=self.config,
            answer=partial(answer, model),
            seed=ws.config.seed,
            cache=ws.cache_dir / "calibration",
        )

    @cached_property
    def waiting(self) -> dict[str, tuple[str, ...]]:
        """The windows that are complete and not judged yet, by name, each with its batches, as of the first look.

        What arrives later makes further windows, and changes none of these.
        """
        from lepton.data.store import batches as delivered
        from lepton.data.store import counts

        ws, known = self.session.ws, delivered(self.session.ws, self.domain)
        later = known[max((known.index(batch) for batch in self.reference if batch in known), default=-1) + 1 :]
        judged = self.history.judged_by(self.ref.label)
        left = [batch for batch in later if batch not in judged]
        if self.config.window_rows is None and self.config.window_hours is None:
            return {batch: (batch,) for batch in left}
        now, times = datetime.now(UTC), self.delivered_at()
        arrived = [Arrived(batch, counts(ws, self.domain, [batch])[0], times.get(batch, now)) for batch in left]
        return group(arrived, self.config.window_rows, self.config.window_hours, now)

    def is_new(self, window: str, history: History) -> bool:
        """Return whether a window waits, and nobody has judged a part of it meanwhile."""
        return window in self.waiting and history.judged_by(self.ref.label).isdisjoint(self.waiting[window])

    def batches_of(self, window: str) -> tuple[str, ...]:
        """Return what a window is joined from."""
        return self.waiting.get(window, (window,))

    def rows_of(self, window: str) -> int:
        """Return how many rows a window has, without reading them; files that cannot be read count as none."""
        from lepton.data import batchfile
        from lepton.data.store import batch_files

        files, rows = batch_files(self.session.ws, self.domain), 0
        for batch in self.batches_of(window):
            with suppress(LeptonError, OSError, KeyError):  # said when the window is judged
                rows += batchfile.count(files[batch])
        return rows

    def names(self, window: str | None = None) -> list[str]:
        """Return the windows to judge: those that wait, or the one that is asked for, whether it is new or not.

        Raises:
            NotFound: If one window is asked for and it does not exist.
        """
        from lepton.data.store import batches as delivered

        if window is None:
            return list(self.waiting)
        known = delivered(self.session.ws, self.domain)
        if window not in known:
            raise NotFound(
                f"Domain {self.domain!r} has no batch {window!r}.",
                why=f"Its last batches: {', '.join(known[-8:]) or 'none'}.",
                fix=[f"lepton ingest {self.domain} FILE --name {window}"],
            )
        return [window]

    def delivered_at(self) -> dict[str, datetime]:
        """Return when each batch of the target was taken in."""
        return {entry.row.batch: entry.at for entry in self.session.ledger.rows(self.pair, Ingested)}

    def window(self, batches: Sequence[str], time: datetime) -> Window:
        """Return stored batches as a window that ended at `time`; its rows are read when it is judged."""
        from lepton.monitoring.window import Window

        return Window(batches[0], time, partial(self._read, batches), tuple(batches) if len(batches) > 1 else ())

    def judge(
        self, window: Window, history: History, state: State | None = None, report: Path | None = None
    ) -> Judgement:
        """Judge a window as of now. Nothing is recorded or told.

        A window that is not new (judged before, or older than the champion) is looked at, but decides nothing. What a
        killed monitor saw and did not decide about is decided about now, and not looked at again.

        Args:
            window: See `window`.
            history: As it was before the window is looked at.
            state: What the controller remembers; by default what the history says.
            report: Where to write the window's report; None writes none.
        """
        before = history.state if state is None else state
        _ = self.champion  # a window is neither looked at nor decided about by a champion that cannot be loaded
        reached("monitor.loaded")
        known = replace(history, state=before)
        found = judge(
            lambda: history.undecided(window.name, self.ref.label) or self.look(window, known, report),
            lambda: self.recall(before),
            self.policy,
        )
        if self.is_new(window.name, history):
            return found
        shown = Decision("none", f"{window.name} is no new window; shown, not recorded", before)
        return replace(found, decision=shown)

    @cached_property
    def policy(self) -> Policy:
        """The controller's policy that the configuration asks for."""
        from lepton.monitoring.baseline import policy_of

        return policy_of(self.config)

    def look(self, window: Window, history: History, report: Path | None) -> Observation:
        """Return what is seen of a window."""
        from lepton.monitoring.past import Past

        past = Past.of(history.before(window.name, self.ref.label), self.ref.label)
        window = replace(window, read=cache(window.read))
        seen = self.baseline.observe(window, report, past).observation
        if seen.verdict != "judged":
            return seen
        seen = self._earlier.compare(seen, window.read().table, history)
        if seen.realised_accuracy is None:
            return seen
        return testified(seen, Answers(round(seen.realised_accuracy * seen.labelled), seen.labelled), self.usual)

    def stored(self, window: Sequence[str]) -> Table | None:
        """Return the rows of some batches, or a sample of them; None where one is gone."""
        from lepton.data.store import batches

        known = set(batches(self.session.ws, self.domain))
        return self._read(window).table if known.issuperset(window) else None

    @cached_property
    def usual(self) -> Answers:
        """How often the champion is right on the rows of the reference that it was not fitted to."""
        from lepton.monitoring.answers import correct

        right = correct(self.baseline.reference)[self.baseline.reference.held_out()]
        return Answers(int(right.sum()), len(right))

    def recall(self, state: State) -> Memory:
        """Return what is known of the pair now."""
        reached("monitor.judged")
        ledger = self.session.ledger
        running = running_transfer(ledger, self.pair, datetime.now(UTC))
        return Memory(state, running, refusals_in_a_row(ledger, self.pair))

    def _read(self, batches: Sequence[str]) -> Rows:
        from lepton.data.sampling import sample
        from lepton.monitoring.window import Rows

        ws = self.session.ws
        found = sample(ws, self.domain, batches, MOST_ROWS, ws.config.seed)
        return Rows(found.table, None if found.whole else self._extent(found))

    def _extent(self, window: Sampled) -> Extent:
        """Return what is known of all rows of a window, beside the same of the reference."""
        from lepton.data.sampling import moments
        from lepton.monitoring.window import Extent, Moved

        usual = moments(self.session.ws, self.domain, self.reference, self.session.ws.cache_dir / "moments")
        moved = {
            name: Moved(
                mean=(usual[name].mean, now.mean),
                missing=(usual[name].missing / usual[name].rows, now.missing / now.rows),
                infinite=(usual[name].infinite / usual[name].rows, now.infinite / now.rows),
            )
            for name, now in window.moments.items()
            if name in usual
        }
        return Extent(window.rows, window.digest, moved)

    def release(self) -> None:
        """Let go of the champion, so that the next target has the memory."""
        self.session.release(self.ref)
