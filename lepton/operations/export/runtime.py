"""onnxruntime-web, which a page needs to compute: two files of its npm package, known by a digest that stands here.

It is no package of Python's, so it is fetched from the npm registry when the first page is exported, and kept in the
workspace. Who has no network gives the package as a file: `npm pack onnxruntime-web@VERSION` makes it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lepton.core.config.limits import LimitsConfig
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.work.files import atomic_write

VERSION = "1.30.0"
DIGEST = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""SHA-512 of the package, as the registry states it (`npm view onnxruntime-web@1.30.0 dist.integrity`)."""
FILE = f"onnxruntime-web-{VERSION}.tgz"
REGISTRY = "https://registry.npmjs.org"
"""Or what `npm_config_registry` says, as npm itself reads it."""
_SCRIPT, _BINARY = "package/dist/ort.wasm.bundle.min.mjs", "package/dist/ort-wasm-simd-threaded.wasm"


@dataclass(frozen=True)
class WebRuntime:
    """What computes in a browser."""

    script: bytes
    """A JavaScript module."""
    binary: bytes
    """WebAssembly."""


def web_runtime(ws: Workspace, given: Path | None = None) -> WebRuntime:
    """Return onnxruntime-web from the package that was given, was kept, or is fetched now.

    Raises:
        NotFound: If the given file is not there.
        LeptonError: If the package is not the one whose digest stands here, or cannot be fetched.
    """
    kept = ws.state_dir / "cache" / FILE
    if given is not None:
        if not given.is_file():
            raise NotFound(f"There is no file {given}.", fix=[f"npm pack onnxruntime-web@{VERSION}"])
        return _unpacked(given.name, given.read_bytes())
    if kept.is_file() and _is_right(content := kept.read_bytes()):
        return _unpacked(FILE, content)
    content = _fetched()
    found = _unpacked(FILE, content)
    atomic_write(kept, content)
    return found


def _fetched() -> bytes:
    from lepton.data.sources.http import fetch_file

    registry = os.environ.get("npm_config_registry", REGISTRY).rstrip("/")  # noqa: SIM112 (npm writes it so)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return fetch_file(f"{registry}/onnxruntime-web/-/{FILE}", Path(folder), LimitsConfig()).read_bytes()
    except LeptonError as error:
        raise LeptonError(
            "The page needs onnxruntime-web, which could not be fetched.",
            why=f"{error.what} {error.why}".strip(),
            fix=[
                f"npm pack onnxruntime-web@{VERSION}   (where there is a network), then --runtime {FILE}",
                "lepton export DOMAIN --to champion.onnx   (needs no network)",
            ],
        ) from None


def _is_right(content: bytes) -> bool:
    return base64.b64encode(hashlib.sha512(content).digest()).decode() == DIGEST


def _unpacked(name: str, content: bytes) -> WebRuntime:
    """Return the two files of a package that is the one expected; nothing else of it is read."""
    if not _is_right(content):
        raise LeptonError(
            f"{name} is not the package onnxruntime-web {VERSION}.",
            why="Its SHA-512 is another than the npm registry states, so none of it is put into a page.",
            fix=[f"npm pack onnxruntime-web@{VERSION}"],
        )
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as package:
        files = [package.extractfile(member) for member in (_SCRIPT, _BINARY)]
        script, binary = (file.read() if file else b"" for file in files)
    return WebRuntime(script, binary)
