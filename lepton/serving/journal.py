"""The log of what was answered: written before the answer leaves, whole records only, in segments.

A record is 4 bytes of length, 4 of CRC-32 (both little-endian), and what it says. It is appended by one write, so a
process that is killed leaves whole records and at most one that is cut off, which the next start cuts away: nobody got
its answer. The system holds what is written when the process dies; when the machine loses power it holds what was
written some seconds before.
"""

from __future__ import annotations

import os
import re
import threading
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from struct import Struct

from lepton.core.work.files import atomic_write

_HEAD = Struct("<II")
MOST = 1 << 30
"""Bytes of a record; a length beyond is damage."""
SUFFIX = ".log"
_NAME = re.compile(r"(\d{6,})-[0-9a-f]{6}\.log")


def framed(record: bytes) -> bytes:
    """Return a record as it stands in a segment."""
    return _HEAD.pack(len(record), zlib.crc32(record)) + record


def whole_records(content: bytes) -> tuple[list[bytes], int]:
    """Return the whole records that a segment begins with, and where they end."""
    records: list[bytes] = []
    at = 0
    while len(content) - at >= _HEAD.size:
        length, checksum = _HEAD.unpack_from(content, at)
        record = content[at + _HEAD.size : at + _HEAD.size + length]
        if length > MOST or len(record) != length or zlib.crc32(record) != checksum:
            break
        records.append(record)
        at += _HEAD.size + length
    return records, at


def read_segment(path: Path) -> list[bytes]:
    """Return the whole records of a segment."""
    return whole_records(path.read_bytes())[0]


def segments(folder: Path) -> list[Path]:
    """Return the segments of a folder, the oldest first."""
    return sorted((path for path in folder.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.name)), key=_number)


class Journal:
    """Appends records to the newest segment of a folder; of one process at a time, which holds a lock on the folder.

    Args:
        folder: Made if it is not there. The newest segment is gone on with, after what is cut off is cut away.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._counter = folder / "number"
        known = segments(folder)
        self.cut = 0
        """Bytes of a record that was cut off by the end of the process before."""
        self.records: list[bytes] = []
        """What stands in the newest segment already; for who counts."""
        if known:
            self.path = known[-1]
            content = self.path.read_bytes()
            self.records, self._size = whole_records(content)
            self.cut = len(content) - self._size
            self._file = os.open(self.path, os.O_WRONLY)
            os.ftruncate(self._file, self._size)
        else:
            self._begin()
        self.since = time.monotonic()
        """When the segment was begun, or gone on with."""

    @property
    def size(self) -> int:
        """Bytes of the newest segment."""
        return self._size

    def append(self, records: Sequence[bytes]) -> None:
        """Write records by one write: all of them, or none.

        Raises:
            OSError: If it cannot be written; what was written of it is cut away.
        """
        content = b"".join(framed(one) for one in records)
        with self._lock:
            try:
                written = os.pwrite(self._file, content, self._size)
                if written != len(content):
                    raise OSError(28, "the disk is full")
            except OSError:
                os.ftruncate(self._file, self._size)
                raise
            self._size += len(content)

    def roll(self) -> Path:
        """End the newest segment and begin another; return the one that ended.

        Raises:
            OSError: If another one cannot be made; the old one goes on then.
        """
        with self._lock:
            old_file, old_path = self._file, self.path
            os.fsync(old_file)
            self._begin()
            os.close(old_file)
            self.since = time.monotonic()
            return old_path

    def closed(self) -> list[Path]:
        """Return the segments that ended, the oldest first."""
        return [path for path in segments(self.folder) if path != self.path]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            os.fsync(self._file)
            os.close(self._file)

    def _begin(self) -> None:
        number = 1 + max([self._last(), *(_number(path) for path in segments(self.folder))])
        path = self.folder / f"{number:06d}-{token_hex(3)}{SUFFIX}"
        atomic_write(self._counter, str(number))
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        self.path, self._size = path, 0

    def _last(self) -> int:
        """Return the last number that was given: what was delivered is gone, and its number must not come again."""
        try:
            return int(self._counter.read_text())
        except (OSError, ValueError):
            return 0


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])
