"""Windows over time: the same series on the dashboard and in MLflow, read from the ledger, which alone is the truth.

Whatever a crash, a backfill or a label that came late left undrawn is drawn by the next run of the monitor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.decisions.controller import Decision, Observation
from lepton.core.ledger import DECIDED, MEASURED, OBSERVED, Entry
from lepton.core.work.files import atomic_write
from lepton.operations.session import Session

if TYPE_CHECKING:
    from lepton.monitoring.dashboard import Point

DECISIONS = ("suspect", "benign", "alert", "retransfer")


def update_series(session: Session, domain: str) -> int:
    """Draw what was judged or measured since the last time; return how many windows were drawn, anew or again."""
    from lepton.monitoring.dashboard import draw
    from lepton.registry.mlflow.tracking import connect

    pair = session.ws.pair(domain).name
    rows = session.ledger.entries(pair, (OBSERVED, DECIDED, MEASURED))
    if not rows:
        return 0
    last = _cursor(session, pair)
    points = points_of(rows, session, domain)
    fresh = {step: point for step, (seq, point) in enumerate(points) if seq > last}
    if fresh:
        draw(session.ws.dashboard_dir, pair, list(fresh.values()))
        run = connect(session.ws).series(pair)
        names = dict.fromkeys(name for point in fresh.values() for name in point.values)
        run.curves({f"monitor/{name}": {step: p.values.get(name) for step, p in fresh.items()} for name in names})
    atomic_write(_file(session, pair), json.dumps({"ledger_row": rows[-1].seq}))
    return len(fresh)


def tidy_reports(session: Session, domain: str) -> int:
    """Remove all but the newest reports of a target's windows; return how many went."""
    reports = sorted(
        (session.ws.reports_dir / "windows" / domain).glob("*.html"), key=lambda path: path.stat().st_mtime
    )
    old = reports[: -session.ws.config.monitor_for(domain).keep_reports]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def points_of(rows: list[Entry], session: Session, domain: str) -> list[tuple[int, Point]]:
    """Return every window that was decided about with the last ledger row that says something of it."""
    from lepton.monitoring.dashboard import Point

    policy = session.ws.config.monitor_for(domain)
    seen: dict[tuple[str, str], Observation] = {}
    order: list[tuple[str, str]] = []
    about: dict[tuple[str, str], tuple[int, Decision | None]] = {}
    for row in rows:
        if row.action == DECIDED:
            # The observation that this decision is of stands before it.
            key = next((k for k in reversed(order) if k[0] == row.payload["window"]), None)
            if key is not None:
                about[key] = (row.seq, Decision.from_json(row.payload))
            continue
        key = (row.payload["window"], row.payload["champion"])
        if row.action == OBSERVED:
            order += [key] if key not in seen else []
            seen[key] = Observation.from_json(row.payload)
        elif key in seen and key in about:
            seen[key] = seen[key].with_labels(row.payload)
            about[key] = (row.seq, about[key][1])
    found = []
    for key in order:
        if key in about:
            seq, decision = about[key]
            words = {"champion": key[1], "window": key[0], "decision": decision.reason if decision else ""}
            words |= {"report": seen[key].report or ""}
            values = _values(seen[key], decision, {"enter": policy.enter, "exit": policy.exit})
            name = f"{key[0]} ({key[1].rpartition(' ')[2]})"
            found.append((seq, Point(name, seen[key].time, values, words)))
    return found


def _values(seen: Observation, decision: Decision | None, bands: Mapping[str, float]) -> dict[str, float | None]:
    judged = seen.verdict == "judged"
    scores = {("accuracy fell" if name == "accuracy" else name): score for name, score in seen.scores.items()}
    return {
        "drift": seen.score if judged else None,
        **bands,
        **scores,
        "estimated": seen.estimated_accuracy,
        "estimated low": seen.estimated_low,
        "estimated high": seen.estimated_high,
        "expected": seen.expected_accuracy,
        "realised": seen.realised_accuracy,
        "rows": float(seen.rows),
        **{name: float(decision is not None and decision.action == name) for name in DECISIONS},
        "breach": float(seen.verdict == "schema breach"),
    }


def _file(session: Session, pair: str) -> Path:
    return session.ws.dashboard_dir / f"{pair}.cursor.json"


def _cursor(session: Session, pair: str) -> int:
    """Return the last ledger row that was drawn; 0, so that all is drawn again, where that is not known."""
    try:
        return int(json.loads(_file(session, pair).read_text())["ledger_row"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
