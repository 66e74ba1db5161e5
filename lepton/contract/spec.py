"""The contract of a domain: what a delivery must be like to enter it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lepton.core.kinds import ColumnType, DatePart, Kind, check_kind, kind_of, part_name
from lepton.core.work.files import digest


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnRule(_Part):
    """What one feature column must meet."""

    name: str
    dtype: ColumnType
    min: float | None = None
    """Smallest allowed number, also within a series; None: any."""
    max: float | None = None
    """Largest allowed number; None: any."""
    length: tuple[int, int] | None = None
    """Fewest and most steps of a series, or characters of a text; None: any."""
    missing: float = Field(0.0, ge=0, le=1)
    """Largest allowed share of rows without a value."""
    values: tuple[str, ...] | None = None
    """Allowed categories; None: any."""
    mostly: float | None = Field(None, gt=0, le=1)
    """Least share of rows that must keep range, length and categories; None: as the contract says."""

    @field_validator("values", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return _as_texts(value)

    @model_validator(mode="after")
    def _fits_its_type(self) -> ColumnRule:
        if self.dtype == "number" and self.values is not None:
            raise ValueError(f"column {self.name!r} is a number: use min and max instead of values")
        if self.dtype == "category" and not (self.min is None and self.max is None):
            raise ValueError(f"column {self.name!r} is a category: use values instead of min and max")
        if self.dtype == "text" and not (self.min is None and self.max is None and self.values is None):
            raise ValueError(f"column {self.name!r} is a text: use length instead of min, max and values")
        if self.dtype == "series" and self.values is not None:
            raise ValueError(f"column {self.name!r} is a series: use min, max and length instead of values")
        if self.length is not None and self.dtype in ("number", "category"):
            raise ValueError(f"column {self.name!r} is a {self.dtype}, which has no length")
        if self.length is not None and not 0 <= self.length[0] <= self.length[1]:
            raise ValueError(f"column {self.name!r}: length goes from {self.length[0]} to {self.length[1]}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"column {self.name!r}: min {self.min} is larger than max {self.max}")
        return self

    def or_wider(self, other: ColumnRule) -> ColumnRule:
        """Return a rule that allows what this one or another one of the same column allows."""
        return self.model_copy(
            update={
                "min": None if self.min is None or other.min is None else min(self.min, other.min),
                "max": None if self.max is None or other.max is None else max(self.max, other.max),
                "length": None
                if self.length is None or other.length is None
                else (min(self.length[0], other.length[0]), max(self.length[1], other.length[1])),
                "missing": max(self.missing, other.missing),
                "values": None
                if self.values is None or other.values is None
                else tuple(sorted({*self.values, *other.values})),
            }
        )


class ImageRule(_Part):
    """What every image must meet."""

    shape: tuple[int, int, int]
    """(channels, height, width)."""
    dtype: Literal["uint8", "float32"] = "uint8"
    min: float = 0
    """Smallest allowed pixel."""
    max: float = 255
    """Largest allowed pixel."""
    missing: float = Field(0.0, ge=0, le=1)
    """Largest allowed share of rows without an image; of mixed rows only."""


class Contract(_Part):
    """What a batch must meet before it may enter a domain."""

    domain: str
    role: Literal["source", "target"]
    kind: Kind
    classes: tuple[str, ...] = Field(min_length=1)
    """Allowed labels."""
    label: str = "label"
    """Column that holds the label."""
    label_missing: float = Field(1.0, ge=0, le=1)
    """Largest allowed share of rows without a label, where the column is delivered at all."""
    id: str = "id"
    """Column that identifies a row, where it is delivered."""
    min_rows: int = Field(1, ge=1)
    """Fewest rows of a delivery."""
    mostly: float = Field(1.0, gt=0, le=1)
    """Least share of rows that must keep ranges, lengths and categories: the others are set aside in quarantine, and
    the rest of the delivery is stored. 1: one row is enough to refuse the delivery whole."""
    image: ImageRule | None = None
    columns: tuple[ColumnRule, ...] = ()
    dates: dict[str, tuple[DatePart, ...]] = Field(default_factory=dict)
    """Column of dates in a delivery -> the parts of it that are kept, each as a column `NAME (PART)`."""
    ignore: tuple[str, ...] = ()
    """Columns that a delivery may have and that are left out."""
    no_value: tuple[str, ...] = ()
    """Further spellings of no value in columns of numbers."""

    @field_validator("kind")
    @classmethod
    def _is_known(cls, value: Kind) -> Kind:
        return check_kind(value)

    @field_validator("classes", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return _as_texts(value)

    @model_validator(mode="after")
    def _is_whole(self) -> Contract:
        kind = kind_of(self.kind)
        if not kind.columns and (self.image is None or self.columns):
            raise ValueError(f"a contract of kind {self.kind} has `image` and no `columns`")
        if kind.images == "none" and (self.image is not None or not self.columns):
            raise ValueError(f"a contract of kind {self.kind} has `columns` and no `image`")
        if kind.images == "each" and self.image is not None and self.image.missing:
            raise ValueError("only rows of several inputs (kind mixed) may lack an image")
        if odd := [rule.name for rule in self.columns if rule.dtype not in kind.columns]:
            dtypes = " or ".join(kind.columns)
            raise ValueError(f"a contract of kind {self.kind} has columns of dtype {dtypes} only: {odd}")
        names = [rule.name for rule in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the columns {twice} are listed more than once")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("a class is listed more than once")
        if both := sorted({*self.dates, *self.ignore} & {*names, self.label, self.id}):
            raise ValueError(f"the columns {both} are features, label or id, and cannot be left out or split as well")
        parts = [part_name(date, part) for date, kept in self.dates.items() for part in kept]
        if absent := [name for name in parts if name not in names]:
            raise ValueError(f"`columns` lacks the parts of dates {absent}")
        return self

    @property
    def categories(self) -> tuple[str, ...]:
        """The columns to read as categories even where they hold numbers."""
        return tuple(rule.name for rule in self.columns if rule.dtype == "category")

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns to read as numbers, however they are stored."""
        return tuple(rule.name for rule in self.columns if rule.dtype == "number")

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """The categories that there can be, of the columns that list them."""
        return {rule.name: rule.values for rule in self.columns if rule.values is not None}

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of texts."""
        return tuple(rule.name for rule in self.columns if rule.dtype == "text")

    @property
    def series(self) -> tuple[str, ...]:
        """The columns of series."""
        return tuple(rule.name for rule in self.columns if rule.dtype == "series")

    def or_wider(self, other: Contract) -> Contract:
        """Return a contract that allows what this one or another one allows of columns of the same names and types."""
        pairs = zip(self.columns, other.columns, strict=True)
        return self.model_copy(update={"columns": tuple(a.or_wider(b) for a, b in pairs)})

    def sparing(self) -> Contract:
        """Return a contract that sets rows out of bounds aside, however many they are, as long as one is within."""
        columns = tuple(rule.model_copy(update={"mostly": None}) for rule in self.columns)
        return self.model_copy(update={"mostly": 1e-9, "columns": columns})

    def digest(self) -> str:
        """Return 16 hex digits over everything the contract says; comments do not count."""
        said = self.model_dump(mode="json")
        # What contracts could not say before has no part in their digest where it says nothing.
        for rule in said["columns"]:
            for name in ("length", "mostly"):
                if rule[name] is None:
                    del rule[name]
        if said["mostly"] == 1:
            del said["mostly"]
        if said["image"] and not said["image"]["missing"]:
            del said["image"]["missing"]
        for key in ("dates", "ignore", "no_value"):
            if not said[key]:
                del said[key]
        return digest(said)


def _as_texts(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    if any(isinstance(item, bool) for item in value):
        raise ValueError("yes, no, true and false are truth values in YAML: put them in quotes")
    return tuple(str(item) if isinstance(item, int | float) else item for item in value)
