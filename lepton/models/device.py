"""Where torch computes, on how many threads, and how a computation is made repeatable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from lepton.core.work.lock import turn


def pick_device() -> torch.device:
    """Return the GPU if torch sees one (of several, this process's), else the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Run the block with deterministic algorithms on `threads` CPU threads; restore both settings afterwards.

    Sums are split by thread, so equal bits need an equal number of threads: it belongs to a model's record. The
    settings are the process's, so two threads that compute take turns.
    """
    with turn("torch"):
        yield from _set(threads)


def _set(threads: int) -> Iterator[None]:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    gpu = torch.cuda.is_available()
    # cuBLAS is repeatable only with a fixed workspace; harmless without a GPU.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    # Some backward passes, such as that of adaptive pooling, have no repeatable form on a GPU: there they may differ.
    torch.use_deterministic_algorithms(True, warn_only=gpu)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Build modules from `seed` without touching the global random state (torch's initialisers take no generator)."""
    with turn("torch"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def generator(seed: int, device: torch.device | str | None = None) -> torch.Generator:
    """Return a random generator of its own, on `device` or where the block around computes (see `placed`)."""
    return torch.Generator(torch.get_default_device() if device is None else device).manual_seed(seed)


@contextmanager
def placed(device: torch.device) -> Iterator[None]:
    """Run the block so that what it makes lies on `device`; without a GPU there is only one place."""
    if not torch.cuda.is_available():
        yield
        return
    with device:
        yield


def here(x: Tensor) -> Tensor:
    """Return a tensor where the block around computes; the same one if it lies there."""
    return x.to(torch.get_default_device())
