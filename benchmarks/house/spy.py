"""Run one command of lepton and write what it read: python spy.py RESULT WORD...

Counted at the lowest level that Python sees, by any way a module may have got hold of it: Parquet files whose rows are
read, weights that are parsed, and files that are opened (to be hashed, say). It is patched in before lepton is
imported. Result, as JSON:
    {"rows": {file: reads}, "labels": {file: reads of id and label alone}, "opened": {file: opens},
     "weights": [[file, sha256], ...], "modules": [first names of what is loaded]}
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

PARQUET, WEIGHTS = ".parquet", "weights.safetensors"


class Spy:
    """What was read so far."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()
        self.weights: list[tuple[str, str]] = []
        self._last: dict[str, str] = {}
        self._inside = False

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take note of a file that Python opens; bytes that are parsed later came from the last one of their kind."""
        if event != "open" or self._inside or "r" not in (arguments[1] or ""):
            return
        name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
        for end in (PARQUET, WEIGHTS):
            if name.endswith(end):
                self.opened[name] += 1
                self._last[end] = name

    def read_rows(self, source: Any, columns: Any = None) -> None:
        """Count a reading of a Parquet file."""
        alone = columns is not None and set(columns) <= {"id", "label"}
        (self.labels if alone else self.rows)[self._name(source, PARQUET)] += 1

    def parse(self, source: Any) -> None:
        """Count a parsing of weights, by the file and by what is in it."""
        name, self._inside = self._name(source, WEIGHTS), True
        try:
            content = source if isinstance(source, bytes | bytearray | memoryview) else Path(name).read_bytes()
        finally:
            self._inside = False
        self.weights.append((name, hashlib.sha256(content).hexdigest()))

    def _name(self, source: Any, end: str) -> str:
        if isinstance(source, str | os.PathLike):
            return os.path.abspath(os.fspath(source))
        return os.path.abspath(self._last[end]) if end in self._last else "bytes"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        modules = sorted({name.partition(".")[0] for name in sys.modules})
        return {
            "rows": self.rows,
            "labels": self.labels,
            "opened": self.opened,
            "weights": self.weights,
            "modules": modules,
        }


def watch(spy: Spy) -> None:
    """Put the spy before everything that reads rows or weights."""
    import pyarrow.dataset
    import pyarrow.parquet
    import safetensors
    import safetensors.torch

    sys.addaudithook(spy.hear)

    class File(pyarrow.parquet.ParquetFile):  # type: ignore[misc]
        """A Parquet file whose readings count; that it is opened for its schema or its length does not."""

        def __init__(self, source: Any, *args: Any, **kwargs: Any) -> None:
            self._spied = source
            super().__init__(source, *args, **kwargs)

        def read(self, columns: Any = None, *args: Any, **kwargs: Any) -> Any:
            spy.read_rows(self._spied, columns)
            return super().read(columns, *args, **kwargs)

        def iter_batches(self, *args: Any, **kwargs: Any) -> Any:
            spy.read_rows(self._spied, kwargs.get("columns"))
            return super().iter_batches(*args, **kwargs)

        def read_row_group(self, i: int, *args: Any, **kwargs: Any) -> Any:
            spy.read_rows(self._spied, kwargs.get("columns"))
            return super().read_row_group(i, *args, **kwargs)

        def read_row_groups(self, groups: Any, *args: Any, **kwargs: Any) -> Any:
            spy.read_rows(self._spied, kwargs.get("columns"))
            return super().read_row_groups(groups, *args, **kwargs)

    table, dataset = pyarrow.parquet.read_table, pyarrow.dataset.dataset

    def read_table(source: Any, *args: Any, **kwargs: Any) -> Any:
        spy.read_rows(source, kwargs.get("columns"))
        return table(source, *args, **kwargs)

    def open_dataset(source: Any, *args: Any, **kwargs: Any) -> Any:
        for one in source if isinstance(source, list) else [source]:
            spy.read_rows(one)
        return dataset(source, *args, **kwargs)

    for module in (pyarrow.parquet, pyarrow.parquet.core):
        module.read_table, module.ParquetFile = read_table, File
    pyarrow.dataset.dataset = open_dataset
    safetensors.torch.load = _told(spy, safetensors.torch.load)
    safetensors.torch.load_file = _told(spy, safetensors.torch.load_file)
    safetensors.safe_open = _told(spy, safetensors.safe_open)


def _told(spy: Spy, parse: Callable[..., Any]) -> Callable[..., Any]:
    def call(source: Any, *args: Any, **kwargs: Any) -> Any:
        spy.parse(source)
        return parse(source, *args, **kwargs)

    return call


def main() -> None:
    """Run the command with the spy in place; exit as the command does."""
    result, sys.argv[1:] = Path(sys.argv[1]), sys.argv[2:]
    sys.path.pop(0)  # this folder: its names must not hide anybody's
    spy, code = Spy(), None
    watch(spy)
    from lepton.cli.main import run

    try:
        run()
    except SystemExit as ended:
        code = ended.code
    result.write_text(json.dumps(spy.to_json()))
    sys.exit(code)


if __name__ == "__main__":
    main()
