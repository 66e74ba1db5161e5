"""Which address leads where: a raw ASGI application, so that a request costs little more than its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote

import orjson

from lepton import __version__
from lepton.core.config.serve import ServeConfig
from lepton.serving.access import Access
from lepton.serving.answers import JSON, encode
from lepton.serving.desk import Desk
from lepton.serving.example import example_row
from lepton.serving.incoming import read_body, read_labels
from lepton.serving.metrics import Metrics
from lepton.serving.openapi import Shown, describe, page
from lepton.serving.rejected import Rejected
from lepton.serving.request import rows_of_csv, rows_of_json, rows_of_tensors
from lepton.serving.tokens import ROLES, Role

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
Headers: TypeAlias = list[tuple[str, str]]
Reply: TypeAlias = tuple[int, bytes, str, Headers]
"""Status, body, content type, further headers."""


class App:
    """The application.

    Args:
        desks: Domains that are served.
        config: The limits.
        metrics: Where requests are counted.
        access: Who may ask; health is told to everybody.
    """

    def __init__(self, desks: Mapping[str, Desk], config: ServeConfig, metrics: Metrics, access: Access) -> None:
        self._desks, self._config, self._metrics, self._access = desks, config, metrics, access
        self.ready = False
        """Whether requests are taken; false before the start is over, and when the server ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see the ASGI specification."""
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not spoken here")
        began = time.perf_counter()
        domain = ""
        try:
            parts = tuple(unquote(part) for part in scope["raw_path"].decode("latin-1").strip("/").split("/"))
            headers = dict(scope["headers"])
            domain = _domain(parts) if _domain(parts) in self._desks else ""
            status, body, kind, more = await self._reply(scope["method"], parts, headers, receive)
        except Rejected as error:
            status, body, kind, more = _rejection(error)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # told by its kind only: what stands in it is not the caller's business
            told = Rejected(500, "The request could not be answered.", why=f"{type(error).__name__}; see the log.")
            scope["lepton.error"] = error
            _log(error)
            status, body, kind, more = _rejection(told)
        self._metrics.request(domain, status, time.perf_counter() - began)
        raw = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        raw += [(key.encode(), value.encode("utf-8", "replace")) for key, value in more]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _reply(self, method: str, parts: tuple[str, ...], headers: dict[bytes, bytes], receive: Receive) -> Reply:
        if parts[:2] == ("v2", "health") and len(parts) == 3 and parts[2] in ("live", "ready"):
            _allow(method, "GET", "HEAD")
            return self._health(parts[2])
        if parts == ("docs",):  # nothing of a domain stands in it: it asks for that with the token that is typed
            _allow(method, "GET", "HEAD")
            body, policy = page()
            return 200, body, "text/html; charset=utf-8", [("content-security-policy", policy)]
        self._access.admit(headers.get(b"authorization", b""), _role(parts))
        match parts:
            case ("predict", domain):
                _allow(method, "POST")
                return await self._predict(self._desk(domain), headers, receive)
            case ("labels", domain):
                _allow(method, "POST")
                return await self._labels(self._desk(domain), headers, receive)
            case ("v2", "models", domain, "infer") | ("v2", "models", domain, "versions", _, "infer"):
                _allow(method, "POST")
                return await self._infer(self._desk(domain), parts, headers, receive)
            case ("v2", "models", domain) | ("v2", "models", domain, "ready"):
                _allow(method, "GET", "HEAD")
                return 200, orjson.dumps(self._desk(domain).facts()), JSON, []
            case ("v2",) | ("",):
                _allow(method, "GET", "HEAD")
                told = {"name": "lepton", "version": __version__, "extensions": [], "models": sorted(self._desks)}
                return 200, orjson.dumps(told), JSON, []
            case ("openapi.json",):
                _allow(method, "GET", "HEAD")
                return 200, orjson.dumps(self._described()), JSON, []
            case ("metrics",):
                _allow(method, "GET", "HEAD")
                return 200, self._gauged().encode(), "text/plain; version=0.0.4; charset=utf-8", []
        raise Rejected(404, "There is nothing at this address.", fix=[f"POST /predict/{'|'.join(self._desks)}"])

    async def _predict(self, desk: Desk, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        kind = _content_type(headers, "application/json", "text/csv")
        body = await read_body(receive, headers, self._config)
        asked = (rows_of_csv if kind == "text/csv" else rows_of_json)(body, self._config.max_rows)
        answered = await desk.answer(asked)
        return 200, *encode(answered, asked.form), answered.headers

    async def _infer(self, desk: Desk, parts: tuple[str, ...], headers: dict[bytes, bytes], receive: Receive) -> Reply:
        version = desk.serving.label.rpartition(" v")[2]
        if len(parts) == 6 and parts[4] != version:
            why = f"The ledger decides who serves; it is version {version}."
            raise Rejected(404, f"Version {parts[4]} does not serve {desk.domain!r}.", why=why)
        _content_type(headers, "application/json")
        asked = rows_of_tensors(await read_body(receive, headers, self._config), self._config.max_rows)
        answered = await desk.answer(asked)
        return 200, *encode(answered, "v2", asked.id), answered.headers

    async def _labels(self, desk: Desk, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        kind = _content_type(headers, "application/json", "text/csv")
        body = await read_body(receive, headers, self._config)
        labels = read_labels(body, kind == "text/csv", desk.serving.contract, self._config.max_rows)
        desk.take_labels(labels)
        return 202, orjson.dumps({"taken": len(labels)}), JSON, []

    def _health(self, which: str) -> Reply:
        if which == "live":
            return 200, b'{"live":true}', JSON, []
        behind = {
            name: {"error": desk.trouble.what, "why": desk.trouble.why}
            for name, desk in self._desks.items()
            if desk.trouble is not None
        }
        told: dict[str, Any] = {"ready": self.ready, "models": {n: d.serving.label for n, d in self._desks.items()}}
        if behind:  # the old champion answers, so the server is ready all the same
            told["behind"] = behind
        return 200 if self.ready else 503, orjson.dumps(told), JSON, []

    def _described(self) -> dict[str, Any]:
        shown = {}
        for name, desk in self._desks.items():
            about, contract = desk.serving.graph.about, desk.serving.contract
            shown[name] = Shown(contract, about.model, about.provisional, example_row(about, contract))
        return describe(shown, self._access.needs_token)

    def _gauged(self) -> str:
        found = []
        for name, desk in self._desks.items():
            found.append(("lepton_serve_queue_rows", name, float(desk.batcher.rows)))
            found.append(("lepton_serve_window_rows", name, float(desk.logged)))
            found.append(("lepton_serve_behind", name, float(desk.trouble is not None)))
        return self._metrics.render(found)

    def _desk(self, domain: str) -> Desk:
        desk = self._desks.get(domain)
        if desk is None:
            raise Rejected(404, f"Domain {domain[:63]!r} is not served here.", why=f"Served: {', '.join(self._desks)}.")
        return desk


def _domain(parts: tuple[str, ...]) -> str:
    at = {"predict": 1, "labels": 1, "v2": 2}.get(parts[0], len(parts))
    return parts[at] if at < len(parts) else ""


def _role(parts: tuple[str, ...]) -> Role | None:
    """Return what a token must be for; None: who a champion is, any may ask."""
    asked = "predict" if parts[-1] == "infer" else parts[0]
    return asked if asked in ROLES else None


def _allow(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise Rejected(405, f"{method} is not understood here.", fix=[f"use {allowed[0]}"])


def _content_type(headers: dict[bytes, bytes], *allowed: str) -> str:
    """Return what kind of body came; the first of those allowed where nothing is said, or what `curl -d` says."""
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise Rejected(415, "A packed body is not read.", fix=["send it as it is"])
    said = headers.get(b"content-type", b"").split(b";")[0].strip().lower().decode("latin-1")
    if said in ("", "application/x-www-form-urlencoded"):
        return allowed[0]
    if said not in allowed:
        raise Rejected(
            415, f"A body of type {said[:60]!r} is not read.", fix=[f"Content-Type: {one}" for one in allowed]
        )
    return said


def _rejection(error: Rejected) -> Reply:
    headers: Headers = []
    if error.retry is not None:
        headers.append(("retry-after", str(error.retry)))
    if error.close:
        headers.append(("connection", "close"))
    if error.status == 401:
        headers.append(("www-authenticate", "Bearer"))
    return error.status, orjson.dumps(error.to_json()), JSON, headers


def _log(error: Exception) -> None:
    import logging

    logging.getLogger("lepton.serving").error("a request failed", exc_info=error)
