"""Read exactly: numbers as they are, what a contract says they are, nothing dropped or altered without a word."""

import unicodedata
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lepton.core.errors import LeptonError
from lepton.data.ids import batch_digest, content_keys
from lepton.data.readers import Reading, read, read_delivery
from lepton.data.readers.labels import read_labels

LARGE = 2**53 + 1
"""The first whole number that a float64 does not hold."""


def csv(folder, text, name="d.csv"):
    (folder / name).write_bytes(text.encode())
    return folder / name


def parquet(folder, name="d.parquet", **columns):
    pq.write_table(pa.table(columns), folder / name)
    return folder / name


def refused(path, reading=None):
    with pytest.raises(LeptonError) as caught:
        read(path, reading or Reading())
    return caught.value.render()


def picture(path, array, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(path, **how)
    return path


def images(folder):
    return read(folder, Reading()).table.images


# -- numbers ------------------------------------------------------------------------------------------------------


def test_the_same_table_is_the_same_rows_whatever_file_it_comes_in(tmp_path):
    x = np.random.default_rng(0).normal(size=(500, 3)) * 10.0 ** np.arange(-9, 9, 7)
    names, labels = ["x0", "x1", "x2"], np.array(["a", "b"] * 250)
    pd.DataFrame(x, columns=names).assign(label=labels).to_csv(tmp_path / "d.csv", index=False)
    pd.DataFrame(x, columns=names).assign(label=labels).to_parquet(tmp_path / "d.parquet", index=False)
    np.savez(tmp_path / "d.npz", x=x, y=labels)
    tables = [read_delivery(tmp_path / f"d.{suffix}") for suffix in ("csv", "parquet", "npz")]
    for table in tables:
        np.testing.assert_array_equal(table.frame.to_numpy(), x)
    assert len({table.content_digest() for table in tables}) == 1
    assert len({batch_digest(content_keys(table)) for table in tables}) == 1


@pytest.mark.parametrize("text", ["0.1", "1e-310", "9007199254740992", "-.5", "7.", "+3", "123456.78901234567890123"])
def test_a_number_in_csv_is_what_python_makes_of_it(tmp_path, text):
    assert read_delivery(csv(tmp_path, f"x\n{text}\n")).frame["x"].tolist() == [float(text)]


@pytest.mark.parametrize("text", ["1_000", "٣", "0x1F", "1,5", "--1"])
def test_what_only_some_program_takes_for_a_number_is_none(tmp_path, text):
    assert read_delivery(csv(tmp_path, f'x,y\n"{text}",1\n')).frame["x"].tolist() == [text]


def test_whole_numbers_that_would_be_rounded_are_refused_by_name_in_every_format(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.array([[LARGE, 1]]))
    sent = (
        csv(tmp_path, f"account,y\n1,1\n{LARGE},2\n"),
        parquet(tmp_path, account=pa.array([1, LARGE]), y=[1, 2]),
        parquet(tmp_path, "gaps.parquet", account=pa.array([1, LARGE, None]), y=[1, 2, 3]),
        tmp_path / "d.npz",
    )
    for path in sent:
        told = refused(path)
        assert str(LARGE) in told, path
        assert "2**53" in told
    assert "'account'" in refused(sent[0])
    assert "row 2" in refused(sent[1])


def test_they_are_kept_exactly_as_categories_ids_and_labels(tmp_path):
    for path in (
        csv(tmp_path, f"account,y,id,label\n{LARGE},1,{LARGE},{LARGE}\n,2,{LARGE + 2},\n"),
        parquet(
            tmp_path,
            account=pa.array([LARGE, None]),
            y=[1, 2],
            id=pa.array([LARGE, LARGE + 2]),
            label=pa.array([LARGE, None]),
        ),
    ):
        table = read(path, Reading(categories=["account"])).table
        assert list(table.frame["account"]) == [str(LARGE), None]
        assert list(table.ids) == [str(LARGE), str(LARGE + 2)]
        assert list(table.labels) == [str(LARGE), None]


def test_whole_numbers_with_gaps_are_numbers(tmp_path):
    frame = read_delivery(parquet(tmp_path, n=pa.array([1, None, 3]), u=pa.array([2, None, 5], pa.uint64()))).frame
    assert frame.dtypes.tolist() == [np.float64, np.float64]
    np.testing.assert_array_equal(frame.to_numpy(), [[1, 2], [np.nan, np.nan], [3, 5]])


def test_decimals_are_exact_or_refused(tmp_path):
    good = pa.array([Decimal("1.10"), None], pa.decimal128(20, 2))
    np.testing.assert_array_equal(read_delivery(parquet(tmp_path, price=good)).frame["price"], [1.1, np.nan])
    told = refused(parquet(tmp_path, price=pa.array([Decimal("12345678901234567.89")], pa.decimal128(20, 2))))
    assert "12345678901234567.89" in told


def test_pixels_that_float32_would_round_are_refused(tmp_path):
    np.savez(tmp_path / "d.npz", images=np.full((2, 3, 3), 2**24 + 1))
    assert "image 1 holds a whole number" in refused(tmp_path / "d.npz")


def test_codes_are_text(tmp_path):
    frame = read_delivery(csv(tmp_path, "zip,part,x\n01234,1E5,0.5\n10001,2E10,1e-05\n")).frame
    assert frame["zip"].tolist() == ["01234", "10001"]
    assert frame["part"].tolist() == ["1E5", "2E10"]
    assert frame["x"].tolist() == [0.5, 1e-05]


# -- the contract's word --------------------------------------------------------------------------------------------


def test_text_is_read_as_the_numbers_that_the_contract_says(tmp_path):
    table = read(parquet(tmp_path, a=["1.5", "NA", None], b=["x", "y", "z"]), Reading(numbers=["a"], categories=["b"]))
    np.testing.assert_array_equal(table.table.frame["a"], [1.5, np.nan, np.nan])
    code = read(csv(tmp_path, "zip\n01234\n"), Reading(numbers=["zip"])).table
    assert code.frame["zip"].tolist() == [1234.0]


def test_one_that_is_no_number_leaves_the_column_for_the_contract_to_name(tmp_path):
    table = read(csv(tmp_path, "a\n1\n?\n"), Reading(numbers=["a"])).table
    assert table.frame["a"].tolist() == ["1", "?"]


def test_truth_values_have_one_spelling(tmp_path):
    sent = pd.DataFrame({"smoker": [True, False], "x": [1.0, 2.0], "label": [False, True]})
    sent.to_csv(tmp_path / "d.csv", index=False)
    sent.to_parquet(tmp_path / "d.parquet", index=False)
    for name in ("d.csv", "d.parquet"):
        table = read_delivery(tmp_path / name)
        assert (list(table.frame["smoker"]), list(table.labels)) == (["true", "false"], ["false", "true"])
        older = Reading(categories=["smoker"], values={"smoker": ("False", "True")}, classes=("False", "True"))
        table = read(tmp_path / name, older).table
        assert (list(table.frame["smoker"]), list(table.labels)) == (["True", "False"], ["False", "True"])


def test_labels_are_spelled_as_the_contract_does_and_blanks_do_not_count(tmp_path):
    path = csv(tmp_path, "x,label\n1,yes \n2, no\n3,yes\n")
    assert list(read_delivery(path).labels) == ["yes", "no", "yes"]
    assert list(read(path, Reading(classes=("no", "yes", "yes "))).table.labels) == ["yes ", "no", "yes"]
    whole = csv(tmp_path, "x,label\n1,1.0\n2,oops\n")
    assert list(read(whole, Reading(classes=("0", "1"))).table.labels) == ["1", "oops"]


def test_a_delivery_of_dark_pixels_is_what_the_contract_says(tmp_path):
    path = csv(tmp_path, "p0,p1,p2,p3\n0,1,0,0\n0,0,0,0\n")
    assert read(path, Reading(kind="image", image_shape=(1, 2, 2), pixels="uint8")).table.images.dtype == np.uint8
    bright = csv(tmp_path, "p0,p1,p2,p3\n0,7,0,0\n0,0,0,0\n")
    assert read(bright, Reading(kind="image", image_shape=(1, 2, 2), pixels="float32")).table.images.dtype == np.float32


def test_grey_images_are_colour_where_the_contract_has_colour(tmp_path):
    picture(tmp_path / "f" / "a" / "1.png", np.full((4, 4), 9, np.uint8))
    assert images(tmp_path / "f").shape == (1, 1, 4, 4)
    found = read(tmp_path / "f", Reading(kind="image", image_shape=(3, 4, 4), pixels="uint8")).table
    assert found.images.shape == (1, 3, 4, 4)


# -- nothing dropped or altered in silence --------------------------------------------------------------------------


def test_a_stray_quote_is_refused_by_line(tmp_path):
    rows = [f"{k},part,yes" for k in range(40)]
    rows[2], rows[20] = '2,"12 inch,no', '20,"5 inch,no'
    told = refused(csv(tmp_path, "id,remark,label\n" + "\n".join(rows) + "\n"))
    assert "line 4" in told
    assert "stands where none can" in refused(csv(tmp_path, 'a,b\n"x" y,1\n'))
    assert "never closed" in refused(csv(tmp_path, 'a,b\n"x,1\n2,3\n'))


def test_a_value_of_whole_rows_is_refused_and_one_of_several_lines_is_not(tmp_path):
    swallowed = 'id,note,x\n1,"a,1\n2,b,2\n3,c,3\n4,d",4\n'
    assert "2 whole lines of 3 fields" in refused(csv(tmp_path, swallowed))
    letter = csv(tmp_path, 'note,x,y\n"Dear Sir,\n\nthank you, again\nYours",1,2\n"",1,2\n')
    assert len(read_delivery(letter)) == 2


def test_an_empty_line_of_a_single_column_is_a_row(tmp_path):
    assert read_delivery(csv(tmp_path, "x\n1\n\n3\n")).frame["x"].isna().tolist() == [False, True, False]


def test_blanks_around_the_names_of_columns_do_not_count_unless_a_contract_has_them(tmp_path):
    path = csv(tmp_path, "a, b, label\n1, 2, yes\n")
    table = read_delivery(path)
    assert (list(table.frame.columns), list(table.labels)) == (["a", "b"], ["yes"])
    assert list(read(path, Reading(numbers=["a", " b"])).table.frame.columns) == ["a", " b"]
    assert "'a' more than once" in refused(csv(tmp_path, "a, a\n1,2\n"))


def test_the_first_line_that_excel_writes_is_no_header(tmp_path):
    assert list(read_delivery(csv(tmp_path, "sep=,\na,b\n1,2\n")).frame.columns) == ["a", "b"]


def test_the_row_numbers_that_pandas_keeps_are_no_feature(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0]}).loc[[2, 0]]
    frame.to_parquet(tmp_path / "d.parquet")
    assert "__index_level_0__" in pq.read_schema(tmp_path / "d.parquet").names
    assert list(read_delivery(tmp_path / "d.parquet").frame.columns) == ["a"]
    old = read(tmp_path / "d.parquet", Reading(numbers=["a", "__index_level_0__"])).table
    assert list(old.frame.columns) == ["a", "__index_level_0__"]


def test_an_image_is_upright_as_every_viewer_shows_it(tmp_path):
    shown = np.zeros((16, 16, 3), np.uint8)
    shown[:8] = 200
    turned = Image.Exif()
    turned[0x0112] = 3
    picture(tmp_path / "f" / "a" / "1.jpg", Image.fromarray(shown).transpose(Image.Transpose.ROTATE_180), exif=turned)
    assert images(tmp_path / "f")[0, 0, :6].mean() > 190


@pytest.mark.parametrize("name", ["x.tif", "x.gif", "x.png"])
def test_a_file_of_several_pages_is_refused_by_name(tmp_path, name):
    pages = [Image.fromarray(np.full((4, 4), 40 * k, np.uint8)) for k in range(3)]
    picture(tmp_path / "f" / "a" / name, pages[0], save_all=True, append_images=pages[1:])
    assert f"f/a/{name} holds 3 pages" in refused(tmp_path / "f")


def test_transparent_pixels_are_laid_on_white(tmp_path):
    ink = np.zeros((4, 4, 4), np.uint8)
    ink[1, 1] = (0, 0, 0, 255)
    picture(tmp_path / "f" / "a" / "1.png", ink)
    found = images(tmp_path / "f")
    assert found.shape == (1, 3, 4, 4)
    assert (found[0, :, 1, 1].tolist(), found[0, :, 0, 0].tolist()) == ([0, 0, 0], [255, 255, 255])


def test_colour_of_more_than_eight_bits_is_refused_and_grey_of_sixteen_kept(tmp_path):
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw = b"".join(b"\0" + struct.pack(">HHH", 300 * row, 200, 100) * 2 for row in range(2))
    header = struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)
    deep = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + deep)
    assert "f/1.png has colour of more than 8 bits" in refused(tmp_path / "f")
    picture(tmp_path / "g" / "1.png", np.array([[300, 65535], [0, 1]], np.uint16))
    assert images(tmp_path / "g").tolist() == [[[[300, 65535], [0, 1]]]]


def test_a_class_whose_name_begins_with_a_dot_is_a_class_and_a_hidden_stranger_is_told(tmp_path):
    for name in (".NET", "java"):
        picture(tmp_path / "f" / name / "1.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "f" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "f" / "__MACOSX").mkdir()
    (tmp_path / "f" / "__MACOSX" / "._1.png").write_bytes(b"x")
    assert sorted(read_delivery(tmp_path / "f").labels) == [".NET", "java"]
    (tmp_path / "f" / ".notes").write_bytes(b"x")
    assert ".notes is not an image" in refused(tmp_path / "f")


def test_ids_of_sixteen_bytes_are_uuids_and_other_bytes_are_refused(tmp_path):
    ids = [uuid.UUID(int=255 << 120 | k) for k in range(3)]
    path = parquet(tmp_path, id=pa.array([one.bytes for one in ids], pa.binary(16)), x=[1.0, 2.0, 3.0])
    assert list(read_delivery(path).ids) == [str(one) for one in ids]
    path = parquet(tmp_path, id=pa.array([b"a", b"\xff\xfe"]), x=[1.0, 2.0])
    assert "'id' holds bytes that are not UTF-8 in row 2" in refused(path)
    path = parquet(tmp_path, label=pa.array([b"a", b"\xff\xfe"]), x=[1.0, 2.0])
    assert "'label' holds bytes that are not UTF-8 in row 2" in refused(path)


# -- one spelling, and columns that are none ------------------------------------------------------------------------


def test_letters_have_one_unicode_form_in_labels_categories_and_names_of_columns(tmp_path):
    apart = unicodedata.normalize("NFD", "café")
    path = csv(tmp_path, f"{apart},label\n{apart},{apart}\n")
    table = read_delivery(path)
    assert list(table.frame.columns) == list(table.frame.iloc[0]) == list(table.labels) == ["café"]
    picture(tmp_path / "f" / apart / "1.png", np.zeros((4, 4), np.uint8))
    assert list(read_delivery(tmp_path / "f").labels) == ["café"]
    listed = Reading(categories=["café"], values={"café": (apart,)}, classes=(apart,))
    assert list(read(path, listed).table.labels) == [apart]


def test_columns_that_are_to_be_left_out_may_be_there_or_not(tmp_path):
    reading = Reading(numbers=["x"], ignore=["note"], settled=True)
    for text in ("x,note\n1,a\n", "x\n1\n"):
        assert list(read(csv(tmp_path, text), reading).table.frame.columns) == ["x"]


@pytest.mark.parametrize("day", ["2026-01-31", "31.01.2026", "1/31/2026", "2026-01-31T10:00:00Z", "2026/01/31 10:00"])
def test_dates_are_never_a_category(tmp_path, day):
    found = read(csv(tmp_path, f"x,day\n1,{day}\n2,\n"), Reading())
    assert (list(found.table.frame.columns), found.dates) == (["x"], ("day",))


def test_dates_of_parquet_are_left_out_too(tmp_path):
    found = read(parquet(tmp_path, x=[1.0], at=pd.to_datetime(["2026-01-31"]), on=[pd.Timestamp(0).date()]), Reading())
    assert found.dates == ("at", "on")


def test_a_date_is_split_into_the_parts_that_are_asked_for(tmp_path):
    reading = Reading(dates={"day": ("weekday", "hour", "days")}, numbers=["x"], settled=True)
    sent = {"x": [1.0, 2.0], "day": pd.to_datetime(["2026-11-29 06:30", None])}
    pd.DataFrame(sent).to_csv(tmp_path / "d.csv", index=False)
    pd.DataFrame(sent).to_parquet(tmp_path / "d.parquet", index=False)
    for name in ("d.csv", "d.parquet"):
        frame = read(tmp_path / name, reading).table.frame
        assert list(frame.columns) == ["x", "day (weekday)", "day (hour)", "day (days)"]
        assert list(frame["day (weekday)"]) == ["Sunday", None]
        np.testing.assert_array_equal(frame[["day (hour)", "day (days)"]], [[6.5, 20786], [np.nan, np.nan]])
    assert "'01/02/2026' in row 1" in refused(csv(tmp_path, "x,day\n1,01/02/2026\n"), reading)


def test_a_column_may_not_bear_a_name_of_ours(tmp_path):
    assert "'lepton: width' begins with" in refused(csv(tmp_path, "lepton: width,x\n1,2\n"))


def test_a_folder_of_parquet_parts_is_one_table(tmp_path):
    (tmp_path / "d.parquet").mkdir()
    (tmp_path / "d.parquet" / "_SUCCESS").touch()
    for k in range(3):
        pq.write_table(
            pa.table({"x": [float(k), k + 0.5]}).slice(0, 2 * (k < 2)), tmp_path / "d.parquet" / f"part-{k}.parquet"
        )
    assert read_delivery(tmp_path / "d.parquet").frame["x"].tolist() == [0.0, 0.5, 1.0, 1.5]
    pq.write_table(pa.table({"x": ["a"]}), tmp_path / "d.parquet" / "part-3.parquet")
    assert "'x' is double and string" in refused(tmp_path / "d.parquet")
    (tmp_path / "e" / "day=1").mkdir(parents=True)
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "e" / "day=1" / "part-0.parquet")
    assert "divided into folders, such as day=1" in refused(tmp_path / "e")


def test_labels_that_come_later_may_say_id_and_label(tmp_path):
    ids, labels = read_labels(csv(tmp_path, "id,label\n1,yes\n"), label="outcome", id="order")
    assert (list(ids), list(labels)) == (["1"], ["yes"])
    with pytest.raises(LeptonError, match="no column 'order'"):
        read_labels(csv(tmp_path, "key,label\n1,yes\n"), label="outcome", id="order")
