"""What a row can be. A kind is declared once, here: what it is called and holds, and what works on it in each room.

The rooms look a kind up by its name and find their part of it by reference (`module:attribute`), so nothing here
imports them. A kind that is not lepton's own is declared the same way and given to `lepton.register`, or announced by a
package (`[project.entry-points."lepton.kinds"] spectrum = "my_package:SPECTRUM"`).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from lepton.core.errors import UsageError
from lepton.core.plugins import Origin, Plugin, PluginWarning, announced, home_of, keep

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
    graph: str | None = None
    """Reference to a `lepton.models.graph.front.MakeFront`: how raw rows are prepared inside an exported ONNX graph.
    None: models of this kind cannot be exported as one."""
    light: bool = False
    """Whether a row is so small that a step of training costs next to nothing; the planner's costs go by it."""


_OWN = (
    InputKind(
        name="image",
        words="images",
        inputs="lepton.models.image_inputs:ImageInputs",
        graph="lepton.models.graph.images:front",
        images="each",
        degradations="lepton.data.corruptions.images",
    ),
    InputKind(
        name="tabular",
        words="rows of a table",
        inputs="lepton.models.table_inputs:TableInputs",
        graph="lepton.models.graph.tables:front",
        columns=("number", "category"),
        degradations="lepton.data.corruptions.tables",
        light=True,
    ),
    InputKind(
        name="sequence",
        words="sequences",
        inputs="lepton.models.sequence_inputs:SequenceInputs",
        graph="lepton.models.graph.sequences:front",
        columns=("series",),
        reading="lepton.data.readers.frames:sequences",
        degradations="lepton.data.corruptions.sequences",
    ),
    InputKind(
        name="text",
        words="texts",
        inputs="lepton.models.text_inputs:TextInputs",
        graph="lepton.models.graph.texts:front",
        columns=("text",),
        degradations="lepton.data.corruptions.texts",
    ),
    InputKind(
        name="mixed",
        words="rows of several inputs",
        inputs="lepton.models.mixed_inputs:MixedInputs",
        graph="lepton.models.graph.mixed:front",
        columns=("number", "category", "text", "series"),
        images="some",
    ),
)
_KINDS: dict[str, InputKind] = {kind.name: kind for kind in _OWN}


class Kinds:
    """Every kind there is. What packages announce is looked for once, when a name is asked for that is not known."""

    word = "kind of rows"
    group = "lepton.kinds"

    def __init__(self) -> None:
        self._origins: dict[str, Origin] = {}
        self._broken: list[Plugin] = []
        self._looked = False
        self._lock = threading.RLock()
        keep(self)

    def find(self, name: Kind) -> InputKind | None:
        """Return a kind by its name; None if there is none."""
        if name not in _KINDS:
            self._look()
        return _KINDS.get(name)

    def get(self, name: Kind) -> InputKind:
        """Return a kind by its name; see `kind_of`."""
        return kind_of(name)

    def known(self) -> Mapping[str, InputKind]:
        """Return every kind there is by its name, lepton's own first."""
        self._look()
        return _KINDS

    def origin(self, name: Kind) -> Origin | None:
        """Return where a kind comes from; None for lepton's own, and for a name that is not known."""
        return self._origins.get(name) if self.find(name) is not None else None

    def takes(self, given: Any, /) -> bool:
        """Return whether something is a kind."""
        return isinstance(given, InputKind)

    def register(self, kind: InputKind) -> None:
        """Add a kind; the same one again changes nothing.

        Raises:
            UsageError: If another kind bears its name.
        """
        self._add(kind, home_of(kind.inputs.partition(":")[0]))

    def outside(self) -> list[Plugin]:
        """Return what does not come from lepton, the broken ones last."""
        self._look()
        there = (name for name in self._origins if name in _KINDS)
        return [*(Plugin(self.word, name, self._origins[name]) for name in there), *self._broken]

    def _add(self, kind: InputKind, origin: Origin) -> None:
        with self._lock:
            if _KINDS.setdefault(kind.name, kind) != kind:
                raise UsageError(
                    f"There are two kinds of rows of the name {kind.name!r}.",
                    why=f"One comes from {self._origins.get(kind.name, 'lepton itself')}, the other from {origin}.",
                    fix=["give the kind another `name`"],
                )
            self._origins.setdefault(kind.name, origin)

    def _look(self) -> None:
        """Add what installed packages announce, once.

        Raises:
            UsageError: If two have one name.
        """
        with self._lock:
            if self._looked:
                return
            broken = []
            for point in announced(self.group):
                origin = Origin(point.dist.name, point.dist.version) if point.dist else Origin(point.module)
                try:
                    kind = point.load()
                    problem = "" if isinstance(kind, InputKind) else f"{kind!r} is no lepton.InputKind."
                except (Exception, SystemExit) as error:  # whatever a package does, the others must go on
                    problem = f"{point.value}: {type(error).__name__}: {error}"
                if not problem:
                    self._add(kind, origin)
                    continue
                broken.append(Plugin(self.word, point.name, origin, problem))
                told = f"The {self.word} {point.name!r} of {origin} is left out: {problem}"
                warnings.warn(told, PluginWarning, stacklevel=4)
            self._broken, self._looked = broken, True


KINDS = Kinds()


def kinds() -> Mapping[str, InputKind]:
    """Return every kind there is by its name, lepton's own first."""
    return KINDS.known()


def kind_of(name: Kind) -> InputKind:
    """Return a kind by its name.

    Raises:
        UsageError: If there is none; lists those that there are.
    """
    if (found := KINDS.find(name)) is None:
        raise UsageError(
            f"There is no kind of rows {name!r}.",
            why=f"Known: {', '.join(_KINDS)}. Others come with a package, or with lepton.register.",
            fix=["install the package that brings it", "mend `kind` in lepton.yaml"],
        )
    return found


def is_own(name: Kind) -> bool:
    """Return whether a kind is lepton's own, whose rows are told apart by what their columns hold."""
    return any(kind.name == name for kind in _OWN)


def check_kind(name: Kind) -> Kind:
    """Return a name that a file gives a kind by.

    Raises:
        ValueError: If there is no such kind; for pydantic, which says where it stands.
    """
    if KINDS.find(name) is None:
        raise ValueError(f"there is no kind {name!r}; known: {', '.join(_KINDS)}")
    return name


def part_name(date: str, part: DatePart) -> str:
    """Return the name of the column that holds a part of a date: `day (weekday)`."""
    return f"{date} ({part})"


def refer(reference: str) -> Any:
    """Return what a reference `module:attribute`, or `module`, points to."""
    module, _, attribute = reference.partition(":")
    found = import_module(module)
    return getattr(found, attribute) if attribute else found
