"""How long work reports: rooms never print, they call back."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called as `progress(done, total, text)`; `done == total` is the last call of a piece of work."""


def silent(done: int, total: int, text: str) -> None:
    """Report to nobody."""
