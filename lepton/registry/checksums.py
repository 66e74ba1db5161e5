"""Checksums of a model's files: taken at the registration, compared before every use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from lepton.core.errors import LeptonError
from lepton.core.files import canonical, sha256


def file_checksums(folder: Path) -> dict[str, str]:
    """Return relative path -> hex SHA-256 of every file below `folder`, sorted.

    Raises:
        LeptonError: If there is no file.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not files:
        raise LeptonError(f"There is no model in {folder}.")
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def digest_of(checksums: Mapping[str, str]) -> str:
    """Return the hex SHA-256 over names and checksums: the digest of a `ModelRef`."""
    return hashlib.sha256(canonical(dict(checksums)).encode()).hexdigest()


def check_files(folder: Path, label: str, expected: Mapping[str, str]) -> None:
    """Compare a folder with the checksums taken at the registration.

    Raises:
        LeptonError: If a file is missing, changed or added; names it.
    """
    if not expected:
        raise damaged(label, "It was registered without checksums, not by lepton.")
    found = file_checksums(folder) if folder.is_dir() and any(folder.iterdir()) else {}
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} was added after the registration" for name in found if name not in expected]
    problems += [
        f"{name} was changed: SHA-256 is {found[name][:12]}..., was {checksum[:12]}... at the registration"
        for name, checksum in expected.items()
        if name in found and found[name] != checksum
    ]
    if problems:
        raise damaged(label, "\n".join([*problems, f"Folder: {folder}"]))


def damaged(label: str, why: str) -> LeptonError:
    """Return the error for a model that must not be used."""
    return LeptonError(
        f"{label} is damaged and will not be used.",
        why=why,
        fix=["restore the files from a backup", "lepton rollback TARGET  (serves the champion before it)"],
    )
