"""A past state of a domain brought back beside the data, and files of the current one that are lost or damaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lepton.core.config.names import check_domain
from lepton.core.errors import UsageError
from lepton.core.work.lock import alone_with_data
from lepton.operations.data.states import Named, state_of
from lepton.operations.result import Facts, Json, Result
from lepton.operations.session import Session


@dataclass(frozen=True)
class CheckoutResult(Result):
    """A past state that was brought back."""

    state: Named
    folder: Path
    files: int
    dry_run: bool

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        verb = "would write" if self.dry_run else "wrote"
        return {verb: self.state.words, "to": self.folder, "files": self.files}

    def to_json(self) -> Json:
        """Return a JSON object."""
        told = {"folder": str(self.folder), "files": self.files, "dry_run": self.dry_run}
        return {**self.state.to_json(), **told}


@dataclass(frozen=True)
class MendResult(Result):
    """Which files of the current state were brought back."""

    mended: Mapping[str, str]
    """Path within `data/` -> missing or damaged."""
    aside: tuple[Path, ...]
    """Where damaged files were put, for what in them is not versioned."""
    dry_run: bool

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        return {**self.mended} or {"data": "every file that data.dvc lists is there, whole"}


def bring_back(session: Session, domain: str, at: str, use: str, into: Path | None, dry_run: bool) -> CheckoutResult:
    """Copy a past state of a domain into a folder outside `data/`, which only ingest writes to.

    Raises:
        NotFound: If there is no such state, or nobody has it any more.
        UsageError: If the folder holds something.
    """
    from lepton.data.past import check_free, checkout

    state = state_of(session, at if "/" in at or "@" in at else f"{domain}@{at}", use)
    if state.was.domain != domain:
        raise UsageError(f"{at} is a state of {state.was.domain!r}, not of {domain!r}.")
    goal = into or session.ws.state_dir / "past" / f"{domain}-{at.replace('/', '-').replace('@', '-')}"
    check_free(session.ws, goal)
    if not dry_run:
        checkout(session.ws, state.was, goal)
    return CheckoutResult(state, goal, len(state.was.files), dry_run)


def mend(session: Session, domain: str | None, dry_run: bool) -> MendResult:
    """Bring back files of the current state that are missing in `data/` or damaged; nothing else is touched.

    Raises:
        LeptonError: If an erasure was interrupted: mending would bring the erased rows back.
        NotFound: If neither cache nor remote has a file.
    """
    from lepton.data.erase import check_none_unfinished
    from lepton.data.repair import broken, repair

    if domain is not None:
        check_domain(domain)
    with alone_with_data(session.ws):
        check_none_unfinished(session.ws)
        found = broken(session.ws, domain)
        aside = [] if dry_run else repair(session.ws, found)
    return MendResult(found, tuple(aside), dry_run)
