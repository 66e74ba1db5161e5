"""Checks before a byte is parsed: the delivery exists, is whole, and stays inside its folder."""

import shlex
from pathlib import Path

from lepton.core.config.yaml_file import nearest
from lepton.core.errors import LeptonError, NotFound


def check_path(path: Path, root: Path | None = None) -> Path:
    """Return `path` if it exists, is not empty and does not lead out of `root` (by default its own folder).

    Raises:
        NotFound: If there is nothing.
        LeptonError: If it is empty, no regular file or folder, or a symbolic link out of the folder.
    """
    if not path.exists() and not path.is_symlink():
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(path.name, names)
        raise NotFound(
            f"{path} does not exist.",
            why=f"The folder {path.parent} does not exist." if not path.parent.is_dir() else "",
            fix=[f"did you mean {path.parent / near}?"] if near else ["check the path"],
        )
    check_inside(path, path.parent if root is None else root)
    if path.is_dir():
        return path
    if not path.is_file():
        raise LeptonError(f"{path} is neither a file nor a folder.")
    if path.stat().st_size == 0:
        raise LeptonError(f"{path.name} is empty (0 bytes).", fix=["deliver the file again; the export wrote nothing"])
    return path


def check_inside(path: Path, folder: Path) -> None:
    """Refuse a path that, once links are followed, does not lie in `folder`.

    A delivery must be self-contained: a link out of it could hand any file of this machine to whoever sees the data.

    Raises:
        LeptonError: If it does not, or the link leads nowhere.
    """
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise LeptonError(
            f"{path} is a symbolic link that leads nowhere.", fix=["deliver the file itself instead of a link"]
        ) from None
    if not real.is_relative_to(folder.resolve()):
        plain = f"{shlex.quote(str(real))} {shlex.quote(str(path))}"
        raise LeptonError(
            f"{path.name} is a symbolic link that leaves the delivery folder.",
            why=f"It points to {real}, outside {folder}.",
            fix=[f"deliver the file itself instead of a link: cp --remove-destination {plain}"],
        )
