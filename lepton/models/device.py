"""Where torch computes, on how many threads, and how a computation is made repeatable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def pick_device() -> torch.device:
    """Return the GPU if torch sees one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Run the block with deterministic algorithms on `threads` CPU threads; restore both settings afterwards.

    Sums are split by thread, so equal bits need an equal number of threads: it belongs to a model's record.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    # cuBLAS is repeatable only with a fixed workspace; harmless without a GPU.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Build modules from `seed` without touching the global random state (torch's initialisers take no generator)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def generator(seed: int) -> torch.Generator:
    """Return a CPU random generator of its own."""
    return torch.Generator().manual_seed(seed)
