"""A first delivery, looked at until it is settled what its columns are: kind, label, id, dates, what is left out."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from lepton.core.config.yaml_file import nearest
from lepton.core.errors import LeptonError, UsageError
from lepton.core.kinds import DatePart, Kind, kind_of, part_name

if TYPE_CHECKING:
    from lepton.core.table import Table
    from lepton.data.looks import Look
    from lepton.data.readers import Delivery

LABEL_NAMES = ("label", "target", "class", "y", "outcome", "category")
"""Column names taken for the label without asking, in this order."""
ID_NAMES = ("id", "row_id", "uuid", "key")
KEPT: tuple[DatePart, ...] = ("weekday", "hour")
"""Parts of a date that are kept, where they differ from row to row."""


@dataclass(frozen=True)
class Said:
    """What somebody said of the columns of a first delivery; the rest is guessed."""

    categories: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    no_value: tuple[str, ...] = ()
    """Further spellings of no value in columns of numbers."""
    label: str | None = None
    """Column that holds the label."""
    id: str | None = None
    """Column that identifies a row."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of features that were named."""
        return (*self.categories, *self.numbers, *self.dates, *self.ignore, *self.texts)


@dataclass
class FirstLook:
    """Reads the delivery as often as what is found in it asks for; `settle` first."""

    file: Path
    said: Said
    again: str
    """The command as it was given, for the remedies."""
    label: str | None
    id: str | None
    kind: Kind | None
    ignore: tuple[str, ...] = ()
    dates: dict[str, tuple[DatePart, ...]] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    _delivery: Delivery | None = None

    @property
    def table(self) -> Table:
        """The rows, with ids."""
        from lepton.data.readers import stem

        assert self._delivery is not None
        return self._delivery.identified(stem(self.file))

    def settle(self) -> None:
        """Find out what the columns are.

        Raises:
            UsageError: If a column that was named is not there, the label cannot be told, or the kind is another one.
            LeptonError: If the delivery cannot be read.
        """
        self.ignore, self.dates = self.said.ignore, dict.fromkeys(self.said.dates, KEPT)
        # A sequence of lines becomes one row only once it is known which column tells them apart.
        look: Kind | None = None if self.kind == "sequence" and self.file.suffix != ".npz" else self.kind
        delivery = self._read(look)
        frame = delivery.table.frame
        if frame is not None:
            self._check_names(delivery)
            self.id = self.id or next((c for c in frame.columns if c.lower() in ID_NAMES), None)
            self.label = self.label or _guess_label(delivery.table, self.file, self.again)
            delivery = self._read(look)
            if self.kind is None and delivery.table.kind == "tabular" and _is_prose(delivery.table):
                self.kind = "text"
            if self.kind not in (None, look) or (self.kind == "text" and delivery.table.kind != "text"):
                delivery = self._read(self.kind)
            delivery = self._with_dates(delivery)
        if self.kind is not None and delivery.table.kind != self.kind:
            raise UsageError(
                f"{self.file.name} holds {kind_of(delivery.table.kind).words}, not {kind_of(self.kind).words}.",
                fix=[
                    f"{self.again}  (without --kind)",
                    "see docs/inputs.md for what a delivery of each kind looks like",
                ],
            )
        self._look_at(delivery)

    def _read(self, kind: Kind | None) -> Delivery:
        from lepton.core.config.settings import limits_before_init
        from lepton.data.readers import Reading, read

        reading = Reading(
            kind=kind,
            label=self.label or "label",
            id=self.id or "id",
            categories=self.said.categories,
            texts=self.said.texts,
            numbers=self.said.numbers,
            dates=self.dates,
            ignore=self.ignore,
            no_value=self.said.no_value,
            limits=limits_before_init(dict(os.environ)),
        )
        self._delivery = read(self.file, reading)
        return self._delivery

    def _check_names(self, delivery: Delivery) -> None:
        frame = delivery.table.frame
        assert frame is not None
        parts = {part_name(date, part): date for date, kept in self.dates.items() for part in kept}
        there = [*(parts.get(str(name), str(name)) for name in frame.columns), *delivery.dates, *delivery.left_out]
        there += [name for name in (self.label or "label", self.id or "id") if name not in there]
        if strange := [name for name in self.said.columns if name not in there]:
            near = nearest(strange[0], there)
            what = "to read as text" if strange[0] in self.said.texts else "as the options say"
            raise UsageError(
                f"{self.file.name} has no column {strange[0]!r} {what}." + (f" Did you mean {near!r}?" if near else ""),
                why=f"Columns: {', '.join(there)}.",
                fix=[f"{self.again} --text COLUMN" if strange[0] in self.said.texts else f"{self.again}  (and COLUMN)"],
            )

    def _with_dates(self, delivery: Delivery) -> Delivery:
        """Keep of each date the parts that differ from row to row; leave the other dates out."""
        frame = delivery.table.frame
        assert frame is not None
        for date in self.said.dates:
            differing = tuple(p for p in KEPT if frame[part_name(date, p)].nunique() > 1)
            self.dates[date] = differing or KEPT[:1]
        self.ignore = (*self.ignore, *(date for date in delivery.dates if date not in self.ignore))
        return self._read(delivery.table.kind if self.kind is None else self.kind) if self.said.dates else delivery

    def _look_at(self, delivery: Delivery) -> None:
        from lepton.data.looks import Look, look_at

        table = delivery.table
        if kind_of(table.kind).columns == ("series",) or table.frame is None:
            return
        parts = [part_name(date, part) for date, kept in self.dates.items() for part in kept]
        looks = look_at(table, {*self.said.columns, *parts}, self.said.no_value)
        strange = [look.name for look in looks if not look.keep]
        if strange and (len(strange) < len(looks) or table.images is not None):
            self.ignore = (*self.ignore, *strange)
            self._read(table.kind)
        else:  # something must be left to learn from
            looks = [one if one.keep else replace(one, what="category", doubt="", keep=True) for one in looks]
        for date in delivery.dates:
            looks.append(
                Look(date, "left out", "dates", 0.0, (), f"--date {shlex.quote(date)} keeps weekday and hour", False)
            )
        looks += [
            Look(name, "left out", "as you said", 0.0, ()) for name in delivery.left_out if name in self.said.ignore
        ]
        self.looks = tuple(looks)


def _is_prose(table: Table) -> bool:
    """Return whether the one feature column holds sentences: several words, seldom the same."""
    frame = table.frame
    if frame is None or len(frame.columns) != 1 or table.column_type(str(frame.columns[0])) != "category":
        return False
    values = [str(value) for value in frame.iloc[:, 0].dropna()]
    return len(set(values)) > len(values) / 2 and median(len(value.split()) for value in values) > 1


def _guess_label(table: Table, file: Path, again: str) -> str:
    """Return the column that is most likely the label.

    Raises:
        UsageError: If none or several could be; lists them.
    """
    frame = table.frame
    if frame is None:
        raise LeptonError(f"{file.name} has no columns.")
    if table.known().any():
        return "label"
    by_name = {column.lower(): column for column in frame.columns}
    for wanted in LABEL_NAMES:
        if wanted in by_name:
            return str(by_name[wanted])
    few = [str(column) for column in frame.columns if column not in table.series and 2 <= frame[column].nunique() <= 20]
    last = str(frame.columns[-1])
    if few == [last]:
        return last
    raise UsageError(
        f"Which column of {file.name} holds the label?",
        why=f"None is called {', '.join(LABEL_NAMES)}. With 2 to 20 different values: {', '.join(few) or 'none'}.",
        fix=[f"{again} --label {shlex.quote(few[-1]) if few else 'COLUMN'}"],
    )
