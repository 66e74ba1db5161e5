"""A file from a web server, by the standard library: certificates are checked, proxies of the environment are used."""

from __future__ import annotations

import base64
import ssl
from http.client import HTTPException, HTTPMessage, HTTPResponse, responses
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError, NotFound
from lepton.data.sources.pour import cut_off, pour
from lepton.data.sources.url import file_name, public, without_secrets

SECONDS = 60
"""How long the other side may say nothing."""
_ENDINGS = {
    "text/csv": ".csv",
    "application/vnd.apache.parquet": ".parquet",
    "application/x-parquet": ".parquet",
}


def fetch_file(url: str, folder: Path, limits: LimitsConfig) -> Path:
    """Return the file at an address; see `lepton.data.sources.fetch.fetch`."""
    shown = public(url)
    try:
        with _opener().open(_request(url), timeout=SECONDS) as answer:
            goal = folder / _named(url, answer, shown)
            length = answer.headers.get("Content-Length", "")
            stated = int(length) if length.isdecimal() else None
            try:
                pour(answer.read, goal, shown, limits, stated)
            except (HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
                came = goal.stat().st_size
                raise cut_off(shown, f"{type(error).__name__} after {came:,} bytes{_of(stated)}.") from None
            return goal
    except HTTPError as error:
        error.close()
        raise _answered(error.code, shown) from None
    except (URLError, HTTPException, TimeoutError, OSError, ValueError) as error:
        raise _unreachable(error, url) from None


class _Redirects(HTTPRedirectHandler):
    """Follows to another address, but never from an encrypted one to one that is not, nor with the password of another.

    A header that is not redirected, such as the password, is given again only to the very host that asked for it.
    """

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """Return what to ask next."""
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in ("http", "https") or (old.scheme == "https" and new.scheme == "http"):
            raise URLError(f"it leads on to {public(newurl)}, which is not encrypted, or no web address")
        found = super().redirect_request(req, fp, code, msg, headers, newurl)
        if found is not None and (old.scheme, old.netloc) == (new.scheme, new.netloc):
            for name, value in req.unredirected_hdrs.items():
                found.add_unredirected_header(name, value)
        return found


def _opener() -> OpenerDirector:
    """Return what opens web addresses and nothing else: by default `urllib` also takes files of this machine."""
    opener = OpenerDirector()
    for handler in (ProxyHandler, HTTPHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor, _Redirects):
        opener.add_handler(handler())
    return opener


def _request(url: str) -> Request:
    """Return the question; user and password of the address become a header."""
    parts = urlsplit(url)
    who, _, host = parts.netloc.rpartition("@")
    request = Request(
        urlunsplit((parts.scheme.lower(), host, parts.path, parts.query, "")), headers={"User-Agent": "lepton"}
    )
    if who:
        word = base64.b64encode(unquote(who).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {word}")
    return request


def _named(url: str, answer: HTTPResponse, shown: str) -> str:
    """Return the file's name; where the address has no ending, the answer says what it is.

    Raises:
        LeptonError: If a page for people was answered, such as one that asks who they are.
    """
    name, kind = file_name(url), answer.headers.get_content_type()
    if kind == "text/html":
        raise LeptonError(
            f"{shown} is a web page, not a delivery.",
            why="The server answered with HTML, as it does to ask for a login.",
            fix=["use the address of the file itself", "use one that needs no login, such as a signed one"],
        )
    if not Path(name).suffix:
        name += _ENDINGS.get(kind, "")
    packed = answer.headers.get("Content-Encoding", "").strip().lower() == "gzip"  # not asked for, as it is stored so
    return f"{name}.gz" if packed and not name.endswith(".gz") else name


def _answered(code: int, shown: str) -> LeptonError:
    # Not in the server's own words: of a redirection they quote an address, which may hold a secret.
    why = f"The server answers {code} {responses.get(code, '')}".rstrip() + "."
    if code in (404, 410):
        return NotFound(f"{shown} does not exist.", why=why, fix=["check the address"])
    if code in (401, 403, 407):
        return LeptonError(
            f"{shown} may not be read.",
            why=why,
            fix=["give the address with USER:PASSWORD@ before the host", "use a signed address that has not run out"],
        )
    return LeptonError(f"{shown} cannot be fetched.", why=why, fix=["try again later", "check the address"])


def _unreachable(error: Exception, url: str) -> LeptonError:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        why, fix = (
            f"Its certificate is not trusted: {cause.verify_message}.",
            "set SSL_CERT_FILE to the authority's file",
        )
    elif isinstance(cause, TimeoutError):
        why, fix = f"It said nothing for {SECONDS} seconds.", "try again later"
    else:
        why, fix = without_secrets(str(cause), url) or type(cause).__name__, "check the address and the network"
    return LeptonError(f"{public(url)} cannot be reached.", why=why, fix=[fix])


def _of(stated: int | None) -> str:
    return "" if stated is None else f" of {stated:,}"
