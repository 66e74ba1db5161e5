"""Whom an erasure concerns: the registered versions that saw the rows, which of them serve, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from lepton.core.errors import LeptonError
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import DeliveryRefused, Registered, Subject
from lepton.core.refs import ModelRef
from lepton.operations.data.erasure import Traces, Witness
from lepton.operations.session import Session

TRAINED, JUDGED, SAW, DESCENDS = "was trained on them", "was judged by them", "saw their batch", "descends from one"


def models_that_saw(session: Session, domain: str, batches: Sequence[str], rows: Collection[str]) -> list[Witness]:
    """Return the registered versions that saw some rows of these batches, or descend from one that did.

    `rows.json` beside the weights says which rows a version learnt from and was judged by; where it is missing or
    cannot be read, the split of the rows' ids says so.
    """
    from lepton.registry.champions import champion
    from lepton.registry.projection import pairs_of
    from lepton.registry.recall import reach

    ledger = session.ledger
    found: dict[tuple[str, str], ModelRef] = {}
    for batch in batches:
        for ref in reach(ledger, Subject.of_batch(domain, batch)).models:
            found[ref.name, ref.version] = ref
    if not found:
        return []
    serving = {one.ref.label for pair in pairs_of(ledger) if (one := champion(ledger, pair)) is not None}
    direct = {
        entry.row.model.key
        for entry in ledger.rows(None, Registered)
        for _, ref in entry.row.data_refs()
        if ref.domain == domain and not set(batches).isdisjoint(ref.batches)
    }
    told = []
    for key, ref in found.items():
        how, holds = _how(session, ref, rows) if key in direct else (DESCENDS, False)
        told.append(Witness(ref.label, domain, how, holds, serves=ref.label in serving))
    return told


def rows_naming(ledger: Ledger, slots: Collection[str], ids: Collection[str]) -> list[int]:
    """Return the ledger's rows that name one of the ids, as reasons of a refusal may: nothing there can be erased."""
    from lepton.contract.erasure import naming

    refused = [entry for entry in ledger.rows(None, DeliveryRefused) if entry.pair in slots]
    return [entry.seq for entry in refused if naming([*entry.row.reasons, entry.row.name], ids)]


def next_steps(session: Session, domains: Mapping[str, Traces], models: Sequence[Witness]) -> list[str]:
    """Return what to type: models that were made of the rows are made anew, or taken out of service at once."""
    steps = []
    hit = [name for name, found in domains.items() if found.rows]
    if session.ws.source in hit and models:
        steps.append("lepton pretrain   (a base without the rows; then lepton transfer for every target)")
    steps += [f"lepton transfer {name}   (a champion without the rows)" for name in hit if name != session.ws.source]
    if any(one.serves and one.how != JUDGED for one in models):
        name = next(name for name in hit)
        batch = next(iter(domains[name].batches))
        steps.append(f'lepton recall --batch {name}/{batch} --why "..."   (if what learnt from them must not serve)')
    if hit:
        steps.append("lepton data publish   (git's data.dvc names a state that can no longer be fetched whole)")
    return steps


def _how(session: Session, ref: ModelRef, rows: Collection[str]) -> tuple[str, bool]:
    """Return what a version did with the rows, and whether their ids lie beside its weights."""
    from lepton.core.splits import split_of
    from lepton.registry.models import fetch

    try:
        path = fetch(session.ws, ref.name, ref.version, expect=ref.digest)[1] / "rows.json"
        known = json.loads(path.read_text(encoding="utf-8"))
    except (LeptonError, OSError, ValueError):
        splits = set(split_of(sorted(rows)))
        return (TRAINED if splits & {"train", "val"} else JUDGED), False
    uses = {use for use, ids in known.items() if not set(ids).isdisjoint(rows)}
    how = TRAINED if uses - {"held_out", "test"} else JUDGED if uses else SAW
    return how, bool(uses)
