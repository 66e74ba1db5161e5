"""Checksums of a model's files: taken at the registration, compared before every use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from lepton.core.errors import LeptonError
from lepton.core.work.files import canonical, sha256


def file_checksums(folder: Path, without: Collection[str] = ()) -> dict[str, str]:
    """Return relative path -> hex SHA-256 of every file below `folder`, sorted.

    Args:
        folder: The folder.
        without: Relative paths of folders or files that are left out.

    Raises:
        LeptonError: If there is no file, or something that is neither file nor folder, such as a link.
    """
    found = dict(_below(folder, without))
    if not found:
        raise LeptonError(f"There is no model in {folder}.")
    if odd := [name for name, path in found.items() if not _plain(path)]:
        raise LeptonError(f"{folder} is no model folder.", why="\n".join(f"{name} is not a plain file" for name in odd))
    return {name: sha256(path) for name, path in found.items()}


def digest_of(checksums: Mapping[str, str]) -> str:
    """Return the hex SHA-256 over names and checksums: the digest of a `ModelRef`."""
    return hashlib.sha256(canonical(dict(checksums)).encode()).hexdigest()


def check_files(folder: Path, label: str, expected: Mapping[str, str], without: Collection[str] = ()) -> None:
    """Compare a folder with the checksums taken at the registration.

    A link is not taken for the file that it points to: what is there could be another one tomorrow.

    Args:
        folder: The folder.
        label: Of the version, for the error.
        expected: Relative path -> hex SHA-256.
        without: Relative paths that are not looked at.

    Raises:
        LeptonError: If a file is missing, changed or added, is no plain file or cannot be read; names it.
    """
    if not expected:
        raise damaged(label, "It was registered without checksums, not by lepton.")
    try:
        found = dict(_below(folder, without))
    except OSError as error:
        raise damaged(label, f"{error.filename} cannot be read: {error.strerror}") from None
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} was added after the registration" for name in found if name not in expected]
    for name, path in found.items():
        if name in expected and (problem := _difference(path, expected[name])):
            problems.append(f"{name} {problem}")
    if problems:
        raise damaged(label, "\n".join([*problems, f"Folder: {folder}"]))


def damaged(label: str, why: str) -> LeptonError:
    """Return the error for a model that must not be used."""
    return LeptonError(
        f"{label} is damaged and will not be used.",
        why=why,
        fix=["restore the files from a backup", "lepton rollback TARGET  (serves the champion before it)"],
    )


def _difference(path: Path, checksum: str) -> str | None:
    """Return what is wrong with a file, if anything."""
    if not _plain(path):
        return "is not a plain file"
    try:
        found = sha256(path)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if found != checksum:
        return f"was changed: SHA-256 is {found[:12]}..., was {checksum[:12]}... at the registration"
    return None


def _below(folder: Path, without: Collection[str]) -> Iterator[tuple[str, Path]]:
    """Yield every file below a folder, and every link, pipe or socket, by its relative path, sorted."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name in without:
            continue
        inner = {name.partition("/")[2] for name in without if name.startswith(f"{entry.name}/")}
        if entry.is_dir(follow_symlinks=False):
            yield from ((f"{entry.name}/{name}", path) for name, path in _below(Path(entry.path), inner))
        else:
            yield entry.name, Path(entry.path)


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
