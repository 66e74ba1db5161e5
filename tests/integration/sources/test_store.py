"""Deliveries from a store that speaks as S3 does, a real one."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

import lepton
from lepton.core.errors import LeptonError, NotFound, Refused, UsageError
from tests.integration.sources.deliveries import (
    PASSWORD,
    ROWS,
    as_csv,
    as_parquet,
    everything_said,
    march,
    odd,
)
from tests.integration.sources.server import Denied, serving


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
