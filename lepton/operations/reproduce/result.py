"""What a reproduction answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.refs import DataRef, ModelRef
from lepton.operations.result import Facts, Json, Result
from lepton.registry.lineage.differences import Difference

if TYPE_CHECKING:
    from lepton.models.deviation import Deviation


@dataclass(frozen=True)
class Reproduced:
    """One version, made again."""

    model: ModelRef
    """The registered one."""
    identical: bool
    """Whether it came out again to the bit, of the same rows."""
    strategy: str
    seed: int
    threads: int
    parent: ModelRef | None
    parent_rebuilt: bool
    """Whether the parent was made again, too; else the registered one was taken."""
    data: DataRef
    deviation: Deviation
    differences: tuple[Difference, ...]
    """What is not the same now as then: rows, code, libraries, machine."""
    seconds: float

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {
            "model": self.model.to_json(),
            "identical": self.identical,
            "strategy": self.strategy,
            "seed": self.seed,
            "threads": self.threads,
            "parent": {**self.parent.to_json(), "rebuilt": self.parent_rebuilt} if self.parent else None,
            "data": self.data.to_json(),
            "deviation": self.deviation.to_json(),
            "differences": [one.to_json() for one in self.differences],
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class ReproduceResult(Result):
    """Whether a version can be made again."""

    model: ModelRef
    """The one that was asked for."""
    deep: bool
    """Whether what it descends from was made again, too."""
    models: tuple[Reproduced, ...]
    """Each that was made again; the one that was asked for last."""
    kept: Path | None
    """Where they are left."""

    @property
    def identical(self) -> bool:
        """Whether each of them is the registered one to the bit."""
        return all(one.identical for one in self.models)

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        told: Facts = {
            one.model.label: f"{'identical' if one.identical else 'DIFFERENT'} ({one.seconds:.1f} s)"
            for one in self.models
        }
        changed = [f"{one.what} {one.then} -> {one.now}" for made in self.models for one in made.differences]
        return told | ({"other than then": "; ".join(changed)} if changed else {})

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {
            "model": self.model.to_json(),
            "identical": self.identical,
            "deep": self.deep,
            "models": [one.to_json() for one in self.models],
            "kept": str(self.kept) if self.kept else None,
        }
