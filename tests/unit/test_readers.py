"""Readers: every format gives the same table, and what cannot be read is refused with cause and remedy."""

import gzip
import io
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError, NotFound
from lepton.data.readers import Reading, csv, read, read_delivery, stem, text_stream
from lepton.data.readers.labels import read_labels

CSV = "id,age,colour,label\na,1.5,red,yes\nb,,blue,no\nc,3,,\n"


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path, **kwargs):
    with pytest.raises(LeptonError) as caught:
        read_delivery(path, **kwargs)
    return caught.value.render()


def png(path, shade=0, size=(4, 5), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, shade).save(path)
    return path


# -- what can be read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["d.csv", "d.csv.gz", "d.parquet"])
def test_a_table_reads_the_same_from_every_format(tmp_path, name):
    if name == "d.csv":
        write(tmp_path, name, CSV)
    elif name == "d.csv.gz":
        write(tmp_path, name, gzip.compress(CSV.encode()))
    else:
        pd.read_csv(io.StringIO(CSV)).to_parquet(tmp_path / name, index=False)
    table = read_delivery(tmp_path / name)
    assert table.kind == "tabular"
    assert list(table.ids) == ["a", "b", "c"]
    assert list(table.labels) == ["yes", "no", None]
    assert list(table.frame.columns) == ["age", "colour"]
    assert table.frame["age"].dtype == np.float64
    assert np.isnan(table.frame["age"][1])
    assert table.frame["colour"].dtype == object
    assert list(table.frame["colour"]) == ["red", "blue", None]


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path):
    path = write(tmp_path, "d.csv", b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode())
    assert list(read_delivery(path).ids) == ["a", "b", "c"]


def test_quoted_commas_and_line_breaks_stay_within_a_value(tmp_path):
    path = write(tmp_path, "d.csv", 'note,x,label\n"a, b",1,u\n"two\nlines",2,v\n')
    assert list(read_delivery(path).frame["note"]) == ["a, b", "two\nlines"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("1,0,1", ["1", "0", "1"]),
        ("1.0,0.0,", ["1", "0", None]),
        ("007,08,1", ["007", "08", "1"]),
        ("a,1.0,b", ["a", "1.0", "b"]),
        ("0.5,1.0,2", ["0.5", "1.0", "2"]),
    ],
)
def test_labels_in_csv_are_text_and_whole_numbers_have_no_fraction(tmp_path, column, expected):
    rows = "".join(f"{k},{value}\n" for k, value in enumerate(column.split(",")))
    assert list(read_delivery(write(tmp_path, "d.csv", "x,label\n" + rows)).labels) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0], ["1", "0"]),
        ([1.0, None], ["1", None]),
        ([True, False], ["true", "false"]),
        ([True, None], ["true", None]),
        (["yes", None], ["yes", None]),
    ],
)
def test_labels_in_parquet_are_text_too(tmp_path, values, expected):
    pq.write_table(pa.table({"x": [1.0, 2.0], "label": values}), tmp_path / "d.parquet")
    assert list(read_delivery(tmp_path / "d.parquet").labels) == expected


def test_spellings_of_missing_leave_a_column_of_numbers_but_are_names_in_a_column_of_text(tmp_path):
    table = read_delivery(write(tmp_path, "d.csv", "n,t\n1,NA\nNA,DE\n nan ,\n"))
    assert np.isnan(table.frame["n"].to_numpy()[1:]).all()
    assert list(table.frame["t"]) == ["NA", "DE", None]


def test_a_column_declared_a_category_keeps_its_text(tmp_path):
    table = read_delivery(write(tmp_path, "d.csv", "zip,x\n01234,1\n9,2\n"), categories=["zip"])
    assert list(table.frame["zip"]) == ["01234", "9"]


def test_truth_values_become_categories(tmp_path):
    pq.write_table(pa.table({"flag": [True, False, None], "n": [1, 2, None]}), tmp_path / "d.parquet")
    frame = read_delivery(tmp_path / "d.parquet").frame
    assert list(frame["flag"]) == ["true", "false", None]
    assert frame["n"].dtype == np.float64


def test_infinite_and_not_a_number_pixels_are_kept_for_the_contract_to_report(tmp_path):
    x = np.zeros((2, 3, 3), np.float32)
    x[0, 0, 0], x[1, 1, 1] = np.nan, np.inf
    np.savez(tmp_path / "d.npz", x=x)
    images = read_delivery(tmp_path / "d.npz").images
    assert images.shape == (2, 1, 3, 3)
    assert np.isnan(images[0, 0, 0, 0])
    assert np.isinf(images[1, 0, 1, 1])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 7, 6), (5, 1, 7, 6)),
        ((5, 3, 7, 6), (5, 3, 7, 6)),
        ((5, 7, 6, 3), (5, 3, 7, 6)),
        ((5, 1, 7, 6), (5, 1, 7, 6)),
    ],
)
def test_npz_images_become_channels_first(tmp_path, shape, expected):
    np.savez(tmp_path / "d.npz", images=np.zeros(shape, np.uint8), labels=np.arange(shape[0]))
    table = read_delivery(tmp_path / "d.npz")
    assert table.images.shape == expected
    assert list(table.labels) == ["0", "1", "2", "3", "4"]


def test_flat_npz_rows_are_images_where_images_are_expected_and_a_table_elsewhere(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.arange(18).reshape(2, 9))
    assert read_delivery(tmp_path / "d.npz", kind="image").images.shape == (2, 1, 3, 3)
    assert list(read_delivery(tmp_path / "d.npz").frame.columns) == [f"x{k}" for k in range(9)]


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.uint8])
def test_whole_pixels_of_a_byte_become_bytes(tmp_path, dtype):
    np.savez(tmp_path / "d.npz", x=np.arange(9).reshape(1, 3, 3).astype(dtype))
    assert read_delivery(tmp_path / "d.npz").images.dtype == np.uint8


def test_pixels_between_0_and_1_stay_float(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.array([[[0.0, 1.0], [1.0, 0.0]]]))
    assert read_delivery(tmp_path / "d.npz").images.dtype == np.float32


def test_csv_of_pixels_reads_as_images_where_images_are_expected(tmp_path):
    path = write(tmp_path, "d.csv", "label,p0,p1,p2,p3\n7,0,1,2,255\n")
    table = read_delivery(path, kind="image", image_shape=(1, 2, 2))
    assert table.images.tolist() == [[[[0, 1], [2, 255]]]]


def test_folder_of_images_by_class(tmp_path):
    png(tmp_path / "f" / "cat" / "1.png", 10)
    png(tmp_path / "f" / "dog" / "2.jpg", 200)
    png(tmp_path / "f" / "_unlabelled" / "3.png")
    png(tmp_path / "f" / "4.png")
    (tmp_path / "f" / ".DS_Store").write_bytes(b"x")
    table = read_delivery(tmp_path / "f")
    paths = [one.partition("~pixels~")[0] for one in table.ids]
    assert dict(zip(paths, table.labels, strict=True)) == {
        "f/4.png": None,
        "f/_unlabelled/3.png": None,
        "f/cat/1.png": "cat",
        "f/dog/2.jpg": "dog",
    }
    assert table.images.shape == (4, 1, 5, 4)


def test_a_colour_image_makes_the_folder_colour(tmp_path):
    png(tmp_path / "f" / "a" / "1.png", (1, 2, 3), mode="RGB")
    png(tmp_path / "f" / "a" / "2.png", 9)
    images = read_delivery(tmp_path / "f").images
    assert images[:, :, 0, 0].tolist() == [[1, 2, 3], [9, 9, 9]]


def test_ids_come_from_content_where_none_are_given_and_repetitions_are_counted(tmp_path):
    path = write(tmp_path, "March 2026.csv", "x,label\n1,a\n1,b\n2,a\n")
    ids = list(read_delivery(path).ids)
    keys = [row_id.split("~")[0] for row_id in ids]
    assert keys[0] == keys[1] != keys[2]
    assert [row_id.split("~")[1:] for row_id in ids] == [["march-2026", "0"], ["march-2026", "1"], ["march-2026", "0"]]


@pytest.mark.parametrize(
    ("name", "expected"), [("A b.csv.gz", "a-b"), ("x.PARQUET", "x"), ("...csv", "rows"), ("week 1", "week-1")]
)
def test_batch_name_comes_from_the_file_name(tmp_path, name, expected):
    assert stem(tmp_path / name) == expected


def test_label_files_need_two_columns_only(tmp_path):
    ids, labels = read_labels(write(tmp_path, "l.csv", "note,label,id\nx,3,a\ny,,b\n"))
    assert list(ids) == ["a", "b"]
    assert list(labels) == ["3", None]


def test_label_file_without_the_column_names_the_nearest(tmp_path):
    with pytest.raises(LeptonError, match="no column 'label'") as caught:
        read_labels(write(tmp_path, "l.csv", "id,lable\na,3\n"))
    assert "rename 'lable' to 'label'" in caught.value.render()


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("separator", "told"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_named_and_a_conversion_shown(tmp_path, separator, told):
    text = refused(write(tmp_path, "d.csv", CSV.replace(",", separator)))
    assert told in text
    assert f"sep={separator!r}" in text


def test_decimal_commas_do_not_hide_the_semicolons(tmp_path):
    text = refused(write(tmp_path, "d.csv", "a;b\n1,5;2,5\n"))
    assert "semicolons" in text
    assert "decimal commas" in text


def test_the_conversion_that_is_shown_changes_the_separator_and_the_points_only(tmp_path):
    path = write(tmp_path, "d.csv", 'zip;price;note\n01067;1,50;"NA; 1,5 kg"\n80331;-2,25;\n')
    with pytest.raises(LeptonError) as caught:
        read_delivery(path)
    command = caught.value.fix[0].replace("python ", f"{sys.executable} ", 1)
    subprocess.run(command, shell=True, check=True, timeout=60)
    assert (tmp_path / "comma-d.csv").read_text() == 'zip,price,note\n01067,1.50,"NA; 1,5 kg"\n80331,-2.25,\n'


def test_thousands_are_not_taken_for_decimals(tmp_path):
    text = refused(write(tmp_path, "d.csv", "a;b\n1,234;12,500\n"))
    assert "semicolons" in text
    assert "decimal commas" not in text
    assert ".replace(" not in text


def test_another_encoding_is_refused_with_byte_and_line(tmp_path):
    text = refused(write(tmp_path, "d.csv", "a,b\n1,x\n2,München\n".encode("cp1252")))
    assert "Byte 0xFC in line 3" in text
    assert "iconv -f WINDOWS-1252 -t UTF-8" in text


def test_utf16_is_named(tmp_path):
    assert "UTF-16" in refused(write(tmp_path, "d.csv", CSV.encode("utf-16")))


@pytest.mark.parametrize("name", ["d.csv", "d.csv.gz", "d.csv.zst", "d.parquet", "d.npz"])
def test_an_empty_file_is_refused(tmp_path, name):
    assert "empty (0 bytes)" in refused(write(tmp_path, name, b""))


def test_a_file_of_blank_lines_is_empty(tmp_path):
    assert "is empty" in refused(write(tmp_path, "d.csv", "\n\n"))


def test_a_header_alone_is_refused(tmp_path):
    text = refused(write(tmp_path, "d.csv", "a,b,label\n"))
    assert "no rows" in text
    assert "a, b, label" in text


def test_a_short_and_a_long_line_are_refused_by_number(tmp_path):
    assert "line 3 has 1 field" in refused(write(tmp_path, "d.csv", "a,b\n1,2\n3\n"))
    assert "line 2 has 3 fields" in refused(write(tmp_path, "e.csv", "a,b\n1,2,3\n"))


def test_a_header_with_a_nameless_or_repeated_column_is_refused(tmp_path):
    assert "index=False" in refused(write(tmp_path, "d.csv", ",a\n0,1\n"))
    assert "'a' more than once" in refused(write(tmp_path, "e.csv", "a,b,a\n0,1,2\n"))


def test_only_id_and_label_are_no_features(tmp_path):
    assert "--labels" in refused(write(tmp_path, "d.csv", "id,label\na,1\n"))


def test_dates_that_the_contract_does_not_name_are_refused_by_column(tmp_path):
    pq.write_table(pa.table({"x": [1.0], "when": pd.to_datetime(["2026-01-01"])}), tmp_path / "d.parquet")
    with pytest.raises(LeptonError, match="'when' holds datetime"):
        read(tmp_path / "d.parquet", Reading(numbers=["x"], settled=True))


def test_truncated_files_are_refused(tmp_path):
    pd.DataFrame({"x": np.arange(1000.0)}).to_parquet(tmp_path / "whole.parquet")
    np.savez_compressed(tmp_path / "whole.npz", x=np.random.default_rng(0).integers(0, 255, (50, 9, 9), dtype=np.uint8))
    (tmp_path / "whole.csv.gz").write_bytes(gzip.compress((CSV * 100).encode()))
    with pa.CompressedOutputStream(str(tmp_path / "whole.csv.zst"), "zstd") as stream:
        stream.write((CSV * 100).encode())
    for name in ("whole.parquet", "whole.npz", "whole.csv.gz", "whole.csv.zst"):
        content = (tmp_path / name).read_bytes()
        for share in (0.1, 0.5, 0.95):
            path = write(tmp_path, "cut-" + name, content[: int(len(content) * share)])
            assert "cut off" in refused(path), (name, share)


def test_a_damaged_npz_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "d.npz", x=np.random.default_rng(0).integers(0, 255, (50, 9, 9), dtype=np.uint8))
    content = bytearray((tmp_path / "d.npz").read_bytes())
    content[200:220] = b"\xff" * 20
    assert "damaged" in refused(write(tmp_path, "d.npz", bytes(content)))


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_npz_with_python_objects_is_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.zeros((1, 2, 2))
    np.savez(tmp_path / "d.npz", x=x, y=np.array([Bomb()], dtype=object))
    np.savez(tmp_path / "e.npz", x=np.array([Bomb()], dtype=object))
    assert "Python objects" in refused(tmp_path / "d.npz")
    assert "Python objects" in refused(tmp_path / "e.npz")
    assert not (tmp_path / "exploded").exists()


def test_a_bare_pickle_named_npz_is_never_unpickled(tmp_path, monkeypatch):
    import pickle

    monkeypatch.chdir(tmp_path)
    refused(write(tmp_path, "d.npz", pickle.dumps(Bomb())))
    assert not (tmp_path / "exploded").exists()


def test_npz_without_rows_or_with_other_lengths_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", pictures=np.zeros((1, 2, 2)))
    np.savez(tmp_path / "b.npz", x=np.zeros((3, 2, 2)), y=np.zeros(2))
    np.savez(tmp_path / "c.npz", x=np.zeros((0, 2, 2)))
    np.save(tmp_path / "d.npy", np.zeros(3))
    (tmp_path / "d.npy").rename(tmp_path / "d.npz")
    assert "Found: pictures" in refused(tmp_path / "a.npz")
    assert "3 rows, but the labels" in refused(tmp_path / "b.npz")
    assert "no rows" in refused(tmp_path / "c.npz")
    assert "single array" in refused(tmp_path / "d.npz")


def test_a_missing_file_suggests_a_near_name(tmp_path):
    write(tmp_path, "march.csv", CSV)
    with pytest.raises(NotFound) as caught:
        read_delivery(tmp_path / "marhc.csv")
    assert "march.csv" in caught.value.render()


def test_an_unknown_kind_of_file_is_refused(tmp_path):
    assert ".parquet" in refused(write(tmp_path, "d.xlsx", b"PK"))


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    write(tmp_path, "secret.csv", CSV)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "d.csv").symlink_to(tmp_path / "secret.csv")
    assert "leaves the delivery folder" in refused(tmp_path / "in" / "d.csv")
    (tmp_path / "in" / "gone.csv").symlink_to(tmp_path / "nothing.csv")
    assert "leads nowhere" in refused(tmp_path / "in" / "gone.csv")


def test_a_link_within_the_folder_is_fine(tmp_path):
    write(tmp_path, "real.csv", CSV)
    (tmp_path / "d.csv").symlink_to("real.csv")
    assert len(read_delivery(tmp_path / "d.csv")) == 3


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_link_out_of_a_folder_of_images_is_refused(tmp_path, as_folder):
    png(tmp_path / "outside" / "x.png")
    png(tmp_path / "f" / "a" / "1.png")
    target = tmp_path / "outside" if as_folder else tmp_path / "outside" / "x.png"
    (tmp_path / "f" / ("b" if as_folder else "a/2.png")).symlink_to(target)
    assert "leaves the delivery folder" in refused(tmp_path / "f")


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "f").mkdir()
    assert "no image" in refused(tmp_path / "f")


def test_images_of_different_sizes_are_refused_with_counts(tmp_path):
    png(tmp_path / "f" / "a" / "1.png", size=(4, 5))
    png(tmp_path / "f" / "a" / "2.png", size=(4, 5))
    png(tmp_path / "f" / "a" / "3.png", size=(8, 8))
    text = refused(tmp_path / "f")
    assert "4 x 5 pixels, uint8: 2 images" in text
    assert "8 x 8 pixels, uint8: 1 images, such as a/3.png" in text


def test_a_damaged_image_and_a_stranger_are_refused_by_name(tmp_path):
    png(tmp_path / "f" / "a" / "1.png")
    whole = (tmp_path / "f" / "a" / "1.png").read_bytes()
    (tmp_path / "f" / "a" / "2.png").write_bytes(whole[:40])
    assert "a/2.png is damaged" in refused(tmp_path / "f")
    (tmp_path / "f" / "a" / "2.png").rename(tmp_path / "f" / "a" / "notes.txt")
    assert "notes.txt is not an image" in refused(tmp_path / "f")


def test_images_for_a_table_are_refused(tmp_path):
    png(tmp_path / "f" / "a" / "1.png")
    assert "folder of images" in refused(tmp_path / "f", kind="tabular")


def test_a_delivery_says_where_ids_and_labels_come_from(tmp_path):
    given = read(write(tmp_path, "d.csv", CSV))
    assert (given.ids_from, given.has_labels) == ("given", True)
    derived = read(write(tmp_path, "e.csv", "x\n1\n"), Reading())
    assert (derived.ids_from, derived.has_labels) == ("content", False)


def test_a_csv_is_parsed_in_blocks_of_whole_records(tmp_path, monkeypatch):
    text = "a,b,label\n" + "".join(f'{k},"line {k},\nand ""more""",x\n' for k in range(50))
    whole = csv.read_frame(write(tmp_path, "d.csv", text))
    monkeypatch.setattr(csv, "BLOCK", 100)
    monkeypatch.setattr(text_stream, "CHUNK", 7)
    frames = [frame for frame, _ in csv.text_frames(tmp_path / "d.csv", (), LimitsConfig())]
    assert len(frames) > 10
    pd.testing.assert_frame_equal(pd.concat(frames, ignore_index=True), whole)
    lines = "a,b,label\n" + "1,2,x\n" * 60 + "1,2\n" + "1,2,x\n" * 60
    assert "line 62 has 2 fields" in refused(write(tmp_path, "short.csv", lines))
