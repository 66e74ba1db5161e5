"""How the ledger's tables came to be, and how older ones are brought up to date.

Each file under `versions` is one step. The steps run by themselves before the first append of a process, under the
writers' lock, so that of many processes that meet an old ledger one changes it and the others find it done. Reading
never changes anything: every step so far leaves the rows readable to the code before and after it. Whether there is
anything to do is asked in plain SQL; Alembic, which takes a second to import, is only loaded if there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from lepton.core.errors import LeptonError
from lepton.core.ledger.migrations.schema import HEAD, ROWS, VERSION
from lepton.core.work.lock import turn

KNOWN = ("0001", "0002")
"""Every revision there is, oldest first."""
NEWEST = KNOWN[-1]
BEFORE_MIGRATIONS = KNOWN[0]
"""What a ledger without a recorded revision is: the tables were the same before and after."""

_TABLES = frozenset({ROWS.name, HEAD.name})


@dataclass(frozen=True)
class Found:
    """What of a ledger there is in a database."""

    revision: str | None
    """None in a database without a ledger, and in one from before there were migrations."""
    tables: frozenset[str]

    @property
    def empty(self) -> bool:
        """Whether no ledger was ever written here."""
        return self.revision is None and not self.tables


def look(connection: Connection) -> Found:
    """Return what of a ledger there is.

    Raises:
        LeptonError: If a newer lepton wrote it, or a part of it is gone.
    """
    names = set(sa.inspect(connection).get_table_names())
    revision = connection.execute(sa.select(VERSION.c.version_num)).scalar() if VERSION.name in names else None
    found = Found(revision, frozenset(names & _TABLES))
    if revision is not None and revision not in KNOWN:
        raise LeptonError(
            "The ledger was written by a newer lepton.",
            why=f"Its tables are of revision {revision}; this lepton knows them up to {NEWEST}.",
            fix=["pip install --upgrade lepton"],
        )
    if not found.empty and (gone := _TABLES - found.tables):
        raise LeptonError(
            "A part of the ledger is gone.",
            why=f"Its database has no table {' and no table '.join(sorted(gone))}.",
            fix=["restore the ledger from a backup", "correct LEPTON_LEDGER_URL, if it names another database"],
        )
    return found


def bring_up_to_date(connection: Connection) -> None:
    """Make or change the tables until they are those of this lepton; usually there is nothing to do.

    Args:
        connection: In a transaction that holds the writers' lock.

    Raises:
        LeptonError: If a newer lepton wrote the ledger, or there is another table of that name.
    """
    found = look(connection)
    if found.revision == NEWEST:
        return
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    if found.revision is None and found.tables:
        _check_columns(connection)
        with turn("alembic"):
            command.stamp(config, BEFORE_MIGRATIONS)
    with turn("alembic"):
        command.upgrade(config, NEWEST)


def _check_columns(connection: Connection) -> None:
    """Refuse a table that only happens to be called like ours."""
    inspector = sa.inspect(connection)
    for table in (ROWS, HEAD):
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        if columns != set(table.c.keys()):
            raise LeptonError(
                f"The database has a table {table.name!r} that is not lepton's.",
                why=f"Its columns are {', '.join(sorted(columns))}.",
                fix=["name a database or schema of its own in LEPTON_LEDGER_URL"],
            )
