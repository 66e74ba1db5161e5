"""The dead man's switch on a real local server: who hears of a round, how, and that no round fails because of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lepton.core.config.settings import Config, MonitorConfig, load_config
from lepton.core.config.template import origins
from lepton.core.config.workspace import Workspace
from lepton.core.errors import Busy, LeptonError, UsageError
from lepton.operations.monitor import monitor as verb
from lepton.operations.monitor import switch
from lepton.operations.monitor.monitor import monitor, monitor_pair
from lepton.operations.monitor.results import MonitorResult, Problem
from lepton.operations.runtime import InProcess
from lepton.operations.session import Session


@dataclass
class Heard:
    """What a server was asked: paths with bodies; it answers these codes in turn, the last one for ever."""

    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    codes: list[int] = field(default_factory=lambda: [200])


@pytest.fixture
def server() -> Iterator[Heard]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard.asked.append((self.path, body))
            self.send_response(heard.codes.pop(0) if len(heard.codes) > 1 else heard.codes[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    heard = Heard(f"http://127.0.0.1:{http.server_port}/ping/secret-uuid")
    thread = Thread(target=http.serve_forever)
    thread.start()
    yield heard
    http.shutdown()
    thread.join()
    http.server_close()


class Quiet(InProcess):
    """Keeps what is told."""

    def __init__(self) -> None:
        super().__init__(actor="user:ada")
        self.told: list[str] = []

    def tell(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture
def session(tmp_path: Path, server: Heard, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Two targets that are nothing but names; what becomes of each is up to the test."""
    (tmp_path / "lepton.yaml").write_text(f"name: n\nkind: tabular\nsource: a\nmonitor: {{ping_url: '{server.url}'}}\n")
    (tmp_path / "contracts").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "contracts" / f"{name}.yaml").write_text("")
    monkeypatch.setattr(verb, "find_targets", lambda _, domain: [domain] if domain else ["b", "c"])
    return Session(Workspace(tmp_path), Quiet())


def answers(monkeypatch: pytest.MonkeyPatch, of: Callable[[str], Any]) -> list[str]:
    looked: list[str] = []

    def pair(_: Session, domain: str, window: str | None, dry_run: bool) -> MonitorResult:
        looked.append(domain)
        found = of(domain)
        if isinstance(found, BaseException):
            raise found
        return MonitorResult((), (found,) if found else ())

    monkeypatch.setattr(verb, "monitor_pair", pair)
    return looked


def test_a_round_that_went_well_is_pinged_once(
    session: Session, server: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answers(monkeypatch, lambda _: None) == []
    monitor(session)
    assert server.asked == [("/ping/secret-uuid", "")]


def test_a_run_that_is_no_whole_round_is_not_pinged(
    session: Session, server: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, lambda _: None)
    monitor(session, "b")
    monitor(session, window="w")
    monitor(session, dry_run=True)
    assert server.asked == []


def test_a_target_that_cannot_be_looked_at_keeps_nobody_else_from_it_and_the_round_has_failed(
    session: Session, server: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = answers(monkeypatch, lambda domain: LeptonError("gone", fix=["mend"]) if domain == "b" else None)
    found = monitor(session)
    assert looked == ["b", "c"]
    assert found.problems == (Problem("b", "", "gone\n\n  Fix:  mend"),)
    assert server.asked == [("/ping/secret-uuid/fail", "1 windows or targets could not be judged")]


def test_a_mistake_of_ours_ends_the_round_when_all_others_are_done(
    session: Session, server: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = answers(monkeypatch, lambda domain: KeyError("x") if domain == "b" else None)
    with pytest.raises(KeyError):
        monitor(session)
    assert looked == ["b", "c"]
    assert server.asked == [("/ping/secret-uuid/fail", "KeyError")]


def test_the_target_that_was_asked_for_fails_as_it_does(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, lambda _: LeptonError("gone"))
    with pytest.raises(LeptonError, match="gone"):
        monitor(session, "b")


def test_a_server_that_stumbles_is_asked_again_and_one_that_is_down_fails_no_round(
    session: Session, server: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switch.time, "sleep", lambda _: None)
    answers(monkeypatch, lambda _: None)
    server.codes = [503, 200]
    monitor(session)
    assert len(server.asked) == 2
    server.codes = [500]
    monitor(session)
    assert isinstance(session.runtime, Quiet)
    (told,) = session.runtime.told
    assert "http://*** was not reached" in told.replace("(", "").replace(")", "")
    assert "secret" not in told
    assert not switch.ping("http://127.0.0.1:9/x", pause=0)
    assert not switch.ping("http://[", pause=0)


def test_two_monitors_of_a_pair_take_turns(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "WAIT_SECONDS", 0.1)

    def look(*_: object) -> Iterator[Problem]:
        with pytest.raises(Busy, match="Another monitor of 'b'"):
            monitor_pair(session, "b")
        yield Problem("b", "w", "seen")

    monkeypatch.setattr(verb, "_monitor_one", look)
    assert monitor_pair(session, "b").problems == (Problem("b", "w", "seen"),)


def test_the_address_of_failures() -> None:
    assert switch.failing("https://hc-ping.com/uuid") == "https://hc-ping.com/uuid/fail"
    assert switch.failing("https://hc-ping.com/uuid/?rid=1") == "https://hc-ping.com/uuid/fail?rid=1"


def test_the_address_is_a_secret_and_belongs_to_the_whole_project(tmp_path: Path) -> None:
    config = Config(name="n", kind="tabular", source="a", monitor=MonitorConfig(ping_url="https://hc-ping.com/uuid"))
    (shown,) = [one.value for one in origins(config, {}, {}) if one.key == "monitor.ping_url"]
    assert shown == "https://***"
    for wrong in ("{monitor: {ping_url: 'file:///etc/passwd'}}", "{targets: {b: {monitor: {ping_url: 'https://x'}}}}"):
        (tmp_path / "lepton.yaml").write_text(f"{{name: n, kind: tabular, source: a, {wrong[1:-1]}}}")
        with pytest.raises(UsageError) as caught:
            load_config(tmp_path / "lepton.yaml")
        assert "passwd" not in caught.value.render()
