"""All settings that decide what a base becomes, beside its data and the seed; as they stand in its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.core.errors import LeptonError
from lepton.core.kinds import Kind
from lepton.operations.result import Json
from lepton.operations.session import Session


@dataclass(frozen=True)
class BaseSettings:
    """All settings that decide what a base becomes, beside its data and the seed."""

    kind: Kind
    encoder: EncoderConfig
    pretrain: PretrainConfig
    threads: int
    classes: tuple[str, ...]

    def to_json(self) -> Json:
        """Return a JSON object: the `config` of a base's record."""
        return {
            "kind": self.kind,
            "encoder": self.encoder.model_dump(mode="json"),
            "pretrain": self.pretrain.model_dump(mode="json"),
            "threads": self.threads,
            "classes": list(self.classes),
        }

    def with_encoder(self, name: str | None) -> BaseSettings:
        """Return the same with this encoder."""
        return replace(self, encoder=self.encoder.model_copy(update={"name": name}))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BaseSettings:
        """Read what `to_json` wrote, or the record of a base; what else stands there is passed over.

        Raises:
            ValueError: If it asks for what this lepton does not know.
        """
        return cls(
            kind=value["kind"],
            encoder=EncoderConfig.model_validate(value["encoder"]),
            pretrain=PretrainConfig.model_validate(value["pretrain"]),
            threads=value["threads"],
            classes=tuple(value["classes"]),
        )


def settings_of(session: Session) -> BaseSettings:
    """Return the settings of the workspace, as they stand in the record: a base made again is made of the same."""
    config = session.ws.config
    asked = BaseSettings(config.kind, config.encoder, config.pretrain, config.threads, source_classes(session))
    return BaseSettings.from_json(asked.to_json())


def source_classes(session: Session) -> tuple[str, ...]:
    """Return the classes that the source's contract allows.

    Raises:
        LeptonError: If there are fewer than two: nothing can be learnt from one.
    """
    from lepton.contract.file import load_contract

    classes = tuple(load_contract(session.ws, session.ws.source).classes)
    if len(classes) < 2:
        raise LeptonError(
            f"The source {session.ws.source!r} has {len(classes)} class; a model needs two to tell apart.",
            fix=[
                f"edit {session.ws.contracts_dir / session.ws.source}.yaml",
                "lepton init FOLDER --from FILE --label COLUMN  (another label column)",
            ],
        )
    return classes
