"""R3: forgeries of a ledger that are found: bytes edited, rows deleted, inserted, swapped, each in a fresh copy."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import figures

sys.path.insert(0, str(figures.ROOT))

from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Rejected
from lepton.core.refs import ModelRef
from tests.tampering import KINDS, Forgery

EACH = 50
ROWS = 120


def measure() -> Iterator[figures.Figure]:
    """Yield R3; takes some seconds."""
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="lepton-r3-") as folder:
        original = Path(folder) / "ledger.db"
        ledger = Ledger(f"sqlite:///{original}")
        for number in range(ROWS):
            model = ModelRef("lepton-mnist", str(number), f"{number / 7}", "run")
            ledger.record(f"user:{number % 3}", f"mnist-to-{number % 5}", Rejected(model, f"w{number}"))
        assert ledger.verify() == []
        for kind in KINDS:
            for seed in range(EACH):
                copy = Path(folder) / "copy.db"
                shutil.copy(original, copy)
                what = Forgery(kind, seed).apply(copy)
                if not Ledger(f"sqlite:///{copy}").verify():
                    missed.append(what)
    total = EACH * len(KINDS)
    command = "python benchmarks/reliability --only R3"
    yield figures.figure(
        "R3", total - len(missed), "forgeries found", total, range(EACH), command, kinds=list(KINDS), missed=missed
    )
