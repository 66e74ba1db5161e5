"""The rows of a query: read by a cursor on the server, written piece by piece."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.config.limits import LimitsConfig
from lepton.core.config.section import hide_credentials
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.extras import absent, require
from lepton.data.sources.origin import Origin

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection, CursorResult, Engine

FROM_ENVIRONMENT = "env:"
BUFFER = 1000
"""Rows that SQLAlchemy asks the server for at once."""
SHOWN = 200
"""Letters of a query in a message."""


@dataclass(frozen=True)
class Query:
    """A question to a database."""

    sql: str
    """One statement that returns rows, in the database's own words."""
    db: str = field(repr=False)
    """SQLAlchemy URL, such as `postgresql+psycopg://user:password@host/shop`, or `env:NAME` of a variable with one."""

    @property
    def origin(self) -> Origin:
        """What it is called; holds no password."""
        line = " ".join(self.sql.split())
        short = line if len(line) <= SHOWN else f"{line[:SHOWN]}..."
        public = shlex.quote(hide_credentials(self.db))
        return Origin(f"the query {short!r}", f"--sql {shlex.quote(self.sql)} --db {public}")

    def address(self) -> str:
        """Return the database's URL.

        Raises:
            NotFound: If the variable that should hold it is not set.
        """
        name = self.db.removeprefix(FROM_ENVIRONMENT)
        if name == self.db:
            return self.db
        if found := os.environ.get(name):
            return found
        raise NotFound(
            f"The variable {name} is not set.", why="It should hold the database's URL.", fix=[f"export {name}=..."]
        )


def write_query(query: Query, folder: Path, name: str | None, limits: LimitsConfig) -> Path:
    """Write what a query returns to a Parquet file in an empty folder.

    Nothing is changed in the database: what can be told to refuse it is told, and everything is rolled back.

    Args:
        query: What to ask, and where.
        folder: Where it is put.
        name: Of the file without its suffix; by default made from the rows, so that the same rows have the same name.
        limits: How large it may be.

    Raises:
        UsageError: If the address is none, or the statement returns no rows.
        MissingPackage: If the database's driver is not installed.
        LeptonError: If the database cannot be reached, does not understand the query, or a column cannot be kept.
    """
    require("pyarrow")
    import pyarrow as pa

    from lepton.data.sources import rows
    from lepton.data.sources.values import wider

    goal = folder / "rows.parquet"
    with _asked(query) as result:
        columns = list(result.keys())
        twice = sorted({one for one in columns if columns.count(one) > 1})
        if twice:
            raise LeptonError(
                f"The query names the columns {', '.join(map(repr, twice))} more than once.",
                fix=["give each a name of its own: SELECT a.id AS id, b.id AS other"],
            )
        try:
            pieces = _pieces(result, columns, rows.rows_at_once(len(columns)))
            count = rows.write(pieces, goal, query.origin.text, limits, wider)
        except pa.ArrowException as error:  # whole numbers beyond 2**53 among fractions, say
            raise LeptonError(
                "A column of the query cannot be kept as it is.",
                why=str(error).split("\n")[0],
                fix=["say in the query what each is: CAST(... AS ...)"],
            ) from None
    if not count:
        raise LeptonError("The query returns no row.", why=f"Columns: {', '.join(columns)}.", fix=["check its WHERE"])
    return goal.rename(folder / f"{name or f'rows-{rows.digest(goal)}'}.parquet")


def _pieces(result: CursorResult[tuple[object, ...]], columns: list[str], rows: int) -> Iterator[pa.Table]:
    import pyarrow as pa

    from lepton.data.sources.values import column

    first = True
    while (found := result.fetchmany(rows)) or first:
        values = zip(*found, strict=True) if found else ((),) * len(columns)
        yield pa.table([column(name, list(each)) for name, each in zip(columns, values, strict=True)], columns)
        first = False


@contextmanager
def _asked(query: Query) -> Iterator[CursorResult[tuple[object, ...]]]:
    """Yield the answer to a query, read from the server as it is asked for; what goes wrong is told by cause."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    engine, asked = _engine(query), False
    try:
        with engine.connect() as connection:
            _read_only(connection)
            asked = True
            options = {"stream_results": True, "max_row_buffer": BUFFER, "no_parameters": True}
            # As it stands, without a look for parameters: a query may hold colons and percent signs.
            result = connection.exec_driver_sql(query.sql, execution_options=options)
            if not result.returns_rows:
                raise UsageError("The statement returns no rows.", why="A delivery is what a SELECT returns.")
            with result:
                yield result
    except SQLAlchemyError as error:
        cause = _without_password(str(error.orig if isinstance(error, DBAPIError) else error), engine)
        lines = [line for line in cause.strip().splitlines() if line.strip()]
        where = hide_credentials(query.db)
        if asked:
            raise LeptonError(
                "The database refuses the query.", why="\n".join([f"{where}:", *lines]), fix=["correct the query"]
            ) from None
        raise LeptonError(
            "The database cannot be reached.",
            why="\n".join([f"{where}:", *lines]),
            fix=["check address, user and password", "check that the server is up"],
        ) from None
    finally:
        engine.dispose()


def _read_only(connection: Connection) -> None:
    """Let the database refuse to change anything, where it can be told so."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    elif connection.dialect.name in ("postgresql", "mysql", "mariadb"):
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _engine(query: Query) -> Engine:
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    address = query.address()
    example = "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, or env:NAME of a variable that holds it"
    try:
        url = make_url(address)
        if url.drivername == "postgresql":  # the driver that lepton brings, not the old one
            url = url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
            raise NotFound(f"There is no database {url.database}.", fix=["check the path"])  # else an empty one is made
        return create_engine(url, poolclass=NullPool)
    except NoSuchModuleError:
        kind = address.partition("://")[0]
        raise UsageError(
            f"SQLAlchemy knows no database {kind!r}.", fix=[f"write the address as {example}", "install its dialect"]
        ) from None
    except ArgumentError:  # its message quotes the address
        raise UsageError("This is no address of a database.", fix=[f"write it as {example}"]) from None
    except ModuleNotFoundError as error:
        raise (
            absent(error)
            or LeptonError(
                f"This needs the package {error.name!r}, which is not installed.",
                why="It is the driver that the database's address names.",
                fix=[f"pip install {error.name}"],
            )
        ) from None


def _without_password(text: str, engine: Engine) -> str:
    password = engine.url.password
    return text.replace(str(password), "***") if password else text
