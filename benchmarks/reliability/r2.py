"""R2: eight processes promote to one pair at once, fifty rounds: exactly one wins each, on SQLite and on PostgreSQL."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures

from lepton.core.ledger.rows import Cause, Evidence

sys.path.insert(0, str(figures.ROOT))

from tests import postgres
from tests.registry import MODEL, PAIR, Maker, save_model, workspace_in

PROCESSES = 8
ROUNDS = 50
TIMEOUT = 120.0


def measure(rounds: int = ROUNDS) -> Iterator[figures.Figure]:
    """Yield R2a (SQLite) and R2b (PostgreSQL); some three minutes."""
    command = "python benchmarks/reliability --only R2"
    with tempfile.TemporaryDirectory(prefix="lepton-r2-") as folder:
        held, notes = race(Path(folder) / "sqlite", None, rounds)
        yield figures.figure("R2a", held, "rounds with one winner", rounds, [], command, ledger="SQLite", **notes)
        try:
            with postgres.server() as server, postgres.schema(server) as url:
                held, notes = race(Path(folder) / "postgres", url, rounds)
        finally:
            os.environ.pop("LEPTON_LEDGER_URL", None)  # the figures after this one have a ledger of their own
        yield figures.figure("R2b", held, "rounds with one winner", rounds, [], command, ledger="PostgreSQL", **notes)


def race(folder: Path, ledger_url: str | None, rounds: int) -> tuple[int, dict[str, Any]]:
    """Return in how many rounds all was as it must be, and what was counted.

    A round holds if one process won, all others were told of a conflict, one row was written, the ledger verifies, and
    MLflow's alias is the winner's.
    """
    from lepton.core.ledger import Ledger
    from lepton.registry.champions import champion
    from lepton.registry.mlflow.server import initialise
    from lepton.registry.models import aliases

    if ledger_url:
        os.environ["LEPTON_LEDGER_URL"] = ledger_url
    else:
        os.environ.pop("LEPTON_LEDGER_URL", None)
    ws = workspace_in(folder / "ws")
    initialise(ws)
    ledger = Ledger(ws.ledger_url)
    make = Maker(ws, ledger, save_model(folder / "model"))
    # Two versions a process: who won the last round has another one to promote in this one.
    refs = [[make(PAIR).to_json() for _ in range(2)] for _ in range(PROCESSES)]
    context = multiprocessing.get_context("spawn")
    gate, answers = context.Barrier(PROCESSES + 1), context.Queue()
    workers = [
        context.Process(target=promoter, args=(str(ws.root), refs[n], rounds, gate, answers), daemon=True)
        for n in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    held, conflicts, others = 0, 0, []
    try:
        gate.wait(300)  # all have imported what they need
        for _ in range(rounds):
            before = ledger.last_seq()
            gate.wait(TIMEOUT)  # go
            said = [answers.get(timeout=TIMEOUT) for _ in range(PROCESSES)]
            won = [version for what, version in said if what == "won"]
            conflicts += sum(what == "Conflict" for what, _ in said)
            others += [text for what, text in said if what not in ("won", "Conflict")]
            rows = [row.action for row in ledger.entries(after=before)]
            serving = champion(ledger, PAIR)
            held += (
                len(won) == 1
                and sum(what == "Conflict" for what, _ in said) == PROCESSES - 1
                and rows == ["promoted"]
                and serving is not None
                and serving.ref.version == won[0] == aliases(ws, MODEL).get("champion")
                and ledger.verify() == []
            )
    finally:
        for worker in workers:
            worker.join(20)
            if worker.is_alive():
                worker.terminate()
    return held, {"processes": PROCESSES, "conflicts": conflicts, "unexpected": others[:5]}


def promoter(root: str, refs: list[dict[str, Any]], rounds: int, gate: Any, answers: Any) -> None:
    """In each round, promote the version of ours that does not serve over the champion that we saw."""
    import torch

    from lepton.core.config.workspace import Workspace
    from lepton.core.errors import LeptonError
    from lepton.core.ledger import Ledger
    from lepton.core.refs import ModelRef
    from lepton.registry.champions import champion
    from lepton.registry.promotion import promote, verify

    torch.set_num_threads(1)
    ws = Workspace(Path(root))
    ledger = Ledger(ws.ledger_url)
    verify(ws, ModelRef.from_json(refs[0]))  # imports what a promotion needs
    gate.wait(300)
    for _ in range(rounds):
        serving = champion(ledger, PAIR)
        ours = [ModelRef.from_json(ref) for ref in refs]
        ref = next(one for one in ours if serving is None or one != serving.ref)
        gate.wait(TIMEOUT)
        try:
            seq = serving.seq if serving else 0
            promote(ws, ledger, PAIR, ref, actor="user:ada", cause=Cause("manual"), evidence=Evidence(), expect_seq=seq)
            answers.put(("won", ref.version))
        except LeptonError as error:
            answers.put((type(error).__name__, error.render()))
        except Exception as error:
            answers.put(("crashed", repr(error)))
