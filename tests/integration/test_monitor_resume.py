"""A monitor that was killed decides on what it saw; a transfer it asked for is not forgotten, and not for ever."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.decisions.history import History, history_of
from lepton.core.decisions.memory import State
from lepton.core.errors import Conflict
from lepton.core.ledger import Action, Entry, Ledger
from lepton.core.table import Table
from lepton.core.work.lease import this_process
from lepton.monitoring.past import Past
from lepton.operations.events import retransfers_left
from lepton.operations.monitor.judgement import Judgement
from lepton.operations.monitor.late_labels import hear_labels
from lepton.operations.monitor.monitor import judge_window, monitor
from lepton.operations.monitor.replay import replay
from lepton.operations.monitor.results import WindowJudged
from lepton.operations.monitor.watch import Watch
from lepton.operations.regime import ATTEMPTS, unanswered_retransfer
from lepton.operations.session import Session
from tests.conftest import make_plant

PAIR = "plant-1-to-plant-2"
NOBODY = {"host": this_process()["host"], "pid": 2**22 + 1, "started": 0.0}
"""A process of this machine that is gone."""


@pytest.fixture
def book(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def write(book: Ledger, what: Action, **payload: Any) -> Entry:
    return book.append("user:ada", PAIR, what, payload)


def decided(book: Ledger, action: str = "retransfer", phase: Any = "retransferring", window: str = "w2") -> Entry:
    state = State(champion="m v1", phase=phase).to_json()
    return write(book, "decided", action=action, reason="it hurts", alert=None, window=window, state=state)


def killed(book: Ledger) -> None:
    write(book, "transfer_started", run={"id": "r"}, cause="drift", **NOBODY)


def left(book: Ledger) -> Entry | None:
    return unanswered_retransfer(book, PAIR, datetime.now(UTC))


def test_a_decided_transfer_that_nobody_began_waits_for_an_answer(book: Ledger) -> None:
    assert left(book) is None
    asked = decided(book)
    assert left(book) == asked
    later = decided(book, "wait", window="w3")  # while the transfer is awaited, windows go on coming
    assert later.seq > asked.seq
    assert left(book) == asked


def test_a_running_transfer_is_the_answer_and_a_killed_one_is_not_until_it_was_tried_often_enough(book: Ledger) -> None:
    asked = decided(book)
    for _ in range(ATTEMPTS - 1):
        killed(book)
        assert left(book) == asked
    write(book, "transfer_started", run={"id": "r"}, cause="drift", **this_process())
    assert left(book) is None  # it runs, in this very process


def test_after_so_many_killed_transfers_a_person_has_to_look_and_a_new_decision_counts_anew(book: Ledger) -> None:
    decided(book)
    for _ in range(ATTEMPTS):
        killed(book)
    assert left(book) is None
    again = decided(book, window="w4")
    assert left(book) == again


@pytest.mark.parametrize("action", ["transfer_finished", "promoted", "rolled_back"])
def test_a_transfer_that_ended_is_an_answer_whatever_came_of_it(book: Ledger, action: Action) -> None:
    decided(book)
    killed(book)
    write(book, action, run={"id": "r"}, ok=False, model={"name": "m", "version": "2"})
    assert left(book) is None


def test_drift_that_is_over_asks_for_no_transfer(book: Ledger) -> None:
    decided(book)
    decided(book, "resolve", "stable", "w3")
    assert left(book) is None


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return a workspace whose target plant-2 has a champion and two windows that drifted."""
    from lepton.cli.main import main

    folder, before = tmp_path_factory.mktemp("resume"), dict(os.environ)
    root = folder / "ws"

    def ok(*arguments: object) -> None:
        assert main([str(argument) for argument in arguments]) == 0, arguments

    os.environ.update({"LEPTON_PRETRAIN__EPOCHS": "2", "LEPTON_THREADS": "1", "LEPTON_MONITOR__UNKNOWN": "retransfer"})
    try:
        make_plant(700, 0.0, seed=1).to_csv(folder / "plant-1.csv", index=False)
        make_plant(400, 0.9, seed=2).to_csv(folder / "plant-2.csv", index=False)
        ok("init", root, "--from", folder / "plant-1.csv")
        ok("-w", root, "ingest", "plant-1", folder / "plant-1.csv", "--local")
        ok("-w", root, "pretrain", "--local")
        ok("-w", root, "ingest", "plant-2", folder / "plant-2.csv", "--new", "--local")
        ok("-w", root, "transfer", "plant-2", "--local", "-s", "probe")
        for number in (1, 2):
            moved = make_plant(150, 0.9, seed=10 + number, labelled=False)
            moved["heat"] = 6 - moved["heat"]
            moved.to_csv(folder / f"w{number}.csv", index=False)
            ok("-w", root, "ingest", "plant-2", folder / f"w{number}.csv", "--local")
        yield Workspace(root)
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_however_many_windows_wait_champion_and_reference_are_loaded_once(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lepton.data import sampling, store
    from lepton.models import format as models
    from lepton.monitoring.meta_regression import Learnt

    found: Counter[str] = Counter()

    def count(what: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **more: Any) -> Any:
            found[what if what != "rows" else f"rows of {arguments[2][0]}"] += 1
            return real(*arguments, **more)

        return counted

    monkeypatch.setattr(models, "load", count("champion", models.load))
    monkeypatch.setattr(sampling, "sample", count("rows", sampling.sample))
    monkeypatch.setattr(Learnt, "to", count("estimate", Learnt.to))
    session, rows = Session(ws), store.load(ws, "plant-2", ["w1"])
    more = [store.write_batch(ws, "plant-2", f"m{k}", _renamed(rows, f"m{k}")) for k in range(8)]
    try:
        result = monitor(session, "plant-2", dry_run=True)
    finally:
        for path in more:
            path.unlink()
    assert len(result.windows) == 10
    # Two processes are learnt: of the accuracy, and of what calibrated confidence leaves.
    assert (found["champion"], found["rows of plant-2"], found.pop("estimate")) == (1, 1, 2)
    assert max(found.values()) == 1
    session.load_champion("plant-2")
    assert found["champion"] == 2  # it was let go of, so that the next target has the memory


def test_a_replay_judges_what_waits_as_the_monitor_does(ws: Workspace) -> None:
    judged, replayed = monitor(Session(ws), "plant-2", dry_run=True), replay(Session(ws), "plant-2", [], 24.0)
    assert [one.decision.action for one in judged.windows] == ["suspect", "retransfer"]
    for one, again in zip(judged.windows, replayed.windows, strict=True):
        seen = replace(again.observation, time=one.observation.time)
        assert seen == one.observation
        assert (again.decision.action, again.decision.reason) == (one.decision.action, one.decision.reason)
    assert Ledger(ws.ledger_url).entries(PAIR, ("observed", "decided")) == []


def test_a_replay_of_labelled_files_judges_them_as_the_monitor_does(ws: Workspace, tmp_path: Path) -> None:
    """Labels, what is known of windows before, and how far each is from the last one: all as for real."""
    from lepton.contract.file import load_contract
    from lepton.contract.ingest import reading_of
    from lepton.data import readers, store

    files, stored = list[str](), list[Path]()
    for number in (1, 2):
        rows = make_plant(150, 0.9, seed=30 + number)
        rows["heat"] = 6 - rows["heat"]
        rows.insert(0, "id", [f"late{number}-{k}" for k in range(len(rows))])
        path = tmp_path / f"late{number}.csv"
        rows.to_csv(path, index=False)
        files.append(str(path))
        table = readers.read(path, reading_of(ws, load_contract(ws, "plant-2"), True)).identified(path.stem)
        stored.append(store.write_batch(ws, "plant-2", path.stem, table))
    try:
        judged = monitor(Session(ws), "plant-2", dry_run=True).windows
    finally:
        for place in stored:
            place.unlink()
    replayed = replay(Session(ws), "plant-2", ["w1", "w2", *files], 0.0).windows
    assert [one.observation.window for one in replayed] == ["w1", "w2", "late1", "late2"]
    for one, again in zip(judged, replayed, strict=True):
        assert replace(again.observation, time=one.observation.time) == one.observation
        assert (again.decision.action, again.decision.harm) == (one.decision.action, one.decision.harm)
    first, second = replayed[2].observation, replayed[3].observation
    assert first.tested == first.labelled == 150
    assert first.measured_cost is not None
    assert first.since_last is not None
    assert second.estimate_error is None or second.estimate_error > 0


def test_a_replay_tells_what_cannot_be_read_as_refused_and_goes_on_and_leaves_no_page(
    ws: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "broken.csv").write_bytes(b"\x00\x01 no table")
    np.savez(tmp_path / "pictures.npz", images=np.zeros((3, 1, 4, 4), dtype=np.uint8), labels=np.array(["a"] * 3))
    make_plant(60, 0.9, seed=40, labelled=False).to_csv(tmp_path / "fine.csv", index=False)
    names = [str(tmp_path / name) for name in ("broken.csv", "pictures.npz", "fine.csv")]
    before = {path: path.stat().st_mtime_ns for path in ws.docs_dir.rglob("*")}
    found = replay(Session(ws), "plant-2", names, 24.0).windows
    assert [one.observation.verdict for one in found] == ["refused", "refused", "judged"]
    assert [[alert.kind for alert in one.alerts] for one in found] == [["open"], ["update"], ["resolve"]]
    assert all(one.observation.problems for one in found[:2])
    assert {path: path.stat().st_mtime_ns for path in ws.docs_dir.rglob("*")} == before


def test_a_window_is_held_against_the_last_harmless_one_whether_an_alert_is_open_or_not(ws: Workspace) -> None:
    watch = Watch(Session(ws), "plant-2")
    drifted = State(champion=watch.ref.label, phase="drifted", accepted="w1")
    known = replace(watch.history, state=drifted)

    def score(batch: str, history: History) -> tuple[float, float | None]:
        seen = watch.look(watch.window((batch,), datetime.now(UTC)), history, None)
        assert seen.since_last is None
        return seen.score, seen.since_accepted

    same, against_it = score("w2", known)
    assert same > 1
    assert against_it is not None
    assert against_it < 1
    quiet, back = score("plant-2", known)
    assert back is not None
    assert quiet < 1 < back  # what the champion was adapted to is another state by now
    assert score("w2", watch.history)[1] is None
    assert score("w2", replace(known, state=replace(drifted, champion="another v9")))[1] is None
    assert score("w2", replace(known, state=replace(drifted, accepted="gone")))[1] is None


def _renamed(table: Table, name: str) -> Table:
    return replace(table, ids=np.array([f"{name}-{k}" for k in range(len(table))], dtype=object))


def judge(ws: Workspace, window: str) -> WindowJudged:
    return judge_window(Watch(Session(ws), "plant-2"), window)


def test_a_killed_monitor_decides_on_what_it_saw_and_sees_it_no_second_time(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Ledger(ws.ledger_url)
    _stop_at(monkeypatch, "monitor.observed")
    with pytest.raises(Stopped):
        judge(ws, "w1")
    seen = book.last(PAIR, "observed")
    assert seen is not None
    assert book.last(PAIR, "decided") is None
    monkeypatch.undo()
    monkeypatch.setattr(Watch, "look", lambda *_: pytest.fail("it was looked at again"))
    done = judge(ws, "w1")
    assert done.observation.to_json() == seen.payload
    assert [row.seq for row in book.entries(PAIR, "observed")] == [seen.seq]
    assert [row.payload["window"] for row in book.entries(PAIR, "decided")] == ["w1"]
    assert history_of(book, PAIR).undecided("w1", seen.payload["champion"]) is None


def test_what_was_seen_of_another_window_or_another_champion_decides_nothing(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Ledger(ws.ledger_url)
    _stop_at(monkeypatch, "monitor.observed")
    with pytest.raises(Stopped):
        judge(ws, "w2")
    row = book.last(PAIR, "observed")
    assert row is not None
    champion = row.payload["champion"]
    history = history_of(book, PAIR)
    assert history.undecided("w1", champion) is None
    assert history.undecided("w2", "another v9") is None
    waiting = history.undecided("w2", champion)
    assert waiting is not None
    assert waiting.to_json() == row.payload


def test_a_monitor_that_was_overtaken_is_told_so_and_its_decision_is_not_written_twice(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last window waits for its decision; two monitors decide at once: the second one is refused."""
    book, real = Ledger(ws.ledger_url), Watch.judge

    def judge_and_be_overtaken(*arguments: Any) -> Judgement:
        found = real(*arguments)
        monkeypatch.undo()
        judge(ws, "w2")
        return found

    monkeypatch.setattr(Watch, "judge", judge_and_be_overtaken)
    with pytest.raises(Conflict):
        judge(ws, "w2")
    assert [row.payload["window"] for row in book.entries(PAIR, "decided")] == ["w1", "w2"]
    assert retransfers_left(Session(ws), "plant-2") == ["plant-2"]  # confirmed, and nobody began
    assert book.verify() == []


def test_a_window_says_how_far_the_estimate_was_off_before(ws: Workspace, book: Ledger) -> None:
    watch = Watch(Session(ws), "plant-2")
    assert watch.baseline.champion == watch.ref.label  # loaded from the real ledger; what was seen is in another one
    watch.session.ledger = book
    first = judge_window(watch, "w1", dry_run=True).observation
    assert first.estimate_error is None
    known = replace(first, estimated_accuracy=0.875, estimated_low=0.8, estimated_high=0.95)
    write(book, "observed", **replace(known, realised_accuracy=0.75, labelled=150).to_json())
    second = judge_window(watch, "w2", dry_run=True).observation
    assert second.estimate_error == pytest.approx(0.125)


def test_a_window_that_breaks_the_schema_is_on_record_and_told_once(ws: Workspace) -> None:
    """Its contract was edited, so that it came in; the champion cannot answer it."""
    from lepton.data import store

    book = Ledger(ws.ledger_url)
    for number in (3, 4):
        table = store.load(ws, "plant-2", ["w1"])
        assert table.frame is not None
        frame = table.frame.drop(columns="heat").assign(hot=1.0 * number)
        store.write_batch(ws, "plant-2", f"w{number}", replace(_renamed(table, f"w{number}"), frame=frame))
    before = ws.alerts_file.read_text().count("\n") if ws.alerts_file.exists() else 0
    first, second = (judge(ws, f"w{number}") for number in (3, 4))
    assert first.observation.verdict == "schema breach"
    assert first.observation.problems == ("missing column: heat", "new column: hot")
    assert [one.decision.breach for one in (first, second)] == ["open", None]
    assert "schema breach: missing column: heat and 1 more" in second.decision.reason
    assert ws.alerts_file.read_text().count("\n") == before + 1
    assert book.entries(PAIR, "alerted")[-1].payload["cause"] == "contract"
    assert book.verify() == []


def label(ws: Workspace, window: str, right: int, rows: range = range(60)) -> None:
    """Deliver labels of some rows of a window, of which the champion answers so many rightly."""
    from lepton.data import store
    from lepton.monitoring.answers import answer

    session = Session(ws)
    judged = answer(session.load_champion("plant-2").model, store.load(ws, "plant-2", [window]).take(list(rows)))
    said = [judged.classes[k] for k in judged.probabilities.argmax(axis=1)]
    other = {judged.classes[0]: judged.classes[1], judged.classes[1]: judged.classes[0]}
    labels = [answered if k < right else other[answered] for k, answered in enumerate(said)]
    store.write_labels(ws, "plant-2", f"{window}-{rows.start}", judged.table.ids, np.array(labels, dtype=object))


def test_late_labels_are_heard_and_told_once_wherever_the_monitor_is_killed(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lepton.operations.monitor import late_labels

    book = Ledger(ws.ledger_url)

    def drift_alerts() -> list[str]:
        rows = book.entries(PAIR, "alerted")
        return [row.payload["kind"] for row in rows if row.payload["cause"] == "drift"]

    def stop_at(point: str) -> None:
        def stop(name: str) -> None:
            if name == point:
                raise Stopped

        monkeypatch.setattr(late_labels, "reached", stop)

    told = drift_alerts()
    assert told[-1] != "resolve"  # the alert of the two windows is open
    for window in ("w1", "w2"):
        label(ws, window, right=60)
    stop_at("monitor.measured")
    with pytest.raises(Stopped):
        monitor(Session(ws), "plant-2")
    assert len(book.entries(PAIR, "measured")) == 1
    assert book.entries(PAIR, "decided")[-1].payload.get("cause") is None
    stop_at("monitor.reconsidered")
    for _ in range(2):  # once for each window: what was killed after its decision is not decided again
        with pytest.raises(Stopped):
            monitor(Session(ws), "plant-2")
    monkeypatch.undo()
    monitor(Session(ws), "plant-2")
    late = [row.payload for row in book.entries(PAIR, "decided") if row.payload.get("cause") == "measured"]
    assert [row["window"] for row in late] == ["w1", "w2"]
    assert [row.payload["labelled"] for row in book.entries(PAIR, "measured")] == [60, 60]
    assert drift_alerts() == [*told, "resolve"]
    assert monitor(Session(ws), "plant-2").windows == ()
    assert drift_alerts() == [*told, "resolve"]
    assert retransfers_left(Session(ws), "plant-2") == []  # called off
    assert book.verify() == []


def test_more_labels_that_prove_a_loss_open_an_alert_at_the_next_run(ws: Workspace) -> None:
    label(ws, "w2", right=0, rows=range(60, 140))
    found = monitor(Session(ws), "plant-2")
    (heard,) = found.windows
    assert (heard.cause, heard.observation.window, heard.observation.labelled) == ("measured", "w2", 140)
    assert (heard.decision.alert, heard.decision.harm) == ("open", "harmful")
    assert "is proven" in heard.decision.reason
    assert heard.observation.realised_accuracy == pytest.approx(60 / 140)
    assert Ledger(ws.ledger_url).entries(PAIR, "alerted")[-1].payload["kind"] == "open"
    history = history_of(Ledger(ws.ledger_url), PAIR)
    assert history.latest is not None
    assert history.latest[0] == heard.observation


@pytest.mark.parametrize("locked", [True, False], ids=["one machine", "several machines"])
def test_four_monitors_at_once_judge_each_window_once_and_end_in_no_conflict(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    """Machines that share a ledger share no lock: there the compare-and-swap alone decides."""
    from lepton.data import store
    from lepton.operations.monitor import monitor as module

    if not locked:
        monkeypatch.setattr(module, "hold", lambda *_, **__: nullcontext())
    book, rows = Ledger(ws.ledger_url), store.load(ws, "plant-2", ["w1"])
    names = [f"at-once-{locked}-{k}".lower() for k in range(2)]
    for k, name in enumerate(names):
        table = _renamed(rows, name)
        assert table.frame is not None
        frame = table.frame.assign(heat=table.frame["heat"] + 0.01 * k + locked)
        store.write_batch(ws, "plant-2", name, replace(table, frame=frame))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: monitor(Session(ws), "plant-2"), range(4)))
    assert [one.problems for one in found] == [()] * 4
    judged = [seen.observation.window for one in found for seen in one.windows if seen.cause == "observed"]
    assert sorted(judged) == names
    decided = [row.payload["window"] for row in book.entries(PAIR, "decided")]
    assert [decided.count(name) for name in names] == [1, 1]
    assert book.verify() == []


def test_labels_that_come_after_a_champion_was_replaced_are_measured_with_that_version_and_on_record(
    ws: Workspace,
) -> None:
    """As of the window that triggered a retransfer: they confirm it, correct the estimate and decide nothing."""
    book, watch = Ledger(ws.ledger_url), Watch(Session(ws), "plant-2")
    served, watch.ref = watch.ref, replace(watch.ref, version="9")  # another one serves by now
    assert hear_labels(watch) == []
    label(ws, "w1", right=0, rows=range(60, 140))
    before = len(book.entries(PAIR, "decided"))
    (trial,) = hear_labels(watch, dry_run=True)
    assert len(book.entries(PAIR, "measured")) == len(watch.session.ledger.entries(PAIR, "measured"))
    (heard,) = hear_labels(watch)
    assert heard.observation == trial.observation
    assert (heard.observation.window, heard.observation.champion, heard.observation.labelled) == (
        *("w1", served.label, 140),
    )
    assert heard.decision.action == "none"
    assert "they confirm that it was replaced" in heard.decision.reason
    row = book.entries(PAIR, "measured")[-1].payload
    assert (row["window"], row["champion"], row["lost"]) == ("w1", served.label, True)
    assert len(book.entries(PAIR, "decided")) == before
    past = Past.of(watch.history.before("next", watch.ref.label), watch.ref.label)
    assert past.windows >= 1
    assert hear_labels(watch) == []  # once


class Stopped(BaseException):
    """In place of the kill, so that the test goes on."""


def _stop_at(monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    from lepton.operations.monitor import monitor as module

    def stop(name: str) -> None:
        if name == point:
            raise Stopped

    monkeypatch.setattr(module, "reached", stop)
