"""What the monitor saw and decided of a pair, window by window: told from the ledger's rows, in one place.

The ledger only grows, so a history is read on from where it ended; each row is taken apart once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from lepton.core.decisions.memory import Decision, State
from lepton.core.decisions.observation import Observation
from lepton.core.ledger import Action, Entry, Ledger
from lepton.core.ledger.rows import Decided, Measured, Observed, actions_of

ROWS: tuple[Action, ...] = actions_of(Observed, Decided, Measured)
"""The rows of the ledger that a history is told from."""
Key = tuple[str, str]
"""Window, champion: a window is judged once against each champion that it waits for."""


@dataclass(frozen=True)
class WindowRecord:
    """One window against one champion."""

    observation: Observation
    """With the labels that came since."""
    decision: Decision | None = None
    """What was decided about it; None where a monitor was stopped before."""
    row: int = 0
    """The last ledger row that says something of it since it was decided about; 0 before that."""
    unheard: bool = False
    """Whether labels that came since were measured, and nothing decided on them: the monitor was stopped between."""


@dataclass(frozen=True)
class History:
    """All windows of a pair that were looked at; see `history_of`."""

    records: Mapping[Key, WindowRecord] = field(default_factory=dict)
    """In the order of first sight."""
    judged: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Champion -> the batches that a decision was made about."""
    seen: Observation | None = None
    """The last window that was looked at, as it was then."""
    latest: tuple[Observation, Decision] | None = None
    """The last decision and what it was made on; None before the first."""
    observed_row: int = 0
    """Number of the last row `observed`; 0 for none."""
    decided_row: int = 0
    """Number of the last row `decided`; 0 for none."""
    last_row: int = 0
    """Number of the last row that was read; 0 for none."""

    state: State = field(default_factory=State)
    """What the controller remembers since the last decision."""

    def after(self, rows: Sequence[Entry]) -> History:
        """Return the history with the rows that came since, in the order of the ledger."""
        records, judged = dict(self.records), dict(self.judged)
        found = self
        for entry in rows:
            row = entry.row
            if isinstance(row, Observed):
                key = (row.seen.window, row.seen.champion)
                before = records.get(key)
                records[key] = replace(before, observation=row.seen) if before else WindowRecord(row.seen)
                found = replace(found, seen=row.seen, observed_row=entry.seq)
            elif isinstance(row, Decided):
                champion = row.decision.state.champion
                if row.cause == "measured":
                    found = found._reconsidered(records, entry.seq, row)
                    continue
                judged[champion] = judged.get(champion, frozenset()) | frozenset(row.batches or (row.window,))
                # The observation that it was made on stands before it.
                of = next((key for key in reversed(records) if key[0] == row.window), None)
                if of is not None:
                    records[of] = replace(records[of], decision=row.decision, row=entry.seq)
                latest = (found.seen, row.decision) if found.seen else found.latest
                found = replace(found, latest=latest, state=row.decision.state, decided_row=entry.seq)
            elif isinstance(row, Measured) and (row.window, row.champion) in records:
                known = records[row.window, row.champion]
                labelled = row.added_to(known.observation)
                records[row.window, row.champion] = replace(
                    known,
                    observation=labelled,
                    row=entry.seq if known.decision else 0,
                    unheard=known.decision is not None and bool(row.tested),
                )
        return replace(found, records=records, judged=judged, last_row=rows[-1].seq if rows else self.last_row)

    def _reconsidered(self, records: dict[Key, WindowRecord], seq: int, row: Decided) -> History:
        """Return the history after a decision on labels that came late, about a window that is in `records`."""
        key, decision = (row.window, row.decision.state.champion), row.decision
        known = records.get(key)
        latest = self.latest
        if known is not None:
            # A window keeps what was done about it as it came, unless the labels changed that.
            stands = known.decision if decision.action == "none" else decision
            records[key] = replace(known, decision=stands, row=seq, unheard=False)
            latest = (known.observation, decision)
        return replace(self, latest=latest, state=decision.state, decided_row=seq)

    def followed_by(self, seen: Observation, decision: Decision) -> History:
        """Return the history as if a window had been judged next, which nobody puts on record."""
        records = dict(self.records)
        records[seen.window, seen.champion] = WindowRecord(seen, decision)
        return replace(self, records=records, seen=seen, latest=(seen, decision), state=decision.state)

    def before_any(self, windows: Collection[str], champion: str) -> History:
        """Return what was known before any of these windows was judged with one champion, of a pair at rest."""
        places = [k for k, (window, by) in enumerate(self.records) if by == champion and window in windows]
        kept = dict(islice(self.records.items(), min(places, default=len(self.records))))
        return replace(self, records=kept, seen=None, latest=None, state=State())

    def newest(self, champion: str, apart_from: str) -> Observation | None:
        """Return the last window that came and was judged with one champion, whatever labels came of older ones."""
        seen = (record.observation for record in reversed(list(self.of_champion(champion))))
        return next((one for one in seen if one.window != apart_from and one.verdict == "judged"), None)

    def judged_by(self, champion: str) -> frozenset[str]:
        """Return the batches that a decision was made about with one champion."""
        return self.judged.get(champion, frozenset())

    def of_champion(self, champion: str) -> Iterator[WindowRecord]:
        """Yield the windows that were looked at with one champion."""
        return (record for (_, by), record in self.records.items() if by == champion)

    def before(self, window: str, champion: str) -> Iterator[Observation]:
        """Yield what was seen, with whatever champion, before this window was looked at with this one."""
        for key, record in self.records.items():
            if key == (window, champion):
                return
            yield record.observation

    def undecided(self, window: str, champion: str) -> Observation | None:
        """Return what a killed monitor saw of a window and had no time to decide about."""
        if self.seen is None or self.observed_row < self.decided_row:
            return None
        return self.seen if (self.seen.window, self.seen.champion) == (window, champion) else None


def history_of(ledger: Ledger, pair: str, known: History | None = None) -> History:
    """Return the history of a pair.

    Args:
        ledger: The ledger.
        pair: Name of the pair.
        known: What was read of it before: only the rows that came since are read.
    """
    known = known or History()
    return known.after(ledger.entries(pair, ROWS, after=known.last_row))
