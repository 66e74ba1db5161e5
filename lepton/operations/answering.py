"""Who answers rows that are in memory: the graph that a server answers by, or torch where there is none.

An answer is the same bits wherever it is given, as long as a graph gives it: torch's last bits hang on how many rows
are answered together, and are others than onnxruntime's. What is decided by answers (gate, monitor, `reproduce`) is
torch's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lepton.core.errors import LeptonError
from lepton.operations.serve.graphs import can_make, made_for
from lepton.operations.session import Serving, Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lepton.core.table import Table
    from lepton.graph.run import Graph
    from lepton.models.model import Model

TORCH = "torch"


@dataclass(frozen=True)
class Answering:
    """What answers for a version."""

    graph: Graph | None
    without: str = ""
    """Why there is no graph, in one line; empty also where no package is installed to make one."""
    key: str = TORCH
    """Equal keys answer in the same bits."""

    def chances(self, model: Model, table: Table) -> NDArray[np.float64]:
        """Return (n, k) probabilities.

        Args:
            model: The version with its weights.
            table: Rows; images of another shape than the contract's, which no graph takes, are torch's.
        """
        if self.graph is None:
            return model.predict_proba(table)
        import torch

        from lepton.models.graph.rows import takes, tensors_of

        fields = self.graph.about.fields
        if not takes(table, fields):
            return model.predict_proba(table)
        # As many threads as torch would take, each with chunks of its own: a chunk's bits are those of one thread.
        return self.graph.chances(tensors_of(table, fields), torch.get_num_threads())

    def one(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, float] | None:
        """Return the probability of each class for a row as `one_row.columns_of` returns it; None without a graph."""
        if self.graph is None:
            return None
        found = self.graph.answer(columns).probabilities[0]
        return dict(zip(self.graph.about.classes, map(float, found), strict=True))


def answering(session: Session, domain: str, serving: Serving) -> Answering:
    """Return what answers for a version as it serves a domain; its graph is made if it is not there.

    Where the packages for graphs are not installed torch answers, and nothing is said: nobody serves there.
    """
    if not can_make():
        return Answering(None)
    from lepton.graph.run import Graph

    try:
        path = made_for(session, domain, serving).path
        try:
            return Answering(Graph.open(path), key=path.stem)
        except LeptonError:
            path.unlink(missing_ok=True)  # damaged; it is made anew the next time
            raise
    except (LeptonError, OSError) as error:
        return Answering(None, without=error.what if isinstance(error, LeptonError) else str(error))
