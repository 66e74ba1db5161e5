"""What is on record and on the disk of a workspace, and what there must never be, killed processes or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def urgent(root: str) -> list[str]:
    """Return what is wrong with a workspace, and not excused by a process that was killed in it a moment ago."""
    ws, ledger = _open(root)
    return [f"ledger: {what}" for what in ledger.verify()] + _half_written(ws) + _aliases_astray(ws, ledger)


def inspect(root: str) -> dict[str, list[str]]:
    """Return `facts` about a workspace, and the `problems` it has while nobody works in it.

    To be called in a process of its own, as `urgent` is: it opens databases.
    """
    ws, ledger = _open(root)
    problems = [*urgent(root), *_left_behind(ws), *_disagreements(ws, ledger), *_unversioned(ws), *_endless(ledger)]
    facts = [fact for row in ledger.entries() if (fact := _fact(row))]
    return {"facts": facts + _stored(ws), "problems": problems}


def _open(root: str) -> tuple[Any, Any]:
    from lepton.core.config.workspace import Workspace
    from lepton.core.ledger import Ledger

    ws = Workspace(Path(root))
    return ws, Ledger(ws.ledger_url)


def _fact(row: Any) -> str | None:
    """Return what a row says, without what differs from run to run."""
    told = row.payload
    said = {
        "ingested": lambda: f"{told['batch']} {told['rows']} rows, labels {told['labels']}",
        "delivery_refused": lambda: told["name"],
        "observed": lambda: told["window"],
        "decided": lambda: f"{told['window']} {told['action']}",
        "alerted": lambda: told["kind"],
    }.get(row.action)
    if row.action.startswith("transfer_"):
        return None
    return f"{row.action} {row.pair} {said() if said else (told.get('model') or {}).get('name', '')}"


def _stored(ws: Any) -> list[str]:
    from lepton.core.errors import LeptonError
    from lepton.data import store
    from lepton.data.versions import domain_digest

    found = []
    for domain in ws.domains():
        for batch in store.batches(ws, domain):
            rows, labelled = store.counts(ws, domain, [batch])
            found.append(f"stored {domain} {batch}: {rows} rows, {labelled} labelled")
        found += [f"stored {domain} labels {name}" for name in store.label_files(ws, domain)]
        try:
            found.append(f"data of {domain}: {domain_digest(ws, domain)}")
        except LeptonError as error:
            found.append(f"data of {domain}: {error.what}")
    for path in ws.quarantine_dir.glob("*/*"):
        found.append(f"quarantine {path.relative_to(ws.quarantine_dir)}")
    return found


def _half_written(ws: Any) -> list[str]:
    """Return the batches and labels that cannot be read."""
    from lepton.data import batchfile, store

    found = []
    for domain in ws.domains():
        for file in [*store.batch_files(ws, domain).values(), *store.label_files(ws, domain).values()]:
            try:
                batchfile.ids_and_labels(file)
            except Exception as error:  # whatever it is, the file is not whole
                found.append(f"{file}: {error}")
    return found


def _aliases_astray(ws: Any, ledger: Any) -> list[str]:
    """Return the aliases on a version that the ledger does not know, or that does not verify."""
    from lepton.core.errors import LeptonError
    from lepton.core.refs import ModelRef
    from lepton.registry.models import aliases
    from lepton.registry.promotion import verify

    known = {
        (row.payload["model"]["name"], row.payload["model"]["version"]): ModelRef.from_json(row.payload["model"])
        for row in ledger.entries(action="registered")
    }
    found = []
    for name in sorted({name for name, _ in known} | {"lepton-plant-1", "lepton-plant-1-to-plant-2"}):
        for alias, version in aliases(ws, name).items():
            ref = known.get((name, version))
            try:
                if ref is None:
                    raise LeptonError("the ledger does not know it")
                verify(ws, ref)
            except LeptonError as error:
                found.append(f"{alias} of {name} is v{version}: {error.what}")
    return found


def _disagreements(ws: Any, ledger: Any) -> list[str]:
    """Return where MLflow differs from the ledger: aliases, versions too many, versions too few."""
    from lepton.core.refs import base_model_name
    from lepton.registry.models import aliases, versions
    from lepton.registry.orphans import orphans, strangers
    from lepton.registry.projection import pairs_of, wanted

    found = [f"no row for {ref.label}" for ref in [*orphans(ws, ledger), *strangers(ws, ledger)]]
    for pair in pairs_of(ledger):
        name = base_model_name(pair)
        want = {alias: ref.version for alias, ref in wanted(ledger, pair).items() if ref}
        have = aliases(ws, name)
        if want != have:
            found.append(f"aliases of {name}: {have}, the ledger says {want}")
    for row in ledger.entries(action="registered"):
        model = row.payload["model"]
        if model["version"] not in [ref.version for ref in versions(ws, model["name"])]:
            found.append(f"{model['name']} v{model['version']} is on record and not in MLflow")
    return found


def _left_behind(ws: Any) -> list[str]:
    """Return what should not outlive the work: its folders, markers, and files that were being written."""
    import re

    left = [*ws.work_dir.glob("*"), *(path for path in (ws.state_dir / "unfinished").rglob("*") if path.is_file())]
    left += [path for path in ws.root.rglob(".*") if re.fullmatch(r"\..+\.[a-z0-9_]{8}", path.name)]
    return [f"left behind: {path.relative_to(ws.root)}" for path in left]


def _unversioned(ws: Any) -> list[str]:
    """Return what of the data is not under a version, or has no second copy."""
    from lepton.data.versions import status_clean

    found = [] if status_clean(ws.root) else ["data/ is not what data.dvc lists"]
    cache, remote = ws.root / ".dvc" / "cache" / "files" / "md5", ws.root / ws.config.data.remote / "files" / "md5"
    lacks = {path.relative_to(cache) for path in cache.rglob("*") if path.is_file()} - {
        path.relative_to(remote) for path in remote.rglob("*") if path.is_file()
    }
    return found + [f"the remote lacks {path}" for path in sorted(lacks)]


def _endless(ledger: Any) -> list[str]:
    """Return the transfers that never ended."""
    from lepton.core.work.lease import last_mark

    marks = {pair: last_mark(ledger, pair) for pair in {row.pair for row in ledger.entries()}}
    return [f"a transfer of {pair} has no end" for pair, mark in marks.items() if mark and not mark.payload.get("ok")]
