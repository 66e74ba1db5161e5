"""MLflow as the rest of the room wants it: quiet, without telemetry, patient, and with errors a person can act on."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar, cast

from lepton.core.deferral import imported_without
from lepton.core.errors import LeptonError, NotFound
from lepton.core.extras import require

require("mlflow")

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # Errors reach us as exceptions; MLflow would also log each with a traceback.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A uv.lock that happens to lie in the current folder is not the model's.
    "MLFLOW_UV_AUTO_DETECT": "false",
    # The default of 7 means minutes of silence when a server has gone; `insist` knows when to give up.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Read by MLflow at import; what the user has set wins."""

UNUSED = (
    "mlflow.artifacts",
    "mlflow.data",
    "mlflow.gateway",
    "mlflow.genai",
    "mlflow.genai.judges",
    "mlflow.genai.prompts",
    "mlflow.genai.scorers",
    "mlflow.models",
    "mlflow.projects",
    "mlflow.pyfunc",
)
"""Modules that are imported when they are used: those for language models, and what only storing a model needs."""
STORES = ("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store")

PATIENCE = 40.0
"""Seconds for which a call is tried again: a server restarts in about ten, and a call waits twenty for a lock."""

_PASSING = (
    "database is locked",
    "database table is locked",
    "Max retries exceeded",
    "Connection refused",
    "Connection aborted",
    "Connection reset",
    "RemoteDisconnected",
    "Failed to establish a new connection",
    "Read timed out",
    "error code 502",
    "error code 503",
    "error code 504",
)
"""What MLflow's errors say when it is only busy, or away for a moment."""

R = TypeVar("R")
T = TypeVar("T")


def mlflow(stores: bool = False) -> ModuleType:
    """Return the module, imported (half a second the first time) and silenced.

    Args:
        stores: Import what reads and writes a database without a server, too.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    imported_without(UNUSED, "mlflow", *(STORES if stores else ()))
    import mlflow as module

    if "MLFLOW_LOGGING_LEVEL" not in os.environ or os.environ["MLFLOW_LOGGING_LEVEL"] == "CRITICAL":
        for name in ("mlflow", "alembic"):  # it may have been imported before us
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return module


def insist(call: Callable[[], R], patience: float | None = None) -> R:
    """Return what a call returns, trying again while MLflow is only busy or away for a moment.

    A call may so be made twice if its answer was lost on the way. All of ours can be: what they set is the same the
    second time, a second run shows nothing, and a second version, unknown to the ledger, is swept away.

    Args:
        call: Talks to MLflow.
        patience: Seconds after which no new try is begun; by default `PATIENCE`.
    """
    started, wait, tries = time.monotonic(), 0.1, 0
    limit = PATIENCE if patience is None else patience
    while True:
        tries += 1
        try:
            return call()
        except Exception as error:
            if not passing(error):
                raise
            spent = time.monotonic() - started
            if spent + wait > limit:
                error.add_note(f"Tried {tries} times in {spent:.0f} s.")
                raise
        time.sleep(wait * random.uniform(0.5, 1.0))  # of many that wait for one lock, not all come back at once
        wait = min(2 * wait, 2.0)


def passing(error: BaseException) -> bool:
    """Return whether an error is likely to be gone in a moment."""
    return any(sign in str(error) for sign in _PASSING)


def patient(client: T) -> T:
    """Return a client whose every call is made with `insist`."""
    return cast(T, _Patient(client))


class _Patient:
    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: insist(lambda: found(*args, **kwargs))


@contextmanager
def clear_errors(what: str) -> Iterator[None]:
    """Turn what MLflow raises into a LeptonError that begins with `what`.

    Raises:
        NotFound: If MLflow knows no such thing.
        LeptonError: For anything else that MLflow, its server or its database complains about.
    """
    try:
        yield
    except LeptonError:
        raise
    except Exception as error:
        clear = _translated(what, error)
        if clear is None:
            raise
        raise clear from None


def _translated(what: str, error: Exception) -> LeptonError | None:
    """Return the error for the user; None if it is none of MLflow's, the database's or the disk's: a fault of ours."""
    mlflow()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    notes = getattr(error, "__notes__", ())
    if isinstance(error, MlflowException):
        cause = error.message.strip().splitlines()[0] if error.message.strip() else "MLflow gives no reason."
        cause = "\n".join([cause, *notes])
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            return NotFound(what, why=cause, fix=["lepton status"])
        if "out-of-date database schema" in cause:
            return LeptonError(what, why=cause, fix=["mlflow db upgrade sqlite:///.lepton/mlflow.db"])
        fix = ["run the same command again: what was finished is kept"] if passing(error) else []
        return LeptonError(what, why=cause, fix=[*fix, "lepton doctor"])
    if isinstance(error, OSError | SQLAlchemyError):  # MLflow wraps most of them, but not all
        cause = "\n".join([str(error.orig) if isinstance(error, DBAPIError) else str(error), *notes])
        return LeptonError(what, why=cause, fix=["lepton doctor", "check that the disk is not full"])
    return None


def already_exists(error: Exception) -> bool:
    """Tell whether MLflow refused to create something because somebody else just did."""
    return getattr(error, "error_code", None) in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS")
