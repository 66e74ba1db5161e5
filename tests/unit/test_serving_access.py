"""Who may ask a server: tokens and their roles, the file that they come from, and how often each may ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.errors import UsageError
from lepton.serving.access import BURST, Access, Bucket
from lepton.serving.rejected import Rejected
from lepton.serving.tokens import ROLES, Role, Token, digest_of, read_tokens

SECRET = "0123456789abcdef"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "tokens.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def status(access: Access, secret: str, role: Role | None) -> int:
    """Return what a request is answered with."""
    try:
        access.admit(f"Bearer {secret}".encode() if secret else b"", role)
    except Rejected as error:
        return error.status
    return 200


def test_a_token_is_for_what_its_roles_say() -> None:
    access = Access([Token("shop", digest_of(SECRET), ("predict",)), Token("ops", digest_of(SECRET[::-1]))])
    assert [status(access, SECRET, role) for role in (*ROLES, None)] == [200, 403, 403, 200]
    assert [status(access, SECRET[::-1], role) for role in (*ROLES, None)] == [200] * 4
    assert [status(access, secret, "predict") for secret in ("", "wrong", SECRET[:-1])] == [401] * 3


def test_without_tokens_whoever_reaches_the_port_may_ask() -> None:
    assert status(Access(), "", "predict") == 200
    assert status(Access(), "whatever", "labels") == 200


def test_each_token_has_a_rate_of_its_own_and_is_told_when_to_come_again() -> None:
    now = [0.0]
    tokens = [Token("slow", digest_of(SECRET), rate=0.5), Token("other", digest_of(SECRET[::-1]))]
    access = Access(tokens, rate=2, clock=lambda: now[0])
    assert [status(access, SECRET, "predict") for _ in range(2)] == [200, 429]
    assert [status(access, SECRET[::-1], "predict") for _ in range(3)] == [200, 200, 429]
    with pytest.raises(Rejected) as caught:
        access.admit(f"Bearer {SECRET}".encode(), "predict")
    assert caught.value.retry == 2
    now[0] = 2.0
    assert status(access, SECRET, "predict") == 200


@given(st.floats(0.1, 50), st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_in_no_stretch_of_time_more_than_the_rate_and_a_burst_pass(rate: float, steps: list[float]) -> None:
    bucket, now, taken = Bucket(rate, 0.0), 0.0, []
    for step in steps:
        now += step
        if not (wait := bucket.take(now)):
            taken.append(now)
        else:
            assert 0 < wait <= 1 / rate + 1e-9
    for first, begin in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= max(1.0, rate * BURST) + (taken[last] - begin) * rate + 1e-6


def test_who_waits_as_long_as_told_is_let_in() -> None:
    bucket = Bucket(0.3, 0.0)
    assert bucket.take(0.0) == 0
    assert bucket.take(bucket.take(0.0) + 1e-9) == 0


def test_a_file_of_tokens(tmp_path: Path) -> None:
    text = f"""
shop: {{token: "{SECRET}", roles: [predict, labels], rate: 50}}
ops: {{sha256: "{digest_of("another-long-secret").upper()}", roles: [metrics]}}
"""
    shop, ops = read_tokens(written(tmp_path, text))
    assert shop == Token("shop", digest_of(SECRET), ("predict", "labels"), 50)
    assert ops == Token("ops", digest_of("another-long-secret"), ("metrics",))


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (f'a: {{token: "{SECRET}", roles: [predict]}}', 0o644, "chmod 600"),
        ('a: {token: "short", roles: [predict]}', 0o600, "can be guessed"),
        (f'a: {{token: "{SECRET}", roles: [admin]}}', 0o600, "roles.0"),
        (f'a: {{token: "{SECRET}", roles: []}}', 0o600, "roles"),
        (f'a: {{token: "{SECRET}", roles: [predict], rates: 3}}', 0o600, "did you mean 'rate'"),
        ("a: {roles: [predict]}", 0o600, "either `token`, or `sha256`"),
        ('a: {sha256: "12", roles: [predict]}', 0o600, "64 hex digits"),
        ("a: secret-as-a-mere-word", 0o600, "no token"),
        ("", 0o600, "no token in"),
        (f'a: &x {{token: "{SECRET}", roles: [predict]}}\nb: *x', 0o600, "token of another name"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_and_no_secret_is_quoted(
    text: str, mode: int, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        read_tokens(written(tmp_path, text, mode))
    told = caught.value.render()
    assert said in told
    assert not any(secret in told for secret in (SECRET, "secret-as", "short"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_tokens(tmp_path / "none.yaml")
