"""Errors a person can act on: what happened, why, and the command that fixes it."""

from collections.abc import Sequence


class LeptonError(Exception):
    """A mistake or a missing thing that the user can mend; never shown as a traceback.

    Args:
        what: What happened, one sentence.
        why: The cause, with the evidence (may hold several lines).
        fix: Commands or steps that mend it, most likely first.
    """

    code = 1
    """Exit code of the command line: 1 error, 2 usage, 3 gate refused, 4 drift found."""

    def __init__(self, what: str, why: str = "", fix: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = tuple([fix] if isinstance(fix, str) else fix)

    def render(self) -> str:
        """Return the plain text shown to a user: what, why, fix."""
        lines = [self.what]
        if self.why:
            lines += ["", *(f"  {line}" if line else "" for line in self.why.splitlines())]
        if self.fix:
            lines.append("")
            lines += [f"  Fix:  {self.fix[0]}", *(f"   or:  {step}" for step in self.fix[1:])]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type["LeptonError"], tuple[str, str, tuple[str, ...]]]:
        """Keep cause and remedy when the error crosses a process boundary."""
        return type(self), (self.what, self.why, self.fix)


class UsageError(LeptonError):
    """The command was called in a way that cannot work."""

    code = 2


class NotFound(LeptonError):
    """Something that must exist first does not."""


class NothingToLearn(NotFound):
    """There are no rows, or no labels, that a model could be made of (yet); nothing is broken."""


class Refused(LeptonError):
    """A delivery broke its contract; it is in quarantine and nothing was stored."""


class GateRefused(LeptonError):
    """A challenger was not good enough to replace what serves now."""

    code = 3


class Conflict(LeptonError):
    """Somebody else wrote first: the ledger moved on between reading and writing."""


class Busy(Conflict):
    """Somebody else is at the very same work; nothing was begun, and nothing has gone wrong."""
