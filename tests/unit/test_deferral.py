"""What is deferred costs nothing until it is used, and is the real thing then."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from lepton.core.deferral import deferred, imported_without

FILES = {
    "__init__.py": "from . import pictures\nfrom .rows import Row, sort\nfrom .rows.tools import helper\nimport vast\n",
    "pictures/__init__.py": "raise RuntimeError('nobody asked for pictures')\n",
    "rows/__init__.py": "from .row import Row\nfrom .sorting import sort\nLOADED = True\n",
    "rows/row.py": "class Row:\n    pass\n",
    "rows/sorting.py": "def sort():\n    return 'sorted'\n",
    "rows/tools.py": "def helper():\n    import vast\n    return vast.SIZE\n",
    "rows/unused.py": "raise RuntimeError('nobody asked for this')\n",
}


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package `vendor_here` that imports more than it needs, and `vast`, which it seldom needs."""
    for name, text in FILES.items():
        path = tmp_path / "vendor_here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "vast.py").write_text("SIZE = 7\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in ("vendor_here", "vast")]:
        del sys.modules[name]


ROWS = "vendor_here.rows"


def load(*names: str) -> None:
    with deferred("vendor_here.pictures", *names):
        importlib.import_module("vendor_here")


def test_what_nobody_uses_is_never_run(vendor: None) -> None:
    load("vast")
    assert "vast" not in sys.modules
    assert "vendor_here.pictures" not in sys.modules


def test_what_is_used_later_is_imported_then(vendor: None) -> None:
    load("vast")
    held = sys.modules["vendor_here"].vast
    assert "vast" not in sys.modules
    assert held.SIZE == 7
    assert vars(importlib.import_module("vast"))["SIZE"] == 7


def test_a_package_gives_a_thing_without_its_other_modules(vendor: None) -> None:
    load(ROWS)
    package = sys.modules["vendor_here"]
    assert package.Row.__module__ == "vendor_here.rows.row"
    assert package.sort() == "sorted"
    assert package.helper() == 7
    assert "LOADED" not in vars(sys.modules[ROWS])


def test_a_package_that_is_asked_for_more_is_imported_whole_with_the_same_things_in_it(vendor: None) -> None:
    load(ROWS)
    before = sys.modules["vendor_here"].Row
    assert sys.modules[ROWS].LOADED
    whole = importlib.import_module(ROWS)
    assert vars(whole)["Row"] is before
    assert whole.tools.helper() == 7


def test_what_is_not_there_is_missed_when_it_is_asked_for(vendor: None) -> None:
    with deferred("nowhere_to_be_found"):
        held = importlib.import_module("nowhere_to_be_found")
    assert "nowhere_to_be_found" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        held.anything  # noqa: B018


def test_a_vendor_that_cannot_be_imported_so_is_imported_whole(vendor: None, tmp_path: Path) -> None:
    # `first` wants what `__init__` takes from `second`, which wants `first`: it needs the package's own order.
    here = tmp_path / "vendor_here"
    (here / "rows" / "__init__.py").write_text("from .second import two\nfrom .first import one\n")
    (here / "rows" / "first.py").write_text("from .second import two\none = 1\n")
    (here / "rows" / "second.py").write_text("two = 2\nfrom .first import one\n")
    (here / "__init__.py").write_text("from .rows import one\n")
    with deferred(ROWS), pytest.raises(ImportError):
        importlib.import_module("vendor_here")
    imported_without([ROWS], "vendor_here")
    assert sys.modules["vendor_here"].one == 1
    assert type(sys.modules[ROWS]) is ModuleType
