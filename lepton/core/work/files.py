"""Files that are whole or absent: write to a temporary name, then rename."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any


def atomic_write(path: Path, content: str | bytes) -> Path:
    """Write `content` so that a reader sees the old file or the new one, never a part."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@contextmanager
def atomic_file(path: Path, prefix: str | None = None) -> Iterator[Path]:
    """Yield an empty temporary file beside `path`; put it in its place if the block succeeds, else remove it.

    An existing `path` is replaced. Who may read it is what the process's umask says, as of any new file.

    Args:
        path: The goal; its folder is made if it is not there.
        prefix: Of the temporary name; by default a dot and the goal's name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path, prefix)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_dir(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; rename it to `path` if the block succeeds, else remove it.

    An existing `path` is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _beside(path: Path, prefix: str | None = None) -> Path:
    """Return a name beside `path` that nobody else has."""
    return path.parent / f"{f'.{path.name}.' if prefix is None else prefix}{token_hex(4)}"


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Return 16 hex digits of BLAKE2b over the canonical JSON of `value`."""
    return hashlib.blake2b(canonical(value).encode(), digest_size=8).hexdigest()


def canonical(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
