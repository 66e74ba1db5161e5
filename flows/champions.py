"""The model that serves a pair, loaded and ready: what scoring, monitoring and adapting start from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.steps import open_ledger
from lepton.core.errors import LeptonError, NotFound
from lepton.core.refs import ModelRef
from lepton.core.workspace import Workspace

if TYPE_CHECKING:
    from lepton.models.model import Model

ROWS = "rows.json"
"""Beside the weights: the ids of the rows by use. Those of the reference are all of its batches, and not in it."""


@dataclass(frozen=True)
class Loaded:
    """A registered version with its weights in memory."""

    ref: ModelRef
    model: Model
    folder: Path


def load_champion(ws: Workspace, domain: str) -> Loaded:
    """Return the champion of a target, as the ledger names it.

    Raises:
        NotFound: If nothing was promoted for it yet.
    """
    return load_version(ws, champion_of(ws, domain))


def champion_of(ws: Workspace, domain: str) -> ModelRef:
    """Return the reference of a target's champion without loading it.

    Raises:
        NotFound: If nothing was promoted for it yet.
    """
    found = find_champion(ws, ws.pair(domain).name)
    if found is None:
        raise NotFound(
            f"No model serves {domain!r} yet.",
            why="A champion is made by adapting the base model to the domain.",
            fix=[f"lepton transfer {domain}"],
        )
    return found


def sound_base(ws: Workspace) -> ModelRef:
    """Return the base model that serves the source; what is recalled is no start for anything.

    Raises:
        NotFound: If none was trained yet.
        LeptonError: If it is recalled.
    """
    from lepton.registry.standing import key_of, recalled

    found = find_champion(ws, ws.source)
    if found is None:
        raise NotFound("There is no base model yet.", why="It is trained on the source.", fix=["lepton pretrain"])
    why = recalled(open_ledger(ws)).get(key_of(found.to_json()))
    if why is not None:
        raise LeptonError(
            f"The base {found.label} is recalled, so nothing can be adapted from it.",
            why=why,
            fix=["lepton pretrain  (trains another one)", f"lepton rollback {ws.source}  (to the base before)"],
        )
    return found


def find_champion(ws: Workspace, pair_name: str) -> ModelRef | None:
    """Return the serving version of a pair, or of the source, from the ledger."""
    from lepton.registry.promotion import champion

    serving = champion(open_ledger(ws), pair_name)
    return serving.ref if serving else None


def load_version(ws: Workspace, ref: ModelRef) -> Loaded:
    """Fetch a version, verify its files and load it."""
    from lepton.models.format import load
    from lepton.registry.models import fetch

    found, folder = fetch(ws, ref.name, ref.version, expect=ref.digest)
    return Loaded(found, load(folder), folder)


def rows_of(folder: Path) -> dict[str, list[str]]:
    """Return the ids that a model was fitted to and judged on, by use; none for a model without the record."""
    path = folder / ROWS
    return json.loads(path.read_text()) if path.exists() else {"train": [], "held_out": []}
