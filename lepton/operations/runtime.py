"""What an orchestrator adds to the work: named steps, undo, events, progress, and the name of who acts.

A verb is written once. In process, which is the default, a step is a plain call; `lepton_flows` gives the same verb
Prefect's tasks, transactions and events. Nothing else of an orchestrator is known here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from getpass import getuser
from typing import Any, Protocol, TypeVar

from lepton.core.errors import LeptonError
from lepton.core.refs import Run as Run
from lepton.core.work import Progress, silent

R = TypeVar("R")


@dataclass(frozen=True)
class Event:
    """Something that whoever listens may act on; the resource is a pair."""

    name: str
    pair: str
    payload: dict[str, Any] = field(default_factory=dict)


class Runtime(Protocol):
    """What a verb asks of whatever runs it."""

    @property
    def run(self) -> Run:
        """The run around the work; the same for as long as the work lasts."""

    @property
    def actor(self) -> str:
        """Who acts, as the ledger records it: `user:ada`, or `flow:NAME` on a worker."""

    @property
    def progress(self) -> Progress:
        """Where long work reports to."""

    def step(self, name: str, work: Callable[[], R], undo: Callable[[R, str], None] | None = None) -> R:
        """Do one named step that people want to see, time and find in a log.

        Args:
            name: As a person reads it: `verify version`.
            work: The step; what it closes over stays in this process.
            undo: Called with what `work` returned and why, if a later step of the same `together` fails. It must do no
                harm if nothing is left to undo, and what it raises does not hide the error that it is called for.
        """

    def together(self) -> AbstractContextManager[None]:
        """Undo the steps within the block, the last one first, if the block fails; let the error through.

        A process that is killed undoes nothing: what it leaves is found later, by the key of the work.
        """

    def part(self, verb: Callable[..., R], session: Any, *args: Any, **kwargs: Any) -> R:
        """Do a whole other verb within this one: a flow run of its own where flow runs are."""

    def each(
        self, verb: Callable[..., R], session: Any, domains: Sequence[str], *args: Any
    ) -> Sequence[R | Exception | None]:
        """Do a verb for several domains, each a part of its own; one that fails does not keep the others from it.

        Returns:
            What each answered or failed with, in order; None where another process did it, and it ended well.
        """

    def emit(self, event: Event) -> bool:
        """Say an event; return whether there was anybody to hear it."""

    def tell(self, text: str) -> None:
        """Tell whoever watches the run a line: standard error, or a flow run's log."""


class InProcess:
    """The default: plain calls in this process, with no server at all."""

    def __init__(self, progress: Progress = silent, actor: str | None = None) -> None:
        self.run = Run.in_process()
        self.actor = actor or person()
        self.progress = progress
        self._undo: list[Callable[[str], None]] | None = None

    def step(self, name: str, work: Callable[[], R], undo: Callable[[R, str], None] | None = None) -> R:
        """Do a step; see `Runtime.step`."""
        result = work()
        if undo is not None and self._undo is not None:
            self._undo.append(lambda why: undo(result, why))
        return result

    @contextmanager
    def together(self) -> Iterator[None]:
        """Undo what was done in the block if it fails; see `Runtime.together`."""
        before, self._undo = self._undo, []
        try:
            yield
        except BaseException as error:
            for undo in reversed(self._undo):
                try:
                    undo(in_a_line(error))
                except LeptonError:
                    continue  # the error that the block failed with is what must be heard of
            raise
        finally:
            self._undo = before

    def part(self, verb: Callable[..., R], session: Any, *args: Any, **kwargs: Any) -> R:
        """Call the verb; see `Runtime.part`."""
        return verb(session, *args, **kwargs)

    def each(
        self, verb: Callable[..., R], session: Any, domains: Sequence[str], *args: Any
    ) -> Sequence[R | Exception | None]:
        """Do one after the other; see `Runtime.each`."""
        return [tried(partial(self.part, verb, session, domain, *args)) for domain in domains]

    def emit(self, event: Event) -> bool:
        """Nobody listens in process."""
        return False

    def tell(self, text: str) -> None:
        """Write a line to standard error."""
        sys.stderr.write(f"{text}\n")


def tried(work: Callable[[], R]) -> R | Exception:
    """Return what work answers, or what it failed with."""
    try:
        return work()
    except Exception as error:
        return error


def person() -> str:
    """Return who sits at the keyboard, as the ledger records it."""
    try:
        return f"user:{getuser()}"
    except (OSError, KeyError):
        return "user:unknown"


def in_a_line(error: BaseException) -> str:
    """Return an error as one line for a record."""
    return error.what if isinstance(error, LeptonError) else f"{type(error).__name__}: {error}"[:400]
