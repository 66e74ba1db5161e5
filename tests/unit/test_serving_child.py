"""A process that works beside a server: what it says, what it fails with, and its end with the server."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from lepton.core.errors import LeptonError
from lepton.operations.serve.child import run_beside


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that can be run by the name `beside`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "beside.py"


def test_the_last_line_is_the_answer(module: Path) -> None:
    module.write_text("import sys\nprint('working')\nprint('{\"path\": \"' + sys.argv[1] + '\"}')\n")
    assert asyncio.run(run_beside("beside", "here")) == {"path": "here"}


def test_an_error_comes_with_cause_and_remedy(module: Path) -> None:
    module.write_text('print(\'{"error": "No.", "why": "Because.", "fix": ["do it"]}\')\nraise SystemExit(1)\n')
    with pytest.raises(LeptonError, match="No") as caught:
        asyncio.run(run_beside("beside"))
    assert (caught.value.why, list(caught.value.fix)) == ("Because.", ["do it"])


@pytest.mark.parametrize("text", ["raise RuntimeError('a mistake')", "print('no JSON')\nraise SystemExit(1)"])
def test_one_that_dies_is_told_with_its_last_words(module: Path, text: str) -> None:
    module.write_text(text)
    with pytest.raises(LeptonError, match="beside ended with 1") as caught:
        asyncio.run(run_beside("beside"))
    assert ("a mistake" in caught.value.why) == ("mistake" in text)


def test_it_ends_with_who_asked(module: Path, tmp_path: Path) -> None:
    module.write_text(f"import os, time\nopen(r'{tmp_path / 'pid'}', 'w').write(str(os.getpid()))\ntime.sleep(60)\n")

    async def story() -> None:
        asked = asyncio.create_task(run_beside("beside"))
        end = time.monotonic() + 20
        while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(story())
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
