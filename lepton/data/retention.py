"""Retention: which of DVC's objects nothing refers to any more.

DVC's own `gc` knows the workspace and git. The ledger refers to states that neither has: what a registered model was
made of. So the choice is made here, from the lists of files behind all states, and DVC only says what *it* uses, other
tracked files of the repository included.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.data.objects import DIRECTORY, Cache, Objects, Stored, bring, is_whole
from lepton.data.repository import open_repo

Files = Mapping[str, Collection[str]]
"""State (the md5 of a list of files) -> the md5s it lists."""


def unreferred(
    stored: Mapping[str, Stored],
    files: Files,
    referred: Collection[str],
    before: float,
    times: Mapping[str, float] | None = None,
) -> set[str]:
    """Return the objects of a place that may go.

    Args:
        stored: All objects of the place.
        files: The objects of every state that is known, wherever its list lies; all referred states must be in it.
        referred: States, or single objects, that something refers to.
        before: What was written at or after this moment stays, and every state as young as that with all its objects.
        times: State -> when it was recorded, where that is known otherwise.

    Raises:
        ValueError: If the files of a referred state are not known: nobody can say then what may go.
    """
    if unknown := [state for state in referred if state.endswith(DIRECTORY) and state not in files]:
        raise ValueError(f"the files of {unknown} are not known")
    made = times or {}
    young = {state for state in files if made.get(state, 0.0) >= before}
    young |= {state for state in files if state in stored and stored[state].written >= before}
    kept = set(referred) | young
    kept |= {md5 for state in kept & files.keys() for md5 in files[state]}
    return {md5 for md5, entry in stored.items() if md5 not in kept and entry.written < before}


def lists(places: Iterable[Objects], stored: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Return the files of every state whose list lies in one of the places; a damaged list is read as none.

    Args:
        places: To read from.
        stored: Name of a place -> md5s of its objects.
    """
    found: dict[str, frozenset[str]] = {}
    for place in places:
        for md5 in stored[place.name]:
            if md5.endswith(DIRECTORY) and md5 not in found and (listed := _listed(place, md5)) is not None:
                found[md5] = frozenset(listed.values())
    return found


def domains_of(places: Iterable[Objects], stored: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Return object -> the domains under whose names some state lists it."""
    found: dict[str, set[str]] = {}
    for place in places:
        for state in stored[place.name]:
            if state.endswith(DIRECTORY):
                for path, md5 in (_listed(place, state) or {}).items():
                    found.setdefault(md5, set()).add(path.partition("/")[0])
    return found


def check_known(ws: Workspace, files: dict[str, frozenset[str]], referred: Mapping[str, str]) -> None:
    """Fetch the lists of referred states that no place showed, and add them to `files`.

    Args:
        ws: The workspace.
        files: As of `lists`; grows.
        referred: State or object -> who refers to it.

    Raises:
        LeptonError: If one cannot be had: without it nobody can say what may go.
    """
    cache = Cache(ws.root)
    for state, who in referred.items():
        if not state.endswith(DIRECTORY) or state in files:
            continue
        try:
            bring(ws, [state])
        except NotFound as error:
            raise LeptonError(
                f"Nothing was removed: nobody knows which files {who} needs.",
                why=f"{error.why} It is the list of files of a state that {who} refers to.",
                fix=["restore the DVC remote from a backup", *error.fix],
            ) from None
        files[state] = frozenset((_listed(cache, state) or {}).values())


def used_by_dvc(ws: Workspace) -> set[str]:
    """Return what DVC itself uses: in the workspace and in every commit, states of the data and any other file."""
    with open_repo(ws, "ask DVC what it uses") as repo:
        used = repo.used_objs(all_commits=True, force=True)
        return {str(info.value) for infos in used.values() for info in infos}


def _listed(place: Objects, state: str) -> dict[str, str] | None:
    try:
        content = place.read(state)
        if not is_whole(state, content):
            return None
        return {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(content)}
    except (OSError, ValueError, KeyError, TypeError):
        return None
