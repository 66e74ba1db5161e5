"""A kind of rows that is declared in one file outside of lepton goes through the whole loop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton.core import kinds
from tests import spectra

STEPS = 32


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))
    spectra.register()


def recordings(path: Path, rows: int, seed: int, gain: float, labelled: bool = True) -> Path:
    """Two tones in noise; another site's microphone has another gain."""
    random, moments = np.random.default_rng(seed), np.arange(STEPS)
    label = random.integers(0, 2, rows)
    phase = random.uniform(0, 6, (rows, 1))
    x = np.sin(moments * np.where(label, 0.6, 0.9)[:, None] + phase) + 0.4 * random.normal(size=(rows, STEPS))
    told = {"y": np.array(["low", "high"])[1 - label]} if labelled else {}
    np.savez(path, x=(gain * x).astype(np.float32), **told)
    return path


def test_a_kind_from_one_file_goes_through_the_whole_loop(lepton: Callable[..., Any], tmp_path: Path) -> None:
    def ok(*arguments: object, code: int = 0) -> Any:
        answer = lepton("-w", tmp_path / "ws", *arguments, "--local", "--json")
        assert answer.code == code, answer.text
        return json.loads(answer.out)

    base = recordings(tmp_path / "base.npz", 500, 1, 1.0)
    made = lepton("init", tmp_path / "ws", "--from", base, "--kind", "spectrum")
    assert made.code == 0, made.text
    assert ok("ingest", "base", base)["rows"] == 500
    assert ok("pretrain")["metrics"]["accuracy"] > 0.9
    ok("ingest", "site", recordings(tmp_path / "site.npz", 400, 2, 2.0), "--new")
    done = ok("transfer", "site", "-s", "none", "-s", "probe")
    assert done["outcome"] == "promoted"
    ok("ingest", "site", recordings(tmp_path / "later.npz", 300, 3, 2.0, labelled=False))
    judged = ok("monitor", "site")["windows"][0]["observation"]
    assert judged["verdict"] == "judged"
    assert set(judged["scores"]) >= {"inputs", "embedding", "predictions"}
    assert ok("reproduce", "site", "--check")["identical"]


def test_without_its_file_a_kind_is_named_and_the_remedy_told(
    lepton: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = recordings(tmp_path / "base.npz", 60, 1, 1.0)
    assert lepton("init", tmp_path / "ws", "--from", base, "--kind", "spectrum").code == 0
    monkeypatch.setattr(kinds, "_KINDS", {name: kind for name, kind in kinds._KINDS.items() if name != "spectrum"})
    answer = lepton("-w", tmp_path / "ws", "ingest", "base", base, "--local")
    assert answer.code == 2
    assert "spectrum" in answer.err
    assert "Traceback" not in answer.err
