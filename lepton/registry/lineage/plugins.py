"""Which plug-ins a model was made with: they stand in its record, in `code`, and must be there to make it again."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lepton.registry.lineage.record import Lineage

KEY = "plugins"
"""Of a record's `code`; absent where a model was made with lepton alone, as in all records of earlier versions."""


@dataclass(frozen=True)
class Used:
    """One plug-in that a model was made with."""

    word: str
    """What it is: `strategy`, `encoder`, `pretraining objective`."""
    name: str
    package: str
    """The distribution that it is in; of a class that was registered in a process, its module."""
    version: str
    """Empty for a class that was registered in a process."""

    @property
    def requirement(self) -> str:
        """What pip takes; empty if there is nothing to install."""
        return f"{self.package}=={self.version}" if self.version else ""

    def to_json(self) -> dict[str, str]:
        """Return a JSON object."""
        return asdict(self)


def used_in(made: Lineage) -> tuple[Used, ...]:
    """Return the plug-ins that a record names."""
    return tuple(Used(**one) for one in made.code.get(KEY, ()))
