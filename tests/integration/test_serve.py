"""A champion that answers over HTTP, on a real server: what it answers, refuses, logs and hands to the monitor."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from jsonschema import Draft202012Validator

import lepton as front_door
from lepton.core.errors import Busy, UsageError
from lepton.graph.run import Graph
from lepton.serving.journal import read_segment, segments
from lepton.serving.record import Record
from tests.conftest import make_plant
from tests.served import Reply, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TARGET = "plant-2"
WINDOW = 150


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as a caller sends them."""
    records: list[dict[str, Any]] = frame.to_dict("records")
    return [{name: None if pd.isna(value) else value for name, value in row.items()} for row in records]


def new_rows(count: int, seed: int, shift: float = 0.9) -> pd.DataFrame:
    return make_plant(count, shift, seed).drop(columns="label")


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[front_door.Workspace]:
    """A workspace whose target has had two champions; the first serves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_PRETRAIN__EPOCHS", "4")
        patch.delenv("LEPTON_WORKSPACE", raising=False)
        ws = front_door.init(
            tmp_path_factory.mktemp("house") / "shop", make_plant(600, 0.0, 1), source="plant-1", progress=False
        )
        ws.ingest("plant-1", make_plant(600, 0.0, 1), name="first")
        ws.pretrain()
        ws.ingest(TARGET, make_plant(500, 0.9, 2), name="first", new=True)
        ws.transfer(TARGET, strategies=("none", "probe"))
        ws.ingest(TARGET, make_plant(300, 0.9, 3), name="second")
        ws.transfer(TARGET, strategies=("none", "residual"))
        ws.promote(TARGET, 1, why="the tests begin with it") if ws.champion(TARGET).model.version != "1" else None
        yield ws


@pytest.fixture(scope="module")
def server(ws: front_door.Workspace) -> Iterator[Server]:
    with Server(
        ws.root, LEPTON_SERVE__WINDOW_ROWS=str(WINDOW), LEPTON_SERVE__WAIT_SECONDS="5", LEPTON_SERVE__MAX_ROWS="1000"
    ) as server:
        yield server


def told(reply: Reply) -> str:
    """Return the error of a reply, which names cause and remedy in JSON."""
    assert {"error", "why", "fix"} <= set(reply.json)
    return str(reply.json["error"])


def test_answers_are_those_of_the_champion_in_every_form(ws: front_door.Workspace, server: Server) -> None:
    frame = new_rows(60, 11)
    expected = ws.champion(TARGET).predict(frame)
    probabilities = expected[["p(bad)", "p(good)"]].to_numpy()

    answers = server.ask(f"/predict/{TARGET}", rows_of(frame)).json
    assert [one["label"] for one in answers] == expected["label"].tolist()
    found = np.array([[one["probabilities"]["bad"], one["probabilities"]["good"]] for one in answers])
    np.testing.assert_allclose(found, probabilities, rtol=0, atol=1e-5)

    wrapped = server.ask(f"/predict/{TARGET}", {"rows": rows_of(frame)}).json
    assert wrapped["model"] == ws.champion(TARGET).model.label
    assert [one["probabilities"] for one in wrapped["rows"]] == [one["probabilities"] for one in answers]

    csv = server.ask(f"/predict/{TARGET}", frame.to_csv(index=False).encode(), "text/csv").body.decode()
    as_csv = np.array([line.split(",")[2:] for line in csv.splitlines()[1:]], dtype=np.float64)
    np.testing.assert_array_equal(as_csv, found)  # to the last bit

    inputs = [
        {
            "name": name,
            "shape": [60],
            "datatype": "BYTES" if name == "line" else "FP64",
            "data": [row[name] for row in rows_of(frame)],
        }
        for name in frame
    ]
    tensors = server.ask(f"/v2/models/{TARGET}/infer", {"id": "mine", "inputs": inputs}).json
    assert tensors["id"] == "mine"
    np.testing.assert_array_equal(np.reshape(tensors["outputs"][1]["data"], (60, 2)), found)


def test_rows_are_answered_alike_alone_and_together(server: Server) -> None:
    rows = rows_of(new_rows(20, 12))
    together = server.ask(f"/predict/{TARGET}", rows).json
    alone = [server.ask(f"/predict/{TARGET}", [row]).json[0] for row in rows]
    assert [one["probabilities"] for one in alone] == [one["probabilities"] for one in together]


def test_the_command_that_is_shown_works(server: Server) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    command = next(line for line in server.said.splitlines() if line.startswith("try ")).removeprefix("try").strip()
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert '"label"' in done.stdout


def test_who_serves_is_told(ws: front_door.Workspace, server: Server) -> None:
    facts = server.ask(f"/v2/models/{TARGET}").json
    champion = ws.champion(TARGET).model
    assert (facts["champion"], facts["digest"], facts["versions"]) == (champion.label, champion.digest, ["1"])
    assert (facts["classes"], facts["provisional"]) == (["bad", "good"], False)
    assert {one["name"] for one in facts["inputs"]} == {"heat", "speed", "wear", "line"}
    assert ws.verify_ledger(head=facts["ledger"]).ok
    assert server.ask("/v2/health/live").status == server.ask("/v2/health/ready").status == 200


ONE = {"heat": 1.0, "speed": 0.5, "wear": 0.1, "line": "north"}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"/predict/{TARGET}", b"{", 400),
        (f"/predict/{TARGET}", b'[{"heat": NaN}]', 400),
        (f"/predict/{TARGET}", b'[{"heat": Infinity}]', 400),
        (f"/predict/{TARGET}", {"heat": 1}, 400),
        (f"/predict/{TARGET}", [[1]], 400),
        (f"/predict/{TARGET}", [], 422),
        (f"/predict/{TARGET}", [{**ONE, "hear": 1}], 422),
        (f"/predict/{TARGET}", [{**ONE, "heat": "1"}], 422),
        (f"/predict/{TARGET}", [{**ONE, "heat": [1]}], 422),
        (f"/predict/{TARGET}", [ONE] * 1001, 413),
        (f"/predict/{TARGET}", [{"heat": "x" * 9_000_000}], 413),
        (f"/v2/models/{TARGET}/infer", [ONE], 400),
        (f"/v2/models/{TARGET}/versions/7/infer", [ONE], 404),
        ("/predict/nobody", [ONE], 404),
        ("/predict", [ONE], 404),
        ("/predict/%2e%2e", [ONE], 404),
        (f"/labels/{TARGET}", [{"id": "x", "label": "good"}], 422),
        (f"/labels/{TARGET}", [{"id": "0123456789-1-1", "label": "ugly"}], 422),
        (f"/labels/{TARGET}", [{"id": "0123456789-1-1"}], 422),
    ],
)
def test_what_cannot_be_answered_is_told_why(server: Server, path: str, body: Any, status: int) -> None:
    reply = server.ask(path, body)
    assert reply.status == status
    assert told(reply)
    assert server.ask(f"/predict/{TARGET}", [ONE]).status == 200


def test_another_method_or_type_is_not_understood(server: Server) -> None:
    assert server.ask(f"/predict/{TARGET}").status == 405
    assert server.ask("/metrics", b"", method="DELETE").status == 405
    assert server.ask(f"/predict/{TARGET}", b"heat", "application/xml").status == 415


def test_a_body_that_is_too_large_is_refused_before_it_comes(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(f"POST /predict/{TARGET} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n[".encode())
        assert b" 413 " in raw.recv(1000)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:  # one that does not say how large
        raw.sendall(f"POST /predict/{TARGET} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(200):
                raw.sendall(piece)
        except OSError:  # the server has ended it
            pass
        assert b" 413 " in raw.recv(1000)


def test_a_body_that_comes_too_slowly_is_not_waited_for(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(f"POST /predict/{TARGET} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[".encode())
        began = time.monotonic()
        assert b" 408 " in raw.recv(1000)
        assert time.monotonic() - began < 10


def test_drift_is_answered_and_counted(server: Server) -> None:
    reply = server.ask(f"/predict/{TARGET}", {"rows": [{**ONE, "heat": 1e9, "line": "west"}]})
    assert reply.status == 200
    assert reply.json["out_of_contract"] == 1
    metrics = server.ask("/metrics").body.decode()
    for kind in ("range", "category"):
        assert f'lepton_serve_rows_out_of_contract_total{{domain="{TARGET}",kind="{kind}"}} ' in metrics
    assert f'lepton_serve_requests_total{{domain="{TARGET}",status="200"}} ' in metrics
    assert f'lepton_serve_seconds_bucket{{domain="{TARGET}",le="+Inf"}} ' in metrics
    assert "lepton_serve_model_info{" in metrics


def test_a_domain_is_answered_for_by_one_server(ws: front_door.Workspace, server: Server) -> None:
    with pytest.raises(Busy, match="Another server answers"):
        ws.serve(TARGET)


def test_a_port_that_everybody_reaches_needs_a_token(ws: front_door.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEPTON_SERVE_TOKEN", raising=False)
    with pytest.raises(UsageError, match="everybody"):
        ws.serve(TARGET, host="0.0.0.0")


def test_the_page_shows_what_is_answered_and_asks(ws: front_door.Workspace, server: Server, browser: Browser) -> None:
    described = server.ask("/openapi.json").json
    example = described["paths"][f"/predict/{TARGET}"]["post"]["requestBody"]["content"]["application/json"]["example"]
    reply = server.ask(f"/predict/{TARGET}", example)
    answer = described["components"]["schemas"][f"Answer_of_{TARGET}"]
    Draft202012Validator(answer).validate(reply.json[0])
    shown = browser.new_page(viewport={"width": 420, "height": 900})
    trouble: list[str] = []
    shown.on("console", lambda message: trouble.append(message.text))
    shown.on("pageerror", lambda error: trouble.append(str(error)))
    shown.goto(f"http://127.0.0.1:{server.port}/docs")
    shown.get_by_role("button", name="Show").click()
    shown.get_by_role("button", name="Ask").first.click()
    said = shown.locator("pre").first
    said.wait_for()
    assert said.inner_text().startswith("200 in")
    assert '"label"' in said.inner_text()
    assert shown.evaluate("document.documentElement.scrollWidth") <= 420
    assert trouble == []
    shown.close()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of this machine's own address, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lepton")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_tokens_of_a_file_and_tls(ws: front_door.Workspace, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text('shop: {token: "who-asks-for-answers", roles: [predict], rate: 2}\n')
    tokens.chmod(0o600)
    arguments = ("plant-1", "--certificate", str(cert), "--key", str(key))
    with Server(ws.root, *arguments, trusted=cert, LEPTON_SERVE__TOKENS=str(tokens)) as server:
        rows, bearer = rows_of(new_rows(1, 3, 0.0)), {"authorization": "Bearer who-asks-for-answers"}
        assert f"curl --cacert {cert}" in server.said
        assert server.ask("/predict/plant-1", rows).status == 401
        assert server.ask("/predict/plant-1", rows, **bearer).status == 200
        assert server.ask("/metrics", **bearer).status == 403
        replies = [server.ask("/predict/plant-1", rows, **bearer) for _ in range(8)]
        assert {reply.status for reply in replies} == {200, 429}
        assert next(reply for reply in replies if reply.status == 429).headers["retry-after"] == "1"


def test_a_certificate_that_cannot_be_used_is_refused_before_anything_is_loaded(
    ws: front_door.Workspace, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    for files in (
        {"certificate": cert},
        {"key": key},
        {"certificate": key, "key": cert},
        {"certificate": cert, "key": tmp_path / "none"},
    ):
        with pytest.raises(UsageError, match="TLS"):
            ws.serve("plant-1", **files)


def test_a_promotion_is_live_while_requests_run_and_none_fails(ws: front_door.Workspace, server: Server) -> None:
    rows = rows_of(new_rows(40, 13))
    seen: list[tuple[str, int, float]] = []
    ended = threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        at = 0
        while not ended.is_set():
            at = (at + 1) % len(rows)
            body = repr([rows[at], rows[0]]).replace("'", '"').replace("None", "null").encode()
            connection.request("POST", f"/predict/{TARGET}", body)
            reply = connection.getresponse()
            answers = Reply(reply.status, {}, reply.read())
            assert answers.status == 200, answers.body
            model = reply.getheader("x-lepton-model") or ""
            seen.extend(
                (model, row, one["probabilities"]["bad"]) for row, one in zip((at, 0), answers.json, strict=True)
            )

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(ask) for _ in range(4)]
        for version in ("2", "1"):
            ws.promote(TARGET, version, why="a test")
            server.wait_for(rf"v{version} answers now")
            time.sleep(0.3)
        ended.set()
        for one in running:
            one.result()
    labels = Counter(model for model, _, _ in seen)
    assert len(labels) == 2
    graphs = {one.about.model: one for one in map(Graph.open, (ws.root / ".lepton" / "graphs").rglob("*.onnx"))}
    columns = {name: [row[name] for row in rows] for name in ONE}
    answers = {label: graphs[label].answer(columns).probabilities[:, 0] for label in labels}
    assert all(answers[model][row] == chance for model, row, chance in seen)
    assert (answers[min(labels)] != answers[max(labels)]).any()


def test_what_was_answered_becomes_a_window_that_the_monitor_judges(ws: front_door.Workspace, server: Server) -> None:
    frame = make_plant(WINDOW + 20, 3.0, 14)
    labels = frame.pop("label")
    rows = rows_of(frame)
    ids = [
        one["id"] for at in range(0, len(rows), 10) for one in server.ask(f"/predict/{TARGET}", rows[at : at + 10]).json
    ]
    told_labels = [{"id": one, "label": label} for one, label in zip(ids, labels, strict=True)]
    unknown = [{"id": "0123456789-1-1", "label": "good"}]
    assert server.ask(f"/labels/{TARGET}", told_labels[:60] + unknown).status == 202
    csv = "id,label\n" + "\n".join(f"{one['id']},{one['label']}" for one in told_labels[60:])
    assert server.ask(f"/labels/{TARGET}", csv.encode(), "text/csv").json == {"taken": len(ids) - 60}
    server.wait_for("labels of rows that nobody knows")
    end = time.monotonic() + 120
    while sum(int(one) for one in _numbers(server.said, r"(\d+) labels stored")) < len(ids):
        assert time.monotonic() < end, server.said
        time.sleep(0.2)
    judged = {one.observation.window: one.observation for one in ws.monitor(TARGET).windows}
    served = [one for window, one in judged.items() if window.startswith("served-")]
    assert max(one.score for one in served) >= 1
    assert sum(one.labelled for one in served) >= 100


def _numbers(text: str, pattern: str) -> list[str]:
    return re.findall(pattern, text)


def test_killed_under_load_every_answered_row_is_in_the_log_once(
    ws: front_door.Workspace, server: Server, tmp_path: Path
) -> None:
    assert server.stop() == 0  # an end as wanted
    assert "Traceback" not in server.said
    answered: list[str] = []
    rows = rows_of(new_rows(5, 15))
    with Server(ws.root, TARGET, LEPTON_SERVE__WINDOW_ROWS="1000000") as killed:

        def ask() -> None:
            while True:
                try:
                    answered.extend(one["id"] for one in killed.ask(f"/predict/{TARGET}", rows).json)
                except (OSError, http.client.HTTPException):
                    return

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(ask) for _ in range(4)]
            time.sleep(1.5)
            killed.process.send_signal(signal.SIGKILL)
            for one in running:
                one.result()
    folder = ws.root / ".lepton" / "serving" / TARGET
    logged = [row for path in segments(folder) for one in read_segment(path) for row in Record.from_bytes(one).ids]
    assert len(answered) > 100
    assert len(logged) == len(set(logged))
    assert set(answered) <= set(logged)
    with Server(ws.root, TARGET, LEPTON_SERVE__WINDOW_ROWS="2") as again:  # the log goes on, and becomes a window
        assert again.ask(f"/predict/{TARGET}", rows).status == 200
        again.wait_for("window served-.* stored")
    stored = {one for path in (ws.root / ".lepton" / "predictions" / TARGET).glob("served-*") for one in _ids(path)}
    assert set(answered) <= stored


def _ids(path: Path) -> list[str]:
    found: list[str] = pd.read_parquet(path, columns=["id"])["id"].tolist()
    return found
