"""HTTP exchanges that end in time and in room, whatever the server does; on urllib3."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InvalidHeader

from keras_haframe.serving.errors import ServingError, check_timeout, printable, with_retries
from keras_haframe.serving.tls import Tls

TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
MAX_MESSAGE = 64 * 2**20
LONGEST_REASON = 2**16  # bytes read of an error answer

_of_thread = threading.local()


class _Watched:
    """A connection that the watch of its thread can shut.

    A timeout of a socket bounds one operation, and a server that sends a byte now and then makes
    any number of them: the whole exchange needs a bound of its own.
    """

    sock: Any

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        _of_thread.sockets.append(self.sock)
        super().request(*args, **kwargs)  # type: ignore[misc]


class _Http(_Watched, HTTPConnection):
    pass


class _Https(_Watched, HTTPSConnection):
    pass


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


@contextlib.contextmanager
def _watch(seconds: float) -> Iterator[None]:
    """Shut the sockets that this thread's requests use when the time is up."""
    sockets: list[socket.socket] = []
    _of_thread.sockets = sockets

    def shut() -> None:
        for sock in sockets:
            with contextlib.suppress(OSError, TypeError):  # not TLS's own, which would wait
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class HttpClient:
    """Requests to one model: bounded in time and size, tried again after transient errors.

    Redirects are not followed: a request would go to a host that nobody named. Compressed answers
    are not unpacked. A proxy is used as the environment says (`http_proxy`, `no_proxy`).

    Args:
        url: Address of the server, such as `"http://localhost:8501"`.
        model: Name of the served model.
        version: Version; the server's choice by default.
        timeout: Seconds for each attempt, from the connection to the last byte.
        retries: Further attempts after transient errors.
        backoff: Seconds before the first of them; doubles. The server's `Retry-After` is kept.
        max_message: Largest answer in bytes.
        tls: Certificates for an `https` address; the system's authorities by default.

    Raises:
        ValueError: For an address of another kind, or a `timeout` that is not positive.
    """

    api: ClassVar[str]  # version of the interface, the first part of every path

    def __init__(
        self,
        url: str,
        model: str,
        version: int | None = None,
        timeout: float = 10.0,
        retries: int = 3,
        backoff: float = 0.2,
        max_message: int = MAX_MESSAGE,
        tls: Tls | None = None,
    ):
        parts = urllib.parse.urlsplit(url)
        if parts.username is not None:  # it would not be sent, and stand in every error
            raise ValueError("`url` must not hold a user name or password.")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(f'`url` must look like "http://localhost:8501". Received: url={url!r}')
        if tls is not None and parts.scheme == "http":
            raise ValueError(f"`tls` needs an address with https. Received: url={url!r}")
        self.timeout, self.retries, self.backoff = check_timeout(timeout), retries, backoff
        self.max_message = max_message
        self.address = f"{url.rstrip('/')}/{self.api}/models/{urllib.parse.quote(model, safe='')}"
        self._version = "" if version is None else f"/versions/{int(version)}"
        options: dict[str, Any] = {"maxsize": 64}  # connections that are kept
        if parts.scheme == "https":
            options["ssl_context"] = (tls or Tls()).context()
        bypass = urllib.request.proxy_bypass(parts.hostname)
        proxy = None if bypass else urllib.request.getproxies().get(parts.scheme)
        self._pools = (
            urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        )
        self._pools.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def close(self) -> None:
        """Close the connections that are kept open between requests."""
        self._pools.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(
        self, path: str, body: bytes | None, headers: Mapping[str, str] | None = None
    ) -> tuple[bytes, Mapping[str, str]]:
        """POST `body` below the model's address, or GET where there is none."""
        return with_retries(
            lambda: self._once(self.address + path, body, headers), self.retries, self.backoff
        )

    def _once(
        self, url: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> tuple[bytes, Mapping[str, str]]:
        end = time.monotonic() + self.timeout
        try:
            with _watch(self.timeout):
                response = self._pools.request(
                    "GET" if body is None else "POST", url, body=body, headers=headers,
                    timeout=self.timeout, retries=False, redirect=False, preload_content=False,
                )  # fmt: skip
                try:
                    if response.status != 200:
                        raise _refusal(url, response)
                    data, sizes = self._read(url, response), {"content-length", "transfer-encoding"}
                    # A head that was cut looks like a whole one, of an answer without a body.
                    cut = not data and sizes.isdisjoint(map(str.lower, response.headers))
                    if cut or time.monotonic() >= end:
                        raise http.client.IncompleteRead(data)
                    return data, response.headers
                finally:
                    response.close()  # does nothing after the last byte: the connection is kept
        except (HTTPError, OSError, http.client.HTTPException) as error:
            if time.monotonic() >= end:
                message = f"no answer from {url} within {self.timeout:g} s"
            else:
                message = f"no answer from {url}: {printable(str(error) or type(error).__name__)}"
            raise ServingError(message, not _distrusted(error)) from None

    def _read(self, url: str, response: urllib3.BaseHTTPResponse) -> bytes:
        data = bytearray()
        for part in response.stream(2**16, decode_content=False):
            data += part
            if len(data) > self.max_message:
                raise ServingError(
                    f"the answer of {url} is larger than max_message={self.max_message} bytes"
                )
        return bytes(data)


def _refusal(url: str, response: urllib3.BaseHTTPResponse) -> ServingError:
    """Return the error of an answer other than 200, whether or not its text comes through."""
    status, target = response.status, response.headers.get("Location")
    if 300 <= status < 400:
        message = f"{status} from {url}: redirects are not followed. Give the final address"
        return ServingError(message + (f", {printable(target)}?" if target else "."))
    try:
        text = response.read(LONGEST_REASON, decode_content=False).decode(errors="replace")
    except (HTTPError, OSError, http.client.HTTPException):
        text = "(the reason did not come through)"
    try:
        reason = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        reason = text
    message = f"{status} from {url}: {printable(str(reason))}"
    return ServingError(message, status in TRANSIENT, retry_after=_retry_after(response))


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    asked = response.headers.get("Retry-After")
    try:
        return None if asked is None else urllib3.Retry().parse_retry_after(asked)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _distrusted(error: Exception) -> bool:
    """Whether a certificate was refused, which another attempt does not change."""
    reasons = (error, *error.args, error.__cause__, error.__context__)
    return any(isinstance(reason, ssl.SSLCertVerificationError) for reason in reasons)
