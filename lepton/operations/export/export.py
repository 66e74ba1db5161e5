"""Export: what serves a domain leaves the house in one file.

The file is opened again as its users will, and answers its example rows, before it is given out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lepton import __version__
from lepton.core.errors import UsageError
from lepton.core.refs import ModelRef
from lepton.core.work.files import atomic_write
from lepton.graph.about import About
from lepton.graph.run import Graph
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Loaded, Session

if TYPE_CHECKING:
    from lepton.contract.spec import Contract
    from lepton.models.graph.front import Pixels

GRAPH, PAGE = ".onnx", ".html"


@dataclass(frozen=True)
class GraphExport(Result):
    """What serves a domain, in one file."""

    domain: str
    model: ModelRef
    file: Path
    size: int
    """Bytes."""
    deviation: float
    """Largest difference of a probability of the example rows from the model's own; 1e-5 is allowed."""
    provisional: bool
    """Whether it is the un-adapted base, which nobody verified on this domain."""
    dry_run: bool = False

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        who = (
            f"{self.model.label}, provisionally: not verified on {self.domain!r}"
            if self.provisional
            else self.model.label
        )
        return {
            "file": self.file,
            "size": f"{self.size:,} bytes",
            "model": who,
            "examples": f"answered, off by at most {self.deviation:.1g}",
        }

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {**super().to_json(), "model": self.model.label}


def export(session: Session, domain: str, to: Path, runtime: Path | None = None, dry_run: bool = False) -> GraphExport:
    """Write what serves a domain into one file.

    Args:
        session: The workspace at work.
        domain: A target, or the source.
        to: `*.onnx`, the graph; or `*.html`, a page that answers offline. A file that is there is replaced.
        runtime: For a page: the package of onnxruntime-web as npm gives it (`.tgz`); by default it is fetched once.
        dry_run: Do all but write the file.

    Raises:
        UsageError: If the ending is another one.
        NotFound: If nothing serves the domain.
        LeptonError: If the model cannot be expressed as a graph, or the graph does not answer as the model does.
    """
    if to.suffix.lower() not in (GRAPH, PAGE) or to.is_dir():
        raise UsageError(
            f"Nothing can be exported to {to}.",
            why=f"The ending says what is written: {GRAPH} (an ONNX graph) or {PAGE} (a page that answers offline).",
            fix=[f"lepton export {domain} --to champion{GRAPH}", f"lepton export {domain} --to champion{PAGE}"],
        )
    serving = session.serving_in(domain)
    content = graph_bytes(session, domain, session.load(serving.ref), serving.provisional)
    graph = Graph.of(content, to.name)
    if to.suffix.lower() == PAGE:
        from lepton.operations.export.page import page
        from lepton.operations.export.runtime import web_runtime

        content = page(graph.about, content, web_runtime(session.ws, runtime)).encode()
    if not dry_run:
        atomic_write(to, content)
    return GraphExport(domain, serving.ref, to, len(content), graph.deviation(), serving.provisional, dry_run)


def graph_bytes(session: Session, domain: str, loaded: Loaded, provisional: bool) -> bytes:
    """Return the ONNX file of a version, as it serves a domain.

    Raises:
        LeptonError: If it cannot be expressed, or has no contract to be asked by.
    """
    from lepton.contract.file import load_contract
    from lepton.models.graph.front import Names, front_of
    from lepton.models.graph.rows import examples_of
    from lepton.models.graph.write import graph_of

    contract = load_contract(session.ws, domain)
    pixels = _pixels(contract)
    front = front_of(loaded.model.inputs, Names(), pixels)
    last = session.ledger.last()
    about = About(
        domain=domain,
        model=loaded.ref.label,
        digest=loaded.ref.digest,
        provisional=provisional,
        classes=loaded.model.classes,
        contract=contract.digest(),
        ledger=f"{last.seq}:{last.hash}" if last else "",
        lineage=session.lineage(loaded.ref).digest(),
        fields=front.fields,
        no_value=contract.no_value,
        examples=examples_of(loaded.model, loaded.folder, front.fields, pixels),
        lepton=__version__,
    )
    return graph_of(loaded.model, front, about.to_metadata())


def _pixels(contract: Contract) -> Pixels | None:
    from lepton.models.graph.front import Pixels

    return None if contract.image is None else Pixels(contract.image.shape, contract.image.dtype)
