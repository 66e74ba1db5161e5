"""How work is done safely: whole files, leases, named points at which it may be killed, progress."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""How long work reports, for rooms never print; called as `progress(done, total, text)`. `done == total` is the last
call of a piece of work."""


def silent(done: int, total: int, text: str) -> None:
    """Report to nobody."""
