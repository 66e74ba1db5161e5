"""The log of predictions: parts, and the file that they make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lepton.data.predictions import Told, join, part_path, rows_of_part, write_part

TOLD = Told("m v1", provisional=False, scored_at="2026-01-01T00:00:00+00:00")


def parts_in(folder: Path, sizes: tuple[int, ...]) -> list[Path]:
    random, parts = np.random.default_rng(0), []
    for number, size in enumerate(sizes):
        chances = random.dirichlet(np.ones(3), size)
        parts.append(part_path(folder, number))
        write_part(parts[-1], pa.chunked_array([[f"{number}-{k}" for k in range(size)]]), chances, ("a", "b", "c"))
    return parts


def test_parts_make_one_file_with_a_row_group_each(tmp_path: Path) -> None:
    parts = parts_in(tmp_path, (5, 5, 2))
    assert [rows_of_part(part) for part in parts] == [5, 5, 2]
    assert join(parts, tmp_path / "log.parquet", TOLD) == 12
    assert pq.ParquetFile(tmp_path / "log.parquet").num_row_groups == 3
    found = pd.read_parquet(tmp_path / "log.parquet")
    assert list(found.columns) == ["id", "prediction", "confidence", "model", "provisional", "scored_at"]
    assert found["id"].tolist()[4:6] == ["0-4", "1-0"]
    assert set(found["prediction"]) <= {"a", "b", "c"}
    assert found["confidence"].between(1 / 3, 1).all()
    assert found.loc[0, ["model", "provisional", "scored_at"]].tolist() == ["m v1", False, TOLD.scored_at]


def test_readers_see_texts_numbers_and_truth(tmp_path: Path) -> None:
    join(parts_in(tmp_path, (5,)), tmp_path / "log.parquet", TOLD)
    found = pq.read_table(tmp_path / "log.parquet").schema
    text = pa.string()
    assert [found.field(k).type for k in range(6)] == [text, text, pa.float64(), text, pa.bool_(), text]


def test_a_part_that_is_absent_or_cut_off_counts_as_absent(tmp_path: Path) -> None:
    (part,) = parts_in(tmp_path, (50,))
    part.write_bytes(part.read_bytes()[:100])
    assert rows_of_part(part) == rows_of_part(tmp_path / "none.arrow") == 0


def test_no_parts_make_a_file_of_no_rows(tmp_path: Path) -> None:
    assert join([], tmp_path / "log.parquet", TOLD) == 0
    assert pd.read_parquet(tmp_path / "log.parquet").empty
