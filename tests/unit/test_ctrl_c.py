"""Ctrl-C ends a command as an interruption, also where a library turns it into an error of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMAND = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
import lepton.cli.main as cli
from lepton.core.errors import LeptonError

def struck(*arguments, **options):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            pass
    except KeyboardInterrupt:
        {then}

cli.app = struck
cli.run()
"""


@pytest.mark.parametrize(
    "then",
    [
        "raise",
        "raise ValueError('SchemaError: KeyboardInterrupt') from None",
        "raise LeptonError('Failed.')",
    ],
    ids=["as it is", "as an error of a library", "as a failure of ours"],
)
def test_what_comes_of_ctrl_c_is_no_mistake(then: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND.format(then=then)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 130
    assert ended.stderr.splitlines() == [
        "Interrupted. What was finished is kept, nothing is half-written; run the same command again."
    ]
