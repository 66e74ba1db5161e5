"""Whether a request may be answered at all: its token, what the token is for, and how often it came."""

from __future__ import annotations

import hmac
import math
import time
from collections.abc import Callable, Sequence

from lepton.serving.rejected import Rejected
from lepton.serving.tokens import Role, Token, digest_of

BURST = 1.0
"""Seconds of its rate that a token may ask for at once."""


class Bucket:
    """A token bucket (RFC 2697's idea): so many requests a second in the long run, and a second's worth at once.

    Args:
        rate: Requests a second.
        now: Seconds, by a clock that only goes forward.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate, self._most = rate, max(1.0, rate * BURST)
        self._left, self._seen = self._most, now

    def take(self, now: float) -> float:
        """Take one request; return 0, or how many seconds it is too early."""
        self._left = min(self._most, self._left + max(0.0, now - self._seen) * self._rate)
        self._seen = max(self._seen, now)
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0.0


class Access:
    """Who may ask.

    Args:
        tokens: None: whoever reaches the port.
        rate: Requests a second of each token without a rate of its own, or of all who ask without; None: any.
        clock: Seconds that only go forward.
    """

    def __init__(
        self, tokens: Sequence[Token] = (), rate: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tokens, self._clock = tuple(tokens), clock
        rates = {one.name: one.rate or rate for one in tokens} or {"": rate}
        self._buckets = {name: Bucket(most, clock()) for name, most in rates.items() if most is not None}

    @property
    def needs_token(self) -> bool:
        """Whether a request must bear a token."""
        return bool(self._tokens)

    def admit(self, authorization: bytes, role: Role | None) -> None:
        """Let a request pass, or say why not.

        Args:
            authorization: The header, empty if it bears none.
            role: What it asks for; None: what any token may.

        Raises:
            Rejected: 401 without a token that is known, 403 if it is not for this, 429 if it comes too often.
        """
        name = ""
        if self._tokens:
            token = self._known(authorization)
            if token is None:
                fix = ["Authorization: Bearer TOKEN"]
                raise Rejected(401, "The request bears no token, or a wrong one.", fix=fix)
            if role is not None and role not in token.roles:
                may = ", ".join(token.roles)
                raise Rejected(403, f"The token of {token.name!r} is not for {role}.", why=f"It is for {may}.")
            name = token.name
        bucket = self._buckets.get(name)
        if bucket is not None and (early := bucket.take(self._clock())):
            raise Rejected(429, "Too many requests.", fix=["come again later"], retry=math.ceil(early))

    def _known(self, authorization: bytes) -> Token | None:
        kind, _, secret = authorization.partition(b" ")
        if kind.lower() != b"bearer":
            return None
        digest = digest_of(secret.strip())
        found = None
        for token in self._tokens:  # all of them, so that the time tells nothing
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found
