"""A file, or all that is below a prefix, from an object store, by the filesystems that pyarrow brings.

Who may read is settled as everywhere: of S3 by `AWS_ACCESS_KEY_ID` and its kin, a profile, or the machine's role;
`AWS_ENDPOINT_URL` leads to another store that speaks the same.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.extras import require
from lepton.data.readers.limits import check_size
from lepton.data.sources.pour import pour
from lepton.data.sources.url import file_name, public, without_secrets

if TYPE_CHECKING:
    from pyarrow import fs

_DENIED = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE", "EXPIRED", "INVALID_CLIENT_TOKEN", "HTTP status 403")
_AWAY = ("NETWORK_CONNECTION", "curlCode", "timed out", "Could not resolve")


def fetch_tree(url: str, folder: Path, limits: LimitsConfig) -> Path:
    """Return what is at an address of a store; see `lepton.data.sources.fetch.fetch`.

    The key stands as it is: a blank is a blank. After `?` options of pyarrow may follow, such as `region=eu-west-1`.
    """
    require("pyarrow")
    import pyarrow as pa
    from pyarrow import fs

    shown = public(url)
    try:
        store, path = _open(url)
        goal = folder / file_name(url, raw=True)
        found = store.get_file_info(path)
        if found.type == fs.FileType.NotFound:
            raise NotFound(f"{shown} does not exist.", fix=["check bucket and key"])
        if found.type == fs.FileType.File and not url.partition("?")[0].endswith("/"):
            _copy(store, found, goal, shown, limits)
            return goal
        below = store.get_file_info(fs.FileSelector(path, recursive=True))
        files = [one for one in below if one.type == fs.FileType.File]
        if not files:
            raise NotFound(f"{shown} holds no file.", fix=["check bucket and prefix"])
        check_size(shown, sum(max(one.size or 0, 0) for one in files), limits)
        goal.mkdir()
        came = 0
        for one in files:
            came += _copy(store, one, _inside(goal, one.path, path, shown), shown, limits, came)
        return goal
    except (pa.ArrowException, OSError) as error:
        raise _told(error, url) from None


def _open(url: str) -> tuple[fs.FileSystem, str]:
    """Return the store and the path in it; an address is taken apart here, as a key may hold what no URI may."""
    from pyarrow import fs

    scheme, _, rest = url.partition("://")
    rest, mark, query = rest.partition("?")
    place, _, key = rest.partition("/")
    if not place:
        raise UsageError(f"{public(url)} names no bucket.", fix=[f"write it as {scheme}://BUCKET/KEY"])
    store, base = fs.FileSystem.from_uri(f"{scheme.lower()}://{place}/{mark}{query}")
    return store, f"{base.rstrip('/')}/{key}".rstrip("/")


def _copy(
    store: fs.FileSystem, found: fs.FileInfo, goal: Path, shown: str, limits: LimitsConfig, before: int = 0
) -> int:
    """Copy one file as it is, also a packed one; return its bytes."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    with store.open_input_stream(found.path, compression=None) as stream:
        return pour(stream.read, goal, shown, limits, found.size, before)


def _inside(goal: Path, path: str, base: str, shown: str) -> Path:
    """Return where a file of the store belongs below `goal`; keys are only text, and may say anything."""
    parts = PurePosixPath(path.removeprefix(base).lstrip("/")).parts
    if not parts or ".." in parts or any("\0" in part for part in parts):
        raise LeptonError(f"{shown}: a key leads out of the folder.", why=f"Its name is {'/'.join(parts)!r}.")
    return goal.joinpath(*parts)


def _told(error: Exception, url: str) -> LeptonError:
    said, shown = without_secrets(str(error).split("\n")[0], url), public(url)
    if any(word in said for word in _DENIED):
        fix = ["set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE", "ask who owns it for leave to read"]
        return LeptonError(f"{shown} may not be read.", why=said, fix=fix)
    if any(word in said for word in _AWAY):
        fix = ["check the network", "set AWS_ENDPOINT_URL  (if it is not a store of AWS)"]
        return LeptonError(f"{shown} cannot be reached.", why=said, fix=fix)
    return LeptonError(f"{shown} cannot be fetched.", why=said, fix=["check the address"])
