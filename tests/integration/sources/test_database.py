"""Deliveries that are the rows of a query, of real databases."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

import lepton
from lepton.core.errors import LeptonError
from lepton.operations.delivery import as_file
from tests.conftest import Answer
from tests.integration.sources.deliveries import (
    PASSWORD,
    ROWS,
    march,
    odd,
)


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """The address of a small database."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        march().to_sql("march", connection, index=False)
        odd().to_sql("odd", connection, index=False)
    connection.close()
    return f"sqlite:///{path}"


def test_the_rows_of_a_query_are_a_delivery(ws: lepton.Workspace, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DB", shop)
    taken = ws.ingest("here", sql="SELECT * FROM march", db="env:SHOP_DB", name="march")
    assert (taken.batch, taken.rows) == ("march", ROWS)
    with pytest.raises(LeptonError, match="is already delivered as batch march"):
        ws.ingest("here", sql="SELECT * FROM march", db=shop)


def test_a_query_without_a_name_is_called_by_its_rows(ws: lepton.Workspace, shop: str) -> None:
    one = ws.ingest("here", sql="SELECT * FROM march", db=shop, dry_run=True).batch
    same = ws.ingest("here", sql="SELECT * FROM  march -- again", db=shop, dry_run=True).batch
    other = ws.ingest("here", sql="SELECT * FROM march LIMIT 200", db=shop, dry_run=True).batch
    assert one == same != other
    assert one.startswith("rows-")


def test_a_refused_query_is_shown_as_it_is_typed(
    ws: lepton.Workspace, shop: str, lepton: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DB", shop)
    refused = lepton("ingest", "here", "--sql", "SELECT * FROM odd", "--db", "env:SHOP_DB", "--local", cwd=ws.root)
    assert refused.code == 1
    assert "lepton ingest here --sql 'SELECT * FROM odd' --db env:SHOP_DB" in refused.err
    wrong = lepton("ingest", "here", "--sql", "SELECT * FROM nope", "--db", "env:SHOP_DB", "--local", cwd=ws.root)
    assert wrong.code == 1
    assert "no such table: nope" in wrong.err
    assert "Traceback" not in wrong.err
    half = lepton("ingest", "here", "--sql", "SELECT 1", "--local", cwd=ws.root)
    assert half.code == 2
    none = lepton("ingest", "here", "--local", cwd=ws.root)
    assert none.code == 2


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE march SET heat = 0", "readonly"),
        ("DROP TABLE march", "readonly"),
        ("SELECT * FROM march WHERE 0", "returns no row"),
        ("SELECT heat, speed AS heat FROM march", "'heat' more than once"),
        ("SELECT CASE WHEN rowid < 9 THEN 1 ELSE 'x' END AS mixed FROM march", "'mixed' cannot be kept"),
        ("PRAGMA foreign_keys = ON", "returns no rows"),
    ],
)
def test_a_query_that_cannot_be_delivered_says_why_and_changes_nothing(shop: str, sql: str, said: str) -> None:
    from lepton.data.sources.sql import Query

    with pytest.raises(LeptonError) as caught, as_file(Query(sql, shop)):
        pass
    assert said in caught.value.render()
    with sqlite3.connect(shop.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT count(*) FROM march WHERE heat <> 0").fetchone() == (ROWS,)
    connection.close()


def test_what_a_column_is_may_come_late_and_many_rows_make_several_row_groups(tmp_path: Path) -> None:
    from lepton.data.sources.sql import Query

    numbers = "WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < 59999) "
    sql = numbers + (
        "SELECT k, CASE WHEN k >= 30000 THEN 'late' END AS late, CASE WHEN k < 45000 THEN k ELSE k + 0.5 END AS grown,"
        " NULL AS never, '12:30 %' AS text FROM n"
    )
    with as_file(Query(sql, "sqlite://")) as path:
        file = pq.ParquetFile(path)
        assert file.num_row_groups == 3
        table = file.read()
        assert list(path.parent.iterdir()) == [path]
    kinds = [str(kind) for kind in table.schema.types]
    assert kinds == ["int64", "string", "double", "null", "string"]
    assert table["k"].to_pylist() == list(range(60000))
    assert table["grown"].to_pylist()[44999:45001] == [44999.0, 45000.5]
    assert table["late"].null_count == 30000


def test_postgres_keeps_every_type(postgres_url: str, ws: lepton.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from lepton.data.sources.sql import Query

    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    key = uuid.uuid4()
    with engine.begin() as connection:
        march().to_sql("march", connection, index=False)
        connection.exec_driver_sql(
            "CREATE TABLE kinds AS SELECT k, 7::smallint AS small, (k || '.25')::numeric(30, 2) AS price, k > 1 AS yes,"
            " 1.5::float8 AS f, 'é'::text AS word, timestamp '2026-01-01 12:00' AS at,"
            " timestamptz '2026-01-01 12:00+02' AS zoned, date '2026-01-01' AS day, NULL::int AS gap,"
            f" '{key}'::uuid AS id, ARRAY[1.5, 2.5]::float8[] AS steps, '{{\"a\": 1}}'::jsonb AS doc,"
            " (2::numeric ^ 70)::numeric(30, 0) AS huge FROM generate_series(1, 50000) k"
        )
    url = engine.url.render_as_string(hide_password=False)
    with as_file(Query("SELECT * FROM kinds ORDER BY k", url)) as path:
        file = pq.ParquetFile(path)
        assert file.num_row_groups == 3
        table = file.read()
    assert {name: str(table.schema.field(name).type) for name in ("k", "yes", "f", "at", "zoned", "day", "steps")} == {
        "k": "int64",
        "yes": "bool",
        "f": "double",
        "at": "timestamp[us]",
        "zoned": "timestamp[us, tz=UTC]",
        "day": "date32[day]",
        "steps": "list<element: double>",
    }
    row = table.slice(41_999, 1).to_pylist()[0]
    assert row["price"] == Decimal("42000.25")
    assert row["huge"] == 2**70
    assert row["zoned"] == dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC)
    assert (row["word"], row["gap"], row["id"], json.loads(row["doc"])) == ("é", None, str(key), {"a": 1})

    # A driver need not be named, percent signs and colons are the query's, and nothing is changed.
    plain = url.replace("postgresql+psycopg", "postgresql")
    taken = ws.ingest("here", sql="SELECT * FROM march WHERE line LIKE '%' AND ':x' = ':x'", db=plain, name="march")
    assert taken.rows == ROWS
    for sql in ("DELETE FROM march", "INSERT INTO march (heat) VALUES (1) RETURNING heat", "SELECT * FROM nope"):
        with pytest.raises(LeptonError, match="refuses the query") as caught, as_file(Query(sql, url)):
            pass
        assert str(engine.url.password) not in caught.value.render()
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM march")) == ROWS
    wrong = engine.url.set(password=PASSWORD).render_as_string(hide_password=False)
    with pytest.raises(LeptonError, match="cannot be reached") as caught, as_file(Query("SELECT 1", wrong)):
        pass
    assert PASSWORD not in caught.value.render()
