"""The front door's verbs about data: deliveries, history, versions, erasure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lepton.core.config.names import check_batch, check_domain
from lepton.core.extras import told
from lepton.operations.workspace.base import Base

if TYPE_CHECKING:
    from lepton.data.history import Event
    from lepton.operations.data.checkout import CheckoutResult, MendResult
    from lepton.operations.data.erasure import ForgetResult
    from lepton.operations.data.history import StatesCompared
    from lepton.operations.data.publication import PublishResult
    from lepton.operations.data.retention import CleanUpResult
    from lepton.operations.delivery import Given
    from lepton.operations.ingest import IngestResult


class Data(Base):
    """What comes in, what it was before, and what must leave."""

    def ingest(
        self,
        domain: str,
        delivery: Given | None = None,
        *,
        sql: str | None = None,
        db: str | None = None,
        name: str | None = None,
        labels: bool = False,
        new: bool = False,
        dry_run: bool = False,
    ) -> IngestResult:
        """Take a delivery into a domain if it keeps the contract.

        Args:
            domain: Where the rows come from.
            delivery: A path (CSV, also packed, Parquet, NPZ, or a folder of images); an address (`https://`,
                `s3://`; of a store also a folder); or rows: a pandas DataFrame, a pyarrow Table, RecordBatchReader or
                Dataset, a polars DataFrame or LazyFrame, whatever else speaks Arrow.
            sql: In place of a delivery, a query; its rows are delivered.
            db: Where to ask it: an SQLAlchemy URL, or `env:NAME` of a variable that holds one.
            name: Name of the batch; by default made from the file's name, or from what the rows are.
            labels: The delivery holds ids and labels of rows that were delivered before.
            new: Add the domain as a new target, with a contract derived from the source's.
            dry_run: Check only.

        Raises:
            Refused: If it breaks the contract; it is in quarantine, with the reason beside it.
            LeptonError: If it cannot be fetched or read.
        """
        from lepton.operations.delivery import as_file, asked
        from lepton.operations.ingest import ingest

        place = self._place()
        check_domain(domain)  # all of this is said before anything large is fetched
        if name is not None:
            check_batch(name)
        if not new:
            place.check_known(domain)
        with told(), as_file(asked(delivery, sql, db), name, place.config.limits) as path:
            return self.play(ingest, domain, str(path), name, labels, new, dry_run, doing="taking in")

    def data_log(self, domain: str) -> list[Event]:
        """Return what happened to a domain's data, oldest first: deliveries, refusals, recalls, erasures, models."""
        from lepton.operations.data.history import history

        return self._here(history, domain)

    def data_diff(self, a: str, b: str | None = None, *, use: str = "train", rows: bool = False) -> StatesCompared:
        """Return what changed from one state of a domain to another.

        Args:
            a: DOMAIN (now), DOMAIN@2 or DOMAIN@champion (what that version learnt from), DOMAIN/BATCH (when the batch
                had just come), or DOMAIN@4f3a09 (first digits of an md5 in data.dvc, or of a digest).
            b: The same; by default the domain of `a` now.
            use: Which of a model's data: train, validation, held_out, reference.
            rows: Name the rows by their ids.
        """
        from lepton.operations.data.history import compare_states

        return self._here(compare_states, a, b, use, rows)

    def checkout(
        self, domain: str, at: str, *, use: str = "train", into: str | Path | None = None, dry_run: bool = False
    ) -> CheckoutResult:
        """Write a past state of a domain to a new folder; `data/` only grows and is left alone.

        Args:
            domain: The domain.
            at: A version or alias of its model, a batch, or the first digits of an md5 or digest.
            use: Which of a model's data.
            into: A new folder; by default below `.lepton/past`.
            dry_run: Say what would be written.
        """
        from lepton.operations.data.checkout import bring_back

        folder = Path(into).expanduser().absolute() if into is not None else None
        return self._here(bring_back, domain, at, use, folder, dry_run)

    def mend(self, domain: str | None = None, *, dry_run: bool = False) -> MendResult:
        """Bring back files of `data/` that are missing or damaged, of one domain or of all."""
        from lepton.operations.data.checkout import mend

        return self._here(mend, domain, dry_run)

    def publish(self, message: str | None = None, *, dry_run: bool = False) -> PublishResult:
        """Commit `data.dvc` to the workspace's git repository, if `data/` is what it lists and the remote has all."""
        from lepton.operations.data.publication import publish

        return self._here(publish, message, dry_run)

    def collect_garbage(self, *, keep_days: int = 30, remote: bool = False, dry_run: bool = False) -> CleanUpResult:
        """Remove old states of the data that nothing refers to.

        Args:
            keep_days: Keep what is younger.
            remote: Clean the remote, too: only if no other workspace pushes to it.
            dry_run: Say what would go.
        """
        from lepton.operations.data.retention import collect_garbage

        return self._here(collect_garbage, keep_days, remote, dry_run)

    def forget(
        self,
        ids: str | Path | Iterable[str] | None = None,
        *,
        domain: str | None = None,
        why: str | None = None,
        dry_run: bool = False,
    ) -> ForgetResult:
        """Erase rows from everything that holds them; this cannot be taken back.

        Args:
            ids: Ids of rows, or a text file with an id a line; None to finish an erasure that was interrupted.
            domain: Look in this domain only.
            why: For the ledger, which keeps it for ever: no names, no ids.
            dry_run: Say what would be erased.
        """
        from lepton.operations.data.forget import forget

        with _listed(ids) as path:
            return self._here(forget, path, domain, why, dry_run)


@contextmanager
def _listed(ids: str | Path | Iterable[str] | None) -> Iterator[Path | None]:
    """Yield a file with an id a line."""
    if ids is None or isinstance(ids, str | Path):
        yield None if ids is None else Path(ids).expanduser()
        return
    with TemporaryDirectory(prefix="lepton-ids-") as folder:
        path = Path(folder) / "ids.txt"
        path.write_text("".join(f"{one}\n" for one in ids), encoding="utf-8")
        yield path
