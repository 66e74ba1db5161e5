"""A kind of rows that lepton does not know: recordings, looked at by their frequencies. This file is all that it takes.

A notebook gives it to `lepton.register`, a package names `SPECTRUM` as an entry point of the group `lepton.kinds`. All
else (storage, ids, splits, contract, strategies, gate, drift, registry) is lepton's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

import lepton
from lepton.core.config.settings import EncoderConfig
from lepton.core.table import Table, series_column
from lepton.data.readers import Reading
from lepton.models.input_spec import InputSpec, nameless
from lepton.models.layout import Layout

COLUMN = "recording"


@dataclass(frozen=True)
class SpectrumInputs(InputSpec):
    """Log power of the lowest frequencies, standardised by the source."""

    length: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    kind: ClassVar[str] = "spectrum"

    @property
    def series(self) -> tuple[str, ...]:
        return (COLUMN,)

    @property
    def layout(self) -> Layout:
        return Layout("tabular", (len(self.mean),))  # to a network a spectrum is a row of numbers

    @classmethod
    def fitted(cls, table: Table, encoder: EncoderConfig) -> SpectrumInputs:
        length = max(len(one) for one in _recordings(table))
        power = _power(_recordings(table), length)
        return cls(length, tuple(power.mean(axis=0).tolist()), tuple(np.maximum(power.std(axis=0), 1e-6).tolist()))

    def to_tensor(self, table: Table) -> Tensor:
        power = _power(_recordings(table), self.length)
        return torch.from_numpy(((power - self.mean) / self.std).astype(np.float32))

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "length": self.length, "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SpectrumInputs:
        mean, std = (tuple(float(one) for one in value[key]) for key in ("mean", "std"))
        return cls(int(value["length"]), mean, std)

    def made_up(self, count: int, random: np.random.Generator) -> Table:
        noise = [random.normal(size=self.length).astype(np.float32) for _ in range(count)]
        return Table(self.kind, *nameless(count), frame=pd.DataFrame({COLUMN: series_column(noise)}), series=(COLUMN,))


def read(
    path: Path,
    features: pd.DataFrame,
    ids: NDArray[np.object_] | None,
    labels: NDArray[np.object_],
    reading: Reading,
) -> Table:
    """Take columns of numbers, one a moment, as one recording a row."""
    frame = pd.DataFrame({COLUMN: series_column(features.to_numpy(dtype=np.float32))})
    given = ids if ids is not None else np.full(len(frame), None, dtype=object)
    return Table("spectrum", given, labels, frame=frame, series=(COLUMN,))


def able(rows: Table) -> list[str]:
    """What may befall a recording."""
    return ["louder", "hum"]


def degrade(rows: Table, name: str, strength: int, seed: int) -> Table:
    """Another gain, or the hum of a wire."""
    hum = np.sin(np.arange(len(_recordings(rows)[0])) * 1.7).astype(np.float32)
    after = [one * (1 + strength) if name == "louder" else one + strength * hum for one in _recordings(rows)]
    return Table(rows.kind, rows.ids, rows.labels, frame=pd.DataFrame({COLUMN: series_column(after)}), series=(COLUMN,))


def summaries(table: Table) -> pd.DataFrame:
    """Loudness and the strongest frequency."""
    power = _power(_recordings(table), len(_recordings(table)[0]))
    return pd.DataFrame({"loudness": power.mean(axis=1), "pitch": power.argmax(axis=1).astype(float)})


def _recordings(table: Table) -> list[NDArray[np.float32]]:
    assert table.frame is not None
    return list(table.frame[COLUMN])


def _power(recordings: list[NDArray[np.float32]], length: int) -> NDArray[np.float64]:
    padded = np.stack([np.pad(one[:length], (0, max(0, length - len(one)))) for one in recordings])
    return np.log1p(np.abs(np.fft.rfft(padded, axis=1)) ** 2)


SPECTRUM = lepton.InputKind(
    name="spectrum",
    words="recordings",
    inputs="tests.spectra:SpectrumInputs",
    columns=("series",),
    reading="tests.spectra:read",
    degradations="tests.spectra",
    summaries="tests.spectra:summaries",
    light=True,
)


def register() -> None:
    """Make it known."""
    lepton.register(SPECTRUM)
