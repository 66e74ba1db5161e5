"""Ways in which the files of a registered version go bad, as material for tests and for the benchmark R8."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

KINDS = ("truncated", "flipped", "missing", "swapped", "linked", "added")


@dataclass(frozen=True)
class Case:
    """One thing that is wrong with a version's folder."""

    kind: str
    file: str
    """What the error must name."""
    detail: str
    apply: Callable[[Path], None]
    """Does it to a folder that is whole."""

    @property
    def name(self) -> str:
        """For messages: `flipped model.json, bit 3 of byte 17`."""
        return f"{self.kind} {self.file}, {self.detail}"


def cases(home: Path, other: Path, flips: int, seed: int = 0) -> Iterator[Case]:
    """Yield every case for every file of a version.

    Args:
        home: The folder of the version, with all that MLflow keeps in it.
        other: That of another version of the same model.
        flips: Single bits to flip in each file, beside those of the first and the last byte.
        seed: Of their places.
    """
    places = random.Random(seed)
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        file, content = path.relative_to(home).as_posix(), path.read_bytes()
        for size in sorted({0, len(content) // 2, len(content) - 1}):
            yield Case("truncated", file, f"to {size} of {len(content)} bytes", _write(file, content[:size]))
        middle = [(places.randrange(len(content)), places.randrange(8)) for _ in range(flips)]
        for byte, bit in sorted({(0, 0), (len(content) - 1, 7), *middle}):
            turned = content[:byte] + bytes([content[byte] ^ 1 << bit]) + content[byte + 1 :]
            yield Case("flipped", file, f"bit {bit} of byte {byte}", _write(file, turned))
        yield Case("missing", file, "removed", _remove(file))
        if (twin := other / file).read_bytes() != content:
            yield Case("swapped", file, "with another version's", _write(file, twin.read_bytes()))
        yield Case("linked", file, "to a copy with the very same bytes", _link(file))
    for file in ("data/lepton/extra.py", "data/lepton/deeper/extra.py", "data/lepton/.hidden", "extra.py"):
        yield Case("added", file, "a file", _write(file, b"print()"))
    yield Case("added", "data/lepton/away", "a link to a folder", _link_to_folder("data/lepton/away"))


def restore(home: Path, whole: Path) -> None:
    """Make a version's folder what it was."""
    shutil.rmtree(home)
    shutil.copytree(whole, home)


def _write(file: str, content: bytes) -> Callable[[Path], None]:
    def apply(home: Path) -> None:
        (home / file).parent.mkdir(exist_ok=True)
        (home / file).write_bytes(content)

    return apply


def _remove(file: str) -> Callable[[Path], None]:
    return lambda home: (home / file).unlink()


def _link(file: str) -> Callable[[Path], None]:
    def apply(home: Path) -> None:
        away = home.parent / "copy-of-one-file"
        shutil.copy(home / file, away)
        (home / file).unlink()
        (home / file).symlink_to(away)

    return apply


def _link_to_folder(file: str) -> Callable[[Path], None]:
    return lambda home: (home / file).symlink_to(home.parent, target_is_directory=True)
