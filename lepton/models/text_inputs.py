"""Texts to tensors: the bytes of their UTF-8 form, so that every script is read and no vocabulary is needed.

A byte-level tokeniser (as ByT5, Xue et al. 2022) knows 256 tokens and meets no unknown word. Texts are brought to one
form first (Unicode NFC: the same letter has the same bytes), and cut at a whole character.
"""

from __future__ import annotations

import unicodedata
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
from lepton.core.table import Table
from lepton.models.input_spec import InputSpec, nameless
from lepton.models.layout import Layout
from lepton.models.variation import Strength

BUCKETS = 2048
"""Columns that a text is hashed to for models that know columns only."""
PADDING, HIDDEN = 0, 257
"""Tokens that are no byte: nothing, and a byte that training hides. Byte b is token b + 1."""
SYMBOLS = 258
ENOUGH = 99
"""Percentage of the source's texts that are read to their end, if `encoder.longest` allows."""


@dataclass(frozen=True)
class TextInputs(InputSpec):
    """What turns texts into tensors; fitted on the source."""

    column: str
    length: int
    """T: bytes read of a text."""

    kind: ClassVar[Kind] = "text"
    measured: ClassVar[bool] = False

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of texts that are read."""
        return (self.column,)

    @classmethod
    def fitted(cls, table: Table, encoder: EncoderConfig) -> TextInputs:
        """Learn from the source how long texts are."""
        column, values = _texts(table)
        lengths = [len(_bytes(text)) for text in values if text]
        if not lengths:
            raise LeptonError(f"There is no text in column {column!r}: every row of the source lacks it.")
        usual = int(np.ceil(np.percentile(lengths, ENOUGH)))
        return cls(column, max(8, min(encoder.longest, usual)))

    @property
    def layout(self) -> Layout:
        """Kind and shape of one prepared row."""
        return Layout(self.kind, (self.length,))

    def to_tensor(self, table: Table) -> Tensor:
        """Return (n, T) float32 tokens, whole numbers of 0..256; a missing text is all padding.

        Raises:
            LeptonError: If the rows have no such column.
        """
        _, values = _texts(table, self.column)
        whole = torch.zeros(len(values), self.length)
        found = whole.numpy()
        for row, text in enumerate(values):
            if text:
                tokens = np.frombuffer(_cut(_bytes(text), self.length), dtype=np.uint8)
                found[row, : len(tokens)] = tokens
                found[row, : len(tokens)] += 1
        return whole

    def made_up(self, count: int, random: np.random.Generator) -> Table:
        """Return words that nobody wrote, in several scripts; one text is missing, one longer than what is read."""
        frame = pd.DataFrame({self.column: pd.Series(_prose(self.length, count, random), dtype=object)})
        return Table("text", *nameless(count), frame=frame, texts=(self.column,))

    def plain(self, x: Tensor) -> NDArray[np.float64]:
        """Return (n, BUCKETS) of texts (n, T), rows of unit length: hashed sequences of two to four bytes.

        Cavnar and Trenkle 1994 tell languages by them.
        """
        from sklearn.feature_extraction.text import HashingVectorizer

        rows = (x.to(torch.int64) - 1).clamp(-1, 255).tolist()
        texts = [bytes(token for token in row if token >= 0).decode("latin-1").lower() for row in rows]
        hashing = HashingVectorizer(analyzer="char", ngram_range=(2, 4), n_features=BUCKETS, lowercase=False)
        found: NDArray[np.float64] = hashing.transform(texts).toarray()
        return found

    def varied(self, x: Tensor, strength: Strength, source: torch.Generator) -> Tensor:
        """Return texts with single bytes hidden."""
        hidden = (torch.rand(x.shape, generator=source) < strength.drop) & (x != PADDING)
        return torch.where(hidden, float(HIDDEN), x)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"kind": self.kind, "column": self.column, "length": self.length}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TextInputs:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: If a field is missing or of another type.
        """
        length = int(value["length"])
        if not 1 <= length <= 65_536:
            raise ValueError(f"length {length} out of range")
        return cls(str(value["column"]), length)


def _texts(table: Table, column: str | None = None) -> tuple[str, list[str | None]]:
    if table.frame is None or not table.texts:
        raise LeptonError(f"This model reads texts; these rows are {kind_of(table.kind).words}.")
    column = column if column is not None else table.texts[0]
    if column not in table.texts:
        raise LeptonError(
            f"The rows lack the text {column!r} that the model reads.",
            why=f"Found: {', '.join(map(str, table.frame.columns))}.",
            fix=["deliver the column of the source"],
        )
    return column, table.frame[column].tolist()


def _bytes(text: str) -> bytes:
    # A lone surrogate is half a character and has no bytes of its own.
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace")


def _cut(raw: bytes, most: int) -> bytes:
    """Return at most so many bytes, no character cut in two."""
    if len(raw) <= most:
        return raw
    while most and raw[most] & 0xC0 == 0x80:
        most -= 1
    return raw[:most]


def _prose(length: int, count: int, random: np.random.Generator) -> list[str | None]:
    """Return words that nobody wrote, in several scripts; one text is missing, one longer than what is read."""
    letters = [
        "etaoinshrdlu",
        "ETAOIN",
        "0123456789",
        "\u00e9\u00e8\u00fc\u00f1",
        "\u0430\u0435\u0438\u043e\u043d\u0442",
        "\u3042\u3044\u3046\u5c71\u6c34",
    ]
    found: list[str | None] = []
    for row in range(count):
        wanted = 2 * length if row == 1 else int(random.integers(1, length + 1))
        alphabet, words = letters[row % len(letters)], ""
        while len(words) < wanted:
            words += "".join(random.choice(list(alphabet), random.integers(1, 9))) + " "
        found.append(words.strip() or None)
    found[2] = None
    return found
