"""How large a delivery may be: refused by what it states, before memory is taken for it."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lepton.core.config.limits import LimitsConfig
from lepton.core.config.settings import limits_before_init
from lepton.core.errors import LeptonError, UsageError
from lepton.data.readers import Reading, read
from lepton.data.readers.labels import read_labels


def refused(path: Path, **limits: float) -> str:
    """Return why a delivery is refused."""
    with pytest.raises(LeptonError) as error:
        read(path, Reading(limits=LimitsConfig.model_validate(limits)))
    return f"{error.value.what} {error.value.why} {' '.join(error.value.fix)}"


def table(path: Path, rows: int = 5, columns: int = 3) -> Path:
    frame = pa.table({f"c{k}": pa.array(np.arange(rows) + 0.5) for k in range(columns)})
    if path.suffix == ".parquet":
        pq.write_table(frame, path)
    elif path.suffix == ".npz":
        np.savez(path, x=np.zeros((rows, columns)))
    else:
        text = ",".join(frame.column_names) + "\n" + ("0.5," * columns)[:-1].join(["", "\n"]) * rows
        pack = {".gz": gzip.compress, ".zst": zstd}.get(path.suffix, bytes)
        path.write_bytes(pack(text.encode()))
    return path


def zstd(content: bytes) -> bytes:
    """Return the bytes of a file that states how much it grows to, as the zstd program writes it, in one frame."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


KINDS = ("t.csv", "t.csv.gz", "t.csv.zst", "t.parquet", "t.npz")


@pytest.mark.parametrize("name", KINDS)
def test_a_small_table_is_read_and_one_of_too_many_rows_or_columns_is_not(tmp_path: Path, name: str) -> None:
    path = table(tmp_path / name)
    assert len(read(path, Reading(kind="tabular")).table) == 5
    assert "has 5 rows" in refused(path, max_rows=4)
    assert "limits.max_rows is 4" in refused(path, max_rows=4)
    assert "has 3 columns" in refused(path, max_columns=2)
    assert "LEPTON_LIMITS__MAX_COLUMNS=3" in refused(path, max_columns=2)


@pytest.mark.parametrize("name", KINDS)
def test_bytes_are_counted_as_they_are_unpacked(tmp_path: Path, name: str) -> None:
    path = table(tmp_path / name, rows=4000)
    assert "limits.max_bytes" in refused(path, max_bytes=10_000)


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.csv.zst"])
def test_what_grows_a_thousandfold_is_refused_while_it_grows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with gzip.open(path, "wb") if name.endswith("gz") else pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(b"a,b\n")
        for _ in range(400):
            stream.write(b"0,0\n" * 250_000)
    assert path.stat().st_size < 3_000_000
    tracemalloc.start()
    try:
        said = refused(path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert f"{name} grows from" in said
    assert "limits.max_ratio is 200" in said
    assert most < 30_000_000  # some of it at a time


def test_an_array_is_refused_by_the_size_that_its_header_states(tmp_path: Path) -> None:
    made = io.BytesIO()
    np.lib.format.write_array_header_1_0(made, {"shape": (10**14, 7), "fortran_order": False, "descr": "|u1"})
    path = tmp_path / "huge.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", made.getvalue() + b"abc")
    said = refused(path)
    assert "huge.npz is cut off or damaged" in said
    assert "states the shape (100000000000000, 7), which is 700.0 TB; 3 bytes are there" in said


def test_an_array_of_zeros_that_grows_a_thousandfold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "zeros.npz"
    np.savez_compressed(path, x=np.zeros((10_000_000, 10), dtype=np.uint8))
    assert "zeros.npz grows from" in refused(path)


def test_pixels_are_counted_before_they_are_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    for name in "ab":
        Image.new("L", (100, 100)).save(folder / f"{name}.png")
    assert "shots/a.png holds 10.0 kB" in refused(folder, max_bytes=9_999)
    assert "shots holds 20.0 kB" in refused(folder, max_bytes=19_999)
    assert "shots has 2 rows" in refused(folder, max_rows=1)
    Image.new("1", (15_000, 15_000)).save(folder / "a.png")
    assert "shots/a.png has more pixels than an image may have" in refused(folder)


def test_a_parquet_file_of_one_value_many_times_is_refused_by_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "same.parquet"
    pq.write_table(pa.table({"x": pa.DictionaryArray.from_arrays(np.zeros(3_000_000, np.int8), ["a"])}), path)
    assert path.stat().st_size < 100_000
    assert "holds 3.0 MB" in refused(path, max_bytes=2_000_000)


def test_late_labels_have_the_same_limits(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n1,a\n2,b\n")
    with pytest.raises(LeptonError, match="2 rows"):
        read_labels(path, limits=LimitsConfig(max_rows=1))


def test_before_there_is_a_workspace_the_environment_says_what_is_allowed() -> None:
    assert limits_before_init({}) == LimitsConfig()
    assert limits_before_init({"LEPTON_LIMITS__MAX_ROWS": "7"}).max_rows == 7
    with pytest.raises(UsageError, match="settings that do not work"):
        limits_before_init({"LEPTON_LIMITS__MAX_ROWS": "none"})


def test_a_name_without_end_is_no_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"a,{'b' * 200_000}\n1,2\n")
    assert "the header has a name of more than 100,000 characters" in refused(path)


@pytest.mark.parametrize(
    ("text", "separated"),
    [
        ("a|b|c,d\n1,2\n", False),
        ("a|b|c\n1|2|3\n", True),
        ("Name, first;Age;City\nDoe, John;3;X\n", True),
        ("a;b\n", True),
    ],
)
def test_a_separator_divides_the_rows_as_it_divides_the_header(tmp_path: Path, text: str, separated: bool) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    if separated:
        assert "is not separated by commas" in refused(path)
    else:
        assert list(read(path).table.frame.columns) == ["a|b|c", "d"]
