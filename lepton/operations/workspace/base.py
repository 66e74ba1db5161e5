"""What every part of the front door stands on: the folder, its settings, and who runs a verb."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lepton.core.config.workspace import Workspace as Place
from lepton.core.errors import LeptonError
from lepton.core.extras import told
from lepton.core.work.progress import Progress, silent
from lepton.operations.runner import Runner, in_process

if TYPE_CHECKING:
    from lepton.core.config.settings import Config
    from lepton.core.config.template import Origin

R = TypeVar("R")


class Base:
    """A workspace without its verbs; the verbs are in the files beside this one, by subject."""

    def __init__(
        self, root: str | Path, *, progress: bool | Progress | None = None, runner: Runner = in_process
    ) -> None:
        self.root = Place.find(Path(root).expanduser()).root
        self._progress = progress
        self._runner = runner

    def __repr__(self) -> str:
        return f"<lepton workspace {self.config.name!r} in {self.root}>"

    @property
    def config(self) -> Config:
        """The settings in force, read anew: `lepton.yaml`, and the environment over it."""
        return self._place().config

    @property
    def source(self) -> str:
        """The labelled domain to learn from."""
        return self._place().source

    @property
    def targets(self) -> list[str]:
        """The domains to adapt to, by name."""
        return self._place().targets()

    def settings(self) -> list[Origin]:
        """Return every setting with its value and where that came from: environment, `lepton.yaml` or the default."""
        from lepton.core.config.settings import from_environment
        from lepton.core.config.template import origins
        from lepton.core.config.workspace import CONFIG_FILE
        from lepton.core.config.yaml_file import read_yaml

        found = origins(self.config, read_yaml(self.root / CONFIG_FILE), from_environment(dict(os.environ)))
        told = "; ".join(f"{target}: {remark}" for target, remark in self._remarks().items())
        return [replace(one, remark=told) if one.key == "monitor.tolerance" else one for one in found]

    def _remarks(self) -> Mapping[str, str]:
        """Return what is to be said of the targets' tolerances; settings are shown whatever the ledger is like."""
        from lepton.core.ledger import Ledger
        from lepton.operations.monitor.tolerance import remarks

        place = self._place()
        with suppress(LeptonError):
            return remarks(place, Ledger(place.ledger_url))
        return {}

    def play(self, verb: Callable[..., R], *args: Any, doing: str = "", **kwargs: Any) -> R:
        """Run a function of `lepton.operations` by this workspace's runner.

        Args:
            verb: Its first argument is a session, which the runner makes.
            args: The further ones.
            doing: What the bar says, of work that reports how far it is.
            kwargs: Arguments by name.
        """
        with told(), self._bar(doing) as progress:
            done: R = self._runner(verb, self._place(), progress, *args, **kwargs)
            return done

    def _here(self, verb: Callable[..., R], *args: Any, doing: str = "") -> R:
        """Run a function in this process, whoever runs the others: it answers at once, or is a person's word."""
        with self._bar(doing) as progress:
            done: R = in_process(verb, self._place(), progress, *args)
            return done

    def _place(self) -> Place:
        return Place(self.root)

    @contextmanager
    def _bar(self, doing: str) -> Iterator[Progress]:
        if callable(self._progress):
            yield self._progress
            return
        if not doing or self._progress is False:
            yield silent
            return
        from lepton.operations.progress import progress_bar

        with progress_bar(doing, lines=self._progress is True) as bar:
            yield bar
