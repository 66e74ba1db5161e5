"""What is answered to who asks which rows to label next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lepton.core.decisions.outlook import Outlook
from lepton.operations.result import Facts, Json, Result


@dataclass(frozen=True)
class LabelNext(Result):
    """Rows to be labelled, and what their labels are good for."""

    domain: str
    file: Path
    """The sheet; of a dry run, where it would be."""
    ids: tuple[str, ...]
    """In the order in which they were drawn; whoever stops early has an even sample, too."""
    unlabelled: int
    """Rows that they were drawn from."""
    labelled: int
    """Rows beside these that have a label."""
    held_out: bool
    """Whether only held-out rows were drawn, because only they could decide."""
    model: str
    """What serves, or would stand in."""
    provisional: bool
    """Whether it is the un-adapted base, which nobody verified on this domain."""
    challenger: str | None
    """What the gate refused last; None if nothing waits for a verdict."""
    differing: int | None
    """Of the rows in the sheet, those that the challenger answers otherwise; None without one."""
    share: float | None
    """The same of all rows that were looked at, as a share."""
    classes: Mapping[str, int]
    """Rows in the sheet by what the model answers."""
    clusters: int
    """Groups of its embedding that they lie in."""
    marked: int
    """Cells that begin with an apostrophe, because a spreadsheet would run them."""
    outlook: Outlook
    """Labels until a verdict."""
    dry_run: bool

    @property
    def next(self) -> str:
        """The command to give next."""
        return f"lepton ingest {self.domain} {shlex.quote(str(self.file))} --labels"

    @property
    def verdict(self) -> str:
        """How many labels until a verdict, in words."""
        seen = self.outlook
        if seen.basis == "nothing":
            return f"nobody can say: {seen.why}"
        if seen.more is None and seen.at_best is None:
            return f"no number of labels: {seen.why}"
        if seen.basis == "labels":
            return f"about {seen.more:,} more labels ({seen.why})"
        at_best, if_better, even = (
            "no number" if count is None else f"{count:,}" for count in (seen.at_best, seen.if_better, seen.more)
        )
        right = f"right on all of these, {if_better} if on two of three, {even} if on half: no better than what serves"
        return f"{seen.why}; about {at_best} more labels if the challenger is {right}"

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        among = "held-out " if self.held_out else ""
        told: Facts = {
            "to label": f"{len(self.ids):,} of {self.unlabelled:,} unlabelled {among}rows",
            "sheet": self.file,
            "drawn": "each row with the same chance: gate and monitor may read the labels as those of any rows",
            "spread": f"{', '.join(f'{name} {count}' for name, count in self.classes.items())} as"
            f" {self.model}{', provisionally,' if self.provisional else ''} answers; {self.clusters} clusters",
        }
        if self.challenger:
            share = f"{self.differing} of these otherwise, {self.share:.1%} of all"
            told["challenger"] = f"{self.challenger} answers {share}"
        return {**told, "verdict": self.verdict, "next": self.next}

    def to_json(self) -> Json:
        """Return a JSON object."""
        return super().to_json() | {"verdict": self.verdict, "next": self.next}
