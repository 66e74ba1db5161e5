"""Where a file that stands in for something else came from, so that nobody is told of a path that is gone."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from lepton.core.errors import LeptonError

_LABELS = " --labels"


@dataclass(frozen=True)
class Origin:
    """What a delivery is called in messages; holds no secret."""

    text: str
    """As a sentence names it: an address, a query, `a DataFrame`."""
    typed: str | None = None
    """As a command takes it, in place of a file; None if no command does, as of rows in memory."""


_known: ContextVar[Mapping[Path, Origin] | None] = ContextVar("lepton_origins", default=None)


def shown(path: Path) -> str:
    """Return where a delivery came from: its absolute path, unless it only stands in for something else."""
    origin = (_known.get() or {}).get(path.absolute())
    return origin.text if origin else str(path.absolute())


@contextmanager
def standing_in(path: Path, origin: Origin) -> Iterator[Path]:
    """Let `path` be called by its origin in the block, also in the errors that leave it."""
    token = _known.set({**(_known.get() or {}), path.absolute(): origin})
    try:
        yield path
    except LeptonError as error:  # its type, and what else it carries, stay
        error.what, error.why = renamed(error.what, path, origin), renamed(error.why, path, origin)
        error.fix = tuple(renamed(step, path, origin) for step in error.fix)
        error.args = (error.what,)
        raise
    finally:
        _known.reset(token)


def renamed(text: str, path: Path, origin: Origin) -> str:
    """Return a text with a temporary path replaced; a command is one that can be typed, or the call in Python."""
    quoted = shlex.quote(str(path))
    if origin.typed is not None:
        text = text.replace(quoted, origin.typed)
    else:
        command = re.compile(rf"lepton ingest (\S+) {re.escape(quoted)}({_LABELS})?")
        text = command.sub(lambda at: f'ws.ingest("{at[1]}", rows{", labels=True" if at[2] else ""})', text)
    return text.replace(quoted, origin.text).replace(str(path), origin.text)
