"""Windows too large to be held: a sample is judged, and its verdict is that of all rows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton.core.table import Table
from lepton.data import store
from lepton.data.sampling import sample
from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import watched_columns
from lepton.monitoring.baseline import Baseline
from lepton.monitoring.calibration import calibrate
from lepton.monitoring.drift import measure
from lepton.monitoring.window import Extent, Moved
from tests.registry import workspace_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROWS, SAMPLED = 60_000, 2_000


def judged(rows: int, seed: int, shift: float = 0.0) -> Judged:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 4)), columns=["a", "b", "c", "d"])
    frame["a"] += shift
    h = frame.to_numpy()
    p = 1 / (1 + np.exp(-3 * (h[:, 1] + h[:, 2])))
    ids = np.array([f"{seed}-{k}" for k in range(rows)], dtype=object)
    table = Table("tabular", ids, np.full(rows, None, dtype=object), frame=frame)
    return Judged(table, np.stack([p, 1 - p], axis=1), h, ("no", "yes"), np.zeros(rows, dtype=bool))


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_the_verdict_on_a_sample_is_the_verdict_on_all_rows(shift: float) -> None:
    reference = judged(20_000, 1)
    window = judged(ROWS, 2, shift)
    sampled = window.take(np.sort(np.random.default_rng(0).choice(ROWS, 20_000, replace=False)))
    found = Baseline("p", "m", reference).compare("w", NOW, sampled).observation
    columns = watched_columns(reference.take(np.arange(SAMPLED)), sampled.take(np.arange(SAMPLED)))
    thresholds = calibrate(columns, SAMPLED, 0.01, 0).thresholds
    everything = measure(watched_columns(reference, window), thresholds).statistics
    whole = max(everything[name] / thresholds[name] for name in thresholds)
    assert (found.score >= 1) == (whole >= 1) == (shift > 0)


def test_the_report_says_what_was_compared_and_what_all_rows_show(tmp_path: Path) -> None:
    extent = Extent(10_000_000, "d" * 32, {"a": Moved((0.0, 0.512), (0.0, 0.25), (0.0, 0.0))})
    path = tmp_path / "w.html"
    seen = Baseline("p", "m", judged(3000, 1)).compare("w", NOW, judged(3000, 2, 0.5), extent, path)
    assert (seen.observation.rows, seen.observation.digest) == (10_000_000, "d" * 32)
    page = path.read_text()
    assert "2,000 rows, drawn at random from all 10,000,000" in page
    assert "mean 0 in the reference, 0.512 in the window; missing 0.00%, 25.00%" in page


def test_reading_a_large_batch_takes_the_memory_of_its_sample(tmp_path: Path) -> None:
    """2,000,000 x 8 numbers are 128 MB in memory, and more than twice that with ids and copies."""
    ws = workspace_in(tmp_path / "ws", "")
    part = judged(250_000, 3).table
    (tmp_path / "go.py").write_text(
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from lepton.core.config.workspace import Workspace\n"
        "from lepton.data.sampling import sample\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "found = sample(Workspace(Path(sys.argv[1])), 'site', ['large'], 20_000, 0)\n"
        "print(found.rows, len(found.table), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    grow(ws.data_dir / "site", part, times=8)
    command = [sys.executable, str(tmp_path / "go.py"), str(ws.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, taken, kilobytes = map(int, done.stdout.split())
    assert (rows, taken) == (2_000_000, 20_000)
    assert kilobytes < 80_000


def grow(folder: Path, part: Table, times: int) -> None:
    """Write one batch of `times` times the rows of `part`, piece by piece."""
    import pyarrow.parquet as pq

    from lepton.data import batchfile

    assert part.frame is not None
    wide = pd.concat([part.frame, part.frame.add_prefix("z")], axis=1)
    piece = batchfile.encode(replace(part, frame=wide), {"content": "c" * 32})
    folder.mkdir(parents=True)
    with pq.ParquetWriter(folder / "0001-large.parquet", piece.schema, compression="zstd") as writer:
        for _ in range(times):
            writer.write_table(piece)


def test_small_and_large_readings_of_one_batch_agree(tmp_path: Path) -> None:
    ws = workspace_in(tmp_path / "ws", "")
    table = judged(5000, 4).table
    store.write_batch(ws, "site", "w", table)
    whole, some = sample(ws, "site", ["w"], 5000, 0), sample(ws, "site", ["w"], 4999, 0)
    assert whole.whole
    assert not some.whole
    assert set(some.table.ids) < set(whole.table.ids)
    assert table.frame is not None
    assert some.moments["a"].mean == pytest.approx(float(table.frame["a"].mean()))
