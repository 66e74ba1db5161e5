"""One of several processes that train a base together; `processes.py` starts it, `torchrun` could."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from lepton.core.errors import LeptonError
from lepton.core.work.files import atomic_write
from lepton.operations.pretrain.processes import ASKED, DONE, FAILED, MEETING
from lepton.operations.pretrain.settings import BaseSettings


def main(place: Path) -> int:
    """Train what `place` asks for; the first process leaves the model there. Return the exit code."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    try:
        _train(place, rank, size)
    except LeptonError as error:
        atomic_write(place / FAILED, json.dumps({"what": error.what, "why": error.why, "fix": list(error.fix)}))
        return 1
    return 0


def _backend(rank: int, size: int) -> str:
    """Return what the processes talk over; each takes a GPU of its own if there are enough, else none takes one."""
    import torch

    if torch.cuda.device_count() < size:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        return "gloo"
    torch.cuda.set_device(rank)
    return "cpu:gloo,cuda:nccl"


def _train(place: Path, rank: int, size: int) -> None:
    import torch.distributed as dist

    from lepton.core.work import silent
    from lepton.data import batchfile
    from lepton.models.format import save
    from lepton.pretraining import pretrain

    asked = json.loads((place / ASKED).read_text())
    settings = BaseSettings.from_json(asked["settings"])
    tables = [batchfile.read(place / f"rows-{number}.parquet") for number in range(1 + len(asked["others"]))]
    dist.init_process_group(_backend(rank, size), init_method=f"file://{place / MEETING}", rank=rank, world_size=size)
    try:
        done = pretrain(
            tables[0],
            classes=settings.classes,
            encoder=settings.encoder,
            config=settings.pretrain,
            seed=asked["seed"],
            threads=max(1, settings.threads // size),
            progress=_say if rank == 0 else silent,
            others=dict(zip(asked["others"], tables[1:], strict=True)),
            folder=Path(asked["folder"]) if asked["folder"] else None,
        )
    finally:
        dist.destroy_process_group()
    if rank == 0:
        save(done.model, place / "model")
        told = {name: getattr(done, name) for name in ("val", "test", "seconds", "rows")}
        told |= {"stages": [asdict(stage) for stage in done.stages]}
        atomic_write(place / DONE, json.dumps({**told, "choice": done.choice.to_json() if done.choice else None}))


def _say(done: int, total: int, text: str) -> None:
    sys.stdout.write(json.dumps({"done": done, "total": total, "text": text}) + "\n")
    sys.stdout.flush()


def _end_with_parent(parent: int) -> None:
    """End when the process that started this one is gone: nobody would take what comes of it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
