"""Words to a version: `optdigits`, `optdigits@2`, `optdigits@challenger`, `lepton-mnist-to-optdigits@v2`."""

from __future__ import annotations

from lepton.core.config.workspace import Workspace
from lepton.core.errors import NotFound
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Move, Registered
from lepton.core.refs import ModelRef
from lepton.registry.projection import CHALLENGER, CHAMPION, wanted

ALIASES = (CHAMPION, CHALLENGER)


def find_model(ws: Workspace, ledger: Ledger, words: str) -> ModelRef:
    """Return the registered version that the words mean; the ledger decides what an alias points to, not MLflow.

    Args:
        ws: The workspace.
        ledger: Its ledger.
        words: A domain, a pair or a registered model's full name, then optionally `@` and a version or alias; a space
            in place of the `@` will do, as in the labels on screen. Without it the champion is meant.

    Raises:
        NotFound: If there is no such model, version or alias.
    """
    name, _, which = words.replace(" ", "@", 1).partition("@")
    pair = _pair(ws, name)
    known = {entry.row.model.version: entry.row.model for entry in ledger.rows(pair, Registered)}
    if not known:
        raise NotFound(f"No model of {name!r} is registered.", fix=["lepton lineage tree", "lepton status"])
    if (version := which.removeprefix("v")) in known:
        return known[version]
    alias = which or CHAMPION
    if alias not in ALIASES:
        raise NotFound(
            f"{name!r} has no version or alias {which!r}.",
            why=f"Versions: {', '.join(known)}; aliases: {', '.join(ALIASES)}.",
            fix=[f"lepton lineage tree {name}"],
        )
    if (ref := _serving(ledger, pair) if alias == CHAMPION else wanted(ledger, pair)[alias]) is not None:
        return ref
    raise NotFound(
        f"{name!r} has no {alias}.",
        why=f"Versions: {', '.join(f'{name}@{version}' for version in known)}.",
        fix=[f"lepton lineage tree {name}"],
    )


def _serving(ledger: Ledger, pair: str) -> ModelRef | None:
    """Return the champion; what else an alias means takes a look at all recalls, this does not."""
    entry = ledger.last_row(pair, Move)
    return entry.row.model if entry else None


def _pair(ws: Workspace, name: str) -> str:
    """Return the name under which the ledger keeps a model: the words may be a domain, a pair or a model's name."""
    short = name.removeprefix("lepton-")
    if short == ws.source or "-to-" in short:
        return short
    return ws.slot(short)
