"""A body as it arrives: not larger and not slower than allowed; and labels that come for rows answered before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from lepton.contract.spec import Contract
from lepton.core.config.serve import ServeConfig
from lepton.core.spelling import BLANKS, plain
from lepton.serving.rejected import Rejected
from lepton.serving.request import rows_of_csv, rows_of_json

PATIENCE = 1_000_000_000
"""Bytes of a body beyond which a connection is ended rather than the body thrown away."""


async def read_body(
    receive: Callable[[], Awaitable[dict[str, Any]]], headers: dict[bytes, bytes], config: ServeConfig
) -> bytes:
    """Return a request's body.

    Raises:
        Rejected: 413 if it is too large, which is asked before memory is taken; 408 if it comes too slowly.
    """
    said = headers.get(b"content-length", b"0")
    if said.isdigit() and int(said) > config.max_bytes:
        # Most clients send all of it before they listen: what follows is thrown away unread, and they hear the answer.
        raise _too_large(int(said), config, close=int(said) > PATIENCE)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(config.wait_seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":  # nobody is there any more to be told
                    raise Rejected(400, "The connection ended before the body did.", close=True)
                part = message.get("body", b"")
                size += len(part)
                if size > config.max_bytes:
                    raise _too_large(size, config, close=True)
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts) if len(parts) > 1 else parts[0]
    except TimeoutError:
        why = f"{size:,} bytes came in {config.wait_seconds:g} seconds (serve.wait_seconds)."
        raise Rejected(408, "The body came too slowly.", why=why, fix=["send it again"], close=True) from None


def read_labels(body: bytes, as_csv: bool, contract: Contract, most: int) -> dict[str, str]:
    """Return labels by row id, from `[{"id": "...", "label": "..."}]` or a CSV; rows without a label are passed over.

    Raises:
        Rejected: 400 if the body is something else, 422 if an id or label is none, or one id has two labels.
    """
    asked = (rows_of_csv if as_csv else rows_of_json)(body, most)
    ids = asked.columns.get("id", asked.columns.get(contract.id))
    labels = asked.columns.get("label", asked.columns.get(contract.label))
    if ids is None or labels is None:
        raise Rejected(
            422,
            "The labels need an id and a label a row.",
            why=f"Found: {', '.join(map(repr, asked.columns)) or 'nothing'}.",
            fix=['send [{"id": "9f3ac01b2d-1-1", "label": "yes"}]'],
        )
    forms = {plain(one): one for one in contract.classes}
    found: dict[str, str] = {}
    for row, (one, label) in enumerate(zip(ids, labels, strict=True), start=1):
        if label is None or label == "":
            continue
        if not isinstance(one, str) or not _is_id(one.strip(BLANKS)):
            raise Rejected(422, f"Row {row}: {one!r:.80} is no id of a row that was answered.", fix=["REQUEST-ROW"])
        key, text = one.strip(BLANKS), _text(label)
        text = forms.get(plain(text), text)
        if found.setdefault(key, text) != text:
            raise Rejected(422, f"Row {row}: {key!r} has two labels, {found[key]!r} and {text!r:.80}.")
    return found


def _is_id(text: str) -> bool:
    parts = text.rsplit("-", 2)
    return len(parts) == 3 and len(text) <= 80 and parts[0].isalnum() and parts[1].isdigit() and parts[2].isdigit()


def _text(label: Any) -> str:
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _too_large(size: int, config: ServeConfig, close: bool) -> Rejected:
    return Rejected(
        413,
        "The body is too large.",
        why=f"It has {size:,} bytes or more; {config.max_bytes:,} are allowed (serve.max_bytes).",
        fix=["send fewer rows at once"],
        close=close,
    )
