"""Sequences to tensors: every measured quantity standardised and clipped, padded behind the end.

The last number of a step says whether it is there, so that an end is told from a quiet stretch. A gap within a sequence
(NaN) becomes the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.kinds import Kind, kind_of
from lepton.core.table import Table, series_column
from lepton.models.input_spec import InputSpec, nameless
from lepton.models.layout import Layout
from lepton.models.table_inputs import CLIP
from lepton.models.variation import Strength, uniform

POINTS = 16
"""Places at which a sequence is read for models that know columns only."""
ENOUGH = 99
"""Percentage of the source's sequences that are read to their end, if `encoder.longest` allows."""


@dataclass(frozen=True)
class SequenceInputs(InputSpec):
    """What turns sequences into tensors; fitted on the source."""

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """(F,) over all steps of the source."""
    length: int
    """T: steps read of a sequence."""

    kind: ClassVar[Kind] = "sequence"

    @property
    def series(self) -> tuple[str, ...]:
        """The columns of series that are read."""
        return self.columns

    @classmethod
    def fitted(cls, table: Table, encoder: EncoderConfig) -> SequenceInputs:
        """Learn from the source what its quantities are like and how long its sequences are.

        Raises:
            LeptonError: If the rows are no sequences, or no sequence has a step.
        """
        if table.frame is None or not table.series:
            raise LeptonError(f"This model reads sequences; these rows are {kind_of(table.kind).words}.")
        columns = tuple(table.series)
        lengths = [len(one) for one in table.frame[columns[0]].dropna() if len(one)]
        if not lengths:
            raise LeptonError("There is no sequence: every row of the source lacks it or has no step.")
        mean, std = [], []
        for name in columns:
            values = np.concatenate([one[np.isfinite(one)] for one in table.frame[name].dropna()]).astype(np.float64)
            centre = float(values.mean()) if len(values) else 0.0
            spread = float(values.std()) if len(values) else 1.0
            mean.append(centre)
            std.append(spread if spread > 1e-9 * max(1.0, abs(centre)) else 1.0)
        usual = int(np.ceil(np.percentile(lengths, ENOUGH)))
        return cls(columns, tuple(mean), tuple(std), max(1, min(encoder.longest, usual)))

    @property
    def layout(self) -> Layout:
        """Kind and shape of one prepared row."""
        return Layout(self.kind, (self.length, len(self.columns) + 1))

    def to_tensor(self, table: Table) -> Tensor:
        """Return (n, T, F + 1) float32; of longer sequences the first T steps, a missing one is all zeros.

        Raises:
            LeptonError: If a column is missing, or no series.
        """
        missing = [name for name in self.columns if name not in table.series]
        if table.frame is None or missing:
            raise LeptonError(
                f"The rows lack {len(missing)} series that the model reads: {', '.join(missing)}.",
                why=f"They are {kind_of(table.kind).words}.",
                fix=["deliver the columns of the source, each a list of numbers a row"],
            )
        whole = torch.zeros(len(table), *self.layout.shape)
        found = whole.numpy()
        for place, (name, mean, std) in enumerate(zip(self.columns, self.mean, self.std, strict=True)):
            for row, one in enumerate(table.frame[name]):
                if one is None or not len(one):
                    continue
                values = one[: self.length]
                known = np.where(np.isfinite(values), values, np.float32(mean))
                found[row, : len(values), place] = np.clip((known - mean) / std, -CLIP, CLIP)
                found[row, : len(values), -1] = 1.0
        return whole

    def made_up(self, count: int, random: np.random.Generator) -> Table:
        """Return waves and noise of many lengths: one has no step, one more steps than are read, one a gap."""
        lengths = random.integers(1, self.length + 1, count)
        lengths[1], lengths[2] = 2 * self.length, 0
        columns = {}
        for name, mean, std in zip(self.columns, self.mean, self.std, strict=True):
            rows = []
            for row, steps in enumerate(lengths):
                wave = np.sin(np.arange(steps) / (1 + row)) + 0.3 * random.normal(size=steps)
                rows.append((mean + std * wave).astype(np.float32))
            rows[3][: len(rows[3]) // 2] = np.nan
            columns[name] = series_column(rows)
        return Table("sequence", *nameless(count), frame=pd.DataFrame(columns), series=self.columns)

    def plain(self, x: Tensor) -> NDArray[np.float64]:
        """Return (n, columns) of sequences (n, T, F + 1): length, mean, spread, extremes, change, some values."""
        values, there = x[..., :-1], x[..., -1:]
        count = there.sum(dim=1).clamp_min(1.0)
        mean = (values * there).sum(dim=1) / count
        spread = (((values - mean[:, None]) * there).square().sum(dim=1) / count).sqrt()
        both = there[:, 1:] * there[:, :-1]
        change = ((values[:, 1:] - values[:, :-1]).abs() * both).sum(dim=1) / both.sum(dim=1).clamp_min(1.0)
        low = torch.where(there > 0, values, float("inf")).amin(dim=1)
        high = torch.where(there > 0, values, float("-inf")).amax(dim=1)
        at = (torch.linspace(0, 1, POINTS) * (count - 1)).round().long()
        points = values.gather(1, at[:, :, None].expand(-1, -1, values.shape[2]))
        length = count / x.shape[1]
        found = torch.cat([length, mean, spread, change, low, high, points.flatten(1)], dim=1)
        return super().plain(torch.where(there.any(dim=1), found, 0.0))

    def varied(self, x: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
        """Vary (n, T, F + 1) sequences; which steps there are stays as it is."""
        there = x[..., -1:]
        gain = 1 + strength.gain * uniform(source, len(x), 1, 1)
        values = x[..., :-1] * gain + strength.jitter * torch.randn(x[..., :-1].shape, generator=source)
        length = there.sum(dim=1)
        start = torch.rand(len(x), 1, generator=source) * length
        span = 2 * strength.drop * length * torch.rand(len(x), 1, generator=source)
        at = torch.arange(x.shape[1])
        hidden = (at >= start) & (at < start + span)
        return torch.cat([torch.where(hidden[..., None], 0.0, values) * there, there], dim=2)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        quantities = zip(self.columns, self.mean, self.std, strict=True)
        return {
            "kind": self.kind,
            "length": self.length,
            "columns": [{"name": name, "mean": mean, "std": std} for name, mean, std in quantities],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SequenceInputs:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: If a field is missing or of another type.
        """
        length, described = int(value["length"]), value["columns"]
        if not 1 <= length <= 65_536 or not described:
            raise ValueError(f"length {length} out of range, or no columns")
        std = tuple(float(column["std"]) for column in described)
        if min(std) <= 0:
            raise ValueError("a column has no spread")
        return cls(
            tuple(str(column["name"]) for column in described),
            tuple(float(column["mean"]) for column in described),
            std,
            length,
        )
