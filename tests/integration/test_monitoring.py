"""Monitoring with the real Evidently and real alert channels on loopback."""

from __future__ import annotations

import json
import logging
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from lepton.core.config.settings import MonitorConfig
from lepton.core.decisions.controller import decide
from lepton.core.decisions.memory import Decision, State
from lepton.core.decisions.observation import Observation
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.monitoring.alerts import Alert, send
from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import watched_columns
from lepton.monitoring.baseline import Baseline, policy_of
from lepton.monitoring.calibration import statistic
from lepton.monitoring.drift import SHOWN, measure
from lepton.monitoring.messages import Surroundings, compose
from lepton.monitoring.past import Past
from lepton.monitoring.report import write_report
from tests.small_digits import Digits

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = MonitorConfig()


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits(slice(1400, None))


@pytest.fixture(scope="module")
def reference(digits: Digits) -> Judged:
    return digits.answer(digits.rows(0, 600))


def blurred(table: Table) -> Table:
    return replace(table, images=ndimage.gaussian_filter(table.images, (0, 0, 1.0, 1.0)))


def look(reference: Judged, current: Judged, window: str = "w1", cache: Path | None = None, **options):
    return Baseline("mnist-to-optdigits", "model/1", reference, cache=cache).compare(window, NOW, current, **options)


def tabular(rows: int, seed: int, change=None) -> Judged:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(50, 10, rows),
            "income": rng.lognormal(0, 1, rows),
            "visits": rng.poisson(2, rows),
            "city": rng.choice(["north", "south", "east"], rows),
            "fixed": np.full(rows, 4.0),
            "gone": np.full(rows, np.nan),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "age"] = np.nan
    frame = frame if change is None else change(frame)
    p = np.clip(1 / (1 + np.exp(-rng.normal(0, 3, rows))), 1e-6, 1 - 1e-6)
    ids = np.array([f"t{seed}-{k}" for k in range(rows)], dtype=object)
    table = Table("tabular", ids, np.full(rows, None, dtype=object), frame=frame)
    return Judged(table, np.stack([p, 1 - p], axis=1), rng.normal(size=(rows, 16)), ("no", "yes"))


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_our_statistic_is_evidently_s(kind, reference):
    rows = reference if kind == "image" else tabular(300, 0)
    columns = [
        column
        for column in watched_columns(rows, rows.take(np.arange(100, 230)))
        if column.name != "embedding: residual"  # cross-fitted on the reference alone: the same rows differ
    ]
    found = measure(columns, {column.name: 1.0 for column in columns}).statistics
    window = np.zeros((1, len(rows)))
    window[0, 100:230] = 1
    ours = {column.name: statistic(column, np.ones_like(window), window)[0] for column in columns}
    assert ours == pytest.approx(found, abs=1e-9)


def test_quiet_windows_stay_quiet_and_degraded_ones_are_found_with_their_cost(digits, reference, tmp_path):
    state, actions = State(), []
    for k in range(6):
        table = digits.rows(600 + 125 * k, 725 + 125 * k)
        table = blurred(table) if k >= 4 else table
        seen = look(reference, digits.answer(table), f"w{k}", cache=tmp_path).observation
        if k < 4:
            assert seen.score < 1
            assert abs(seen.cost) < 0.08
        else:
            assert seen.score > 5
            assert seen.cost > 0.05
        decision = decide(state, seen, policy_of(CONFIG))
        state = decision.state
        actions.append((decision.action, decision.alert))
    # The windows are labelled: one proves so great a loss alone, and after the retransfer comes the pause.
    assert actions == [("none", None)] * 4 + [("retransfer", "open"), ("alert", None)]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_window_is_judged_the_same_way_twice_and_without_a_word(digits, reference, capfd):
    current = digits.answer(digits.rows(600, 725))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = look(reference, current), look(reference, current)
    assert first.observation == second.observation
    assert first.observation.columns == dict(sorted(first.observation.columns.items(), key=lambda item: -item[1]))
    assert Observation.from_json(json.loads(json.dumps(first.observation.to_json()))) == first.observation
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_labels_that_come_later_do_not_make_another_window(digits, reference):
    current = digits.answer(digits.rows(600, 640))
    bare = replace(current, table=current.table.without_labels())
    with_labels, without = look(reference, current).observation, look(reference, bare).observation
    assert with_labels.digest == without.digest
    assert without.realised_accuracy is None
    assert with_labels.realised_accuracy is not None
    assert with_labels.realised_accuracy > 0.8


def test_the_report_opens_offline_with_the_verdict_on_top(digits, reference, tmp_path):
    path = tmp_path / "reports" / "w5.html"
    observed = look(reference, digits.answer(blurred(digits.rows(600, 725))), "w<5>", report=path)
    decision = Decision("suspect", "first window of 2", State())
    write_report(path, observed, decision)
    page = path.read_text()
    assert path.stat().st_size < 6_000_000
    assert "w&lt;5&gt;" in page
    assert "suspect: first window of 2" in page
    assert page.index("Drift of inputs") < 0.9 * len(page)
    assert "one of the main ways in which rows differ" in page
    assert not [tag for tag in ('src="http', "src='http", 'rel="stylesheet" href="http') if tag in page]
    assert [entry.name for entry in path.parent.iterdir()] == ["w5.html"]
    assert observed.observation.report == str(path)


def test_the_error_of_earlier_estimates_stands_beside_the_estimate_and_not_where_there_is_none(
    digits, reference, tmp_path
):
    seen = {
        rows: look(
            reference,
            digits.answer(digits.rows(600, 600 + rows)),
            report=tmp_path / f"{rows}.html",
            past=Past(error=0.0375, windows=1),
        )
        for rows in (200, 10)
    }
    assert seen[200].observation.estimate_error == 0.0375
    assert "Error of earlier estimates" in (tmp_path / "200.html").read_text()
    assert "0.037 on average" in (tmp_path / "200.html").read_text()
    assert seen[10].observation.estimate_error is None


def test_a_table_without_drift_is_quiet_and_a_moved_column_is_named(tmp_path):
    known = tabular(500, 0)
    assert look(known, tabular(120, 1), cache=tmp_path).observation.score < 1
    moved = tabular(120, 2, lambda frame: frame.assign(income=frame["income"] * 4))
    seen = look(known, moved, cache=tmp_path).observation
    assert seen.aspect == "inputs"
    assert next(iter(seen.columns)) == "inputs: income"


CHANGES = {
    "all missing": lambda frame: frame.assign(age=np.nan),
    "no longer missing": lambda frame: frame.assign(gone=1.5),
    "constant": lambda frame: frame.assign(age=50.0),
    "no longer constant": lambda frame: frame.assign(fixed=np.arange(len(frame))),
    "infinite": lambda frame: frame.assign(age=np.where(np.arange(len(frame)) % 2, np.inf, -np.inf)),
    "unseen category": lambda frame: frame.assign(city="west"),
    "one category": lambda frame: frame.assign(city="north"),
}


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_broken_column_is_a_verdict_with_its_name_and_never_a_traceback(change, tmp_path):
    column = {"no longer missing": "gone", "no longer constant": "fixed"}.get(change)
    column = column or ("city" if "category" in change else "age")
    observed = look(tabular(500, 0), tabular(120, 3, CHANGES[change]), report=tmp_path / "r.html")
    assert observed.observation.score > 1.5
    assert column in next(iter(observed.observation.columns))


def test_a_window_of_one_class_is_drift_of_the_predictions(digits, reference):
    table = digits.rows(600, 1400)
    observed = look(reference, digits.answer(table.take(table.labels == "3")))
    assert observed.observation.scores["predictions"] > 1


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_a_window_that_is_too_small_is_no_verdict(digits, reference, rows, tmp_path):
    observed = look(reference, digits.answer(digits.rows(600, 700)).take(range(rows)), report=tmp_path / "r.html")
    assert observed.verdict == "not enough data"
    assert observed.observation.scores == {}
    decision = decide(State(), observed.observation, policy_of(CONFIG))
    assert decision.action == "wait"
    assert "not enough data" in decision.reason


def test_a_reference_that_is_too_small_is_an_error_with_a_remedy(digits):
    small = digits.answer(digits.rows(0, 20))
    with pytest.raises(LeptonError, match="reference") as caught:
        look(small, digits.answer(digits.rows(600, 700)))
    assert caught.value.fix


def test_a_schema_breach_is_told_before_anything_is_compared():
    renamed = tabular(120, 1, lambda frame: frame.rename(columns={"age": "Age"}))
    with pytest.raises(LeptonError, match="Schema breach") as caught:
        look(tabular(500, 0), renamed)
    assert "missing column: age" in caught.value.why
    assert "new column: Age" in caught.value.why


def test_a_wide_table_is_judged_whole_and_reported_in_part(tmp_path):
    def widen(frame):
        extra = np.random.default_rng(len(frame)).normal(size=(len(frame), SHOWN))
        return pd.concat([frame, pd.DataFrame(extra, columns=[f"x{k}" for k in range(SHOWN)])], axis=1)

    path = tmp_path / "wide.html"
    observed = look(tabular(300, 0, widen), tabular(100, 1, widen), report=path)
    assert len(observed.columns) > SHOWN
    assert path.stat().st_size < 6_000_000


# Alerts


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(json.loads(body))  # type: ignore[attr-defined]  # set by the fixture
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.received = []  # type: ignore[attr-defined]  # the handler's mailbox
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def closed_port() -> int:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.server_close()
    return int(server.server_port)


SEEN = Observation(
    pair="mnist-to-optdigits",
    window="w5",
    digest="d",
    champion="3",
    time=NOW,
    rows=125,
    scores={"inputs": 8.2, "embedding": 2.0},
    columns={"inputs: sharpness": 8.2, "inputs: contrast": 5.0, "inputs: mean": 0.4},
    moved={"inputs: sharpness": (0.31, 0.12)},
    estimated_accuracy=0.78,
    estimated_low=0.7,
    estimated_high=0.85,
    expected_accuracy=0.98,
    report="reports/w5.html",
)


def alert_of(kind="open", action="retransfer") -> Alert:
    around = Surroundings("vm-7", "/srv/digits", NOW, None, {"run": "http://x/1", "report": "reports/w5.html"})
    (alert,) = compose(SEEN, Decision(action, "confirmed", State(since="w4"), kind), "optdigits", around)
    return alert


def test_an_alert_says_what_moved_since_when_what_it_costs_and_what_is_done():
    alert = alert_of()
    assert alert.severity == "critical"
    for part in (
        "inputs: sharpness 0.31 -> 0.12 (8.2), inputs: contrast (5.0)",
        "Since: window w4 of 2026-",
        "about 0.780 (0.700 to 0.850), by estimate; 0.980 without drift: 20.0% lost",
        "Last measured: never; some sixty labels would tell",
        "lepton ack optdigits",
        "lepton snooze optdigits",
        "Where: vm-7:/srv/digits",
        "retransfer is started",
        "lepton status optdigits",
        "reports/w5.html",
        "http://x/1",
    ):
        assert part in alert.body
    assert alert.title.startswith("mnist-to-optdigits: 20 points of accuracy lost by estimate")
    assert "inputs: mean" not in alert.body
    assert compose(SEEN, Decision("suspect", "one of three", State()), "optdigits") == []
    assert alert_of("resolve", "resolve").severity == "info"


def test_an_alert_about_drift_whose_cost_nobody_knows_asks_for_labels_and_is_a_warning():
    unknown = Decision("alert", "drift", State(since="w4", phase="drifted"), "open", harm="unknown")
    measured = replace(SEEN, window="w2", realised_accuracy=0.93, labelled=60)
    unsure = replace(SEEN, estimated_accuracy=None, estimated_low=0.4, estimated_high=0.99)
    (alert,) = compose(unsure, unknown, "optdigits", Surroundings(measured=measured))
    assert alert.severity == "warning"
    assert alert.title.endswith("and nobody knows what it costs")
    assert "lepton ingest optdigits LABELS.csv --labels" in alert.body
    assert "0.930 on 60 labels of w2" in alert.body
    assert "retransfer" not in alert.body


def test_an_alert_on_labels_says_what_they_measured():
    seen = replace(SEEN, realised_accuracy=0.8, labelled=60, measured_cost=0.18, measured_low=0.1, measured_high=0.27)
    (alert,) = compose(seen, Decision("retransfer", "proven", State(), "open", harm="harmful"), "optdigits")
    assert "18 points of accuracy lost on labels" in alert.title
    assert "0.800 on 60 labels: 18.0% lost (0.100 to 0.270)" in alert.body


def test_a_breach_and_a_drift_that_end_and_begin_together_are_two_alerts():
    seen = replace(SEEN, verdict="schema breach", problems=("missing column: heat",), scores={})
    (opened,) = compose(seen, Decision("alert", "schema breach", State(), breach="open"), "optdigits")
    assert (opened.cause, opened.severity) == ("contract", "critical")
    assert "missing column: heat" in opened.body
    assert "lepton ingest optdigits" in opened.body
    both = compose(SEEN, Decision("retransfer", "confirmed", State(), "open", "resolve"), "optdigits")
    assert [(alert.cause, alert.kind) for alert in both] == [("contract", "resolve"), ("drift", "open")]


def test_an_alert_reaches_the_file_and_a_web_receiver(receiver, tmp_path):
    file = tmp_path / "state" / "alerts.jsonl"
    url = f"json://user:s3cret@127.0.0.1:{receiver.server_port}/hook"
    for kind in ("open", "resolve"):
        deliveries = send(alert_of(kind), [url], file)
        assert [delivery.ok for delivery in deliveries] == [True, True]
        assert "s3cret" not in repr(deliveries)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["open", "resolve"]
    assert lines[0]["time"] == NOW.isoformat()
    assert "drift 8.2" in receiver.received[0]["title"]
    assert "lepton status optdigits" in receiver.received[0]["message"]
    assert "s3cret" not in file.read_text()


def test_channels_that_fail_are_returned_without_their_secret_and_without_a_word(tmp_path, capfd, caplog):
    urls = [f"json://user:s3cret@127.0.0.1:{closed_port()}/hook?cto=1&rto=1", "nonsense://s3cret", "s3cret", ""]
    with caplog.at_level(logging.DEBUG):
        deliveries = send(alert_of(), urls, tmp_path / "alerts.jsonl")
    assert [delivery.ok for delivery in deliveries] == [True, False, False, False, False]
    assert [delivery.channel for delivery in deliveries[1:3]] == ["json://***", "nonsense://***"]
    printed = capfd.readouterr()
    assert "s3cret" not in repr(deliveries) + printed.out + printed.err + caplog.text
    assert printed.err == ""


def test_a_file_that_cannot_be_written_does_not_stop_the_other_channels(receiver, tmp_path):
    (tmp_path / "taken").write_text("")
    deliveries = send(alert_of(), [f"json://127.0.0.1:{receiver.server_port}"], tmp_path / "taken" / Path("a.jsonl"))
    assert [delivery.ok for delivery in deliveries] == [False, True]
