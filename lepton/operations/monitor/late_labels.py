"""Labels that come after a window was judged: they rule. What they measure is put on record, then decided on.

The ledger is written first (`measured`, then `decided`), people hear after it. A monitor that is stopped between the
two finds measured labels that nothing was decided on; one stopped later leaves the telling to `tell_what_was_left`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from lepton.core.decisions.controller import reconsider
from lepton.core.decisions.history import WindowRecord
from lepton.core.decisions.memory import State
from lepton.core.decisions.observation import Observation
from lepton.core.decisions.testimony import Answers, testified
from lepton.core.ledger.rows import Decided, Measured
from lepton.core.work.faults import reached
from lepton.operations.events import drift_confirmed
from lepton.operations.monitor.alerts import send_alerts
from lepton.operations.monitor.judgement import Judgement
from lepton.operations.monitor.results import WindowJudged
from lepton.operations.monitor.watch import MOST_ROWS, Watch


def hear_labels(watch: Watch, dry_run: bool = False, state: State | None = None) -> list[WindowJudged]:
    """Judge every window again that got labels since it was judged by the champion; return what came of each.

    Args:
        watch: The target.
        dry_run: Record nothing and tell nobody.
        state: What the controller remembers; by default what the ledger says.
    """
    heard = list[WindowJudged]()
    for seen in list(_labelled(watch, dry_run)):
        heard.append(watch.session.runtime.step("hear labels", partial(_reconsider, watch, seen, dry_run, state)))
        state = heard[-1].decision.state if dry_run else None
    return heard


def _labelled(watch: Watch, dry_run: bool) -> Iterator[Observation]:
    """Yield the windows that labels say something new of, oldest first; what they say is on record by then."""
    from lepton.data.store import batches

    session, known = watch.session, set(batches(watch.session.ws, watch.domain))
    for record in sorted(watch.history.of_champion(watch.ref.label), key=lambda one: one.observation.time):
        seen = _measured(watch, record, known)
        row = Measured.of(seen) if seen is not None else None
        if seen is not None and row is not None:
            if not dry_run:
                session.ledger.record(session.actor, watch.pair, row)
                reached("monitor.measured")
            yield seen
        elif record.unheard:
            yield record.observation


def _measured(watch: Watch, record: WindowRecord, known: set[str]) -> Observation | None:
    """Return a window with what its labels say by now; None if there are no new ones."""
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
    right = correct(answer(watch.champion.model, rows))
    return testified(seen, Answers(int(right.sum()), len(right)), watch.usual)


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
