"""The housing desk's interface over a simulated region: OAuth2, pages, and bad manners on demand.

Bad manners are chosen by the seed and the address of the page, never by the clock: each page misbehaves at most once
in each way, and what happened is counted.
"""

import base64
import hmac
import json
import secrets
import threading
import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from passerelle.errors import UsageError
from passerelle.simulator.chance import Chance

CLIENT_ID = "passerelle"
CLIENT_SECRET = "demonstration"  # noqa: S105 - published with the demonstration
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - an address
MOST_ITEMS = 1_000
_HEAD = "/v1/"
_BODY_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """The share of pages that misbehave once in each way before they are served."""

    too_many: float = 0.0
    """429 with Retry-After, in seconds for one half of the pages and as an HTTP date for the other."""
    cut: float = 0.0
    """A body shorter than its Content-Length."""
    expired: float = 0.0
    """401: the token is withdrawn in mid-paging."""
    failing: float = 0.0
    """500."""
    slow: float = 0.0
    """Served after `slow_seconds`."""
    slow_seconds: float = 0.2
    retry_after: int = 1
    """Seconds that Retry-After asks for."""
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> "Misbehaviour":
        """Bad manners from text like `too-many=0.2,cut=0.1,seed=4`.

        Raises:
            UsageError: a name is unknown or a value is no number.
        """
        known = {field.name: field.type for field in fields(cls)}
        said: dict[str, Any] = {}
        for part in filter(None, text.split(",")):
            name, _, value = part.partition("=")
            name = name.strip().replace("-", "_")
            if name not in known:
                names = ", ".join(sorted(known)).replace("_", "-")
                raise UsageError(f"misbehaviour '{name}' is not known; known are {names}")
            try:
                said[name] = int(value) if name in {"retry_after", "seed"} else float(value)
            except ValueError:
                raise UsageError(f"misbehaviour {name.replace('_', '-')} wants a number") from None
        return cls(**said)

    def plan(self, address: str) -> list[str]:
        """The ways in which the page of this address misbehaves, in order."""
        chance = Chance(self.seed, "misbehaviour", address)
        shares = (
            ("failing", self.failing),
            ("too_many", self.too_many),
            ("expired", self.expired),
            ("cut", self.cut),
            ("slow", self.slow),
        )
        return [name for name, share in shares if chance.often(share)]


class _Ndjson:
    """A file of JSON lines in the order of their last change, read by position."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = array("d")
        self._offsets = array("Q")
        offset = 0
        with path.open("rb") as file:
            for line in file:
                changed = json.loads(line)["modifie_le"]
                self._changed.append(datetime.fromisoformat(changed).timestamp())
                self._offsets.append(offset)
                offset += len(line)
        self._offsets.append(offset)

    def __len__(self) -> int:
        return len(self._changed)

    def first_since(self, moment: datetime) -> int:
        """The position of the first item that changed at the moment or later."""
        return bisect_left(self._changed, moment.timestamp())

    def items(self, start: int, limit: int) -> tuple[list[bytes], int]:
        """The items from a position on, and the position after them."""
        end = min(start + limit, len(self))
        with self._path.open("rb") as file:
            file.seek(self._offsets[start])
            return file.read(self._offsets[end] - self._offsets[start]).splitlines(), end


class _Answer(Exception):
    """What the client is told instead of a page."""

    def __init__(self, status: HTTPStatus, said: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(said)
        self.status = status
        self.said = said
        self.headers = headers or {}


class _Desk:
    """Tables, tokens and manners. Shared by all threads of one server."""

    def __init__(self, folder: Path, misbehaviour: Misbehaviour, token_seconds: float) -> None:
        self.tables = {path.stem: _Ndjson(path) for path in sorted(folder.glob("*.ndjson"))}
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.misbehaviour = misbehaviour
        self._token_seconds = token_seconds
        self._tokens: dict[str, float] = {}
        self._plans: dict[str, list[str]] = {}

    def token(self, form: dict[str, list[str]]) -> bytes:
        """A fresh token for the right client."""
        given = {name: values[0] for name, values in form.items()}
        right = hmac.compare_digest(given.get("client_id", ""), CLIENT_ID) and hmac.compare_digest(
            given.get("client_secret", ""), CLIENT_SECRET
        )
        if given.get("grant_type") != "client_credentials":
            raise _Answer(HTTPStatus.BAD_REQUEST, "unsupported_grant_type")
        if not right:
            raise _Answer(HTTPStatus.UNAUTHORIZED, "invalid_client")
        token = secrets.token_urlsafe(24)
        with self.lock:
            self._tokens[token] = time.monotonic() + self._token_seconds
            self.counts["tokens"] += 1
        said = {"access_token": token, "token_type": "Bearer", "expires_in": int(self._token_seconds)}
        return json.dumps(said).encode()

    def admit(self, authorization: str) -> str:
        """The token of the request, if it is good now."""
        token = authorization.removeprefix("Bearer ")
        with self.lock:
            if self._tokens.get(token, 0.0) < time.monotonic():
                self.counts["refused_tokens"] += 1
                raise _refused_token()
        return token

    def behave(self, address: str, token: str) -> str:
        """How this request is answered: well (empty), cut, or not at all."""
        with self.lock:
            self.counts["requests"] += 1
            plan = self._plans.setdefault(address, self.misbehaviour.plan(address))
            way = plan.pop(0) if plan else ""
            if way:
                self.counts[way] += 1
            if way == "expired":
                self._tokens.pop(token, None)
        if way == "failing":
            raise _Answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error")
        if way == "too_many":
            raise _Answer(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", {"Retry-After": self._later(address)})
        if way == "expired":
            raise _refused_token()
        if way == "slow":
            time.sleep(self.misbehaviour.slow_seconds)
        return way

    def _later(self, address: str) -> str:
        seconds = self.misbehaviour.retry_after
        if Chance(self.misbehaviour.seed, "retry", address).often(0.5):
            return str(seconds)
        return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)

    def page(self, name: str, query: dict[str, list[str]]) -> bytes:
        """One page of a table."""
        table = self.tables.get(name)
        if table is None:
            raise _Answer(HTTPStatus.NOT_FOUND, "unknown_table")
        limit = _whole(query, "limit", 200)
        if not 1 <= limit <= MOST_ITEMS:
            raise _Answer(HTTPStatus.BAD_REQUEST, "limit_out_of_bounds")
        start = self._start(table, query)
        items, end = table.items(start, limit)
        following = json.dumps(_written(end)) if end < len(table) else "null"
        head = f'{{"total":{len(table)},"next_cursor":{following},"items":['.encode()
        return head + b",".join(items) + b"]}"

    @staticmethod
    def _start(table: _Ndjson, query: dict[str, list[str]]) -> int:
        if "cursor" in query:
            return _position(query["cursor"][0], len(table))
        if "updated_since" not in query:
            return 0
        try:
            moment = datetime.fromisoformat(query["updated_since"][0].replace(" ", "+"))
        except ValueError:
            raise _Answer(HTTPStatus.BAD_REQUEST, "updated_since_is_no_moment") from None
        return table.first_since(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _refused_token() -> _Answer:
    return _Answer(HTTPStatus.UNAUTHORIZED, "invalid_token", {"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _whole(query: dict[str, list[str]], name: str, otherwise: int) -> int:
    try:
        return int(query[name][0]) if name in query else otherwise
    except ValueError:
        raise _Answer(HTTPStatus.BAD_REQUEST, f"{name}_is_no_number") from None


def _written(position: int) -> str:
    return base64.urlsafe_b64encode(f"p{position}".encode()).decode().rstrip("=")


def _position(cursor: str, most: int) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        position = int(text.removeprefix("p"))
    except ValueError:
        position = -1
    if not 0 <= position <= most:
        raise _Answer(HTTPStatus.BAD_REQUEST, "unknown_cursor")
    return position


def _handler_for(desk: _Desk) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one request after the other on a kept connection."""

        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True
        timeout = 30

        def do_POST(self) -> None:
            """A token, for whoever names client and secret."""
            raw = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _BODY_BYTES))
            self._answer(lambda: (self._token(raw), ""))

        def do_GET(self) -> None:
            """A page, for whoever has a token."""
            self._answer(self._page)

        def _token(self, raw: bytes) -> bytes:
            if urlsplit(self.path).path != TOKEN_PATH:
                raise _Answer(HTTPStatus.NOT_FOUND, "unknown_address")
            form = parse_qs(raw.decode("utf-8", "replace"))
            basic = self.headers.get("Authorization", "")
            if basic.startswith("Basic "):
                name, _, secret = base64.b64decode(basic[6:]).decode("utf-8", "replace").partition(":")
                form |= {"client_id": [name], "client_secret": [secret]}
            return desk.token(form)

        def _page(self) -> tuple[bytes, str]:
            parts = urlsplit(self.path)
            if not parts.path.startswith(_HEAD):
                raise _Answer(HTTPStatus.NOT_FOUND, "unknown_address")
            token = desk.admit(self.headers.get("Authorization", ""))
            way = desk.behave(self.path, token)
            return desk.page(parts.path.removeprefix(_HEAD), parse_qs(parts.query)), way

        def _answer(self, make: Callable[[], tuple[bytes, str]]) -> None:
            try:
                body, way = make()
            except _Answer as told:
                self._send(told.status, json.dumps({"error": told.said}).encode(), told.headers)
                return
            if way == "cut":
                self._send(HTTPStatus.OK, body, {}, sent=len(body) // 2)
                self.close_connection = True
                return
            self._send(HTTPStatus.OK, body, {})

        def _send(self, status: HTTPStatus, body: bytes, headers: dict[str, str], sent: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[:sent])
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Nothing is logged: an address may hold a cursor."""

    return Handler


class TerritoryServer:
    """A server that runs in a thread of its own until it is stopped."""

    def __init__(
        self,
        territory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        misbehaviour: Misbehaviour | None = None,
        token_seconds: float = 300.0,
    ) -> None:
        folder = territory / "sources" / "siao"
        if not folder.is_dir():
            raise UsageError("there is no simulated region in this folder: sources/siao is missing")
        self._desk = _Desk(folder, misbehaviour or Misbehaviour(), token_seconds)
        self._server = ThreadingHTTPServer((host, port), _handler_for(self._desk))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where the server listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    @property
    def counts(self) -> dict[str, int]:
        """Requests, tokens given, tokens refused, and how often it misbehaved in each way."""
        with self._desk.lock:
            return dict(self._desk.counts)

    def start(self) -> Self:
        """It answers."""
        if self._thread.ident is None:
            self._thread.start()
        return self

    def stop(self) -> None:
        """It answers no more, and its port is free."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def wait(self) -> None:
        """Returns when the server was stopped, or the user interrupts."""
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(
    territory: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    misbehaviour: Misbehaviour | None = None,
    token_seconds: float = 300.0,
) -> TerritoryServer:
    """A started server of the region's REST source; `stop()` it, or use it in a `with` block instead of `start()`.

    Raises:
        UsageError: the folder holds no simulated region.
    """
    return TerritoryServer(
        territory, host=host, port=port, misbehaviour=misbehaviour, token_seconds=token_seconds
    ).start()
