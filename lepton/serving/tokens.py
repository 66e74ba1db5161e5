"""Who may ask for what: bearer tokens with roles, from a file that only its owner reads, or from the environment."""

from __future__ import annotations

import hashlib
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, ValidationError, model_validator

from lepton.core.config.section import Section, explain
from lepton.core.config.yaml_file import read_yaml
from lepton.core.errors import UsageError

Role = Literal["predict", "labels", "metrics"]
"""Ask a champion and who it is; deliver labels; read the metrics."""
ROLES: tuple[Role, ...] = get_args(Role)
FEWEST = 16
"""Characters of a token: a shorter one can be guessed."""


@dataclass(frozen=True)
class Token:
    """Somebody who may ask, known by the digest of a secret."""

    name: str
    digest: str
    """SHA-256 of the token, 64 hex digits."""
    roles: tuple[Role, ...] = ROLES
    rate: float | None = None
    """Most requests a second, in the long run; None: as `serve.rate` says."""


class _Entry(Section):
    """One token as the file has it."""

    token: str | None = None
    sha256: str | None = None
    roles: tuple[Role, ...] = Field(min_length=1)
    rate: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _has_one_secret(self) -> _Entry:
        if (self.token is None) == (self.sha256 is None):
            raise ValueError("give either `token`, or `sha256` of it")
        if self.token is not None and len(self.token) < FEWEST:
            raise ValueError(f"a token of {len(self.token)} characters can be guessed: take at least {FEWEST}")
        if self.sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", self.sha256):
            raise ValueError("`sha256` has 64 hex digits")
        return self


def digest_of(token: str | bytes) -> str:
    """Return the SHA-256 of a token, 64 hex digits."""
    return hashlib.sha256(token.encode() if isinstance(token, str) else token).hexdigest()


def read_tokens(path: Path) -> list[Token]:
    """Read a file of tokens: YAML, a mapping from name to `token` or `sha256`, `roles`, and if wanted `rate`.

    Raises:
        UsageError: If it is not there, others may read it, it is no such file, or two names have the same token. No
            secret is ever quoted.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        fix = ["correct serve.tokens in lepton.yaml", f"write {path}"]
        raise UsageError(f"The tokens in {path} cannot be read.", why=f"{error.strerror}.", fix=fix) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        why = f"Its mode is {stat.S_IMODE(mode):o}; who has a token can ask in another's name."
        raise UsageError(f"Others may read the tokens in {path}.", why=why, fix=[f"chmod 600 {path}"])
    found = [_token(path, str(name), entry) for name, entry in read_yaml(path).items()]
    if not found:
        raise UsageError(f"There is no token in {path}.", fix=[_example(path)])
    for at, one in enumerate(found):
        if any(other.digest == one.digest for other in found[:at]):
            raise UsageError(
                f"{path.name}: {one.name!r} has the token of another name.", fix=["give it one of its own"]
            )
    return found


def _token(path: Path, name: str, entry: object) -> Token:
    try:
        read = _Entry.model_validate(entry)
    except ValidationError as error:
        # What was found may be a secret, wherever it stands.
        shown = [
            one if one["loc"][:1] in (("roles",), ("rate",)) else {**one, "input": "***"} for one in error.errors()
        ]
        why = "\n".join(explain(one, _Entry) for one in shown)
        raise UsageError(f"{path.name}: {name!r} is no token.", why=why, fix=[_example(path)]) from None
    digest = digest_of(read.token) if read.token is not None else str(read.sha256).lower()
    return Token(name, digest, read.roles, read.rate)


def _example(path: Path) -> str:
    return f'write in {path}:  shop: {{token: "...", roles: [predict, labels]}}'
