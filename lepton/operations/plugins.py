"""Plug-ins of a model: put on record when it is registered, asked for when it is loaded or made again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lepton.core.errors import LeptonError, UsageError
from lepton.core.kinds import KINDS, Kinds
from lepton.core.plugins import Catalogue
from lepton.core.refs import ModelRef
from lepton.registry.lineage.plugins import Used, used_in
from lepton.registry.lineage.record import Lineage


def used_by(strategy: str, config: Mapping[str, Any], parent: Lineage | None) -> list[Used]:
    """Return the plug-ins that a model is made with: strategy or objectives, the encoder that it has, the kind of rows.

    Args:
        strategy: As the record has it: `probe`, `ensemble:shot`, `vicreg+supervised`.
        config: All settings in force; of a base they name the encoder.
        parent: Record of what it was adapted from, whose encoder it has.
    """
    from lepton.models.encoders import CATALOGUE as ENCODERS
    from lepton.models.encoders import all_encoders
    from lepton.pretraining.catalogue import CATALOGUE as OBJECTIVES
    from lepton.transfer import CATALOGUE as STRATEGIES

    names = re.split(r"[^a-z0-9_-]+", strategy)
    asked: list[tuple[Catalogue[Any] | Kinds, str]] = [(KINDS, str(config.get("kind", "")))]
    asked += [(one, name) for one in (STRATEGIES, OBJECTIVES) for name in names]
    if "encoder" in config:
        # A kind without an encoder of its own has one that reads how its rows are prepared: one of lepton's.
        by_default = (name for name, one in all_encoders().items() if config["kind"] in one.default_for)
        asked.append((ENCODERS, config["encoder"].get("name") or next(by_default, "")))
    found = [
        Used(one.word, name, origin.package, origin.version) for one, name in asked if (origin := one.origin(name))
    ]
    inherited = used_in(parent) if parent is not None else ()
    return list(dict.fromkeys([*found, *(one for one in inherited if one.word in (ENCODERS.word, KINDS.word))]))


def require(ref: ModelRef, made: Lineage, doing: str, to_answer: bool = False) -> None:
    """Refuse what cannot work because a plug-in of the model is not here.

    Args:
        ref: The version.
        made: Its record.
        doing: What cannot be done without: `loaded`, `made again`.
        to_answer: Whether only encoder and kind are needed: weights are loaded without the strategy that fitted them.

    Raises:
        LeptonError: Names the plug-in and what to install.
    """
    from lepton.models.encoders import CATALOGUE as ENCODERS
    from lepton.pretraining.catalogue import CATALOGUE as OBJECTIVES
    from lepton.transfer import CATALOGUE as STRATEGIES

    known: dict[str, Catalogue[Any] | Kinds] = {one.word: one for one in (ENCODERS, OBJECTIVES, STRATEGIES)}
    known[KINDS.word] = KINDS
    for used in used_in(made):
        if to_answer and used.word not in (ENCODERS.word, KINDS.word):
            continue
        try:
            known[used.word].get(used.name)
        except UsageError as error:
            where = f"{used.package} {used.version}".strip()
            install = f"pip install '{used.requirement}'"
            raise LeptonError(
                f"{ref.label} cannot be {doing}: it was made with the {used.word} {used.name!r} of {where}.",
                why=f"{error.what} {error.why}".strip(),
                fix=[install if used.requirement else f"lepton.register what {used.package} brings first"],
            ) from None
