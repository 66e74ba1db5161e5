"""Prefect's server on SQLite, with every transaction that writes waiting for its turn.

Prefect begins most of them DEFERRED. SQLite refuses such a one its first write at once ("database is locked"), however
long it may wait otherwise, if somebody else wrote after it had read. On a busy machine that happens again and again, as
an ERROR in the log and a 503 to whoever asked (Prefect's issues 10188 and 18934). Begun IMMEDIATE it waits, as long
as Prefect allows. What only reads begins no transaction, and waits for nobody.

Used like Prefect's own command: python -m lepton_flows.server server start --port 4200
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


def take_turns() -> None:
    """Let the transactions of this process's server begin IMMEDIATE; on PostgreSQL nothing changes."""
    begin = AioSqliteConfiguration.begin_transaction

    @asynccontextmanager
    async def begin_transaction(
        self: AioSqliteConfiguration, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        async with begin(self, session, with_for_update=True) as transaction:
            yield transaction

    AioSqliteConfiguration.begin_transaction = begin_transaction  # type: ignore[method-assign]


if __name__ == "__main__":
    from prefect.cli import app

    take_turns()
    app()
