"""The views of what was judged: dashboard, series in MLflow, reports. The ledger alone is the truth.

Whatever a crash, a backfill or a label that came late left undrawn is drawn by the next run of the monitor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.decisions.history import WindowRecord
from lepton.core.decisions.memory import Decision
from lepton.core.decisions.observation import Observation
from lepton.core.work.files import atomic_write
from lepton.operations.monitor.watch import Watch

if TYPE_CHECKING:
    from lepton.monitoring.dashboard import Point

DECISIONS = ("suspect", "benign", "alert", "retransfer")


def draw(watch: Watch) -> int:
    """Bring dashboard and MLflow up to the ledger, remove the oldest reports; return how many windows were drawn."""
    _tidy_reports(watch)
    return _draw_fresh(watch)


def _draw_fresh(watch: Watch) -> int:
    """Draw what was judged or measured since the last time; return how many windows were drawn, anew or again."""
    from lepton.monitoring.dashboard import draw as draw_points
    from lepton.registry.mlflow.tracking import connect

    history, ws = watch.history, watch.session.ws
    if not history.last_row:
        return 0
    last = _cursor(watch)
    decided = [(key, record) for key, record in history.records.items() if record.decision is not None]
    fresh = {step: point_of(watch, *one) for step, one in enumerate(decided) if one[1].row > last}
    if fresh:
        draw_points(ws.dashboard_dir, watch.pair, list(fresh.values()))
        run = connect(ws).series(watch.pair)
        names = dict.fromkeys(name for point in fresh.values() for name in point.values)
        run.curves({f"monitor/{name}": {step: p.values.get(name) for step, p in fresh.items()} for name in names})
    atomic_write(_file(watch), json.dumps({"ledger_row": history.last_row}))
    return len(fresh)


def _tidy_reports(watch: Watch) -> int:
    """Remove all but the newest reports of a target's windows; return how many went."""
    folder = watch.session.ws.reports_dir / "windows" / watch.domain
    old = sorted(folder.glob("*.html"), key=lambda path: path.stat().st_mtime)[: -watch.config.keep_reports]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def point_of(watch: Watch, key: tuple[str, str], record: WindowRecord) -> Point:
    """Return a window that was decided about, as it is drawn."""
    from lepton.monitoring.dashboard import Point

    (window, champion), seen = key, record.observation
    words = {"champion": champion, "window": window, "report": seen.report or ""}
    words["decision"] = record.decision.reason if record.decision else ""
    values = values_of(seen, record.decision, {"enter": watch.config.enter, "exit": watch.config.exit})
    return Point(f"{window} ({champion.rpartition(' ')[2]})", seen.time, values, words)


def values_of(seen: Observation, decision: Decision | None, bands: Mapping[str, float]) -> dict[str, float | None]:
    """Return what is drawn of a window, by series; None where there is nothing to draw."""
    judged = seen.verdict == "judged"
    # Where labels say it better, they stand in the estimate's place: two lines would leave the choice to the eye.
    guessed = seen.measured_cost is None
    scores = {("accuracy fell" if name == "accuracy" else name): score for name, score in seen.scores.items()}
    return {
        "drift": seen.score if judged else None,
        **bands,
        **scores,
        "estimated": seen.estimated_accuracy if guessed else None,
        "estimated low": seen.estimated_low if guessed else None,
        "estimated high": seen.estimated_high if guessed else None,
        "expected": seen.expected_accuracy,
        "realised": seen.realised_accuracy,
        "rows": float(seen.rows),
        **{name: float(decision is not None and decision.action == name) for name in DECISIONS},
        "breach": float(seen.verdict == "schema breach"),
    }


def _file(watch: Watch) -> Path:
    return watch.session.ws.dashboard_dir / f"{watch.pair}.cursor.json"


def _cursor(watch: Watch) -> int:
    """Return the last ledger row that was drawn; 0, so that all is drawn again, where that is not known."""
    try:
        return int(json.loads(_file(watch).read_text())["ledger_row"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
