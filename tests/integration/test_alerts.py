"""Alerts that go out: a real SMTP server, a real web receiver, and what people do about them on the command line."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from lepton.core.config.workspace import Workspace
from lepton.core.decisions.memory import Decision, State
from lepton.core.decisions.observation import Observation
from lepton.core.ledger import Ledger
from lepton.monitoring.alerts import Alert, notify
from lepton.operations.monitor.alerts import send_alerts, send_waiting
from lepton.operations.monitor.judgement import Judgement
from lepton.operations.session import Session
from tests.conftest import Answer
from tests.registry import workspace_in

SITE, PAIR = "optdigits", "mnist-to-optdigits"
Cli = Callable[..., Answer]
SEEN = Observation(
    *(PAIR, "w5", "d", f"lepton-{PAIR} v1", datetime(2026, 3, 1, tzinfo=UTC), 500),
    scores={"inputs": 8.2},
    columns={"inputs: sharpness": 8.2},
    estimated_accuracy=0.7,
    expected_accuracy=0.9,
)


@dataclass
class Mailbox:
    """What the SMTP server took."""

    letters: list[Any] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # its name
        self.letters.append(envelope)
        return "250 taken"


@pytest.fixture
def mail() -> Iterator[tuple[str, Mailbox]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield f"mailto://127.0.0.1:{controller.port}/?from=lepton@example.org&to=ops@example.org&mode=insecure", box
    controller.stop()


class Receiver(BaseHTTPRequestHandler):
    """A web hook; `status` is what it answers."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), Receiver)
    server.received, server.status = [], 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


TITLE = f"{PAIR}: 20 points of accuracy lost by estimate, inputs drift 8.2 times the threshold"


def place(tmp_path: Path, *urls: str, routes: str = "") -> Workspace:
    settings = f"alerts:\n  urls: {json.dumps(list(urls))}\n{routes}"
    ws = workspace_in(tmp_path / "ws", settings)
    (ws.contracts_dir / f"{SITE}.yaml").write_text("")
    return ws


def decide(ws: Workspace, kind: Any, state: State | None = None) -> None:
    """Put a decision on record and tell it, as the monitor does."""
    decision = Decision("alert" if kind != "resolve" else "resolve", "confirmed", state or State(since="w4"), kind)
    Ledger(ws.ledger_url).append("user:ada", PAIR, "decided", {**decision.to_json(), "window": "w5"})
    send_alerts(Session(ws), SITE, Judgement(SEEN, decision), {})


def test_a_mail_and_a_web_hook_get_opened_and_resolved_once_each(tmp_path: Path, mail: Any, hook: Any) -> None:
    url, box = mail
    ws = place(tmp_path, url, f"json://user:s3cret@127.0.0.1:{hook.server_port}/hook")
    decide(ws, "open")
    decide(ws, None)
    decide(ws, "resolve")
    assert [one["title"] for one in hook.received] == [
        TITLE,
        f"{PAIR}: resolved",
    ]
    assert len(box.letters) == 2
    assert box.letters[0].rcpt_tos == ["ops@example.org"]
    assert "drift" in box.letters[0].content.decode()
    rows = Ledger(ws.ledger_url).entries(PAIR, "alerted")
    assert [row.payload["kind"] for row in rows] == ["open", "resolve"]
    assert all(channel["ok"] for row in rows for channel in row.payload["channels"])
    said = json.dumps([row.payload for row in rows]) + ws.alerts_file.read_text()
    assert "s3cret" not in said


def test_a_decision_that_is_told_a_second_time_sends_nothing(tmp_path: Path, hook: Any) -> None:
    ws = place(tmp_path, f"json://127.0.0.1:{hook.server_port}")
    decide(ws, "open")
    decision = Decision("alert", "confirmed", State(since="w4"), "open")
    send_alerts(Session(ws), SITE, Judgement(SEEN, decision), {})
    assert len(hook.received) == 1


def test_an_update_that_follows_at_once_is_held_back_unless_it_is_critical(tmp_path: Path, hook: Any) -> None:
    ws = place(tmp_path, f"json://127.0.0.1:{hook.server_port}")
    mild = replace(SEEN, estimated_accuracy=0.87)
    for seen, kind in ((mild, "open"), (mild, "update"), (SEEN, "update")):
        decision = Decision("alert", "confirmed", State(since="w4"), kind)  # type: ignore[arg-type]
        Ledger(ws.ledger_url).append("user:ada", PAIR, "decided", {**decision.to_json(), "window": "w5"})
        send_alerts(Session(ws), SITE, Judgement(seen, decision), {})
    rows = [row.payload for row in Ledger(ws.ledger_url).entries(PAIR, "alerted")]
    assert [(row["severity"], row.get("held")) for row in rows] == [
        ("warning", None),
        ("warning", "throttled"),
        ("critical", None),
    ]
    assert len(hook.received) == 2


def test_a_channel_that_is_down_gets_its_alert_when_it_is_back(tmp_path: Path, hook: Any) -> None:
    ws, now = place(tmp_path, f"json://user:s3cret@127.0.0.1:{hook.server_port}/hook"), datetime.now(UTC)
    hook.status = 503
    decide(ws, "open")
    assert len(hook.received) == 1
    assert send_waiting(Session(ws), now) == 0  # not due yet
    assert send_waiting(Session(ws), now + timedelta(minutes=2)) == 0
    hook.status = 200
    assert send_waiting(Session(ws), now + timedelta(minutes=3)) == 0  # it waits twice as long now
    assert send_waiting(Session(ws), now + timedelta(minutes=10)) == 1
    assert send_waiting(Session(ws), now + timedelta(hours=3)) == 0
    assert [one["title"] for one in hook.received] == [TITLE] * 3
    assert "s3cret" not in "".join(path.read_text() for path in ws.state_dir.rglob("*.json"))


def test_a_channel_that_missed_the_beginning_does_not_hear_of_it_after_the_end(tmp_path: Path, hook: Any) -> None:
    ws, now = place(tmp_path, f"json://127.0.0.1:{hook.server_port}"), datetime.now(UTC)
    hook.status = 503
    decide(ws, "open")
    hook.status = 200
    decide(ws, "resolve")
    assert send_waiting(Session(ws), now + timedelta(hours=1)) == 0
    assert [one["title"] for one in hook.received][-1] == f"{PAIR}: resolved"


def test_a_channel_that_hangs_does_not_hold_up_the_monitor() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"json://127.0.0.1:{silent.getsockname()[1]}?rto=60&cto=60"
        alert = Alert(PAIR, "open", "drift", "t", "b", "warning", SEEN.time, "w5")
        started = time.monotonic()
        found = notify(alert, url, seconds=1.0)
        assert time.monotonic() - started < 5
    assert (found.ok, found.detail) == (False, "no answer within 1 s")


def test_routes_hear_of_what_concerns_them_and_of_its_end(tmp_path: Path, hook: Any) -> None:
    other: Any = HTTPServer(("127.0.0.1", 0), Receiver)
    other.received, other.status = [], 200
    threading.Thread(target=other.serve_forever, daemon=True).start()
    routes = (
        f"  routes:\n    - {{url: 'json://127.0.0.1:{hook.server_port}', severity: critical, domains: [{SITE}]}}\n"
        f"    - {{url: 'json://127.0.0.1:{other.server_port}', domains: [elsewhere]}}\n"
    )
    ws = place(tmp_path, routes=routes)
    decide(ws, "open")
    decide(ws, "resolve")
    other.shutdown()
    other.server_close()
    assert len(hook.received) == 2  # critical, and its end, which by itself is info
    assert other.received == []


def test_who_acknowledges_and_who_snoozes_is_listed_and_snoozed_updates_are_held_back(
    tmp_path: Path, hook: Any, lepton: Cli
) -> None:
    ws = place(tmp_path, f"json://127.0.0.1:{hook.server_port}")
    nothing = lepton("-w", ws.root, "ack", SITE)
    assert nothing.code != 0
    assert "No alert of 'optdigits' is open" in nothing.err
    assert "No alert is open." in lepton("-w", ws.root, "alerts").out
    decide(ws, "open")
    assert "critical" in lepton("-w", ws.root, "alerts", SITE).out
    assert "acknowledged by user:" in lepton("-w", ws.root, "ack", SITE, "--why", "on it").out
    assert "snoozed until" in lepton("-w", ws.root, "snooze", SITE, "--hours", 2).out
    decide(ws, "update")
    assert len(hook.received) == 1  # held back
    held = Ledger(ws.ledger_url).entries(PAIR, "alerted")[-1].payload
    assert held["held"] == "snoozed"
    (listed,) = json.loads(lepton("-w", ws.root, "alerts", "--json").out)["alerts"]
    assert (listed["why"], listed["ended"]) == ("on it", None)
    decide(ws, "resolve")
    assert len(hook.received) == 2  # its end is told in any case
    assert json.loads(lepton("-w", ws.root, "alerts", "--json").out)["alerts"] == []
    assert "resolved" in lepton("-w", ws.root, "alerts", "--all").out


def test_a_dry_run_puts_nothing_on_record(tmp_path: Path, lepton: Cli) -> None:
    ws = place(tmp_path)
    decide(ws, "open")
    before = len(Ledger(ws.ledger_url).entries())
    assert "Would be snoozed" in lepton("-w", ws.root, "snooze", SITE, "--dry-run").out
    assert "Would be acknowledged" in lepton("-w", ws.root, "ack", SITE, "--dry-run").out
    assert len(Ledger(ws.ledger_url).entries()) == before


def test_a_schema_breach_and_a_drift_are_two_open_alerts(tmp_path: Path, lepton: Cli) -> None:
    ws = place(tmp_path)
    decide(ws, "open")
    breach = Decision("alert", "schema breach", State(), None, "open")
    Ledger(ws.ledger_url).append("user:ada", PAIR, "decided", {**breach.to_json(), "window": "w6"})
    broken = replace(SEEN, verdict="schema breach", problems=("missing column: heat",))
    send_alerts(Session(ws), SITE, Judgement(broken, breach), {})
    found = json.loads(lepton("-w", ws.root, "alerts", "--json").out)["alerts"]
    assert {one["cause"] for one in found} == {"drift", "contract"}
