"""The ledger: append-only, compare-and-swap, and no quiet edit."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.errors import Conflict, LeptonError
from lepton.core.ledger import DECIDED, INGESTED, OBSERVED, PROMOTED, ROLLED_BACK, Entry, Ledger
from tests.tampering import KINDS, Forgery, unguarded

COLUMNS = ("time", "actor", "pair", "action", "payload", "prev_hash", "hash")
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def fresh(folder: Path) -> Ledger:
    return Ledger(f"sqlite:///{folder / 'ledger.db'}")


def filled(folder: Path, rows: int = 6) -> Ledger:
    ledger = fresh(folder)
    for number in range(rows):
        ledger.append("user:ada", f"mnist-to-t{number % 2}", OBSERVED, {"window": number, "score": number / 7})
    return ledger


def sql(folder: Path, *statements: str) -> None:
    """Change a ledger behind its back, past the triggers."""
    with unguarded(folder / "ledger.db") as connection:
        for statement in statements:
            connection.execute(statement)


def test_reading_a_ledger_that_was_never_written_is_empty_and_creates_nothing(tmp_path: Path) -> None:
    ledger = fresh(tmp_path)
    assert (ledger.entries(), ledger.last(), ledger.last_seq(), ledger.verify()) == ([], None, 0, [])
    assert list(tmp_path.iterdir()) == []


def test_rows_come_back_in_order_and_as_written(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "new" / "folder")
    first = ledger.append("user:ada", "mnist", INGESTED, {"rows": 3, "name": "größe ☃"})
    second = ledger.append("flow:1", "mnist-to-usps", DECIDED, {"why": None})
    assert ledger.entries() == [first, second] == Ledger(ledger.url).entries()
    assert (first.seq, second.seq) == (1, 2)
    assert second.prev_hash == first.hash
    assert second.at.utcoffset() is not None
    assert first.at <= second.at
    assert Entry(**second.to_json()) == second


def test_rows_are_found_by_pair_action_and_number(tmp_path: Path) -> None:
    ledger = fresh(tmp_path)
    for pair, action in [("a", PROMOTED), ("a", OBSERVED), ("b", PROMOTED), ("a", ROLLED_BACK), ("b", OBSERVED)]:
        ledger.append("x", pair, action, {})
    assert [e.seq for e in ledger.entries(pair="a")] == [1, 2, 4]
    assert [e.seq for e in ledger.entries(action=(PROMOTED, ROLLED_BACK))] == [1, 3, 4]
    assert [e.seq for e in ledger.entries(pair="b", action=OBSERVED, after=3)] == [5]
    last = ledger.last("a", (PROMOTED, ROLLED_BACK))
    assert last is not None
    assert last.seq == 4
    assert ledger.last("c") is None


def test_an_unknown_action_or_a_payload_that_is_not_json_is_refused(tmp_path: Path) -> None:
    ledger = fresh(tmp_path)
    with pytest.raises(ValueError, match="unknown ledger action"):
        ledger.append("x", "a", "invented", {})
    with pytest.raises(ValueError, match="JSON"):
        ledger.append("x", "a", OBSERVED, {"score": float("nan")})
    assert ledger.entries() == []


@settings(max_examples=30, deadline=None)
@given(
    payloads=st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=5), actor=st.text(), pair=st.text()
)
def test_whatever_is_written_the_chain_verifies(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[dict[str, object]], actor: str, pair: str
) -> None:
    ledger = fresh(tmp_path_factory.mktemp("ledger"))
    for payload in payloads:
        ledger.append(actor, pair, OBSERVED, payload)
    assert ledger.verify() == []
    assert [entry.payload for entry in ledger.entries()] == payloads


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_single_byte_edit_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger = filled(folder)
    seq, column = data.draw(st.integers(1, 6)), data.draw(st.sampled_from(COLUMNS))
    with unguarded(folder / "ledger.db") as connection:
        raw = bytearray(connection.execute(f"SELECT {column} FROM ledger WHERE seq = {seq}").fetchone()[0])
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(1, 255).filter(lambda value: value != raw[at]))
        connection.execute(f"UPDATE ledger SET {column} = CAST(? AS TEXT) WHERE seq = {seq}", (bytes(raw),))
    assert any(f"row {seq} " in problem for problem in ledger.verify())


@settings(max_examples=20, deadline=None)
@given(gone=st.sets(st.integers(1, 6), min_size=1))
def test_any_deleted_row_is_found_also_at_the_end(tmp_path_factory: pytest.TempPathFactory, gone: set[int]) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger = filled(folder)
    sql(folder, *(f"DELETE FROM ledger WHERE seq = {seq}" for seq in gone))
    assert ledger.verify()


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 5), (5, 6), (1, 6)])
def test_swapped_rows_are_found(tmp_path: Path, one: int, other: int) -> None:
    ledger = filled(tmp_path)
    sql(
        tmp_path,
        f"UPDATE ledger SET seq = 99 WHERE seq = {one}",
        f"UPDATE ledger SET seq = {one} WHERE seq = {other}",
        f"UPDATE ledger SET seq = {other} WHERE seq = 99",
    )
    assert ledger.verify()


@pytest.mark.parametrize("seq", [0, -1, 7, 8])
def test_an_inserted_row_is_found(tmp_path: Path, seq: int) -> None:
    ledger = filled(tmp_path)
    columns = ", ".join(COLUMNS)
    sql(tmp_path, f"INSERT INTO ledger (seq, {columns}) SELECT {seq}, {columns} FROM ledger WHERE seq = 6")
    assert ledger.verify()


def test_a_well_sealed_row_added_behind_the_ledgers_back_is_found(tmp_path: Path) -> None:
    longer, shorter = tmp_path / "longer", tmp_path / "shorter"
    longer.mkdir()
    ledger = filled(longer)
    shorter.mkdir()
    (shorter / "ledger.db").write_bytes((longer / "ledger.db").read_bytes())
    ledger.append("x", "a", PROMOTED, {})
    sql(
        shorter,
        f"ATTACH '{longer / 'ledger.db'}' AS other",
        "INSERT INTO ledger SELECT * FROM other.ledger WHERE seq = 7",
        "COMMIT",
        "DETACH other",
    )
    assert fresh(shorter).verify() == ["row 7 was added past the end"]


@pytest.mark.parametrize("value", ["NULL", "x'00'", "7", "'not json'"])
def test_a_value_of_another_type_is_found_and_reading_it_is_a_clear_error(tmp_path: Path, value: str) -> None:
    ledger = filled(tmp_path)
    if value == "NULL":
        with pytest.raises(sqlite3.IntegrityError):
            sql(tmp_path, f"UPDATE ledger SET payload = {value} WHERE seq = 3")
        return
    sql(tmp_path, f"UPDATE ledger SET payload = {value} WHERE seq = 3")
    assert ledger.verify() == ["row 3 was changed after it was written"]


def test_a_damaged_payload_names_its_row(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    sql(tmp_path, "UPDATE ledger SET payload = '{' WHERE seq = 3")
    with pytest.raises(LeptonError, match="Row 3 of the ledger is damaged"):
        ledger.entries()


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("this is not a database, and long enough to be taken for one" * 40)
    for call in (lambda: fresh(tmp_path).entries(), lambda: fresh(tmp_path).append("x", "a", OBSERVED, {})):
        with pytest.raises(LeptonError, match="ledger cannot be") as caught:
            call()
        assert "not a database" in caught.value.why


@pytest.mark.parametrize("url", ["not a url", "nosuch://host/name", "oracle://ada:secret@host/name"])
def test_an_address_that_cannot_be_used_is_a_clear_error_without_the_password(url: str) -> None:
    for call in (lambda: Ledger(url).entries(), lambda: Ledger(url).append("x", "a", OBSERVED, {})):
        with pytest.raises(LeptonError, match="address cannot be used") as caught:
            call()
        assert "secret" not in caught.value.render()


def test_the_expected_number_guards_the_whole_ledger_or_one_pairs_actions(tmp_path: Path) -> None:
    ledger = fresh(tmp_path)
    promoted = ledger.append("x", "a", PROMOTED, {}, expect_seq=0)
    ledger.append("x", "b", OBSERVED, {})
    with pytest.raises(Conflict, match="first"):
        ledger.append("x", "a", PROMOTED, {}, expect_seq=promoted.seq)
    again = ledger.append("x", "a", PROMOTED, {}, expect_seq=promoted.seq, expect_of=(PROMOTED, ROLLED_BACK))
    with pytest.raises(Conflict, match="first"):
        ledger.append("x", "a", ROLLED_BACK, {}, expect_seq=promoted.seq, expect_of=(PROMOTED, ROLLED_BACK))
    assert [entry.seq for entry in ledger.entries()] == [1, 2, again.seq]
    assert ledger.verify() == []


def race(workers: int, act: Callable[[int], None]) -> list[BaseException]:
    """Run `act` in threads that start together; return what they raised."""
    start, raised = threading.Barrier(workers), []

    def work(number: int) -> None:
        start.wait()
        try:
            act(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_of_racing_promoters_exactly_one_wins(tmp_path: Path) -> None:
    ledger = fresh(tmp_path)
    for round_number in range(5):
        seen = ledger.last_seq()
        lost = race(
            8, lambda n, seen=seen: ledger_of(tmp_path).append(f"p{n}", "a", PROMOTED, {"n": n}, expect_seq=seen)
        )
        assert len(lost) == 7
        assert all(isinstance(error, Conflict) for error in lost)
        assert len(ledger.entries()) == round_number + 1
    assert ledger.verify() == []


def test_racing_writers_without_expectation_all_get_in(tmp_path: Path) -> None:
    lost = race(8, lambda n: [ledger_of(tmp_path).append(f"w{n}", "a", OBSERVED, {"n": k}) for k in range(5)] and None)
    ledger = fresh(tmp_path)
    assert lost == []
    assert [entry.seq for entry in ledger.entries()] == list(range(1, 41))
    assert ledger.verify() == []


def ledger_of(folder: Path) -> Ledger:
    """A ledger of its own for each thread, as processes have."""
    return fresh(folder)


appends = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["mnist", "mnist-to-usps", "mnist-to-größe"]),
        st.sampled_from([INGESTED, OBSERVED, PROMOTED]),
        st.dictionaries(st.text(max_size=5), json_values, max_size=2),
    ),
    min_size=2,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(rows=appends, kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32))
def test_any_interleaving_of_writers_is_intact_and_any_single_forgery_is_found(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str, str, dict]], kind: str, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    writers = [fresh(folder) for _ in range(3)]
    for writer, pair, action, payload in rows:
        writers[writer].append(f"writer:{writer}", pair, action, payload)
    assert fresh(folder).verify() == []
    done = Forgery(kind, seed).apply(folder / "ledger.db")
    assert fresh(folder).verify(), done


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET actor = 'x' WHERE seq = 3",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger SELECT seq, time, 'x', pair, action, payload, prev_hash, hash FROM ledger",
        "INSERT INTO ledger SELECT * FROM ledger WHERE seq = 3 ON CONFLICT (seq) DO UPDATE SET actor = 'x'",
        "DELETE FROM ledger_head",
    ],
)
def test_the_database_itself_refuses_to_change_or_delete_a_row(tmp_path: Path, statement: str) -> None:
    ledger = filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    assert ledger.verify() == []


@pytest.mark.parametrize("hours", [-5, 0, 5])
def test_a_clock_that_is_set_back_changes_neither_the_order_nor_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    ledger = fresh(tmp_path)
    first = ledger.append("x", "a", PROMOTED, {"n": 1})
    later = datetime.now(UTC) + timedelta(hours=hours)
    monkeypatch.setattr("lepton.core.ledger.ledger._now", lambda: later)
    second = ledger.append("x", "a", PROMOTED, {"n": 2}, expect_seq=first.seq)
    assert [entry.seq for entry in ledger.entries()] == [1, 2]
    assert ledger.last("a") == second
    assert ledger.verify() == []


def test_a_name_that_is_not_unicode_is_kept(tmp_path: Path) -> None:
    ledger = fresh(tmp_path)
    ledger.append("x", "a", INGESTED, {"delivery": "caf\udce9.csv"})
    assert ledger.entries()[0].payload == {"delivery": "caf\udce9.csv"}
    assert ledger.verify() == []


def test_rows_written_while_the_chain_is_walked_are_no_problem(tmp_path: Path) -> None:
    ledger, stop = filled(tmp_path), threading.Event()

    def write() -> None:
        while not stop.is_set():
            ledger_of(tmp_path).append("x", "a", OBSERVED, {})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert [ledger.verify() for _ in range(30)] == [[]] * 30
    finally:
        stop.set()
        writer.join()
