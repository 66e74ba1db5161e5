"""A real PostgreSQL for tests and benchmarks: a throwaway cluster of Debian's binaries, or LEPTON_TEST_POSTGRES.

The cluster lives in a folder of its own, listens on a free port of the loopback only, and is gone at the end. Everybody
who asks gets a schema of their own, so that nothing has to be cleaned up between tests and a server that somebody else
owns is left as it was.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

GIVEN = "LEPTON_TEST_POSTGRES"
"""SQLAlchemy URL of a server to use instead, e.g. `postgresql+psycopg://ada:secret@host/tests`."""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a path in a test's folder may be too long for a socket
    "fsync": "off",  # nothing in it has to outlive a power cut
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "log_min_messages": "fatal",
}


class Absent(Exception):
    """There is no PostgreSQL here; the message says what was looked for."""


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of a running server.

    Raises:
        Absent: If there is none and none can be started.
    """
    if given := os.environ.get(GIVEN):
        yield given
        return
    binaries = find_binaries()
    folder = Path(tempfile.mkdtemp(prefix="lepton-postgres-"))
    data, log, word, who = folder / "data", folder / "log", folder / "password", _unprivileged()
    try:
        word.write_text(secrets.token_hex(16))
        if who:
            for path in (folder, word):
                shutil.chown(path, who["user"], who["group"])
        _run(binaries / "initdb", "-D", data, "-U", "lepton", f"--pwfile={word}", "-A", "password", *_INIT, **who)
        # Between finding a free port and taking it somebody else may: then another one is tried.
        for attempt in range(5):
            port = _free_port()
            options = " ".join(f"-c {name}='{value}'" for name, value in {**SETTINGS, "port": str(port)}.items())
            try:
                _run(binaries / "pg_ctl", "-D", data, "-l", log, "-w", "-t", "60", "-o", options, "start", **who)
                break
            except Absent:
                if attempt == 4:
                    raise
        try:
            yield f"postgresql+psycopg://lepton:{word.read_text()}@127.0.0.1:{port}/postgres"
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop", **who)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def schema(url: str) -> Iterator[str]:
    """Yield a URL whose connections see a fresh schema only; it is dropped at the end."""
    import sqlalchemy as sa

    name = f"lepton_test_{secrets.token_hex(6)}"
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {name}"))
    try:
        own = engine.url.update_query_dict({"options": f"-csearch_path={name}"})
        yield own.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP SCHEMA {name} CASCADE"))


def find_binaries() -> Path:
    """Return the folder of the newest server's binaries.

    Raises:
        Absent: If there is none.
    """
    found = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))],
    )
    if found:
        return found[-1]
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    raise Absent(f"no PostgreSQL: no /usr/lib/postgresql/*/bin/initdb, and {GIVEN} is not set")


_INIT = ("-E", "UTF8", "--no-locale", "--no-sync")


def _unprivileged() -> dict[str, Any]:
    """Return as whom to run the server, which refuses root; empty if we are not."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise Absent("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _run(program: Path, *arguments: object, **who: Any) -> None:
    command: Sequence[str] = [str(program), *map(str, arguments)]
    folder = Path(str(arguments[1])).parent  # the user may not be allowed to enter the current one
    environment = {**os.environ, "LC_ALL": "C"}
    # Into a file: the server inherits the streams, and reading a pipe would wait for its end.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            command, cwd=folder, stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=environment, **who
        )
        said.seek(0)
        text = said.read().decode(errors="replace").strip()
    if done.returncode:
        raise Absent(f"{program.name} failed: {text[-400:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
