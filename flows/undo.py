"""Steps that belong together: if one of them fails, those before it are undone, the last one first.

Around a flow run this is Prefect's own `transaction` with `on_rollback` hooks, so the server's log shows what was
undone; with no flow run around it, which is what `--local` does, the same steps are undone by the same functions here.
A process that is killed undoes nothing: what it leaves is found later, by the key of the work and by `reconcile`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.transactions import get_transaction, transaction

from lepton.core.errors import LeptonError

P = ParamSpec("P")
R = TypeVar("R")

_RESULT, _WHY = "lepton_result", "lepton_why"
_undoing: ContextVar[list[Callable[[str], None]] | None] = ContextVar("lepton_undoing", default=None)


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """Undo the undoable steps within the block if the block fails, and let the error through.

    When the block has ended well nothing of it is undone any more, whatever fails later around it.
    """
    if FlowRunContext.get() is not None:
        with transaction() as group:
            try:
                yield
            except BaseException as error:
                group.set(_WHY, _line(error))
                raise
            group.commit()
        return
    steps: list[Callable[[str], None]] = []
    token = _undoing.set(steps)
    try:
        yield
    except BaseException as error:
        for undo in reversed(steps):
            _try(undo, _line(error))
        raise
    finally:
        _undoing.reset(token)


def undoable(undo: Callable[[R, str], None]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a step, as `flows.steps.step` does, that `undo` takes back.

    Args:
        undo: Called with what the step returned and with why it is undone. It must do no harm if nothing is left to
            undo, and what it raises does not hide the error that it is called for.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        def hook(group: Any) -> None:
            undo(group.get(_RESULT), group.get(_WHY, "a later step failed"))

        @wraps(function)
        def remember(*args: P.args, **kwargs: P.kwargs) -> R:
            result = function(*args, **kwargs)
            if (group := get_transaction()) is not None:
                group.set(_RESULT, result)
            return result

        hook.__name__ = undo.__name__
        name = function.__name__.replace("_", " ")
        as_task: Any = task(name=name, cache_policy=NO_CACHE, persist_result=False)(remember)
        as_task.on_rollback(hook)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if FlowRunContext.get() is not None:
                return cast(R, as_task(*args, **kwargs))
            result = function(*args, **kwargs)
            if (steps := _undoing.get()) is not None:
                steps.append(lambda why: undo(result, why))
            return result

        return call

    return decorate


def _try(undo: Callable[[str], None], why: str) -> None:
    try:
        undo(why)
    except LeptonError:
        return  # the error that the block failed with is what must be heard of


def _line(error: BaseException) -> str:
    return error.what if isinstance(error, LeptonError) else f"{type(error).__name__}: {error}"[:400]
