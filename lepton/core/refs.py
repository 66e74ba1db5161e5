"""References: what passes between tasks instead of arrays, and what the lineage is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from lepton.core.errors import UsageError


@dataclass(frozen=True)
class DataRef:
    """What exactly a model saw."""

    domain: str
    batches: tuple[str, ...]
    digest: str
    """Digest of this domain's own entries (path and md5) in DVC's manifest, for these batches."""
    dvc_md5: str | None
    """The md5 in `data.dvc`, which restores the whole data folder."""
    git_revision: str | None
    rows: int
    labelled: int

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DataRef:
        """Read what `to_json` wrote; what only a later lepton writes is passed over."""
        return cls(
            domain=value["domain"],
            batches=tuple(value["batches"]),
            digest=value["digest"],
            dvc_md5=value["dvc_md5"],
            git_revision=value["git_revision"],
            rows=value["rows"],
            labelled=value["labelled"],
        )


@dataclass(frozen=True)
class Pair:
    """A source and a target domain, with a champion, a budget and a drift state of their own."""

    source: str
    target: str

    @property
    def name(self) -> str:
        """`mnist-to-optdigits`: used in resource ids, the ledger and on screen."""
        return f"{self.source}-to-{self.target}"

    @property
    def model_name(self) -> str:
        """The registered model that holds the pair's versions."""
        return f"lepton-{self.name}"

    @property
    def base_name(self) -> str:
        """The registered model that holds the source's base models."""
        return base_model_name(self.source)

    @classmethod
    def parse(cls, name: str) -> Pair:
        """Read `mnist-to-optdigits`.

        Raises:
            UsageError: If there is no `-to-` in it.
        """
        source, found, target = name.partition("-to-")
        if not (found and source and target):
            raise UsageError(f"{name!r} does not name a pair; a pair is written SOURCE-to-TARGET.")
        return cls(source, target)


@dataclass(frozen=True)
class ModelRef:
    """One registered version of a model."""

    name: str
    version: str
    digest: str
    """SHA-256 over the digests of the model's files."""
    run_id: str

    @property
    def key(self) -> tuple[str, str]:
        """Name and version, which identify it."""
        return self.name, self.version

    @property
    def label(self) -> str:
        """`lepton-mnist-to-optdigits v2`."""
        return f"{self.name} v{self.version}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ModelRef:
        """Read what `to_json` wrote; what only a later lepton writes is passed over."""
        return cls(value["name"], value["version"], value["digest"], value["run_id"])


@dataclass(frozen=True)
class Run:
    """What work is done in: a flow run, or a process."""

    id: str
    name: str = ""
    url: str | None = None

    @classmethod
    def in_process(cls) -> Run:
        """Return a made-up id and no link."""
        return cls(f"local-{uuid4().hex[:12]}", "in process")

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Run:
        """Read what `to_json` wrote; what only a later lepton writes is passed over."""
        return cls(value["id"], value.get("name", ""), value.get("url"))


def base_model_name(source: str) -> str:
    """Return the registered model's name for the base of `source`."""
    return f"lepton-{source}"


def domain_of(slot: str) -> str:
    """Return the domain of a name that the ledger keeps things under: a pair's target, or the source itself."""
    return slot.partition("-to-")[2] or slot
