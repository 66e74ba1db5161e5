"""A graph opened: it answers its own example rows first, and nothing else if it cannot.

It needs onnxruntime and numpy; neither torch nor pandas nor a workspace:

    from lepton.graph.run import Graph

    graph = Graph.open("champion.onnx")
    graph.answer_one({"age": 41, "city": "Rome"})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.extras import require
from lepton.graph.about import TOLERANCE, About, damaged
from lepton.graph.fields import Arrays, feed

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CHUNK = 1024
"""Rows at once: what lies between the layers must not grow with the rows."""


@dataclass(frozen=True)
class Answers:
    """What a graph says of rows: the same bits for a row, whatever rows are answered beside it.

    onnxruntime computes the exponentials of pairs, and a convolution of one row, by code of their own; so it is given
    an even number of rows. Nothing else that a champion's graph is made of hangs on how many there are.
    """

    labels: tuple[str, ...]
    """(n) the likeliest class of each."""
    probabilities: NDArray[np.float64]
    """(n, k), in the order of `About.classes`."""


class Graph:
    """A champion in memory; made by `open`.

    Args:
        session: What computes.
        about: What the file says of itself.
    """

    def __init__(self, session: InferenceSession, about: About) -> None:
        self._session = session
        self.about = about

    @classmethod
    def open(cls, path: str | Path, threads: int = 1) -> Graph:
        """Load a file and let it answer its example rows.

        Args:
            path: What `lepton export` wrote.
            threads: That compute.

        Raises:
            NotFound: If there is no such file.
            LeptonError: If it is damaged, not lepton's, or does not answer its examples as the model did (1e-5).
        """
        file = Path(path)
        if not file.is_file():
            raise NotFound(f"There is no file {file}.", fix=[f"lepton export DOMAIN --to {file}"])
        # From memory: then the file cannot name others beside it to read weights from.
        return cls.of(file.read_bytes(), file.name, threads)

    @classmethod
    def of(cls, content: bytes, name: str = "the graph", threads: int = 1) -> Graph:
        """Load the bytes of a file; see `open`."""
        session = _session(content, name, threads)
        found = cls(session, About.from_metadata(session.get_modelmeta().custom_metadata_map, name))
        off = found.deviation()
        if not off <= TOLERANCE:  # written so that NaN is no match
            raise damaged(
                name,
                f"It does not answer its own example rows as the model did: a probability is off by {off:.2g}, "
                f"{TOLERANCE:g} is allowed. Either the file or what computes here is not what it was.",
            )
        return found

    def deviation(self) -> float:
        """Return how far the worst probability of an example row is off; infinite if there is no answer at all."""
        wanted = self.about.examples
        try:
            found = self._run(wanted.inputs).probabilities
        except LeptonError:
            return float("inf")
        if found.shape != wanted.probabilities.shape or not len(found):
            return float("inf")
        return float(np.abs(found - wanted.probabilities).max())

    def answer(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> Answers:
        """Return answers to rows.

        Args:
            columns: Values (n) by the name of the column, None where a row has none: numbers, words, texts, lists of
                numbers, or images (C, H, W) in the column `image`. Other columns are ignored.

        Raises:
            LeptonError: If a column is missing, or holds something else than in the source.
        """
        return self._run(feed(self.about.fields, columns))

    def answer_one(self, row: Mapping[str, Any]) -> dict[str, float]:
        """Return the probability of each class for one row, the likeliest first; what is left out of it is missing.

        Raises:
            UsageError: If it names a column that the model does not read.
            LeptonError: If a value is not what its column holds.
        """
        known = [one.column for one in self.about.fields]
        if strange := [str(name) for name in row if name not in known]:
            raise UsageError(
                f"The model reads no column {', '.join(map(repr, strange))}.", why=f"It reads: {', '.join(known)}."
            )
        found = self.answer({name: [row.get(name)] for name in known}).probabilities[0]
        order = np.argsort(-found, kind="stable")
        return {self.about.classes[at]: float(found[at]) for at in order}

    def chances(self, inputs: Arrays, threads: int = 1) -> NDArray[np.float64]:
        """Return (n, k) probabilities of rows as tensors; the same bits as `answer`, whatever the threads.

        Args:
            inputs: (n, ...) by the names of the graph's inputs.
            threads: How many chunks are computed at once, each by a thread of its own.

        Raises:
            LeptonError: If onnxruntime cannot compute them.
        """
        found = np.zeros((_count(inputs), len(self.about.classes)))

        def fill(at: int) -> None:
            found[at : at + CHUNK] = self._outputs(inputs, at, ["probabilities"])[0]

        places = range(0, len(found), CHUNK)
        if threads > 1 and len(places) > 1:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(fill, places))
        else:
            for at in places:
                fill(at)
        return found

    def _run(self, inputs: Arrays) -> Answers:
        labels: list[str] = []
        parts = [np.zeros((0, len(self.about.classes)))]
        for at in range(0, _count(inputs), CHUNK):
            said, found = self._outputs(inputs, at, ["label", "probabilities"])
            labels += [str(one) for one in said]
            parts.append(found)
        return Answers(tuple(labels), np.concatenate(parts))

    def _outputs(self, inputs: Arrays, at: int, names: list[str]) -> list[NDArray[Any]]:
        """Return outputs of a chunk of rows."""
        part = {name: tensor[at : at + CHUNK] for name, tensor in inputs.items()}
        rows = min(CHUNK, _count(inputs) - at)
        if rows % 2:  # what is left over of a pair takes another way, and other last bits; see `Answers`
            part = {name: np.concatenate([tensor, tensor[-1:]]) for name, tensor in part.items()}
        try:
            return [np.asarray(one)[:rows] for one in self._session.run(names, part)]
        except Exception as error:  # each kind of failure has its own type in a module that is not public
            raise LeptonError(
                f"{self.about.model} could not answer the rows.", why=str(error).splitlines()[0][:300]
            ) from None


def _count(inputs: Arrays) -> int:
    return len(next(iter(inputs.values())))


def _session(content: bytes, name: str, threads: int) -> InferenceSession:
    require("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each kind of damage has its own type in a module that is not public
        why = str(error).strip().splitlines()
        raise damaged(name, f"It is no graph that onnxruntime can load: {(why or ['?'])[0][:300]}") from None
