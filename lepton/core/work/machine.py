"""What the machine under us refuses or lacks, a full disk or a package, as an error to act on."""

from __future__ import annotations

import errno

from lepton.core.errors import LeptonError
from lepton.core.extras import absent

_REFUSALS = {
    errno.ENOSPC: ("The disk is full.", "make room on it"),
    errno.EDQUOT: ("The disk quota is used up.", "make room, or ask for more"),
    errno.EFBIG: ("A file became larger than this process may write.", "raise the limit: ulimit -f"),
    errno.EROFS: ("A file lies where nothing can be written.", "mount the file system for writing"),
    errno.EACCES: ("A file or folder may not be used by this user.", "mend its owner or its mode"),
    errno.EPERM: ("A file or folder may not be changed.", "mend its owner, its mode or its attributes"),
    errno.EIO: ("The disk cannot be read or written.", "check the disk"),
}


def refusal(error: BaseException) -> LeptonError | None:
    """Return what to tell the user if it is the machine that refused; None if the error is of another kind.

    Args:
        error: Looked into together with what it was raised from: vendors wrap what the system says.
    """
    seen: BaseException | None = error
    while seen is not None:
        if (told := absent(seen)) is not None:
            return told
        if isinstance(seen, OSError) and seen.errno in _REFUSALS:
            what, remedy = _REFUSALS[seen.errno]
            return LeptonError(what, why=str(seen), fix=[remedy, "run the same command again: what was done is kept"])
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return None
