"""The loop on sequences, texts and rows of several inputs: from a first delivery to a drifted window, and what is bad.

The tests of a kind share one workspace: it takes half a minute to make it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from lepton.core.table import Table, series_column
from tests.conftest import Answer
from tests.unit.factories import mixed, names, sequences, texts

Cli = Callable[..., Answer]
SOURCE, TARGET = "site-1", "site-2"


@dataclass(frozen=True)
class Site:
    """A workspace with a champion, and what deliveries of its kind look like."""

    ws: Workspace
    kind: str

    def deliver(self, name: str, table: Table) -> Path:
        return WRITE[self.kind](self.ws.root.parent / name, table)


def write_text(path: Path, table: Table) -> Path:
    assert table.frame is not None
    path = path.with_suffix(".csv")
    pd.DataFrame({"id": table.ids, "said": table.frame["said"], "label": table.labels}).to_csv(path, index=False)
    return path


def write_sequence(path: Path, table: Table) -> Path:
    """One line a step, the lines of all sequences shuffled."""
    assert table.frame is not None
    lines = [
        (row_id, step, wave, level, label)
        for row_id, waves, levels, label in zip(
            table.ids, table.frame["wave"], table.frame["level"], table.labels, strict=True
        )
        for step, (wave, level) in enumerate(zip(waves, levels, strict=True))
    ]
    frame = pd.DataFrame(lines, columns=["series", "step", "wave", "level", "label"])
    path = path.with_suffix(".csv")
    frame.sample(frac=1, random_state=0).to_csv(path, index=False)
    return path


def write_mixed(path: Path, table: Table) -> Path:
    assert table.frame is not None
    assert table.images is not None
    path.mkdir()
    there = table.has_image()
    for k in np.flatnonzero(there):
        Image.fromarray(table.images[k, 0]).save(path / f"{k}.png")
    frame = table.frame[["size", "weight", "colour", "said"]].assign(
        id=table.ids, file=[f"{k}.png" if has else "" for k, has in enumerate(there)], label=table.labels
    )
    frame.to_csv(path / "rows.csv", index=False)
    return path


WRITE = {"text": write_text, "sequence": write_sequence, "mixed": write_mixed}
MAKE = {"text": texts, "sequence": sequences, "mixed": mixed}
INIT = {"text": (), "sequence": ("--kind", "sequence", "--id", "series"), "mixed": ("--text", "said")}


def drifted(kind: str, table: Table) -> Table:
    """The same rows after something went wrong: a shouting form, a sensor off by one, another camera and form."""
    assert table.frame is not None
    frame = table.frame.copy()
    for name in table.texts:
        said = [None if text is None else f"RE: {text.upper()} ...sent from 555-0100" for text in frame[name]]
        frame[name] = pd.Series(names(said))
    if kind == "sequence":
        frame["wave"] = series_column([one + 1.5 for one in frame["wave"]])
    images = None if table.images is None else 255 - table.images
    return Table(table.kind, table.ids, table.labels, images, frame, table.texts, table.series, table.pictured)


@pytest.fixture(scope="module", params=["sequence", "text", "mixed"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    from lepton.cli.main import main

    kind: str = request.param
    folder, before = tmp_path_factory.mktemp(kind), dict(os.environ)
    os.environ.update({"LEPTON_PRETRAIN__EPOCHS": "12", "LEPTON_THREADS": "1"})
    made = Site(Workspace(folder / "ws"), kind)
    root = made.ws.root
    try:
        first = made.deliver(SOURCE, MAKE[kind](600, seed=1))
        second = made.deliver(TARGET, MAKE[kind](800, seed=2))
        for arguments in (
            ("init", root, "--from", first, *INIT[kind]),
            ("-w", root, "ingest", SOURCE, first, "--local"),
            ("-w", root, "pretrain", "--local"),
            ("-w", root, "ingest", TARGET, second, "--new", "--local"),
            ("-w", root, "transfer", TARGET, "--local", "-s", "probe"),
        ):
            assert main([str(argument) for argument in arguments]) == 0, arguments
        yield made
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_the_target_has_a_champion_that_the_gate_let_through(site: Site) -> None:
    assert site.ws.config.kind == site.kind
    promoted = [row.payload for row in Ledger(site.ws.ledger_url).entries(f"{SOURCE}-to-{TARGET}", ["promoted"])]
    assert len(promoted) == 1


def test_a_quiet_window_is_quiet_and_a_drifted_one_is_seen(site: Site, lepton: Cli) -> None:
    made = [MAKE[site.kind](200, seed=seed) for seed in (11, 12, 13)]
    tables = [made[0], *(drifted(site.kind, table) for table in made[1:])]
    files = [site.deliver(f"w{number}", table) for number, table in enumerate(tables)]
    answer = lepton("-w", site.ws.root, "replay", TARGET, *files, "--json")
    assert answer.code == 0, answer.text
    windows: list[dict[str, Any]] = json.loads(answer.out)["windows"]
    scores = [window["observation"]["scores"] for window in windows]
    assert max(scores[0][name] for name in ("inputs", "embedding", "predictions")) < 1.0
    assert scores[1]["inputs"] > 1.0
    assert scores[1]["embedding"] > 1.0
    # All rows are labelled: a loss that they prove waits for no second window.
    assert [window["decision"]["action"] for window in windows[:2]] == ["none", "retransfer"]
    columns = windows[1]["observation"]["columns"]
    assert set(SEEN[site.kind]) & set(columns)


SEEN = {
    "text": ("inputs: said capitals", "inputs: said unknown words", "inputs: said characters"),
    "sequence": ("inputs: wave mean", "inputs: wave low", "inputs: wave high"),
    "mixed": ("inputs: image mean", "inputs: said capitals", "inputs: said characters"),
}


def test_the_report_shows_rows_of_the_window(site: Site, lepton: Cli) -> None:
    table = drifted(site.kind, MAKE[site.kind](200, seed=14))
    path = site.deliver("window", table)
    assert lepton("-w", site.ws.root, "ingest", TARGET, path, "--local").code == 0
    answer = lepton("-w", site.ws.root, "monitor", TARGET, "--local")
    assert answer.code == 4, answer.text  # its labels prove a loss
    report = next(site.ws.reports_dir.rglob("*.html")).read_text(encoding="utf-8")
    assert "This window, farthest in inputs: " in report
    assert {"text": "sent from 555-0100", "sequence": "<polyline", "mixed": "data:image/png"}[site.kind] in report


def test_a_delivery_of_another_kind_is_refused(site: Site, lepton: Cli, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("id,height,label\n1,2,c0\n2,3,c1\n")
    answer = lepton("-w", site.ws.root, "ingest", TARGET, path, "--local")
    assert answer.code != 0
    assert "Traceback" not in answer.text
    assert answer.text.count("Fix") or "Refused" in answer.text


def arrow(**columns: Any) -> Callable[[Site], Path]:
    """Return what delivers a Parquet file of these columns."""

    def deliver(site: Site) -> Path:
        path = site.ws.root.parent / "bad.parquet"
        pq.write_table(pa.table(columns), path)
        return path

    return deliver


def blind(site: Site) -> Path:
    """Rows of which none has an image."""
    rows = mixed(60, seed=21)
    nothing = np.zeros(60, dtype=bool)
    return site.deliver("blind", Table("mixed", rows.ids, rows.labels, rows.images, rows.frame, ("said",), (), nothing))


BAD: dict[str, list[tuple[Callable[[Site], Path], str]]] = {
    "sequence": [
        (arrow(series=["a"], wave=[[]], level=[[]], label=["c0"]), "of 0 steps; the contract asks for 1 to"),
        (arrow(series=["a"], wave=[[0.0] * 5000], level=[[0.0] * 5000], label=["c0"]), "of 5000 steps; the contract"),
        (arrow(series=["a"], wave=[[np.inf]], level=[[0.0]], label=["c0"]), "steps outside of"),
        (arrow(series=["a"], wave=[[0.5]], label=["c0"]), "missing: 'level'"),
        (arrow(series=["a"], wave=[[0.5]], level=[[0.5, 0.5]], label=["c0"]), "differ in length"),
    ],
    "text": [
        (arrow(id=["a"], said=pa.array([b"caf\xe9"], pa.binary()), label=["c0"]), "bytes that are not UTF-8 in row 1"),
        (arrow(id=["a"], said=["word " * 2000], label=["c0"]), "of 10000 characters"),
        (arrow(id=["a", "b"], said=["the of red", ""], label=["c0", "c1"]), "no value"),
        (arrow(id=["a"], said=["the of red"], more=["red"], label=["c0"]), "2 columns of text"),
    ],
    "mixed": [
        (blind, "names no image: 'file' is empty in all 60 lines"),
        (
            arrow(id=["a"], size=[1.0], weight=[1.0], colour=["red"], said=["seven"], label=["c0"]),
            "none in 100 % of the rows; allowed",
        ),
    ],
}


def test_rows_that_break_the_contract_are_told_by_name(site: Site, lepton: Cli) -> None:
    for deliver, told in BAD[site.kind]:
        answer = lepton("-w", site.ws.root, "ingest", TARGET, deliver(site), "--local")
        assert answer.code != 0
        assert told in answer.text
        assert "Traceback" not in answer.text
