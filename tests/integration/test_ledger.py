"""The ledger on SQLite and on a real PostgreSQL: the same answers and guards, and an old one brought up to date."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest
import sqlalchemy as sa

from lepton.core.errors import Conflict, LeptonError
from lepton.core.ledger import OBSERVED, PROMOTED, Ledger
from lepton.core.ledger.chain import GENESIS, seal
from lepton.core.ledger.database import make_engine
from lepton.core.ledger.migrations import NEWEST

PROCESSES, ROUNDS = 4, 4


def test_rows_come_back_as_written_and_the_chain_holds(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    written = [
        ledger.append("user:ada", f"p{n % 2}", OBSERVED, {"n": n, "text": "50 % \u00e4\u2028"}) for n in range(5)
    ]
    assert ledger.entries() == written
    assert ledger.entries("p1", OBSERVED, after=2) == [written[3]]
    assert ledger.last("p0") == written[4]
    assert (ledger.last_seq(), ledger.verify()) == (5, [])


def test_the_expected_number_lets_one_of_two_writers_in(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    first = ledger.append("user:ada", "p", PROMOTED, {}, expect_seq=0, expect_of=[PROMOTED])
    ledger.append("user:bob", "p", OBSERVED, {})
    ledger.append("user:ada", "p", PROMOTED, {}, expect_seq=first.seq, expect_of=[PROMOTED])
    with pytest.raises(Conflict, match="Somebody else") as told:
        Ledger(ledger_url).append("user:bob", "p", PROMOTED, {}, expect_seq=first.seq, expect_of=[PROMOTED])
    assert "user:ada" in told.value.why
    assert ledger.last_seq() == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET actor = 'mallory' WHERE seq = 1",
        "DELETE FROM ledger WHERE seq = 1",
        "DELETE FROM ledger",
        "DELETE FROM ledger_head",
        "TRUNCATE ledger",
    ],
)
def test_the_database_refuses_to_change_or_delete_a_row(ledger_url: str, statement: str) -> None:
    if statement.startswith("TRUNCATE") and ledger_url.startswith("sqlite"):
        pytest.skip("SQLite knows no TRUNCATE")
    ledger = Ledger(ledger_url)
    ledger.append("user:ada", "p", OBSERVED, {})
    with pytest.raises(sa.exc.DBAPIError), make_engine(ledger_url).begin() as connection:
        connection.execute(sa.text(statement), execution_options={"lepton_write": True})
    assert (len(ledger.entries()), ledger.verify()) == (1, [])


def test_processes_that_race_for_one_row_get_it_one_at_a_time(ledger_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    gate, answers = context.Barrier(PROCESSES), context.Queue()
    workers = [context.Process(target=_race, args=(ledger_url, n, gate, answers)) for n in range(PROCESSES)]
    for worker in workers:
        worker.start()
    said = [answers.get(timeout=120) for _ in range(PROCESSES * ROUNDS)]
    for worker in workers:
        worker.join(20)
    for round_ in range(ROUNDS):
        assert sorted(what for number, what in said if number == round_) == ["lost"] * (PROCESSES - 1) + ["won"]
    ledger = Ledger(ledger_url)
    assert ([row.payload["round"] for row in ledger.entries()], ledger.verify()) == (list(range(ROUNDS)), [])


def _race(url: str, number: int, gate: Any, answers: Any) -> None:
    ledger = Ledger(url)
    for round_ in range(ROUNDS):
        gate.wait(60)
        seen = ledger.last_seq()
        gate.wait(60)
        try:
            ledger.append(f"user:{number}", "p", PROMOTED, {"round": round_}, expect_seq=seen, expect_of=[PROMOTED])
            answers.put((round_, "won"))
        except Conflict:
            answers.put((round_, "lost"))


def test_a_ledger_from_before_there_were_migrations_is_read_as_it_is_and_changed_at_the_first_append(
    ledger_url: str,
) -> None:
    engine, old = make_engine(ledger_url), _old_row()
    with engine.begin() as connection:
        for statement in _OLD_TABLES:
            connection.execute(sa.text(statement))
        connection.execute(sa.text(f"INSERT INTO ledger VALUES ({', '.join(f':{key}' for key in old)})"), old)
        connection.execute(sa.text("INSERT INTO ledger_head VALUES (1, 1, :hash)"), {"hash": old["hash"]})
    ledger = Ledger(ledger_url)
    assert ([row.actor for row in ledger.entries()], ledger.verify()) == (["user:ada"], [])
    assert "ledger_version" not in sa.inspect(engine).get_table_names()  # reading changes nothing
    ledger.append("user:bob", "p", OBSERVED, {})
    assert (len(ledger.entries()), ledger.verify()) == (2, [])
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM ledger_version")).scalar() == NEWEST
    with pytest.raises(sa.exc.DBAPIError), engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM ledger WHERE seq = 1"))


@pytest.mark.parametrize(("change", "told"), [("0099", "newer lepton"), (None, "part of the ledger is gone")])
def test_a_ledger_that_cannot_be_understood_is_a_clear_error(ledger_url: str, change: str | None, told: str) -> None:
    Ledger(ledger_url).append("user:ada", "p", OBSERVED, {})
    with make_engine(ledger_url).begin() as connection:
        if change:
            connection.execute(sa.text("UPDATE ledger_version SET version_num = :new"), {"new": change})
        else:
            connection.execute(sa.text("DROP TABLE ledger_head"))
    for act in (lambda: Ledger(ledger_url).entries(), lambda: Ledger(ledger_url).append("a", "p", OBSERVED, {})):
        with pytest.raises(LeptonError, match=told):
            act()


def test_another_table_of_that_name_is_left_alone(ledger_url: str) -> None:
    with make_engine(ledger_url).begin() as connection:
        connection.execute(sa.text("CREATE TABLE ledger (account TEXT, amount INTEGER)"))
        connection.execute(sa.text("CREATE TABLE ledger_head (account TEXT)"))
    with pytest.raises(LeptonError, match="not lepton's") as told:
        Ledger(ledger_url).append("user:ada", "p", OBSERVED, {})
    assert "LEPTON_LEDGER_URL" in told.value.fix[0]


_OLD_TABLES = (
    "CREATE TABLE ledger (seq BIGINT NOT NULL PRIMARY KEY, time TEXT NOT NULL, actor TEXT NOT NULL, pair TEXT NOT NULL,"
    " action TEXT NOT NULL, payload TEXT NOT NULL, prev_hash TEXT NOT NULL, hash TEXT NOT NULL)",
    "CREATE INDEX ix_ledger_pair ON ledger (pair)",
    "CREATE TABLE ledger_head (id INTEGER NOT NULL PRIMARY KEY, seq BIGINT NOT NULL, hash TEXT NOT NULL)",
)
"""What lepton made before there were migrations."""


def _old_row() -> dict[str, Any]:
    texts = ("2026-11-21T10:00:00.000000+00:00", "user:ada", "p", "observed", "{}", GENESIS)
    keys = ("time", "actor", "pair", "action", "payload", "prev_hash")
    return {"seq": 1, **dict(zip(keys, texts, strict=True)), "hash": seal(1, *texts)}
