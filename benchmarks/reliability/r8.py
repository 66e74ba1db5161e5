"""R8: share of damaged model directories that nothing takes, with the file named in the error.

A registered version of the demo's size goes bad in one place after the other, in every file that MLflow keeps of it:
truncated, single bits flipped, missing, swapped with another version's, replaced by a link to the very same bytes, and
files or links added. Each time it is loaded as a version, promoted, rolled back to, and fetched as the champion that
scoring starts from; all four must refuse and name the file. Takes about a minute.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import figures

from lepton.core.ledger.rows import Cause, Evidence

sys.path.append(str(figures.ROOT))

FLIPS = 10
COMMAND = "python benchmarks/reliability --only R8"


def measure() -> Iterator[figures.Figure]:
    """Yield the share of cases that were refused by all four uses, and the share whose error names the file."""
    from r7 import model_of_the_demo

    from lepton.core.config.workspace import Workspace
    from lepton.core.ledger import Ledger
    from lepton.core.refs import DataRef
    from lepton.models.export import complete
    from lepton.operations.session import Session
    from lepton.registry.lineage.record import Lineage
    from lepton.registry.models import fetch, register
    from lepton.registry.promotion import commit, promote, rollback
    from tests.corruption import cases, restore

    with tempfile.TemporaryDirectory(prefix="lepton-r8-") as folder:
        root = Path(folder)
        (root / "lepton.yaml").write_text("name: digits\nkind: image\nsource: mnist\n")
        (root / "contracts").mkdir()
        (root / "contracts" / "optdigits.yaml").touch()
        ws, pair = Workspace(root), "mnist-to-usps"
        ledger, versions = Ledger(ws.ledger_url), []
        for seed in (0, 1):
            model = model_of_the_demo(root / "made" / str(seed), seed)
            complete(model)
            (model / "rows.json").write_text(f'{{"train": ["row-{seed}"], "held_out": []}}')
            data = {"train": DataRef("usps", ("a",), "d" * 32, None, None, 1000, 200)}
            ref = register(ws, ledger, pair, model, Lineage(strategy="none", data=data, seed=seed), actor="bench")
            promote(ws, ledger, pair, ref, actor="bench", cause=Cause("manual"), evidence=Evidence())
            versions.append(ref)
        bad, good = versions
        commit(ledger, "mnist-to-optdigits", bad, actor="bench", cause=Cause("manual"), evidence=Evidence())
        home, other = (fetch(ws, ref.name, ref.version)[1].parents[1] for ref in (bad, good))
        uses: tuple[Callable[[], Any], ...] = (
            lambda: Session(ws).load(bad),
            lambda: promote(ws, ledger, pair, bad, actor="bench", cause=Cause(), evidence=Evidence()),
            lambda: rollback(ws, ledger, pair, actor="bench", why="bench", to=bad.version),
            lambda: Session(ws).load_champion("optdigits"),
        )
        shutil.copytree(home, root / "whole")
        tried = list(cases(home, other, FLIPS))
        refused, named = 0, 0
        for case in tried:
            case.apply(home)
            told = [_refusal(use) for use in uses]
            refused += all(why is not None for why in told)
            named += all(case.file.removeprefix("data/lepton/") in (why or "") for why in told)
            restore(home, root / "whole")
    count = len(tried)
    kinds = {kind: sum(case.kind == kind for case in tried) for kind in sorted({case.kind for case in tried})}
    yield figures.figure(
        "R8a", refused / count, "of damaged directories never served", count, [0], COMMAND, kinds=kinds
    )
    yield figures.figure("R8b", named / count, "of errors name the file", count, [0], COMMAND)


def _refusal(use: Callable[[], Any]) -> str | None:
    """Return why a use was refused, None if it was not."""
    from lepton.core.errors import LeptonError

    try:
        use()
    except LeptonError as error:
        return error.why
    return None
