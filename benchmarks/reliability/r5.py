"""R5: how many of five models, each of another strategy, come out again bit for bit.

Two workspaces are played with the command line: MNIST to optdigits (images: a base, `none`, `finetune`), and the
breast cancer table of scikit-learn to the rest of it as another instrument would measure it (columns: `probe`,
`residual`; the other instrument's offset and scale are made up). Then each model is rebuilt by `lepton reproduce
--check --json` in a process of its own, and its weights and description are compared with the registered bytes. Took
four and a half minutes while others worked on the same two cores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures
import numpy as np

COMMAND = "python benchmarks/reliability --only R5"
LEPTON = str(Path(sys.executable).with_name("lepton"))
PLAYER = """import json, sys
from lepton.cli.main import main
for command in json.load(sys.stdin):
    main(command) in (0, 3) or sys.exit(f"failed: {command}")
"""
QUICK = {"LEPTON_PRETRAIN__EPOCHS": "3"}
LIMIT = 240
"""Seconds that a single process may take."""


def measure() -> Iterator[figures.Figure]:
    """Yield how many of the models were identical."""
    with tempfile.TemporaryDirectory(prefix="lepton-r5-") as folder:
        found = [*_images(Path(folder)), *_columns(Path(folder))]
        told = [_reproduced(ws, words) for ws, words in found]
    identical = [float(one["identical"]) for one in told]
    yield figures.figure(
        "R5",
        sum(identical),
        f"of {len(told)} models bit-identical",
        len(told),
        [0],
        COMMAND,
        each=identical,
        strategies=[one["strategy"] for one in told],
        seconds=[one["seconds"] for one in told],
        largest_deviation=max(one["deviation"]["outputs"] for one in told),
    )


def _images(folder: Path) -> list[tuple[Path, str]]:
    """Return the workspace and the words for a base, an unadapted and a fine-tuned model."""
    from lepton.cli.demo.deliveries import write_npz
    from lepton.data.demo import mnist, optdigits

    source = write_npz(folder / "mnist.npz", mnist().take(np.arange(2500)), labelled=True)
    target = write_npz(folder / "optdigits.npz", optdigits(), labelled=True)
    made = _play(folder / "images", ("mnist", source), ("optdigits", target), ("none", "finetune"))
    return [(folder / "images", "mnist"), *made]


def _columns(folder: Path) -> list[tuple[Path, str]]:
    """Return the workspace and the words for two models of a table."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    table = bunch.data.assign(label=np.where(bunch.target == 1, "benign", "malignant"))
    here, there = table[:300].copy(), table[300:].copy()
    there[bunch.data.columns] = 1.2 * there[bunch.data.columns] + 0.1 * bunch.data.std()
    here.to_csv(folder / "one.csv", index=False)
    there.to_csv(folder / "other.csv", index=False)
    deliveries = ("one", folder / "one.csv"), ("other", folder / "other.csv")
    return _play(folder / "columns", *deliveries, ("probe", "residual"))


def _play(
    root: Path, source: tuple[str, Path], target: tuple[str, Path], strategies: tuple[str, ...]
) -> list[tuple[Path, str]]:
    """Play the commands up to a version for each strategy, in one process: only the rebuilding must be alone.

    Returns:
        The words for each version; one that the gate refused is registered, too.
    """
    here, how = ("-w", root), ("--labels-per-class", 10, "--local")
    commands = [
        ("init", root, "--from", source[1], "--source", source[0]),
        (*here, "ingest", source[0], source[1], "--local"),
        (*here, "pretrain", "--local"),
        (*here, "ingest", target[0], target[1], "--new", "--local"),
        *((*here, "transfer", target[0], "--strategy", strategy, *how) for strategy in strategies),
    ]
    told = json.dumps([[str(word) for word in command] for command in commands])
    _run([sys.executable, "-c", PLAYER], {**os.environ, **QUICK}, (0,), told)
    return [(root, f"{target[0]}@{version}") for version in range(1, len(strategies) + 1)]


def _reproduced(ws: Path, words: str) -> dict[str, Any]:
    """Return what `lepton reproduce` says; a process of its own, without the settings that the model was made with."""
    command = [LEPTON, "-w", str(ws), "reproduce", words, "--check", "--json"]
    found: dict[str, Any] = json.loads(_run(command, dict(os.environ), (0, 1)))["models"][0]
    return found


def _run(command: list[str], environ: dict[str, str], codes: tuple[int, ...], told: str = "") -> str:
    """Run a process and return what it says."""
    done = subprocess.run(command, env=environ, input=told, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
