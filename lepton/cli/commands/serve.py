"""`lepton serve`: champions that answer over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lepton.cli.session import door, open_workspace


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("serve")(serve)


def serve(
    domains: Annotated[
        list[str] | None, typer.Argument(help="Which domains; default: all that something serves.", metavar="DOMAIN")
    ] = None,
    port: Annotated[int, typer.Option(help="Port; default: a free one.", min=0, max=65535)] = 0,
    host: Annotated[str, typer.Option(help="Address; another than this machine's own needs a token.")] = "127.0.0.1",
    certificate: Annotated[Path | None, typer.Option(help="Speak TLS with this certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
) -> None:
    """Answer requests over HTTP, and log them for the monitor.

    Until Ctrl-C. The ledger says who answers: a promotion or a rollback is live a moment later.
    """
    door(open_workspace()).serve(*(domains or ()), host=host, port=port, certificate=certificate, key=key)
