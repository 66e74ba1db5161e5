"""Labels that come after a window was judged: they rule. What they measure is put on record, then decided on.

The ledger is written first (`measured`, then `decided`), people hear after it. A monitor that is stopped between the
two finds measured labels that nothing was decided on; one stopped later leaves the telling to `tell_what_was_left`.

Labels of the very window for which a champion was replaced come after that, as a rule. They are measured with the
version that answered it, and on record; nothing is decided on them, for that version serves no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from lepton.core.decisions.controller import reconsider, replaced
from lepton.core.decisions.history import WindowRecord
from lepton.core.decisions.memory import State
from lepton.core.decisions.observation import Observation
from lepton.core.decisions.testimony import Answers, testified
from lepton.core.errors import LeptonError
from lepton.core.ledger.rows import Decided, Measured, Move
from lepton.core.refs import ModelRef
from lepton.core.work.faults import reached
from lepton.operations.events import drift_confirmed
from lepton.operations.monitor.alerts import send_alerts
from lepton.operations.monitor.judgement import Judgement
from lepton.operations.monitor.results import WindowJudged
from lepton.operations.monitor.watch import MOST_ROWS, Watch

if TYPE_CHECKING:
    from lepton.models.model import Model

BEFORE = 50
"""Windows of earlier champions that are looked at again: each costs a look at its labels in every round."""


def hear_labels(watch: Watch, dry_run: bool = False, state: State | None = None) -> list[WindowJudged]:
    """Judge every window again that got labels since it was judged; return what came of each.

    Args:
        watch: The target.
        dry_run: Record nothing and tell nobody.
        state: What the controller remembers; by default what the ledger says.
    """
    heard = list(_of_earlier_champions(watch, dry_run, state))
    for seen in list(_labelled(watch, dry_run)):
        heard.append(watch.session.runtime.step("hear labels", partial(_reconsider, watch, seen, dry_run, state)))
        state = heard[-1].decision.state if dry_run else None
    return heard


def _labelled(watch: Watch, dry_run: bool) -> Iterator[Observation]:
    """Yield the windows that labels say something new of, oldest first; what they say is on record by then."""
    from lepton.data.store import batches

    known = set(batches(watch.session.ws, watch.domain))
    for record in sorted(watch.history.of_champion(watch.ref.label), key=lambda one: one.observation.time):
        seen = _measured(watch, record, known, lambda: watch.champion.model, lambda: watch.usual)
        if seen is not None and _on_record(watch, seen, dry_run):
            yield seen
        elif record.unheard:
            yield record.observation


def _of_earlier_champions(watch: Watch, dry_run: bool, state: State | None) -> Iterator[WindowJudged]:
    """Yield what labels say of windows that champions of before answered, oldest first.

    A version that cannot be loaded any more measures nothing; the others are heard in any case.
    """
    from lepton.data.store import batches

    session, known = watch.session, set(batches(watch.session.ws, watch.domain))
    refs = {entry.row.model.label: entry.row.model for entry in session.ledger.rows(watch.pair, Move)}
    refs.pop(watch.ref.label, None)
    records = [one for one in watch.history.records.values() if one.observation.champion in refs]
    for record in sorted(records, key=lambda one: one.observation.time)[-BEFORE:]:
        ref = refs[record.observation.champion]
        try:
            # How it did on its own reference is taken from what the window was judged against.
            seen = _measured(watch, record, known, partial(_model, watch, ref), lambda: Answers(0, 0))
        except LeptonError as error:
            session.runtime.tell(f"labels of {record.observation.window}: {ref.label} answered it; {error.what}")
            continue
        if seen is not None and _on_record(watch, seen, dry_run):
            decision = replaced(watch.history.state if state is None else state, seen, watch.policy)
            yield WindowJudged(watch.domain, seen, decision, {"report": seen.report} if seen.report else {}, "measured")
    for ref in refs.values():
        session.release(ref)


def _model(watch: Watch, ref: ModelRef) -> Model:
    return watch.session.load(ref).model


def _on_record(watch: Watch, seen: Observation, dry_run: bool) -> bool:
    """Put on record what labels measure of a window; return whether they measure anything."""
    row = Measured.of(seen)
    if row is not None and not dry_run:
        watch.session.ledger.record(watch.session.actor, watch.pair, row)
        reached("monitor.measured")
    return row is not None


def _measured(
    watch: Watch, record: WindowRecord, known: set[str], champion: Callable[[], Model], usual: Callable[[], Answers]
) -> Observation | None:
    """Return a window with what its labels say by now; None if there are no new ones.

    Args:
        watch: The target.
        record: The window.
        known: The batches that are stored.
        champion: That answered it; asked for where there are new labels only.
        usual: How often that one is right on its reference; none: what the window was judged against counts.
    """
    from lepton.data.sampling import sample
    from lepton.data.store import counts
    from lepton.monitoring.answers import answer, correct

    seen, ws = record.observation, watch.session.ws
    parts = seen.batches or (seen.window,)
    if record.decision is None or seen.verdict != "judged" or not known.issuperset(parts):
        return None
    if counts(ws, watch.domain, parts)[1] <= seen.labelled:
        return None
    rows = sample(ws, watch.domain, parts, MOST_ROWS, ws.config.seed).table.labelled()
    if len(rows) <= seen.labelled:
        return None
    right = correct(answer(champion(), rows))
    return testified(seen, Answers(int(right.sum()), len(right)), usual())


def _reconsider(watch: Watch, seen: Observation, dry_run: bool, state: State | None) -> WindowJudged:
    """Decide on what labels say of a window, put it on record, and tell people and the server."""
    session, history, now = watch.session, watch.history, datetime.now(UTC)
    memory = watch.recall(history.state if state is None else state)
    decision = reconsider(memory.state, seen, watch.policy, now, memory.running, memory.refusals)
    found = Judgement(seen, decision)
    if not dry_run:
        row = Decided(decision, seen.window, seen.batches or (seen.window,), "measured")
        session.ledger.record(session.actor, watch.pair, row, history.decided_row, [row.action])
        reached("monitor.reconsidered")
        send_alerts(session, watch.domain, found, {})
        if decision.action == "retransfer":
            session.runtime.emit(drift_confirmed(watch.pair, watch.domain, seen, decision.reason))
    links = {"report": seen.report} if seen.report else {}
    return WindowJudged(watch.domain, seen, decision, links, "measured")
