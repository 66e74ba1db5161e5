"""The bytes of a CSV as they come: unpacked, without what some programs put in front, and held to be text.

Nothing is read whole, so a file of any size takes a few megabytes, and what a packed one grows to is looked at while
it grows.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import shlex
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError
from lepton.data.readers.limits import check_growth

CHUNK = 1 << 20
UNPACK = {".gz": "zcat", ".zst": "zstdcat"}
"""How the name of a packed file ends, and the program that unpacks it."""
BOM = b"\xef\xbb\xbf"
EXCEL = re.compile(rb"sep=.\r?\n")


def packed_as(path: Path) -> str:
    """Return the ending that says how a file is packed; empty if it is not."""
    return next((suffix for suffix in UNPACK if path.name.lower().endswith(suffix)), "")


def text_chunks(path: Path, limits: LimitsConfig) -> Iterator[bytes]:
    """Yield the file as UTF-8, some of it at a time; the last line ends like the others.

    Raises:
        LeptonError: If it is empty, damaged, more than `limits` allow, or no UTF-8; names the line.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, last, anything = 0, b"", False
    chunks = _plain(path, limits)
    for chunk in _without_marks(path, chunks):
        if b"\x00" in chunk:
            line = lines + chunk[: chunk.index(b"\x00")].count(b"\n") + 1
            raise LeptonError(
                f"{path.name} is not text.", why=f"There is a zero byte in line {line}.", fix=["deliver it as CSV"]
            )
        _check_utf8(path, decoder, chunk, lines)
        anything = anything or bool(chunk.strip())
        lines, last = lines + chunk.count(b"\n"), chunk[-1:]
        yield chunk
    if not anything:
        raise LeptonError(f"{path.name} is empty.", why="There is no header line.", fix=["deliver the file again"])
    _check_utf8(path, decoder, b"", lines, final=True)
    if last != b"\n":  # pyarrow takes a header without one for an empty file
        yield b"\n"


def whole_records(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes in blocks of about `size` that end with a record: a line break within quotes is no end.

    A record that is longer makes a longer block.
    """
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) >= size and (end := _last_end(held)):
            yield bytes(held[:end])
            del held[:end]
    if held:
        yield bytes(held)


def _last_end(held: bytearray) -> int:
    """Return where the last whole record ends, 0 if none does; the first one begins here, outside of quotes."""
    raw = np.frombuffer(held, dtype=np.uint8)
    breaks, quotes = np.flatnonzero(raw == ord("\n")), np.flatnonzero(raw == ord('"'))
    ends = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    return int(ends[-1]) + 1 if len(ends) else 0


def as_stream(chunks: Iterator[bytes]) -> io.BufferedReader:
    """Return chunks of bytes as a file to read from."""
    return io.BufferedReader(_Chunks(chunks), CHUNK)


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._left = chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not len(self._left):
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _plain(path: Path, limits: LimitsConfig) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked."""
    packing = packed_as(path)
    if not packing:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
        return
    size, came = path.stat().st_size, 0
    try:
        with gzip.open(path) if packing == ".gz" else pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
            while chunk := stream.read(CHUNK):
                came += len(chunk)
                check_growth(path.name, size, came, limits)
                yield chunk
    except gzip.BadGzipFile as error:
        raise LeptonError(
            f"{path.name} is not a gzip file.",
            why=str(error),
            fix=["rename it if it is plain CSV", "deliver it again"],
        ) from None
    except (EOFError, OSError, zlib.error) as error:
        raise LeptonError(f"{path.name} is cut off or damaged.", why=str(error), fix=["deliver it again"]) from None


def _without_marks(path: Path, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks but for the mark of UTF-8 and Excel's own line, which says what separates the fields."""
    first = next(chunks, b"")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _encoding(path, "UTF-16", "It starts with the mark of UTF-16.")
    first = first.removeprefix(BOM)
    if said := EXCEL.match(first):
        first = first[said.end() :]
    yield first
    yield from chunks


def _check_utf8(path: Path, decoder: codecs.IncrementalDecoder, chunk: bytes, lines: int, final: bool = False) -> None:
    held = decoder.getstate()[0]  # of a letter whose other bytes are in this chunk
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        line = lines + (held + chunk)[: error.start].count(b"\n") + 1
        byte = (held + chunk)[error.start]
        raise _encoding(path, "WINDOWS-1252", f"Byte 0x{byte:02X} in line {line} is not UTF-8.") from None


def _encoding(path: Path, likely: str, why: str) -> LeptonError:
    packing = packed_as(path)
    plain = path.name[: len(path.name) - len(packing)]
    here, goal = shlex.quote(str(path)), shlex.quote(str(path.with_name("utf8-" + plain)))
    convert = f"iconv -f {likely} -t UTF-8"
    source = f"{UNPACK[packing]} {here} | {convert}" if packing else f"{convert} {here}"
    return LeptonError(
        f"{path.name} is not UTF-8.",
        why=f"{why} It looks like {likely}.",
        fix=[f"{source} > {goal}", "save it again as 'CSV UTF-8'"],
    )
