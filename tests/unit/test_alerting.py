"""Alerts told from the ledger's rows: at most one is open a pair and cause, whatever is written."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.config.alerts import AlertConfig, AlertRoute
from lepton.core.decisions.alerts import ROWS, alerts_of, open_alerts
from lepton.core.ledger import Action, Entry, Ledger
from lepton.monitoring.alerts import Alert, Delivery
from lepton.monitoring.outbox import KEPT, forget, keep_unsent, send_again, unsent

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAIR = "a-to-b"


def row(seq: int, action: Action, payload: dict[str, object], pair: str = PAIR) -> Entry:
    at = (NOW + timedelta(minutes=seq)).isoformat()
    return Entry(seq, at, "user:ada", pair, action, payload, "", "")


def told(seq: int, kind: str, cause: str = "drift", severity: str = "warning", pair: str = PAIR) -> Entry:
    return row(seq, "alerted", {"kind": kind, "cause": cause, "title": f"t{seq}", "severity": severity}, pair)


def test_an_alert_lives_from_its_opening_to_its_end() -> None:
    rows = [
        told(1, "open"),
        told(2, "open", "contract", "critical"),
        row(3, "acknowledged", {"causes": ["drift"], "why": "on it"}),
        row(4, "snoozed", {"causes": ["drift"], "until": (NOW + timedelta(hours=1)).isoformat(), "why": "lunch"}),
        told(5, "update", severity="critical"),
        told(6, "resolve", "contract", "info"),
    ]
    (drift,) = open_alerts(rows)
    assert (drift.cause, drift.title, drift.severity, drift.acknowledged, drift.why) == (
        *("drift", "t5", "critical", "user:ada", "on it"),
    )
    assert drift.state(NOW) == "acknowledged by user:ada, snoozed until 2026-03-01 13:00 UTC"
    assert drift.state(NOW + timedelta(hours=2)) == "acknowledged by user:ada"
    assert [one.cause for one in alerts_of(rows)] == ["drift", "contract"]
    assert alerts_of(rows)[1].state(NOW) == "resolved 2026-03-01 12:06"


def test_rows_of_an_earlier_lepton_are_alerts_of_drift() -> None:
    (one,) = open_alerts([row(1, "alerted", {"kind": "open", "title": "old", "channels": []})])
    assert (one.cause, one.title) == ("drift", "old")


KINDS = st.sampled_from(["open", "update", "resolve", "ack", "snooze"])


@given(st.lists(st.tuples(KINDS, st.sampled_from(["drift", "contract"]), st.sampled_from(["p", "q"])), max_size=40))
@settings(max_examples=200, deadline=None)
def test_at_most_one_is_open_a_pair_and_cause_and_what_ended_stays_ended(said) -> None:
    rows: list[Entry] = []
    ended: list[tuple[datetime, datetime]] = []
    for seq, (kind, cause, pair) in enumerate(said):
        if kind == "ack":
            rows.append(row(seq, "acknowledged", {"causes": [cause], "why": ""}, pair))
        elif kind == "snooze":
            rows.append(row(seq, "snoozed", {"causes": [cause], "until": NOW.isoformat()}, pair))
        else:
            rows.append(told(seq, kind, cause, pair=pair))
        found = open_alerts(rows)
        assert len({(one.pair, one.cause) for one in found}) == len(found)
        now_ended = [(one.opened, one.ended) for one in alerts_of(rows) if one.ended]
        assert now_ended[: len(ended)] == ended or set(ended) <= set(now_ended)
        ended = now_ended


def test_the_rows_it_is_told_from_are_read_back_from_a_ledger(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'l.db'}")
    ledger.append("user:ada", PAIR, "alerted", {"kind": "open", "cause": "drift", "title": "t", "severity": "critical"})
    ledger.append("user:ada", PAIR, "acknowledged", {"causes": ["drift"], "why": "mine"})
    (one,) = open_alerts(ledger.entries(PAIR, ROWS))
    assert one.acknowledged == "user:ada"


def test_a_route_hears_of_its_targets_and_severities_and_nobody_twice() -> None:
    config = AlertConfig(
        urls=("json://all",),
        routes=(
            AlertRoute(url="json://pager", severity="critical"),
            AlertRoute(url="json://b", domains=("b",)),
            AlertRoute(url="json://all"),
        ),
    )
    assert config.channels("a", "warning") == ("json://all",)
    assert config.channels("a", "critical") == ("json://all", "json://pager")
    assert config.channels("b", "info") == ("json://all", "json://b")


URL = "json://user:s3cret@127.0.0.1:9/hook"


def an_alert() -> Alert:
    return Alert(PAIR, "open", "drift", "it drifts", "look", "warning", NOW, "w1", {"report": "r.html"})


def test_what_a_channel_did_not_take_is_sent_again_less_and_less_often_until_it_does(
    tmp_path: Path, monkeypatch
) -> None:
    from lepton.monitoring import outbox

    takes, asked = [False], []

    def answer(alert: Alert, url: str) -> Delivery:
        asked.append((alert, url))
        return Delivery("json://***", takes[0], "")

    monkeypatch.setattr(outbox, "notify", answer)
    assert keep_unsent(tmp_path, an_alert(), [URL, "json://fine"], [_took(False), _took(True)], NOW) == 1
    assert "s3cret" not in "".join(path.read_text() for path in tmp_path.iterdir())
    (waiting,) = unsent(tmp_path)
    assert (waiting.shown, waiting.alert.title, waiting.attempts) == ("json://***", "it drifts", 1)
    times = []
    for minute in range(200):
        if send_again(tmp_path, [URL], NOW + timedelta(minutes=minute)):
            times.append(minute)
    assert times[:5] == [1, 3, 7, 15, 31]
    assert max(b - a for a, b in itertools.pairwise(times)) <= 60
    takes[0] = True
    assert [d.ok for d in send_again(tmp_path, [URL], NOW + timedelta(hours=5))] == [True]
    assert asked[-1] == (an_alert(), URL)
    assert unsent(tmp_path) == []


def test_old_news_a_channel_that_is_gone_and_a_damaged_file_are_dropped(tmp_path: Path) -> None:
    for later, urls in ((KEPT + timedelta(minutes=1), [URL]), (timedelta(minutes=5), ["json://other"])):
        keep_unsent(tmp_path, an_alert(), [URL], [_took(False)], NOW)
        assert send_again(tmp_path, urls, NOW + later) == []
        assert unsent(tmp_path) == []
    keep_unsent(tmp_path, an_alert(), [URL], [_took(False)], NOW)
    (kept,) = tmp_path.iterdir()
    whole = json.loads(kept.read_text())
    kept.unlink()
    for damaged in ("{", "[]", "3", json.dumps({**whole, "since": "soon"}), json.dumps({**whole, "alert": {"x": 1}})):
        (tmp_path / "x.json").write_text(damaged)
        assert unsent(tmp_path) == []
        assert send_again(tmp_path, [URL], NOW + timedelta(hours=1)) == []
        assert not list(tmp_path.iterdir())


def test_an_alert_that_is_kept_twice_waits_once_and_one_that_is_over_no_more(tmp_path: Path) -> None:
    for minute in range(3):  # told again after a kill
        keep_unsent(tmp_path, an_alert(), [URL], [_took(False)], NOW + timedelta(minutes=minute))
    assert len(unsent(tmp_path)) == 1
    forget(tmp_path, PAIR, "contract")
    assert len(unsent(tmp_path)) == 1
    forget(tmp_path, PAIR, "drift")
    assert unsent(tmp_path) == []


def test_a_channel_that_fails_is_asked_once_a_run(tmp_path: Path, monkeypatch) -> None:
    from lepton.monitoring import outbox

    asked: list[str] = []
    monkeypatch.setattr(outbox, "notify", lambda alert, url: asked.append(alert.title) or _took(False))
    for number in range(5):
        keep_unsent(tmp_path, replace(an_alert(), title=f"t{number}"), [URL], [_took(False)], NOW)
    assert len(send_again(tmp_path, [URL], NOW + timedelta(minutes=2))) == 1
    assert len(asked) == 1
    assert len(unsent(tmp_path)) == 5


def _took(ok: bool) -> Delivery:
    return Delivery("json://***", ok, "")
