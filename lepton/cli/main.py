"""The `lepton` command: finds its verbs in the files beside it and turns errors into something to act on."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

import lepton
import lepton.cli.commands as commands
from lepton.core.errors import LeptonError
from lepton.core.work.machine import refusal

INTERRUPTED = 130
COLLECTED_AFTER = (50_000, 20, 20)
"""How much a command makes before what is left of it is looked for. Imports leave nothing, but make so much that Python
would go through all of it again and again: a sixth of a short command's time."""
GLOBAL = ("-w", "--workspace")
"""Options of `lepton` itself, which do not stand after a command."""

# Typer 0.29 carries a copy of click, older ones use the package: ask the class that both make public.
WRONG_CALL = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

pressed: list[int] = []
"""What asked this process to stop. Ctrl-C can strike inside a library that tells it on as an error of its own (pydantic
does, where it builds a model): what came after it is nobody's mistake."""

app = typer.Typer(
    name="lepton",
    help="Adapt one base model to many domains, guard every promotion, and re-adapt when real drift hurts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lepton {lepton.__version__}")
        raise typer.Exit


@app.callback()
def options(
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="Folder with lepton.yaml; default: this folder or above.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Adapt one base model to many domains, guard every promotion, and re-adapt when real drift hurts."""
    if workspace is not None:
        os.environ["LEPTON_WORKSPACE"] = str(workspace.resolve())


for _module in pkgutil.iter_modules(commands.__path__):
    importlib.import_module(f"{commands.__name__}.{_module.name}").add_to(app)


def run() -> None:
    """Run the command line; a user's mistake ends with a message and a code, never with a traceback."""
    gc.set_threshold(*COLLECTED_AFTER)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _press)
    code = main(sys.argv[1:])
    gc.freeze()  # what ends with the process needs no last look for garbage: a quarter of a short command's time
    sys.exit(code)


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code: 0 ok, 1 error, 2 usage, 3 gate refused, 4 drift found."""
    try:
        code = app(arguments, standalone_mode=False)
        return _ended(code if isinstance(code, int) else 0)
    except typer.Exit as stop:
        return _ended(int(stop.exit_code))
    except (typer.Abort, KeyboardInterrupt):
        return _ended(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _ended(INTERRUPTED) if pressed else _failed(error, arguments)


def _press(number: int, frame: FrameType | None) -> None:
    """Take note of Ctrl-C, and do what Python does then."""
    pressed.append(number)
    signal.default_int_handler(number, frame)


def _failed(error: Exception, arguments: list[str]) -> int:
    """Say what went wrong, and return the exit code."""
    if isinstance(error, LeptonError):
        _complain(error.render())
        return error.code
    if isinstance(error, WRONG_CALL):
        getattr(error, "show")()  # noqa: B009 (only the copy's own class declares it)
        if (wrong := getattr(error, "option_name", None)) in GLOBAL:
            _complain(f"\n{wrong} stands before the command: lepton {wrong} FOLDER {' '.join(arguments[:1])} ...")
        return 2
    if (told := refusal(error)) is not None and not os.environ.get("LEPTON_DEBUG"):
        _complain(told.render())
        return told.code
    return _unexpected(error)


def _ended(code: int) -> int:
    """Return the exit code; typer turns Ctrl-C into one of its own."""
    if code == INTERRUPTED:
        _complain("Interrupted. What was finished is kept, nothing is half-written; run the same command again.")
    return code


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")


def _unexpected(error: Exception) -> int:
    """Keep the traceback of a mistake of ours in a file and say where it is."""
    import tempfile
    import traceback

    if os.environ.get("LEPTON_DEBUG"):
        raise error
    with tempfile.NamedTemporaryFile("w", prefix="lepton-error-", suffix=".txt", delete=False) as report:
        traceback.print_exception(error, file=report)
    _complain(
        f"lepton failed in a way that it did not expect: {type(error).__name__}: {error}\n\n"
        f"  This is a mistake in lepton, not yours. The details are in {report.name}\n"
        "   See it here:  LEPTON_DEBUG=1 lepton ..."
    )
    return 1
