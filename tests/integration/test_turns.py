"""Prefect's own connections to SQLite: two transactions that read and then write, at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from lepton_flows.server import take_turns
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.exc import OperationalError

WRITERS = 8


async def read_then_write(database: Path) -> int:
    """Let some tasks count up a number, each in a transaction; return what it comes to."""
    configuration = AioSqliteConfiguration(f"sqlite+aiosqlite:///{database}")
    engine = await configuration.engine()
    async with engine.begin() as connection:
        await connection.execute(sa.text("create table counted (n int)"))
        await connection.execute(sa.text("insert into counted values (0)"))

    async def count_up() -> None:
        session = await configuration.session(engine)
        async with session, configuration.begin_transaction(session):
            n = (await session.execute(sa.text("select n from counted"))).scalar_one()
            await asyncio.sleep(0.05)
            await session.execute(sa.text("update counted set n = :n"), {"n": n + 1})

    try:
        await asyncio.gather(*(count_up() for _ in range(WRITERS)))
        async with engine.connect() as connection:
            return int((await connection.execute(sa.text("select n from counted"))).scalar_one())
    finally:
        await engine.dispose()


def test_prefect_alone_says_that_the_database_is_locked(tmp_path: Path) -> None:
    """If this fails Prefect has mended it, and `lepton_flows.server` may go."""
    with pytest.raises(OperationalError, match="database is locked"):
        asyncio.run(read_then_write(tmp_path / "p.db"))


def test_with_turns_every_transaction_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AioSqliteConfiguration, "begin_transaction", AioSqliteConfiguration.begin_transaction)
    take_turns()
    assert asyncio.run(read_then_write(tmp_path / "p.db")) == WRITERS
