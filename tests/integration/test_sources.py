"""Deliveries that are no file on this disk: from a web server, a store, a database, all real, and as Arrow."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import io
import json
import shutil
import sqlite3
import ssl
import tempfile
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

import lepton
from lepton.core.errors import LeptonError, NotFound, Refused, UsageError
from lepton.operations.delivery import as_file
from tests.conftest import Answer, make_plant

ROWS = 300
PASSWORD = "hunter2secret"
SIGNATURE = "X-Amz-Signature=0123456789abcdef&X-Amz-Credential=AKIAEXAMPLE"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a source of one batch."""
    root = tmp_path_factory.mktemp("template") / "ws"
    ws = lepton.init(root, make_plant(ROWS, 0.0, 0), source="here", progress=False)
    ws.ingest("here", make_plant(ROWS, 0.0, 0), name="first")
    return root


@pytest.fixture
def ws(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[lepton.Workspace]:
    """A copy of it; whatever happens, no temporary file may be left."""
    shutil.copytree(template, tmp_path / "ws", symlinks=True)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield lepton.open(tmp_path / "ws", progress=False)
    assert list(temporary.iterdir()) == []


def march() -> pd.DataFrame:
    """Return new rows that keep the contract."""
    return make_plant(ROWS, 0.0, 5)


def odd() -> pd.DataFrame:
    """Return rows that break it: a label nobody knows."""
    return march().assign(label="strange")


def as_csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def stored(ws: lepton.Workspace) -> list[str]:
    return [path.stem for path in sorted((ws.root / "data" / "here").glob("*.parquet"))]


def everything_said(ws: lepton.Workspace, error: LeptonError) -> str:
    """Return all that is told of a refusal, on the screen and beside the delivery in quarantine."""
    files = sorted((ws.root / "quarantine").rglob("*.reason.*"))
    return "\n".join([error.render(), str(error), *(path.read_text() for path in files)])


# -- a web server -------------------------------------------------------------------------------------------------


class Web(BaseHTTPRequestHandler):
    """What a web server may do to a delivery."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        good = as_csv(march())
        word = "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
        if path == "/march.csv":
            self.give(good)
        elif path == "/odd.csv":
            self.give(as_csv(odd()))
        elif path == "/export":
            self.give(good, {"Content-Type": "text/csv; charset=utf-8"})
        elif path == "/packed.csv":
            self.give(gzip.compress(good), {"Content-Encoding": "gzip"})
        elif path == "/cut.csv":
            self.give(good, {"Content-Length": str(len(good) + 1000)})
        elif path == "/pieces.csv":  # says how long the next piece is, and ends before it came
            self.protocol_version = "HTTP/1.1"
            self.give(b"ffff\r\n" + good[:1000], {"Transfer-Encoding": "chunked"}, length=False)
        elif path == "/endless.csv":
            self.give(b"x" * 3_000_000, length=False)
        elif path == "/large.csv":
            self.give(b"", {"Content-Length": "9000000000000"})
        elif path == "/page.csv":
            self.give(b"<html>Log in</html>", {"Content-Type": "text/html"})
        elif path == "/locked.csv":
            allowed = self.headers.get("Authorization") == word
            self.give(good if allowed else b"", status=200 if allowed else 401)
        elif path == "/moved.csv":
            self.give(b"", {"Location": "/march.csv"}, status=302)
        elif path == "/elsewhere.csv":  # the same server under another name
            self.give(b"", {"Location": f"http://localhost:{self.server.server_port}/locked.csv"}, status=302)  # type: ignore[attr-defined]
        elif path == "/inside.csv":
            self.give(b"", {"Location": "file:///etc/passwd"}, status=302)
        elif path == "/busy.csv":
            self.give(b"", status=503)
        else:
            self.give(b"", status=404)

    def give(self, body: bytes, more: dict[str, str] | None = None, status: int = 200, length: bool = True) -> None:
        headers = {"Content-Type": "application/octet-stream", **(more or {})}
        if length:
            headers = {"Content-Length": str(len(body)), **headers}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Denied(Web):
    """A store that lets nobody in."""

    def do_GET(self) -> None:
        self.give(b"<Error><Code>AccessDenied</Code></Error>", status=403)

    do_HEAD = do_GET


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "LEPTON_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def serving(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    yield from serving(Web)


@pytest.mark.parametrize(
    ("path", "batch"),
    [
        ("march.csv", "march"),
        ("march.csv?version=3", "march"),
        ("moved.csv", "moved"),
        ("export", "export"),
        ("packed.csv", "packed"),
    ],
)
def test_a_file_from_a_web_server_is_a_delivery_named_by_the_last_part_of_its_address(
    ws: lepton.Workspace, web: str, path: str, batch: str
) -> None:
    taken = ws.ingest("here", f"http://{web}/{path}")
    assert (taken.batch, taken.rows) == (batch, ROWS)
    assert stored(ws) == ["0001-first", f"0002-{batch}"]


def test_a_refusal_names_the_address_and_neither_the_temporary_path_nor_what_opens_the_door(
    ws: lepton.Workspace, web: str
) -> None:
    with pytest.raises(Refused) as caught:
        ws.ingest("here", f"http://ada:{PASSWORD}@{web}/odd.csv?{SIGNATURE}")
    said = everything_said(ws, caught.value)
    assert f"lepton ingest here 'http://***@{web}/odd.csv?***'" in caught.value.render()
    assert "quarantine/here/odd.csv" in caught.value.render()
    assert f"Delivered:  http://***@{web}/odd.csv?***" in said
    assert [word for word in (PASSWORD, "0123456789", "AKIA", "lepton-delivery-") if word in said] == []
    assert stored(ws) == ["0001-first"]


@pytest.mark.parametrize(
    ("path", "what", "why"),
    [
        ("cut.csv", "was cut off", "bytes"),
        ("pieces.csv", "was cut off", "IncompleteRead"),
        ("nothing.csv", "does not exist", "404"),
        ("locked.csv", "may not be read", "401"),
        ("busy.csv", "cannot be fetched", "503"),
        ("page.csv", "is a web page", "HTML"),
        ("inside.csv", "cannot be fetched", "302"),
        ("elsewhere.csv", "may not be read", "401"),
        ("large.csv", "than is allowed", "limits.max_bytes"),
        ("endless.csv", "than is allowed", "limits.max_bytes"),
    ],
)
def test_what_cannot_be_fetched_says_why_and_leaves_nothing(
    ws: lepton.Workspace, web: str, path: str, what: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path == "endless.csv":
        monkeypatch.setenv("LEPTON_LIMITS__MAX_BYTES", "2000000")
    who = f"ada:{PASSWORD}@" if path == "elsewhere.csv" else ""  # is not told to another host
    with pytest.raises(LeptonError) as caught:
        ws.ingest("here", f"http://{who}{web}/{path}?{SIGNATURE}")
    assert what in caught.value.what
    assert why in caught.value.why
    assert f"{web}/{path}" in caught.value.what
    assert caught.value.fix
    assert "0123456789" not in caught.value.render()
    assert stored(ws) == ["0001-first"]
    assert not (ws.root / "quarantine" / "here").exists()


def test_the_password_of_an_address_opens_the_door(ws: lepton.Workspace, web: str) -> None:
    assert ws.ingest("here", f"http://ada:{PASSWORD}@{web}/locked.csv", dry_run=True).rows == ROWS


def test_a_deployed_ingest_takes_an_address_as_well(ws: lepton.Workspace, web: str) -> None:
    from lepton.operations.ingest import ingest

    assert ws.play(ingest, "here", f"http://{web}/march.csv", None, False, False, True).batch == "march"


def test_a_server_that_is_not_there_or_speaks_otherwise(ws: lepton.Workspace, web: str) -> None:
    with pytest.raises(LeptonError, match="cannot be reached"):
        ws.ingest("here", "http://127.0.0.1:9/march.csv")
    with pytest.raises(LeptonError, match="cannot be reached"):
        ws.ingest("here", f"https://{web}/march.csv")
    with pytest.raises(UsageError, match=r"ftp://127.0.0.1/march.csv: an address of this kind"):
        ws.ingest("here", "ftp://127.0.0.1/march.csv")


def test_an_encrypted_address_is_read_if_its_certificate_is_trusted(
    ws: lepton.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certified(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    for address in serving(Web, context):
        with pytest.raises(LeptonError, match="cannot be reached") as unknown:
            ws.ingest("here", f"https://{address}/march.csv")
        assert "certificate is not trusted" in unknown.value.why
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ws.ingest("here", f"https://{address}/march.csv", dry_run=True).batch == "march"
        with pytest.raises(LeptonError, match="cannot be reached") as led_on:
            ws.ingest("here", f"https://{address}/elsewhere.csv")
        assert "not encrypted" in led_on.value.why


def certified(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for the loopback, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = made.add_extension(address, critical=False)
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*private))
    return certificate, secret


def test_nothing_is_fetched_for_a_domain_that_is_not_there(ws: lepton.Workspace) -> None:
    with pytest.raises(LeptonError, match="ther"):
        ws.ingest("ther", "http://127.0.0.1:9/march.csv")
    with pytest.raises(UsageError, match="cannot name a batch"):
        ws.ingest("here", "http://127.0.0.1:9/march.csv", name="March 1")


def test_the_command_line_begins_and_goes_on_with_addresses(
    web: str, tmp_path: Path, lepton: Callable[..., Answer]
) -> None:
    made = lepton("init", tmp_path / "new", "--from", f"http://{web}/march.csv?{SIGNATURE}", "--yes")
    assert made.code == 0, made.text
    assert f"lepton ingest march 'http://{web}/march.csv?***'" in made.out
    taken = lepton("ingest", "march", f"http://{web}/march.csv?{SIGNATURE}", "--local", cwd=tmp_path / "new")
    assert taken.code == 0, taken.text
    again = lepton("ingest", "march", f"http://{web}/nothing.csv", "--local", cwd=tmp_path / "new")
    assert again.code == 1
    assert "404" in again.err
    assert "Traceback" not in again.err


# -- a store ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store() -> Iterator[SimpleNamespace]:
    """A store that speaks as S3 does, with a bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": PASSWORD, "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys)  # type: ignore[call-overload]
    client.create_bucket(Bucket="shop")
    yield SimpleNamespace(client=client, url=f"http://{host}:{port}")
    server.stop()


@pytest.fixture
def bucket(store: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], None]:
    """Put bytes under a key; who reads is known by the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PASSWORD)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return lambda key, body: store.client.put_object(Bucket="shop", Key=key, Body=body)


def test_a_key_of_a_store_is_a_delivery(ws: lepton.Workspace, bucket: Callable[[str, bytes], None]) -> None:
    bucket("in/March 1%.parquet", as_parquet(march()))
    taken = ws.ingest("here", "s3://shop/in/March 1%.parquet")
    assert (taken.batch, taken.rows) == ("march-1", ROWS)


def test_a_packed_file_stays_packed(ws: lepton.Workspace, bucket: Callable[[str, bytes], None]) -> None:
    bucket("march.csv.gz", gzip.compress(as_csv(march())))
    assert ws.ingest("here", "s3://shop/march.csv.gz").batch == "march"


@pytest.mark.parametrize("end", ["", "/"])
def test_parts_below_a_prefix_are_one_delivery(
    ws: lepton.Workspace, bucket: Callable[[str, bytes], None], end: str
) -> None:
    for number in range(3):
        bucket(f"out/april/part-{number}.parquet", as_parquet(march().iloc[100 * number : 100 * (number + 1)]))
    bucket("out/april/_SUCCESS", b"")
    taken = ws.ingest("here", f"s3://shop/out/april{end}")
    assert (taken.batch, taken.rows) == ("april", ROWS)


def test_a_refused_key_is_named_without_its_key(
    ws: lepton.Workspace, bucket: Callable[[str, bytes], None], store: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket("odd.parquet", as_parquet(odd()))
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    place = f"endpoint_override={store.url.removeprefix('http://')}&scheme=http&region=us-east-1"
    with pytest.raises(Refused) as caught:
        ws.ingest("here", f"s3://AKIATEST:{PASSWORD}@shop/odd.parquet?{place}")
    said = everything_said(ws, caught.value)
    assert "lepton ingest here 's3://***@shop/odd.parquet?***'" in said
    assert [word for word in (PASSWORD, "AKIA", "lepton-delivery-") if word in said] == []


@pytest.mark.parametrize("address", ["s3://shop/none.parquet", "s3://nowhere/march.parquet", "s3://shop/none/"])
@pytest.mark.usefixtures("bucket")
def test_a_key_that_is_not_there_is_said_so(ws: lepton.Workspace, address: str) -> None:
    with pytest.raises(NotFound, match=address):
        ws.ingest("here", address)


def test_a_store_says_how_large_it_is_before_a_byte_is_taken(
    ws: lepton.Workspace, bucket: Callable[[str, bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket("big/1.parquet", b"x" * 600)
    bucket("big/2.parquet", b"x" * 600)
    monkeypatch.setenv("LEPTON_LIMITS__MAX_BYTES", "1000")
    with pytest.raises(LeptonError, match=r"s3://shop/big/ holds 1.2 kB, more than is allowed"):
        ws.ingest("here", "s3://shop/big/")


def test_a_key_cannot_lead_out_of_the_folder(ws: lepton.Workspace, bucket: Callable[[str, bytes], None]) -> None:
    bucket("bad/x/../../../../evil.parquet", b"x")
    with pytest.raises(LeptonError):
        ws.ingest("here", "s3://shop/bad/")


def test_a_closed_door_and_a_store_that_is_not_there(
    ws: lepton.Workspace, bucket: Callable[[str, bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in serving(Denied):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{address}")
        with pytest.raises(LeptonError, match=r"s3://shop/march.parquet may not be read") as caught:
            ws.ingest("here", "s3://shop/march.parquet")
        assert "AWS_ACCESS_KEY_ID" in caught.value.fix[0]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(LeptonError, match=r"s3://shop/march.parquet cannot be reached"):
        ws.ingest("here", "s3://shop/march.parquet")
    with pytest.raises(UsageError, match="names no bucket"):
        ws.ingest("here", "s3:///march.parquet")


# -- databases ----------------------------------------------------------------------------------------------------


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


# -- rows in memory, and as a stream ------------------------------------------------------------------------------


class Capsule:
    """Somebody else's table, which speaks Arrow."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.table = pa.Table.from_pandas(frame)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class Plan(Capsule):
    """What has its rows once it is collected, as polars has it."""

    __module__ = "polars.lazyframe.frame"
    __arrow_c_stream__ = None  # type: ignore[assignment]

    def collect(self) -> Capsule:
        found = Capsule.__new__(Capsule)
        found.table = self.table
        return found


@pytest.mark.parametrize(
    "made",
    [
        pa.Table.from_pandas,
        lambda frame: pa.Table.from_pandas(frame).to_reader(max_chunksize=7),
        lambda frame: pa.dataset.dataset(pa.Table.from_pandas(frame)),
        Capsule,
        Plan,
    ],
    ids=["table", "reader", "dataset", "capsule", "lazy"],
)
def test_rows_of_every_make_are_one_and_the_same_delivery(
    ws: lepton.Workspace, made: Callable[[pd.DataFrame], Any]
) -> None:
    taken = ws.ingest("here", made(march()), dry_run=True)
    assert taken.rows == ROWS
    with as_file(march()) as path, as_file(made(march())) as other:
        assert pq.read_table(path).equals(pq.read_table(other))


def test_a_stream_is_written_piece_by_piece_however_it_comes_and_never_beyond_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = 0

    def batches(count: int) -> Iterator[pa.RecordBatch]:
        nonlocal given
        for number in range(count):
            given = number + 1
            yield pa.RecordBatch.from_pydict({"a": pa.array(range(7000))})

    schema = pa.schema({"a": pa.int64()})
    with as_file(pa.RecordBatchReader.from_batches(schema, batches(9))) as path:
        assert pq.ParquetFile(path).num_row_groups == 4
        assert pq.read_metadata(path).num_rows == 63_000
    monkeypatch.setenv("LEPTON_LIMITS__MAX_ROWS", "50000")
    with (
        pytest.raises(LeptonError, match="rows, more than is allowed"),
        as_file(pa.RecordBatchReader.from_batches(schema, batches(100_000))),
    ):
        pass
    assert given < 12


def test_a_refusal_of_rows_in_memory_says_what_to_call_again(ws: lepton.Workspace) -> None:
    with pytest.raises(Refused) as caught:
        ws.ingest("here", odd(), name="march")
    said = everything_said(ws, caught.value)
    assert 'ws.ingest("here", rows)' in said
    assert "Delivered:  a DataFrame" in said
    assert "lepton-delivery-" not in said
