"""Labels that come after a window was judged: they measure what was only estimated."""

from __future__ import annotations

from lepton.core.ledger.rows import Measured
from lepton.operations.monitor.watch import MOST_ROWS, Watch


def measure_late_labels(watch: Watch) -> list[Measured]:
    """Put on record the accuracy in windows of the champion that got labels since they were judged."""
    from lepton.data.sampling import sample
    from lepton.data.store import batches, counts
    from lepton.monitoring.accuracy import realised
    from lepton.monitoring.answers import answer

    session, ws, domain = watch.session, watch.session.ws, watch.domain
    known, found = set(batches(ws, domain)), list[Measured]()
    for record in watch.history.of_champion(watch.ref.label):
        seen = record.observation
        parts = seen.batches or (seen.window,)
        if seen.verdict != "judged" or not known.issuperset(parts) or counts(ws, domain, parts)[1] <= seen.labelled:
            continue
        rows = sample(ws, domain, parts, MOST_ROWS, ws.config.seed).table.labelled()
        if len(rows) <= seen.labelled:
            continue
        accuracy = realised(answer(watch.champion.model, rows))
        if accuracy is not None:
            one = Measured(seen.window, watch.ref.label, accuracy, len(rows), seen.estimated_accuracy)
            session.ledger.record(session.actor, watch.pair, one)
            found.append(one)
    return found
