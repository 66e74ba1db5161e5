"""Where a server listens, who may ask there, and what it is asked with."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.errors import UsageError
from lepton.serving.tokens import Token, digest_of, read_tokens

if TYPE_CHECKING:
    from lepton.core.config.serve import ServeConfig
    from lepton.serving.server import Certificate

TOKEN = "LEPTON_SERVE_TOKEN"


@dataclass(frozen=True)
class Port:
    """Where to listen."""

    host: str = "127.0.0.1"
    """Other machines reach it only with a token."""
    number: int = 0
    """0: a free one."""
    certificate: Path | None = None
    """Speak TLS with this, PEM."""
    key: Path | None = None
    """Of the certificate, PEM."""


def tokens_of(root: Path, config: ServeConfig) -> list[Token]:
    """Return who may ask: those of the file `serve.tokens`, and whoever bears LEPTON_SERVE_TOKEN, for everything.

    Raises:
        UsageError: If the file cannot be used.
    """
    found = read_tokens(root / Path(config.tokens).expanduser()) if config.tokens else []
    if given := os.environ.get(TOKEN):
        found.append(Token(TOKEN, digest_of(given)))
    return found


def tls_of(at: Port) -> Certificate | None:
    """Return what TLS is spoken with; None if it is not.

    Raises:
        UsageError: If only one of the two files is named, or they cannot be used.
    """
    from lepton.serving.server import Certificate

    if at.certificate is None and at.key is None:
        return None
    if at.certificate is None or at.key is None:
        raise UsageError("TLS needs a certificate and its key.", fix=["lepton serve --certificate FILE --key FILE"])
    found = Certificate(at.certificate, at.key)
    found.check()
    return found


def curl_of(tokens: Sequence[Token], tls: Certificate | None) -> str:
    """Return the beginning of a request that works as it is printed, where the token is in the environment."""
    words = ["curl"]
    if tls is not None:
        words += ["--cacert", shlex.quote(str(tls.certificate))]
    if tokens:
        name = TOKEN if any(one.name == TOKEN for one in tokens) else "TOKEN"
        words += ["-H", f'"Authorization: Bearer ${name}"']
    return " ".join(words)


def address_of(host: str, port: int, tls: bool) -> str:
    """Return the address under which this machine reaches a port."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"{'https' if tls else 'http'}://{name}:{port}"
