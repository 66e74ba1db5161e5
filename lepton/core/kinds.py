"""What a row can be. A kind is declared once, here: what it is called and holds, and what works on it in each room.

The rooms look a kind up by its name and find their part of it by reference (`module:attribute`), so nothing here
imports them. A kind that is not lepton's own is declared the same way and given to `register_kind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from lepton.core.errors import UsageError

Kind = str
"""Name of a kind: image, tabular, sequence, text, mixed, or one that was registered."""
ColumnType = Literal["number", "category", "text", "series"]
DatePart = Literal["weekday", "hour", "day", "month", "year", "days"]
"""What may be kept of a date, as a column of its own: a date itself is no feature."""


@dataclass(frozen=True)
class InputKind:
    """A kind of row: what it holds, and who reads, checks, prepares, degrades and summarises it."""

    name: str
    words: str
    """What a person calls rows of it, in the plural."""
    inputs: str
    """Reference to its `lepton.models.input_spec.InputSpec`: how rows become tensors, made-up rows, plain columns."""
    columns: tuple[ColumnType, ...] = ()
    """What its columns may hold, which the contract checks; none for rows without columns."""
    images: Literal["none", "each", "some"] = "none"
    """Whether rows have an image: none, each of them, or some."""
    reading: str | None = None
    """Reference to `(path, features, ids, labels, reading) -> Table`, for rows that do not follow from their columns'
    types alone: `features` is a DataFrame without id and label, `ids` (n,) texts or None where there is no such column,
    `labels` (n,) texts, None where unknown, `reading` a `lepton.data.readers.Reading`."""
    degradations: str | None = None
    """Reference to a module with `able(rows) -> list[str]` and `degrade(rows, name, strength, seed) -> Table`:
    simulated drift, to learn from what real drift costs."""
    summaries: str | None = None
    """Reference to `(table) -> DataFrame`, numbers and categories that drift is looked for in; by default those of its
    columns and images."""
    light: bool = False
    """Whether a row is so small that a step of training costs next to nothing; the planner's costs go by it."""


_OWN = (
    InputKind(
        name="image",
        words="images",
        inputs="lepton.models.image_inputs:ImageInputs",
        images="each",
        degradations="lepton.data.corruptions.images",
    ),
    InputKind(
        name="tabular",
        words="rows of a table",
        inputs="lepton.models.table_inputs:TableInputs",
        columns=("number", "category"),
        degradations="lepton.data.corruptions.tables",
        light=True,
    ),
    InputKind(
        name="sequence",
        words="sequences",
        inputs="lepton.models.sequence_inputs:SequenceInputs",
        columns=("series",),
        reading="lepton.data.readers.frames:sequences",
        degradations="lepton.data.corruptions.sequences",
    ),
    InputKind(
        name="text",
        words="texts",
        inputs="lepton.models.text_inputs:TextInputs",
        columns=("text",),
        degradations="lepton.data.corruptions.texts",
    ),
    InputKind(
        name="mixed",
        words="rows of several inputs",
        inputs="lepton.models.mixed_inputs:MixedInputs",
        columns=("number", "category", "text", "series"),
        images="some",
    ),
)
_KINDS: dict[str, InputKind] = {kind.name: kind for kind in _OWN}


def kinds() -> Mapping[str, InputKind]:
    """Return every kind there is by its name, lepton's own first."""
    return _KINDS


def kind_of(name: Kind) -> InputKind:
    """Return a kind by its name.

    Raises:
        UsageError: If there is none; lists those that there are.
    """
    if name not in _KINDS:
        raise UsageError(
            f"There is no kind of rows {name!r}.",
            why=f"Known: {', '.join(_KINDS)}. Others come with a package, or with lepton.register.",
            fix=["install the package that brings it", "mend `kind` in lepton.yaml"],
        )
    return _KINDS[name]


def is_own(name: Kind) -> bool:
    """Return whether a kind is lepton's own, whose rows are told apart by what their columns hold."""
    return any(kind.name == name for kind in _OWN)


def check_kind(name: Kind) -> Kind:
    """Return a name that a file gives a kind by.

    Raises:
        ValueError: If there is no such kind; for pydantic, which says where it stands.
    """
    if name not in _KINDS:
        raise ValueError(f"there is no kind {name!r}; known: {', '.join(_KINDS)}")
    return name


def part_name(date: str, part: DatePart) -> str:
    """Return the name of the column that holds a part of a date: `day (weekday)`."""
    return f"{date} ({part})"


def register_kind(kind: InputKind) -> InputKind:
    """Make a kind known to every room of this process; the same one again changes nothing.

    Raises:
        ValueError: If another kind bears its name.
    """
    if _KINDS.setdefault(kind.name, kind) != kind:
        raise ValueError(f"two kinds of rows are called {kind.name!r}")
    return kind


def refer(reference: str) -> Any:
    """Return what a reference `module:attribute`, or `module`, points to."""
    module, _, attribute = reference.partition(":")
    found = import_module(module)
    return getattr(found, attribute) if attribute else found
