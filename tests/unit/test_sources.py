"""What a delivery from elsewhere is called, what is never shown of it, and how its values become columns."""

from __future__ import annotations

import datetime as dt
import errno
import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError, Refused, UsageError
from lepton.data.sources.arrow import write_rows
from lepton.data.sources.origin import Origin, shown, standing_in
from lepton.data.sources.pour import pour
from lepton.data.sources.sql import Query
from lepton.data.sources.url import LONGEST, file_name, is_url, public, without_secrets
from lepton.data.sources.values import column, wider
from lepton.operations.delivery import asked

LIMITS = LimitsConfig()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/in/March%202026.csv.gz?sig=x#y", "March 2026.csv.gz"),
        ("s3://bucket/in/50% off.parquet", "50- off.parquet"),
        ("s3://bucket/out/april/", "april"),
        ("s3://bucket", "bucket"),
        ("https://host/%2e%2e%2fetc%2fpasswd", "etc-passwd"),
        ("https://host/a%2Fb.csv", "a-b.csv"),
        ("https://host/..", "delivery"),
        ("https://host/.hidden.csv", "hidden.csv"),
        ("https://me:pw@host/$(rm -rf).csv", "rm -rf-.csv"),
        ("https://host/día.csv", "día.csv"),
    ],
)
def test_a_delivery_is_named_by_the_last_part_of_its_address(url: str, name: str) -> None:
    assert file_name(url, raw=url.startswith("s3")) == name


def test_a_name_is_never_too_long_for_a_disk_and_keeps_its_ending() -> None:
    name = file_name(f"https://host/{'x' * 400}.csv.gz")
    assert len(name) == LONGEST
    assert name.endswith(".gz")


@pytest.mark.parametrize("text", ["march.csv", "/in/march.csv", "C:/march.csv", "s3:/bucket/x", "a b://x"])
def test_a_path_is_no_address(text: str) -> None:
    assert not is_url(text)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://host/march.csv", "https://host/march.csv"),
        ("https://me:SECRET@host/march.csv", "https://***@host/march.csv"),
        ("https://SECRET@host/march.csv", "https://***@host/march.csv"),
        ("https://me:SEC/RET@host/march.csv", "https://***@host/march.csv"),
        ("https://host/march.csv?X-Amz-Signature=SECRET&X-Amz-Credential=AKIA", "https://host/march.csv?***"),
        ("https://host/march.csv#SECRET", "https://host/march.csv?***"),
        ("s3://AKIA:SECRET@bucket/a@b.csv", "s3://***@b.csv"),
        ("s3://bucket/a@b.csv", "s3://bucket/a@b.csv"),
    ],
)
def test_an_address_is_shown_without_what_opens_it(url: str, told: str) -> None:
    assert public(url) == told


def test_what_others_say_of_an_address_is_shown_without_what_opens_it() -> None:
    url = "s3://AKIA0:SEC%2FRET@bucket/x?session=TOKEN1&a=b"
    for said in (url, "key AKIA0 is unknown", "SEC/RET", "SEC%2FRET", "session TOKEN1 has run out"):
        found = without_secrets(f"store: {said}", url)
        assert found.startswith("store: ")
        assert [word for word in ("AKIA0", "SEC/RET", "SEC%2FRET", "TOKEN1") if word in found] == []


def test_a_query_is_shown_without_the_password_of_its_database() -> None:
    query = Query("SELECT *\n  FROM t WHERE a = 'x'", "postgresql://me:SECRET@host/shop?password=SECRET")
    assert query.origin.text == "the query \"SELECT * FROM t WHERE a = 'x'\""
    assert query.origin.typed is not None
    assert query.origin.typed.endswith("--db 'postgresql://***@host/shop?***'")
    assert "SECRET" not in repr(query)
    assert len(Query("x" * 9999, "env:DB").origin.text) < 300


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        (Origin("https://h/m.csv", "https://h/m.csv"), "then lepton ingest site https://h/m.csv --labels"),
        (Origin("the query 'x'", "--sql x --db env:DB"), "then lepton ingest site --sql x --db env:DB --labels"),
        (Origin("a DataFrame"), 'then ws.ingest("site", rows, labels=True)'),
    ],
)
def test_an_error_names_where_a_delivery_came_from(origin: Origin, told: str, tmp_path: Path) -> None:
    path = tmp_path / "a b" / "m.csv"

    def refuse() -> None:
        assert shown(path) == origin.text
        raise Refused(f"{path} is bad", f"see {path}", [f"then lepton ingest site '{path}' --labels"])

    with pytest.raises(Refused) as caught, standing_in(path, origin):
        refuse()
    assert caught.value.what == str(caught.value) == f"{origin.text} is bad"
    assert caught.value.why == f"see {origin.text}"
    assert caught.value.fix == (told,)
    assert shown(path) == str(path)


def test_no_more_bytes_come_than_are_allowed_and_no_fewer_than_were_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = LimitsConfig(max_bytes=10)
    with pytest.raises(LeptonError, match=r"max_bytes|more than is allowed"):
        pour(io.BytesIO().read, tmp_path / "a", "x", few, stated=11)
    assert not (tmp_path / "a").exists()
    with pytest.raises(LeptonError, match="more than is allowed"):
        pour(io.BytesIO(b"x" * 11).read, tmp_path / "b", "x", few)
    with pytest.raises(LeptonError, match="more than is allowed"):
        pour(io.BytesIO(b"x" * 6).read, tmp_path / "c", "x", few, before=5)
    with pytest.raises(LeptonError, match="x was cut off") as caught:
        pour(io.BytesIO(b"x" * 6).read, tmp_path / "d", "x", few, stated=7)
    assert "6 of 7 bytes" in caught.value.why
    assert pour(io.BytesIO(b"x" * 7).read, tmp_path / "e", "x", few, stated=7) == 7


def test_a_full_disk_is_told_before_and_while_bytes_come(tmp_path: Path) -> None:
    huge = LimitsConfig(max_bytes=10**18)
    with pytest.raises(LeptonError, match="does not fit on the disk"):
        pour(io.BytesIO().read, tmp_path / "a", "x", huge, stated=10**17)

    def full(_: int) -> bytes:
        raise OSError(errno.ENOSPC, "no space")

    with pytest.raises(LeptonError, match="does not fit on the disk") as caught:
        pour(full, tmp_path / "b", "x", huge)
    assert any("TMPDIR" in step for step in caught.value.fix)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, -(2**63)], "int64"),
        ([2**63, 1], "decimal128(19, 0)"),
        ([1, 2.5], "double"),
        ([True, None], "bool"),
        (["é", None], "string"),
        ([b"x", memoryview(b"y")], "binary"),
        ([Decimal("1.50"), 3, Decimal("NaN")], "decimal128(3, 2)"),
        ([dt.date(2026, 1, 1)], "date32[day]"),
        ([dt.datetime(2026, 1, 1)], "timestamp[us]"),
        ([dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None], "timestamp[us, tz=UTC]"),
        ([[1.5, None], None], "list<item: double>"),
        ([{"a": 1}, None], "string"),
        ([["a"], None], "string"),
        ([None, None], "null"),
        ([], "null"),
    ],
)
def test_a_value_of_a_database_keeps_its_type(values: list[object], kind: str) -> None:
    found = column("a", values)
    assert str(found.type) == kind
    assert len(found) == len(values)


@pytest.mark.parametrize(
    "values",
    [
        [1, "x"],
        [True, 1],
        [2**53 + 1, 0.5],
        [Decimal("0.1"), 0.1],
        [Decimal(10) ** 90],
        [dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)],
        [dt.datetime(2026, 1, 1), dt.date(2026, 1, 1)],
        [object()],
    ],
)
def test_what_cannot_be_kept_exactly_is_refused_by_the_name_of_its_column(values: list[object]) -> None:
    with pytest.raises(LeptonError, match="column 'a' cannot be kept as it is") as caught:
        column("a", values)
    assert "CAST" in caught.value.fix[0]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (pa.null(), pa.string(), pa.string()),
        (pa.bool_(), pa.null(), pa.bool_()),
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.decimal128(5, 2), pa.decimal128(7, 1), pa.decimal128(8, 2)),
        (pa.int64(), pa.decimal128(5, 2), pa.decimal128(21, 2)),
        (pa.decimal128(38, 0), pa.decimal128(10, 9), pa.decimal256(47, 9)),
        (pa.list_(pa.null()), pa.list_(pa.int64()), pa.list_(pa.int64())),
    ],
)
def test_columns_grow_only_to_what_holds_both_exactly(one: pa.DataType, other: pa.DataType, both: pa.DataType) -> None:
    a, b = (pa.schema({"a": kind}) for kind in (one, other))
    assert wider(a, b) == wider(b, a) == pa.schema({"a": both})


@pytest.mark.parametrize("kind", [pa.string(), pa.bool_(), pa.timestamp("us"), pa.decimal128(5, 2)])
def test_columns_that_nothing_holds_are_refused(kind: pa.DataType) -> None:
    with pytest.raises(LeptonError, match="column 'a'"):
        wider(pa.schema({"a": pa.float64()}), pa.schema({"a": kind}))


def test_a_stream_that_breaks_off_says_why(tmp_path: Path) -> None:
    def batches() -> object:
        yield pa.record_batch({"a": [1]})
        raise OSError("the disk behind it is gone")

    stream = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())
    with pytest.raises(LeptonError) as caught:
        write_rows(stream, tmp_path, None, LIMITS)
    assert "the disk behind it is gone" in caught.value.why


@pytest.mark.parametrize(
    ("delivery", "sql", "db"),
    [(None, None, None), ("x", "s", "d"), (None, "s", None), (None, None, "d"), ("x", "s", None)],
)
def test_a_delivery_is_either_a_file_or_a_query(delivery: str | None, sql: str | None, db: str | None) -> None:
    with pytest.raises(UsageError):
        asked(delivery, sql, db)
