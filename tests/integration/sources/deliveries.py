"""What the tests of sources deliver, and what they look at afterwards."""

from __future__ import annotations

import io

import pandas as pd

import lepton
from lepton.core.errors import LeptonError
from tests.conftest import make_plant

ROWS = 300
PASSWORD = "hunter2secret"
SIGNATURE = "X-Amz-Signature=0123456789abcdef&X-Amz-Credential=AKIAEXAMPLE"


def march() -> pd.DataFrame:
    """Return new rows that keep the contract."""
    return make_plant(ROWS, 0.0, 5)


def odd() -> pd.DataFrame:
    """Return rows that break it: a label nobody knows."""
    return march().assign(label="strange")


def as_csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def stored(ws: lepton.Workspace) -> list[str]:
    return [path.stem for path in sorted((ws.root / "data" / "here").glob("*.parquet"))]


def everything_said(ws: lepton.Workspace, error: LeptonError) -> str:
    """Return all that is told of a refusal, on the screen and beside the delivery in quarantine."""
    files = sorted((ws.root / "quarantine").rglob("*.reason.*"))
    return "\n".join([error.render(), str(error), *(path.read_text() for path in files)])
