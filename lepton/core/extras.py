"""What an installation of lepton may leave out, and the command that brings it.

`pip install lepton` reads the configuration and the ledger; each extra of pyproject.toml brings the packages of some
rooms. A room that needs one asks for it in the first lines of the module that imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from lepton.core.errors import LeptonError

EXTRAS = {
    "serve": ("pandas", "safetensors", "torch"),
    "loop": (
        "cyclonedx",
        "dvc",
        "great_expectations",
        "lightgbm",
        "mlflow",
        "packageurl",
        "PIL",
        "pyarrow",
        "scipy",
        "sklearn",
    ),
    "monitor": ("apprise", "evidently"),
    "server": ("prefect",),
    "graph": ("onnxruntime",),
    "export": ("onnx", "onnxscript"),
    "http": ("httptools", "orjson", "uvicorn", "uvloop"),
    "audit": ("attr", "openlineage"),
    "postgres": ("psycopg",),
    "all": ("matplotlib",),
}
"""Extra -> the packages, by their import names, that it is the smallest to bring."""


class MissingPackage(LeptonError, ImportError):
    """A package that this part of lepton works with is not installed."""


def require(*packages: str) -> None:
    """Make sure that packages can be imported, without importing them; costs about 0.1 ms each.

    Args:
        packages: Import names that stand in `EXTRAS`.

    Raises:
        MissingPackage: If one is not installed; names the command that installs it.
    """
    for name in packages:
        if find_spec(name) is None:
            raise missing(name)


def missing(package: str) -> MissingPackage:
    """Return the error for a package of `EXTRAS` that is not installed.

    Raises:
        KeyError: If no extra brings it.
    """
    extra = {name: extra for extra, names in EXTRAS.items() for name in names}[package]
    fix = [f'pip install "lepton[{extra}]"', 'pip install "lepton[all]"  (everything)']
    if extra == "serve":  # verbs of the loop ask for these first, and for more next
        fix = ['pip install "lepton[loop]"  (the loop)', f"{fix[0]}  (to load a model and predict)", fix[1]]
    return MissingPackage(
        f"This needs the package {package!r}, which is not installed.",
        why=f"lepton was installed without its extra {extra!r}.",
        fix=fix,
    )


@contextmanager
def told() -> Iterator[None]:
    """Turn an import in the block that fails for want of an extra into the error that says so."""
    try:
        yield
    except ModuleNotFoundError as error:
        if found := absent(error):
            raise found from None
        raise


def absent(error: BaseException) -> MissingPackage | None:
    """Return what to tell the user if an import failed for want of an extra; None for any other error."""
    if not isinstance(error, ModuleNotFoundError) or isinstance(error, MissingPackage):
        return None
    name = (error.name or "").partition(".")[0]
    return missing(name) if any(name in names for names in EXTRAS.values()) else None
