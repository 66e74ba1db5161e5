"""MLflow as the rest of the room wants it: quiet, without telemetry, and with errors a person can act on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from lepton.core.errors import LeptonError, NotFound

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # Errors reach us as exceptions; MLflow would also log each with a traceback.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A uv.lock that happens to lie in the current folder is not the model's.
    "MLFLOW_UV_AUTO_DETECT": "false",
    # The default of 7 means minutes of silence when a server has gone.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Read by MLflow at import; what the user has set wins."""


def mlflow() -> ModuleType:
    """Return the module, imported (about 1 s the first time) and silenced."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow as module

    if "MLFLOW_LOGGING_LEVEL" not in os.environ or os.environ["MLFLOW_LOGGING_LEVEL"] == "CRITICAL":
        for name in ("mlflow", "alembic"):  # it may have been imported before us
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return module


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

    if isinstance(error, MlflowException):
        cause = error.message.strip().splitlines()[0] if error.message.strip() else "MLflow gives no reason."
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            return NotFound(what, why=cause, fix=["lepton status"])
        if "out-of-date database schema" in cause:
            return LeptonError(what, why=cause, fix=["mlflow db upgrade sqlite:///.lepton/mlflow.db"])
        return LeptonError(what, why=cause, fix=["lepton doctor"])
    if isinstance(error, OSError | SQLAlchemyError):  # MLflow wraps most of them, but not all
        cause = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        return LeptonError(what, why=cause, fix=["lepton doctor", "check that the disk is not full"])
    return None


def already_exists(error: Exception) -> bool:
    """Tell whether MLflow refused to create something because somebody else just did."""
    return getattr(error, "error_code", None) in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS")
