"""Windows that came earlier, which the next one is held against beside the champion's reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from lepton.core.decisions.history import History
from lepton.core.decisions.observation import Observation

if TYPE_CHECKING:
    from lepton.core.config.settings import MonitorConfig
    from lepton.core.refs import ModelRef
    from lepton.core.table import Table
    from lepton.monitoring.baseline import Baseline
    from lepton.operations.session import Loaded


class Watching(Protocol):
    """What is asked of a watch here."""

    config: MonitorConfig
    """Of the target."""
    ref: ModelRef
    """What serves."""

    @property
    def champion(self) -> Loaded:
        """The same, loaded."""

    @property
    def baseline(self) -> Baseline:
        """What its windows are compared with."""

    def stored(self, window: Sequence[str]) -> Table | None:
        """Return rows that are stored; None if they are gone."""


class Earlier:
    """What one watch remembers of windows: the rows of the last one, and of the last that was found harmless.

    Rows that it has not seen are read from where they are stored; those of a replay are stored nowhere.
    """

    def __init__(self, watch: Watching) -> None:
        self._watch = watch
        self._rows: dict[str, Table] = {}

    def compare(self, seen: Observation, here: Table, history: History) -> Observation:
        """Return a window with how far it is from earlier ones.

        It is held against the one before it while an alert is open, and always against the last one that was found
        harmless although it had drifted.

        Args:
            seen: The window, which was compared with the reference.
            here: Its rows, or a sample of them.
            history: As it was before.
        """
        from lepton.monitoring.answers import answer
        from lepton.monitoring.change import change

        watch, state = self._watch, history.state
        last = history.newest(watch.ref.label, seen.window) if state.alert_open else None
        before = last.window if last is not None else None
        accepted = state.accepted if state.champion == watch.ref.label and state.accepted != seen.window else None
        wanted = {name for name in (before, accepted) if name is not None}
        rows = {name: table for name in wanted if (table := self._rows_of(name, history)) is not None}
        self._rows = {**rows, seen.window: here}
        if not rows or len(here) < watch.config.min_rows:
            return seen
        model = watch.champion.model
        now = answer(model, here)
        far = {name: change(watch.baseline, answer(model, table), now) for name, table in rows.items()}
        return replace(seen, since_last=far.get(before or ""), since_accepted=far.get(accepted or ""))

    def _rows_of(self, window: str, history: History) -> Table | None:
        """Return the rows of an earlier window; None where they are few, or gone."""
        table = self._rows.get(window)
        if table is None:
            record = history.records.get((window, self._watch.ref.label))
            table = self._watch.stored((record.observation.batches if record else ()) or (window,))
        return table if table is not None and len(table) >= self._watch.config.min_rows else None
