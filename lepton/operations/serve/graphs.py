"""What serves a domain, as a graph: kept by what decides its content, and made before the ledger says who serves.

Where it is not there, a server has a process of its own make it: that imports torch and MLflow, which takes seconds
and stops every thread; the process that answers never does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lepton import __version__
from lepton.contract.spec import Contract
from lepton.core.config.workspace import ENVIRONMENT, Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.work.files import atomic_write, digest
from lepton.graph.about import VERSION
from lepton.operations.session import Serving, Session
from lepton.registry.lineage.find import find_model

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""What a graph is written and checked with; see `lepton.core.extras`."""
KEPT = 5
"""Graphs of a domain that are kept: going back to a model before needs no new one."""


@dataclass(frozen=True)
class Made:
    """A graph on disk."""

    path: Path
    model: str
    """Name and version."""


def graph_path(ws: Workspace, domain: str, serving: Serving, contract: Contract) -> Path:
    """Return where the graph of a version lies, as it serves a domain under a contract."""
    said = {
        "digest": serving.ref.digest,
        "label": serving.ref.label,
        "provisional": serving.provisional,
        "contract": contract.digest(),
        "format": VERSION,
        "lepton": __version__,
    }
    return ws.graphs_dir / domain / f"{digest(said)}.onnx"


def make(session: Session, domain: str) -> Made:
    """Write the graph of what serves a domain now, if it is not there.

    Raises:
        NotFound: If nothing serves it.
        LeptonError: If the model cannot be expressed as a graph, or its files were changed.
    """
    return made_for(session, domain, session.serving_in(domain))


def made_for(session: Session, domain: str, serving: Serving) -> Made:
    """Write the graph of a version as it serves a domain, or as it would, if it is not there.

    Raises:
        LeptonError: If the model cannot be expressed as a graph, or its files were changed.
    """
    from lepton.contract.file import load_contract
    from lepton.graph.run import Graph
    from lepton.operations.export.export import graph_bytes

    path = graph_path(session.ws, domain, serving, load_contract(session.ws, domain))
    if not path.is_file() and threading.current_thread() is not threading.main_thread():
        _beside(session.ws, domain, serving)
    elif not path.is_file():
        content = graph_bytes(session, domain, session.load(serving.ref), serving.provisional)
        Graph.of(content, path.name)  # a graph that does not answer its examples is never kept
        atomic_write(path, content)
        _clean(path)
    return Made(path, serving.ref.label)


def can_make() -> bool:
    """Return whether the packages that write a graph are installed."""
    return all(find_spec(name) is not None for name in PACKAGES)


def _beside(ws: Workspace, domain: str, serving: Serving) -> None:
    """Let a process of its own make a graph: torch's exporter changes what all threads of a process share.

    Raises:
        LeptonError: What it failed with, or that it died.
    """
    words = [
        str(ws.root),
        domain,
        serving.ref.name,
        serving.ref.version,
        *(["provisional"] if serving.provisional else []),
    ]
    environ = {key: value for key, value in os.environ.items() if key != ENVIRONMENT}
    command = [sys.executable, "-m", "lepton.operations.serve.graphs", *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environ, check=False)
    if done.returncode:
        try:
            said = json.loads(done.stdout)
        except ValueError:
            last = "\n".join(done.stderr.strip().splitlines()[-3:])
            raise LeptonError(f"The graph of {serving.ref.label} could not be made.", why=last) from None
        raise LeptonError(said["error"], said["why"], said["fix"])


def prepare(session: Session, domain: str, serving: Serving) -> None:
    """Write the graph of a version that is about to serve: whoever answers by it then has to open it only.

    The graph is no part of the registered version, whose files are digested and must come out the same when they are
    made again: what an exporter writes hangs on its own version. What cannot be a graph serves all the same; that is
    told here, and again by a server. Without the packages to write one nothing is done, and nothing said.
    """
    if not can_make():
        return
    try:
        made_for(session, domain, serving)
    except Exception as error:  # whatever an exporter raises must not cost a transfer its end
        why = error.render() if isinstance(error, LeptonError) else f"{type(error).__name__}: {error}"
        session.runtime.tell(f"{serving.ref.label} has no graph to be served by.\n{why}")


def _clean(newest: Path) -> None:
    files = sorted(newest.parent.glob("*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in files[KEPT:]:
        old.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Make one, as a process; what is made goes out as JSON.

    `python -m lepton.operations.serve.graphs ROOT DOMAIN` makes that of what serves the domain now, with
    `NAME VERSION [provisional]` behind it that of a version, as it serves or would.
    """
    os.nice(5)  # the answers come first
    root, domain, *version = arguments
    try:
        session = Session(Workspace(Path(root)))
        if version:
            ref = find_model(session.ws, session.ledger, f"{version[0]}@{version[1]}")
            made = made_for(session, domain, Serving(ref, provisional="provisional" in version[2:]))
        else:
            made = make(session, domain)
    except LeptonError as error:
        sys.stdout.write(json.dumps({"error": error.what, "why": error.why, "fix": list(error.fix)}) + "\n")
        return 1
    sys.stdout.write(json.dumps({"path": str(made.path), "model": made.model}) + "\n")
    return 0


def made_from(answer: dict[str, object]) -> Made:
    """Read what the process said.

    Raises:
        NotFound: If there is no such file.
    """
    path = Path(str(answer["path"]))
    if not path.is_file():
        raise NotFound(f"The graph {path} is gone.", fix=["lepton serve  (makes it again)"])
    return Made(path, str(answer["model"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
