"""Pretraining by several processes of this machine: started, listened to, and ended together.

Each runs `python -m lepton.operations.pretrain.worker FOLDER` with RANK and WORLD_SIZE in its environment, as
`torchrun` would set them; they find each other by a file in the folder and talk over the loopback interface, so no port
is opened to others.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lepton.core.decisions.encoders import Choice
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.core.work import Progress
from lepton.core.work.files import atomic_write

if TYPE_CHECKING:
    from lepton.operations.pretrain.settings import BaseSettings
    from lepton.pretraining import Pretrained

ASKED, DONE, FAILED, MEETING = "asked.json", "done.json", "failed.json", "meeting"
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


def train_together(
    table: Table,
    settings: BaseSettings,
    seed: int,
    others: Mapping[str, Table],
    folder: Path | None,
    progress: Progress,
) -> Pretrained:
    """Return the base that `pretrain.processes` of the settings train; see `training.pretrained`.

    Raises:
        UsageError: If a batch cannot be shared out evenly.
        LeptonError: What one of them raised, or that it died.
    """
    from lepton.pretraining.world import World

    config, size = settings.pretrain, settings.pretrain.processes
    for name in config.chain:
        World(0, size).check(config.stage(name).batch_size)
    with TemporaryDirectory() as scratch:
        place = Path(scratch)
        _hand_over(place, table, settings, seed, others, folder)
        workers = [_start(place, rank, size) for rank in range(size)]
        try:
            _listen(workers, place, progress)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        return _result(place)


def _hand_over(
    place: Path,
    table: Table,
    settings: BaseSettings,
    seed: int,
    others: Mapping[str, Table],
    folder: Path | None,
) -> None:
    from lepton.data import batchfile

    for number, one in enumerate((table, *others.values())):
        batchfile.write(place / f"rows-{number}.parquet", [batchfile.encode(one)])
    asked = {
        "settings": settings.to_json(),
        "seed": seed,
        "others": list(others),
        "folder": str(folder.resolve()) if folder else None,
    }
    atomic_write(place / ASKED, json.dumps(asked))


def _start(place: Path, rank: int, size: int) -> subprocess.Popen[str]:
    environ = {**os.environ, "RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank)}
    environ["GLOO_SOCKET_IFNAME"] = LOOPBACK
    with (place / f"log-{rank}.txt").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "lepton.operations.pretrain.worker", str(place)],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if rank == 0 else log,
            stderr=log,
            text=True,
        )


def _listen(workers: list[subprocess.Popen[str]], place: Path, progress: Progress) -> None:
    """Hand on what the first one says until all have ended; if one fails, the others wait for it in vain."""
    first = workers[0].stdout
    assert first is not None
    os.set_blocking(first.fileno(), False)
    while True:
        ended = [worker.poll() for worker in workers]
        for line in first:
            if line.startswith("{"):
                told = json.loads(line)
                progress(told["done"], told["total"], told["text"])
        if any(ended):  # not 0
            _raise(place, next(rank for rank, code in enumerate(ended) if code))
        if all(code == 0 for code in ended):
            return
        time.sleep(0.05)


def _raise(place: Path, rank: int) -> None:
    failed = place / FAILED
    if failed.exists():
        raise LeptonError(**json.loads(failed.read_text()))
    log = (place / f"log-{rank}.txt").read_text().strip().splitlines()
    raise LeptonError(
        f"Process {rank} of those that trained together died.",
        why="\n".join(log[-3:]) or "It said nothing: the system may have ended it for want of memory.",
        fix=["lepton pretrain  (goes on from the last checkpoint)", "set pretrain.processes to 1 in lepton.yaml"],
    )


def _result(place: Path) -> Pretrained:
    from lepton.models.format import load
    from lepton.pretraining import Pretrained
    from lepton.pretraining.objective import Stage

    done = json.loads((place / DONE).read_text())
    stages = tuple(Stage(**{**stage, "curves": tuple(stage["curves"])}) for stage in done.pop("stages"))
    choice = Choice.from_json(told) if (told := done.pop("choice")) else None
    model = load(place / "model")
    shutil.rmtree(place / "model")
    return Pretrained(model=model, stages=stages, choice=choice, **done)
