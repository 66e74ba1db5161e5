"""What every room of tests shares: the command line in process, small data, the machine's optional extras."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import postgres

os.environ.update(
    DO_NOT_TRACK="1",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    MLFLOW_DISABLE_TELEMETRY="true",
    DVC_NO_ANALYTICS="1",
    GX_ANALYTICS_ENABLED="false",
)


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both streams."""
        return self.out + self.err


@pytest.fixture
def lepton(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Answer]]:
    """Run the command line in this process, with an environment of its own."""
    from lepton.cli.main import main

    before = dict(os.environ)

    def run(*arguments: object, cwd: Path | None = None) -> Answer:
        here = Path.cwd()
        capfd.readouterr()
        try:
            os.chdir(cwd or here)
            os.environ.pop("LEPTON_WORKSPACE", None)
            code = main([str(argument) for argument in arguments])
        finally:
            os.chdir(here)
        seen = capfd.readouterr()
        return Answer(code, seen.out, seen.err)

    yield run
    os.environ.clear()
    os.environ.update(before)


def restore_interrupt() -> None:
    """Let a child hear Ctrl-C even if we were started in the background, where shells make it be ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def make_plant(rows: int, shift: float, seed: int, labelled: bool = True) -> pd.DataFrame:
    """Return generated sensor readings of a plant: three numbers, one category, gaps; label good or bad.

    Another plant's sensors are offset and scaled by `shift`, while what makes a part bad stays the same.
    """
    rng = np.random.default_rng(seed)
    heat, speed, wear = rng.normal(size=(3, rows))
    bad = heat + 0.8 * speed * (wear > 0) + 0.3 * rng.normal(size=rows) > 0.6
    frame = pd.DataFrame(
        {
            "heat": (1 + 0.5 * shift) * heat + 1.5 * shift,
            "speed": speed - shift,
            "wear": wear,
            "line": rng.choice(["north", "south"], rows),
        }
    )
    frame.loc[rng.random(rows) < 0.03, "wear"] = np.nan
    if labelled:
        frame["label"] = np.where(bad, "bad", "good")
    return frame


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of development data, or skip: it is not part of the project."""
    folder = Path(os.environ.get("LEPTON_SHARED_DATA", "../shared/data"))
    if not folder.exists():
        pytest.skip(f"no development data at {folder} (LEPTON_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL, started when the first test asks for it; without one, skipped, but not in CI."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres.server())
        except postgres.Absent as reason:
            if os.environ.get("CI"):
                pytest.fail(f"CI must have PostgreSQL: {reason}", pytrace=False)
            pytest.skip(str(reason))
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh, empty schema in a real PostgreSQL."""
    with postgres.schema(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger that was never written, once a database that lepton supports."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return str(request.getfixturevalue("postgres_url"))
