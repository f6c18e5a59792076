"""The only place that speaks HTTP to a source. Reads JSON pages; survives bad days; says nothing of what it read.

What may go through later is tried again, a bounded number of times, later each time, or when the server says so.
What will be refused again is not. Texts of errors hold the resource of the contract and a status, never a host, a
query or a body.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
import requests

from passerelle.doors.connections import Connection
from passerelle.doors.json_texts import Doubled, items_apart, parsed
from passerelle.errors import RefusedForGood, Unavailable, UsageError

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - an address
MOST_BYTES = 64 * 1024 * 1024
_CHUNK = 64 * 1024
_MOST_REFUSED_TOKENS = 3
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class PageRefused(RefusedForGood):
    """The server answered that this page will never be served. `status` says how."""

    def __init__(self, said: str, status: int) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a request is tried."""

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 120.0
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    whole_seconds: float = 600.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


class _Later(Exception):
    """This attempt failed and the next may not. `wait` is what the server asked for."""

    def __init__(self, said: str, wait: float | None = None) -> None:
        super().__init__(said)
        self.said = said
        self.wait = wait


class RestDoor:
    """A session with one source. Use it in a `with` block."""

    def __init__(self, connection: Connection, patience: Patience | None = None) -> None:
        """The address and the client come from the connection alone.

        Raises:
            UsageError: the connection is not of kind http, or its host is no address.
        """
        self._base = _base(connection)
        self._connection = connection
        self._patience = patience or Patience()
        self._token: str | None = None
        self._refused_tokens = 0
        self._session = requests.Session()
        # No proxies, certificates or logins out of the environment or ~/.netrc: the connection says them.
        self._session.trust_env = False
        self._session.verify = connection.extra.get("ca", True)
        if proxy := connection.extra.get("proxy"):
            self._session.proxies = {"http": proxy, "https": proxy}

    def page(self, resource: str, query: Mapping[str, str], items: Sequence[str] = ()) -> Any:
        """The JSON of one page; numbers that a float would change are kept as they were written.

        `items` is the way to the list of records in it. One that cannot be read or written again stays its own text,
        as a fragment, and its neighbours are read.

        Raises:
            Unavailable: it did not come whole in the attempts that patience allows.
            PageRefused: the server says that it will never come.
            RefusedForGood: the client is refused, or the answer is not a page.
        """
        return self._patiently(resource, lambda: self._get(resource, query, items))

    def close(self) -> None:
        """The session is over and its token forgotten."""
        self._token = None
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _patiently(self, what: str, act: Callable[[], Any]) -> Any:
        patience = self._patience
        said = ""
        for attempt in range(1, patience.attempts + 1):
            failed = None
            try:
                return act()
            except _Later as later:
                failed = later
            # Outside the handler: an error raised here has no exception of the library behind it.
            said = failed.said
            if attempt == patience.attempts:
                break
            wait = failed.wait
            if wait is None:
                wait = random.uniform(0.5, 1.0) * patience.first_wait * 2 ** (attempt - 1)  # noqa: S311 jitter
                wait = min(wait, patience.longest_wait)
            if wait > patience.longest_wait:
                raise Unavailable(f"{what} asks to wait {wait:.0f} seconds: try again then")
            patience.sleep(wait)
        raise Unavailable(f"{what} {said}, {patience.attempts} times: try again later")

    def _get(self, resource: str, query: Mapping[str, str], items: Sequence[str]) -> Any:
        if self._token is None:
            self._token = self._fresh_token()
        status, headers, body = self._exchange(
            "GET", resource, params=dict(query), headers={"Authorization": f"Bearer {self._token}"}
        )
        if status == HTTPStatus.UNAUTHORIZED:
            self._token = None
            self._refused_tokens += 1
            if self._refused_tokens >= _MOST_REFUSED_TOKENS:
                raise PageRefused(f"{resource} refuses every token that the source itself gave us (401)", status)
            raise _Later("refused the token (401)", 0.0)
        self._refused_tokens = 0
        _judge(resource, status, headers)
        return _page(resource, body, items)

    def _fresh_token(self) -> str:
        resource = str(self._connection.extra.get("token_path", TOKEN_PATH))
        form = {
            "grant_type": "client_credentials",
            "client_id": self._connection.login,
            "client_secret": self._connection.password,
        }
        if scope := self._connection.extra.get("scope"):
            form["scope"] = str(scope)
        status, headers, body = self._exchange("POST", resource, data=form)
        if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise RefusedForGood(
                f"the source refuses our client ({status}): correct login and password of the connection"
            )
        _judge("the token address", status, headers)
        told = _parsed(body)
        token = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(token, str) or not token:
            raise RefusedForGood("the token address answered without an access_token")
        return token

    def _exchange(self, method: str, resource: str, **arguments: Any) -> tuple[int, Mapping[str, str], bytes]:
        """One request and its whole body.

        Raises:
            _Later: the network failed, or the body ended early.
            RefusedForGood: the body is larger than any page may be.
        """
        url = f"{self._base}/{resource.lstrip('/')}"
        timeout = (self._patience.connect_seconds, self._patience.read_seconds)
        said = ""
        try:
            with self._session.request(
                method, url, timeout=timeout, stream=True, allow_redirects=False, **arguments
            ) as answer:
                return (
                    answer.status_code,
                    answer.headers,
                    _body(answer, time.monotonic() + self._patience.whole_seconds),
                )
        except requests.exceptions.Timeout:
            said = "did not answer in time"
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError):
            said = "sent a body that was cut"
        except requests.exceptions.SSLError:
            raise RefusedForGood("the certificate of the source is not accepted") from None
        except requests.exceptions.RequestException as wrong:
            said = f"cannot be reached ({type(wrong).__name__})"
        raise _Later(said)


def _base(connection: Connection) -> str:
    if connection.kind != "http":
        raise UsageError(f"a REST table wants a connection of kind http, not {connection.kind}")
    host = connection.host.rstrip("/")
    if "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    parts = urlsplit(host)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise UsageError("the connection's host wants an address like https://api.example, without login or query")
    if connection.port and parts.port is None:
        parts = parts._replace(netloc=f"{parts.netloc}:{connection.port}")
    return parts.geturl()


def _body(answer: requests.Response, deadline: float) -> bytes:
    parts = []
    size = 0
    for part in answer.iter_content(_CHUNK):
        size += len(part)
        if size > MOST_BYTES:
            raise RefusedForGood(f"a page is larger than {MOST_BYTES} bytes: ask for fewer records in one page")
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout
        parts.append(part)
    return b"".join(parts)


def _judge(resource: str, status: int, headers: Mapping[str, str]) -> None:
    if status == HTTPStatus.OK:
        return
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _Later(f"answered {status}", _asked_wait(headers))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise PageRefused(
            f"{resource} sends us elsewhere ({status}); only the connection says where a source is", status
        )
    raise PageRefused(f"{resource} answered {status} and will answer it again", status)


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """What Retry-After asks for, in seconds: it holds seconds, or an instant on the server's clock."""
    told = headers.get("Retry-After", "").strip()
    if not told:
        return None
    if told.isascii() and told.isdigit():
        return float(told)
    until, since = _moment(told), _moment(headers.get("Date", "")) or datetime.now(UTC)
    return None if until is None else max((until - since).total_seconds(), 0.0)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parsed(body: bytes) -> Any:
    try:
        return parsed(body)
    except (ValueError, RecursionError):
        pass  # the error would quote the body
    raise _Later("sent a body that is no whole JSON")


def _page(resource: str, body: bytes, items: Sequence[str]) -> Any:
    """The tree of a page; item by item where the whole cannot be read, or what was read not be written."""
    try:
        page = parsed(body)
        orjson.dumps(page)
    except (ValueError, TypeError, RecursionError):
        pass  # the error would quote the body
    else:
        return page
    try:
        return items_apart(body, items)
    except Doubled:
        said = f"{resource} sent a page in which one name stands twice: ask whoever serves it which one counts"
    except (ValueError, RecursionError):
        raise _Later("sent a body that is no whole JSON") from None
    raise RefusedForGood(said)
