"""What is at an address, as a file or folder: who fetches it is decided by how the address begins."""

from __future__ import annotations

from pathlib import Path

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import UsageError
from lepton.data.sources.url import public

WEB = ("http", "https")
STORES = ("s3", "gs", "gcs", "abfs", "abfss")
"""What the filesystems of pyarrow reach."""


def fetch(url: str, folder: Path, limits: LimitsConfig) -> Path:
    """Return what is at an address as a file, or folder, in an empty folder.

    Args:
        url: `https://host/march.csv`, `s3://bucket/march.parquet`, or `s3://bucket/march/` with all that is below it.
        folder: Where it is put.
        limits: How large it may be.

    Raises:
        UsageError: If nothing here fetches such an address.
        NotFound: If nothing is there.
        LeptonError: If it cannot be reached or read, is larger than allowed, or was cut off.
        MissingPackage: If the package for it is not installed.
    """
    scheme = url.partition("://")[0].lower()
    if scheme in WEB:
        from lepton.data.sources.http import fetch_file

        return fetch_file(url, folder, limits)
    if scheme in STORES:
        from lepton.data.sources.stores import fetch_tree

        return fetch_tree(url, folder, limits)
    raise UsageError(
        f"{public(url)}: an address of this kind cannot be fetched.",
        why=f"Known: {', '.join(f'{one}://' for one in (*WEB, *STORES))}.",
        fix=["fetch it with another program, and deliver the file"],
    )
