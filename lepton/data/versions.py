"""Versions of the data folder: recorded and pushed by DVC, and referred to by what DVC has recorded.

Nothing here ever commits to git: publishing `data.dvc` is for a person to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lepton.core.config.section import hide_credentials
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.refs import DataRef
from lepton.core.work.files import atomic_write, digest
from lepton.data import store
from lepton.data.manifest import dvc_md5, manifest
from lepton.data.repository import git_revision, init_versioning, is_local, open_dvc, open_repo

__all__ = [
    "adopt",
    "check_complete",
    "data_ref",
    "domain_digest",
    "dvc_md5",
    "fetch",
    "git_revision",
    "init_versioning",
    "manifest",
    "push_all",
    "snapshot",
    "status_clean",
]


def snapshot(ws: Workspace, push: bool = True) -> str:
    """Record the data folder in `data.dvc`, push it to the remote, and return the md5 in `data.dvc`.

    Raises:
        LeptonError: If the remote is missing or refuses, DVC's lock is held, or files that `data.dvc` lists are gone.
    """
    check_complete(ws)
    if not (ws.root / ".dvc").is_dir():
        init_versioning(ws.root, ws.config.data.remote)
    with open_dvc(ws.root, "record the data") as dvc, dvc.Repo(str(ws.root)) as repo:
        repo.add(str(ws.data_dir))
    if push:
        push_all(ws)
    md5 = dvc_md5(ws.root)
    assert md5 is not None
    return md5


def push_all(ws: Workspace) -> None:
    """Copy what the remote lacks to it.

    Raises:
        LeptonError: If the remote is missing or refuses.
    """
    remote = ws.config.data.remote
    if is_local(remote) and not (ws.root / remote).is_dir():
        # DVC would make the folder anew, even under the mount point of a disk that is not there.
        raise LeptonError(
            "The DVC remote is missing: the data is stored here, but has no second copy.",
            why=f"There is no folder {ws.root / remote} (lepton.yaml, data.remote: {remote}).",
            fix=[f"mkdir -p {ws.root / remote}", "mend data.remote in lepton.yaml", "then deliver the same file again"],
        )
    with open_repo(ws, f"push the data to {hide_credentials(remote)}") as repo:
        repo.push()


def check_complete(ws: Workspace) -> None:
    """Refuse to go on where `data/` lacks files that `data.dvc` lists, as in a fresh clone: recording would drop them.

    Raises:
        LeptonError: If files are missing.
    """
    missing = [path for path in manifest(ws.root) if not (ws.data_dir / path).is_file()]
    if missing:
        raise LeptonError(
            f"data/ lacks {len(missing)} files that data.dvc lists, such as {missing[0]}.",
            why="This looks like a fresh clone, or files were deleted; stored batches are never changed or removed.",
            fix=["lepton data checkout  (brings them back)"],
        )


def fetch(ws: Workspace) -> None:
    """Bring `data/` to what `data.dvc` lists, from the cache or the remote.

    Raises:
        LeptonError: If the remote is missing or lacks a file.
    """
    with open_repo(ws, "fetch the data") as repo:
        repo.pull()


def domain_digest(ws: Workspace, domain: str, batches: Sequence[str] | None = None) -> str:
    """Return 16 hex digits over the domain's own entries (path and md5) in DVC's manifest.

    `data.dvc` is one pointer for all domains; this one changes only if this domain does.

    Args:
        ws: The workspace.
        domain: A known domain.
        batches: Count these batches only (and the labels that came later); by default all.

    Raises:
        LeptonError: If a batch is stored but not yet recorded by DVC.
    """
    files = [*store.choose(ws, domain, batches).values(), *store.label_files(ws, domain).values()]
    known = manifest(ws.root)
    entries = []
    for file in files:
        path = file.relative_to(ws.data_dir).as_posix()
        if path not in known:
            raise LeptonError(
                f"{path} is stored but not recorded by DVC.",
                why="An ingest was interrupted before it was done.",
                fix=[f"lepton ingest {domain} FILE  (the same file again completes it)"],
            )
        entries.append([path, known[path]])
    return digest(sorted(entries))


def data_ref(ws: Workspace, domain: str, batches: Sequence[str] | None = None) -> DataRef:
    """Return the reference to these batches of a domain (by default all) as DVC has recorded them.

    Raises:
        NotFound: If the domain has no rows, or a batch does not exist.
        LeptonError: If a batch is not recorded by DVC yet.
    """
    rows, labelled = store.counts(ws, domain, batches)
    return DataRef(
        domain=domain,
        batches=tuple(store.choose(ws, domain, batches)),
        digest=domain_digest(ws, domain, batches),
        dvc_md5=dvc_md5(ws.root),
        git_revision=git_revision(ws.root),
        rows=rows,
        labelled=labelled,
    )


def adopt(root: Path) -> bool:
    """Take data that was made again into DVC's cache, if it is what `data.dvc` lists; `data.dvc` itself never changes.

    Without this, `dvc status` of a fresh clone says "not in cache" about data that is right to the byte.
    """
    pointer = root / "data.dvc"
    before = pointer.read_bytes()
    try:
        with open_dvc(root, "take the data into DVC's cache") as dvc, dvc.Repo(str(root)) as repo:
            repo.add(str(root / "data"))
        return pointer.read_bytes() == before
    finally:
        if not pointer.exists() or pointer.read_bytes() != before:
            atomic_write(pointer, before)


def status_clean(root: Path) -> bool:
    """Return whether `data/` is exactly what `data.dvc` lists."""
    with open_dvc(root, "compare the data with data.dvc") as dvc, dvc.Repo(str(root)) as repo:
        return not repo.status(targets=[str(root / "data.dvc")])
