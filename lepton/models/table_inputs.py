"""Tables to tensors: numbers standardised and clipped, missing values indicated, categories one-hot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.kinds import Kind, kind_of
from lepton.core.table import Table
from lepton.models.input_spec import STRANGER, InputSpec, nameless
from lepton.models.layout import Layout

CLIP = 5.0
"""Standardised numbers end here: one absurd value must not drown a row."""
MOST_CATEGORIES = 64
"""Categories of a column with a slot of their own, the most frequent ones."""
_ROWS = 2048
"""Rows that are prepared at once."""


@dataclass(frozen=True)
class Numeric:
    """A column of numbers: one value, one indicator of missing."""

    name: str
    mean: float
    std: float


@dataclass(frozen=True)
class Categorical:
    """A column of categories: a slot each, one for all others (also those never seen), one for missing."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class TableInputs(InputSpec):
    """What turns columns into a matrix; fitted on the source."""

    columns: tuple[Numeric | Categorical, ...]

    kind: ClassVar[Kind] = "tabular"

    @classmethod
    def fitted(cls, table: Table, encoder: EncoderConfig) -> TableInputs:
        """Learn the columns from the source's table.

        Raises:
            LeptonError: If the rows are images or have no column.
        """
        frame = _frame(table)
        if not len(frame.columns):
            raise LeptonError("The table has no feature column.")
        return cls(tuple(_learn(str(name), frame[name]) for name in frame.columns))

    @property
    def layout(self) -> Layout:
        """Kind and shape of one prepared row, and which of its numbers are amounts."""
        widths = [2 if isinstance(c, Numeric) else len(c.values) + 2 for c in self.columns]
        starts = accumulate(widths, initial=0)
        amounts = tuple(at for at, c in zip(starts, self.columns, strict=False) if isinstance(c, Numeric))
        return Layout(self.kind, (sum(widths),), amounts=amounts)

    def to_tensor(self, table: Table) -> Tensor:
        """Return (n, columns) float32.

        Columns that the model does not know are ignored; categories that it does not know share one slot.

        Raises:
            LeptonError: If a column is missing, or holds text where the source had numbers.
        """
        frame = _frame(table)
        missing = [c.name for c in self.columns if c.name not in frame.columns]
        if missing:
            raise LeptonError(
                f"The rows lack {len(missing)} column(s) that the model reads: {', '.join(missing)}.",
                why=f"Found: {', '.join(map(str, frame.columns))}.",
                fix=["deliver the columns of the source"],
            )
        # Torch's memory begins at a multiple of 64 bytes; on other addresses some processors round in another order.
        found = torch.zeros(len(frame), *self.layout.shape)
        _fill(found.numpy(), self.columns, frame)
        return found

    def moved_to(self, table: Table, share: float) -> TableInputs:
        """Return the same columns, each number with a mean and a deviation between its own and those of `table`."""
        frame = _frame(table)
        return replace(self, columns=tuple(_moved(c, frame, share) for c in self.columns))

    def made_up(self, count: int, random: np.random.Generator) -> Table:
        """Return rows around the source's means, each column with a gap; numbers with an extreme, texts a stranger."""
        columns: dict[str, Any] = {}
        for place, rule in enumerate(self.columns):
            gap, odd = place % count, (place + 3) % count
            if isinstance(rule, Numeric):
                with np.errstate(over="ignore"):  # a column of huge numbers: what is too large becomes a gap
                    numbers = rule.mean + rule.std * random.normal(size=count)
                    numbers[odd], numbers[gap] = np.float64(rule.mean) + 100 * np.float64(rule.std), np.nan
                columns[rule.name] = pd.Series(np.where(np.isfinite(numbers), numbers, np.nan))
            else:
                values: list[str | None] = [str(v) for v in random.choice(rule.values or (STRANGER,), count)]
                values[odd], values[gap] = STRANGER, None
                columns[rule.name] = pd.Series(values, dtype=object)
        return Table("tabular", *nameless(count), frame=pd.DataFrame(columns))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "kind": self.kind,
            "columns": [
                {"name": c.name, "mean": c.mean, "std": c.std}
                if isinstance(c, Numeric)
                else {"name": c.name, "values": list(c.values)}
                for c in self.columns
            ],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TableInputs:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: If a field is missing or of another type.
        """
        columns: list[Numeric | Categorical] = []
        for column in value["columns"]:
            name = str(column["name"])
            if "values" in column:
                columns.append(Categorical(name, tuple(str(v) for v in column["values"])))
            else:
                columns.append(Numeric(name, float(column["mean"]), float(column["std"])))
                if not column["std"] > 0:
                    raise ValueError(f"column {name!r} has no spread")
        if not columns:
            raise ValueError("no columns")
        return cls(tuple(columns))


def _frame(table: Table) -> pd.DataFrame:
    if table.frame is None or table.kind != "tabular":
        raise LeptonError(f"This model reads columns; these rows are {kind_of(table.kind).words}.")
    return table.frame


def _learn(name: str, column: pd.Series[Any]) -> Numeric | Categorical:
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = numbers(name, column)
        known = values[np.isfinite(values)]
        mean = float(known.mean()) if len(known) else 0.0
        std = float(known.std()) if len(known) else 1.0
        return Numeric(name, mean, std if std > 1e-9 * max(1.0, abs(mean)) else 1.0)
    counts = column.dropna().astype(str).value_counts()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:MOST_CATEGORIES]
    return Categorical(name, tuple(sorted(str(value) for value, _ in ranked)))


def _moved(rule: Numeric | Categorical, frame: pd.DataFrame, share: float) -> Numeric | Categorical:
    """Return a column with `share` of the moments that it has in other rows; one that says nothing there stays."""
    if isinstance(rule, Categorical) or rule.name not in frame.columns:
        return rule
    values = numbers(rule.name, frame[rule.name])
    known = values[np.isfinite(values)]
    if len(known) < 2 or not known.std() > 1e-9 * max(1.0, abs(known.mean())):
        return rule
    # Of a mixture of two distributions: what lies between their means is spread, too.
    mean = (1 - share) * rule.mean + share * known.mean()
    square = (1 - share) * (rule.std**2 + (rule.mean - mean) ** 2) + share * (known.var() + (known.mean() - mean) ** 2)
    return Numeric(rule.name, float(mean), float(np.sqrt(square)))


def _fill(matrix: NDArray[np.float32], rules: Sequence[Numeric | Categorical], frame: pd.DataFrame) -> None:
    """Write the columns into an (n, width) matrix of zeros, so few rows at a time that they stay in the cache."""
    starts = list(accumulate((2 if isinstance(c, Numeric) else len(c.values) + 2 for c in rules), initial=0))
    numeric = [(at, c) for at, c in zip(starts, rules, strict=False) if isinstance(c, Numeric)]
    values = [numbers(c.name, frame[c.name]) for _, c in numeric]
    slots = [at + _slots(c, frame[c.name]) for at, c in zip(starts, rules, strict=False) if isinstance(c, Categorical)]
    mean, std = np.array([[c.mean] for _, c in numeric]), np.array([[c.std] for _, c in numeric])
    for begin in range(0, len(matrix), _ROWS):
        rows = slice(begin, begin + _ROWS)
        out = matrix[rows]
        if numeric:
            block = np.stack([column[rows] for column in values])
            missing = ~np.isfinite(block)
            np.copyto(block, mean, where=missing)
            block -= mean
            block /= std
            np.clip(block, -CLIP, CLIP, out=block)
            for (at, _), standard, gaps in zip(numeric, block, missing, strict=True):
                out[:, at] = standard
                if gaps.any():
                    out[:, at + 1] = gaps
        for column in slots:
            out[np.arange(len(out)), column[rows]] = 1


def _slots(rule: Categorical, column: pd.Series[Any]) -> NDArray[np.int64]:
    """Return (n,) which of a column's slots each row takes."""
    other, absent = len(rule.values), len(rule.values) + 1
    places = {value: at for at, value in enumerate(rule.values)}
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    elif pd.api.types.infer_dtype(column, skipna=True) == "string":
        codes, values = pd.factorize(column)
    else:  # 1 and True are one to pandas, and two categories to us
        gone = column.isna()
        found = [absent if no else places.get(str(v), other) for v, no in zip(column, gone, strict=True)]
        return np.array(found, dtype=np.int64)
    # What is missing has the code -1, which is the last place.
    return np.array([*(places.get(str(value), other) for value in values), absent], dtype=np.int64)[codes]


def numbers(name: str, column: pd.Series[Any]) -> NDArray[np.float64]:
    """Return (n,) float64, NaN where missing."""
    if column.dtype == np.float64:
        return column.to_numpy()
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    try:
        return pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise LeptonError(
            f"Column {name!r} holds something that is not a number.",
            why=str(error),
            fix=["check the delivery against its contract: lepton ingest DOMAIN FILE --dry-run"],
        ) from None
