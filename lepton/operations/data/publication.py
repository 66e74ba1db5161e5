"""The pointer to the data, published: `data.dvc` committed in git, and put on record."""

from __future__ import annotations

from dataclasses import dataclass

from lepton.core.ledger.rows import Published
from lepton.core.work.faults import reached
from lepton.core.work.lock import alone_with_data
from lepton.operations.result import Result
from lepton.operations.session import Session


@dataclass(frozen=True)
class PublishResult(Result):
    """Which state of the data git names."""

    dvc_md5: str
    git_revision: str | None
    """The commit that names it; of a dry run the one that names the state before."""
    new: bool
    """Whether it had to be committed."""
    dry_run: bool


def publish(session: Session, message: str | None, dry_run: bool) -> PublishResult:
    """Commit `data.dvc` in the workspace's git repository and put it on record; nothing to do if it is committed.

    Raises:
        LeptonError: If the data is not clean or not in the remote, or git refuses.
    """
    from lepton.data.erase import check_none_unfinished
    from lepton.data.publish import check_publishable, commit_pointer, committed

    with alone_with_data(session.ws):
        check_none_unfinished(session.ws)
        md5 = check_publishable(session.ws)
        known, revision = committed(session.ws)
        new = known != md5
        if dry_run:
            return PublishResult(md5, revision, new, dry_run)
        if new:
            revision = commit_pointer(session.ws, message or f"Data: {md5[:12]}")
            reached("publish.committed")
        ledger, source = session.ledger, session.ws.source
        last = ledger.last_row(source, Published)
        if last is None or (last.row.dvc_md5, last.row.git_revision) != (md5, revision):
            ledger.record(session.actor, source, Published(md5, revision, message))
        reached("publish.recorded")
    return PublishResult(md5, revision, new, dry_run)
