"""Deliveries from a web server, a real one."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

import lepton
from lepton.core.errors import LeptonError, Refused, UsageError
from tests.conftest import Answer
from tests.integration.sources.deliveries import (
    PASSWORD,
    ROWS,
    SIGNATURE,
    everything_said,
    stored,
)
from tests.integration.sources.server import Web, serving


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
