"""S3: how long one row takes: at one connection (a), and open loop at half of the peak rate of 32 connections (b)."""

from __future__ import annotations

from collections.abc import Iterator

import figures
import load

COMMAND = "python benchmarks/serving --only S3"
SECONDS = 10.0


def measure() -> Iterator[figures.Figure]:
    """Yield the 99th percentiles."""
    bodies = load.asked().bodies
    with load.serving() as server:
        load.run(load.closed_loop(server, bodies, 32, 2.0))  # to warm up
        alone = load.run(load.closed_loop(server, bodies, 1, SECONDS))
        peak = load.run(load.closed_loop(server, bodies, 32, SECONDS / 2)).rate
        half = load.run(load.open_loop(server, bodies, peak / 2, 64, SECONDS))
    if alone.failed or half.failed:
        raise SystemExit(f"{alone.failed + half.failed} requests failed")
    for name, seen, bar, told in (
        ("S3a", alone, 10, "one connection"),
        ("S3b", half, 25, f"open loop at half of {peak:.0f} requests a second"),
    ):
        notes = {"p50": round(seen.percentile(0.5) * 1000, 3), "bar": bar}
        unit = f"ms at the 99th percentile, {told}"
        yield figures.figure(name, seen.percentile(0.99) * 1000, unit, len(seen.times), [], COMMAND, **notes)
