"""The contract of a domain: one commented YAML file that people read and edit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lepton.core.config.names import check_domain
from lepton.core.config.workspace import Workspace
from lepton.core.config.yaml_file import nearest, read_yaml
from lepton.core.errors import NotFound, UsageError
from lepton.core.kinds import ColumnType, DatePart, Kind, check_kind, kind_of, part_name
from lepton.core.work.files import atomic_write, digest

_UNSAFE = re.compile("[\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that YAML does not allow, takes for a line break, or that nobody sees on the screen."""


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


def contract_path(ws: Workspace, domain: str) -> Path:
    """Return where a domain's contract lies."""
    return ws.contracts_dir / f"{check_domain(domain)}.yaml"


def load_contract(ws: Workspace, domain: str) -> Contract:
    """Return the contract of a known domain.

    Raises:
        NotFound: If the domain is not known.
        UsageError: If the file is not YAML or not a contract; names the line or the key.
    """
    ws.check_known(domain)
    contract = read_contract(contract_path(ws, domain))
    if contract.domain != domain:
        raise UsageError(
            f"contracts/{domain}.yaml is the contract of another domain, {contract.domain!r}.",
            fix=[f"write `domain: {domain}` in it"],
        )
    return contract


def read_contract(path: Path) -> Contract:
    """Read one contract file.

    Raises:
        NotFound: If there is none.
        UsageError: If it is not YAML or not a contract.
    """
    if not path.exists():
        raise NotFound(f"{path} does not exist.")
    try:
        return Contract.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(
            f"{path.name} is not a valid contract.",
            why="\n".join(_explain(dict(problem)) for problem in error.errors()),
            fix=[f"edit {path}"],
        ) from None


def save_contract(ws: Workspace, contract: Contract) -> Path:
    """Write a contract as the commented YAML that `load_contract` reads."""
    return atomic_write(contract_path(ws, contract.domain), render(contract))


def render(contract: Contract) -> str:
    """Return the commented YAML of a contract."""
    lines = [
        f"# The contract of domain {contract.domain!r}: what a delivery must meet before it is stored.",
        "# Edit it when the world changes for good; a delivery that breaks it goes to quarantine/ with the reason.",
        "",
        f"domain: {contract.domain}",
        f"role: {contract.role}      # a source needs labels, a target may have some",
        f"kind: {contract.kind}",
        "",
        '# Labels that may occur. Quote them: 1 and "1" mean the same here, but yes and no are truth values in YAML.',
        f"classes: {_flow(list(contract.classes))}",
        "",
        "# Column that holds the label, and the largest share of rows without one where that column is delivered.",
        f"label: {_flow(contract.label)}",
        f"label_missing: {_number(contract.label_missing)}",
        "",
        "# Column that identifies a row. Where it is not delivered, ids are made from the rows' content.",
        f"id: {_flow(contract.id)}",
        "",
        "# Fewest rows of a delivery.",
        f"min_rows: {contract.min_rows}",
        "",
        "# Least share of rows that must keep the ranges, lengths and categories below. The others are set aside in",
        "# quarantine/ and the rest is stored; 1 refuses a delivery whole for one such row. A column may have its own.",
        f"mostly: {_number(contract.mostly)}",
        "",
    ]
    if contract.image is not None:
        lines += [
            "# Every image: channels, height and width; the type of its pixels; the range of their values.",
            "image:",
            f"  shape: {list(contract.image.shape)}",
            f"  dtype: {contract.image.dtype}",
            f"  min: {_number(contract.image.min)}",
            f"  max: {_number(contract.image.max)}",
        ]
        if kind_of(contract.kind).images == "some":
            lines += [
                "  # The largest share of rows without an image.",
                f"  missing: {_number(contract.image.missing)}",
                "",
            ]
    if contract.columns:
        lines += [
            "# Feature columns; a delivery has exactly these. `missing` is the largest share of rows without a value.",
            "# number: min and max are inclusive; leave one out to allow any. category: leave values out to allow any.",
            *(
                ["# text, series: length is the fewest and most characters or steps; min and max hold for each step."]
                if contract.kind not in ("image", "tabular")
                else []
            ),
            "columns:",
            *(f"  - {_rule(rule)}" for rule in contract.columns),
        ]
    if contract.dates:
        lines += [
            "",
            "# Columns of dates, and the parts that are kept of each as the columns `NAME (PART)` above:",
            f"# {', '.join(get_args(DatePart))}.",
            "dates:",
            *(f"  {_flow(name)}: {_flow(list(parts))}" for name, parts in contract.dates.items()),
        ]
    if contract.ignore:
        lines += [
            "",
            "# Columns that a delivery may have and that are left out.",
            f"ignore: {_flow(list(contract.ignore))}",
        ]
    if contract.no_value:
        lines += [
            "",
            "# Further spellings of no value in columns of numbers.",
            f"no_value: {_flow(list(contract.no_value))}",
        ]
    return "\n".join(lines) + "\n"


def _rule(rule: ColumnRule) -> str:
    parts = [f"name: {_flow(rule.name)}", f"dtype: {rule.dtype}"]
    parts += [f"{key}: {_number(value)}" for key, value in (("min", rule.min), ("max", rule.max)) if value is not None]
    if rule.length is not None:
        parts.append(f"length: {list(rule.length)}")
    parts.append(f"missing: {_number(rule.missing)}")
    if rule.mostly is not None:
        parts.append(f"mostly: {_number(rule.mostly)}")
    if rule.values is not None:
        parts.append(f"values: {_flow(list(rule.values))}")
    return "{" + ", ".join(parts) + "}"


def _flow(value: str | list[str]) -> str:
    # JSON text is YAML, and always quoted; what YAML would not read back as it is has to be escaped.
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04X}", json.dumps(value, ensure_ascii=False))


def _number(value: float) -> str:
    # YAML 1.1 reads 1e-05 as text: a number needs a point.
    text = str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _as_texts(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    if any(isinstance(item, bool) for item in value):
        raise ValueError("yes, no, true and false are truth values in YAML: put them in quotes")
    return tuple(str(item) if isinstance(item, int | float) else item for item in value)


def _explain(problem: dict[str, Any]) -> str:
    """Turn one pydantic problem into a line with the path and the nearest known key."""
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in problem["loc"]) or "the file"
    if problem["type"] == "extra_forbidden":
        parts: dict[str, type[BaseModel]] = {"image": ImageRule, "columns": ColumnRule}
        part = parts.get(str(problem["loc"][0]), Contract)
        known = list((part if len(problem["loc"]) > 1 else Contract).model_fields)
        near = nearest(str(problem["loc"][-1]), known)
        return f"{where}: unknown key" + (f"; did you mean {near!r}?" if near else f"; known: {', '.join(known)}")
    if problem["type"] == "missing":
        return f"{where}: required, but absent"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" + ("" if isinstance(problem["input"], dict) else f" (found {problem['input']!r})")
