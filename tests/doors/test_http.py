"""Pages over HTTP: what may go through later is tried again, what is refused is not, and nothing read is ever said."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest

from passerelle.doors.connections import Connection
from passerelle.doors.http import PageRefused, Patience, RestDoor
from passerelle.errors import RefusedForGood, Unavailable, UsageError

PAGE = json.dumps({"items": [{"id": 1}]}).encode()


class Server:
    """Answers the prepared answers, one after the other; a token whenever one is asked for."""

    def __init__(self):
        self.answers, self.seen, self.tokens = [], [], 0
        self.token_answer = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                form = self.rfile.read(int(self.headers["Content-Length"]))
                outer.form = form.decode()
                outer.tokens += 1
                status, body = outer.token_answer or (200, json.dumps({"access_token": f"t{outer.tokens}"}).encode())
                self.answer(status, {}, body, len(body))

            def do_GET(self):
                outer.seen.append((self.path, self.headers.get("Authorization")))
                status, headers, body, length = outer.answers.pop(0)
                self.answer(status, headers, body, length)

            def answer(self, status, headers, body, length):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(body)
                if length != len(body):
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # a client that hangs up is what some tests are about
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def will(self, status=200, body=PAGE, headers=None, length=None):
        self.answers.append((status, headers or {}, body, len(body) if length is None else length))

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.stop()


@pytest.fixture
def waits():
    return []


@pytest.fixture
def door(server, waits):
    connection = Connection("http", server.url, login="client", password="zzsecret", extra={"token_path": "/oauth"})
    with RestDoor(connection, Patience(attempts=4, read_seconds=2, sleep=waits.append)) as opened:
        yield opened


def test_a_page_comes_with_the_token_of_the_client(server, door):
    server.will()
    assert door.page("v1/demandes", {"updated_since": "2025-03-01T08:00:00+01:00"}) == {"items": [{"id": 1}]}
    assert server.seen == [("/v1/demandes?updated_since=2025-03-01T08%3A00%3A00%2B01%3A00", "Bearer t1")]
    assert server.form == "grant_type=client_credentials&client_id=client&client_secret=zzsecret"


def test_a_token_that_expired_is_replaced_and_the_page_asked_again(server, door):
    server.will()
    server.will(401, b"{}")
    server.will()
    door.page("v1/a", {})
    door.page("v1/a", {"cursor": "x"})
    assert [token for _, token in server.seen] == ["Bearer t1", "Bearer t1", "Bearer t2"]


def test_tokens_that_are_always_refused_are_not_asked_for_for_ever(server, door):
    for _ in range(3):
        server.will(401, b"{}")
    with pytest.raises(PageRefused, match="refuses every token"):
        door.page("v1/a", {})
    assert server.tokens == 3


def test_a_client_that_is_refused_is_refused_for_good(server, door):
    server.token_answer = (401, b'{"error":"invalid_client"}')
    with pytest.raises(RefusedForGood, match="refuses our client"):
        door.page("v1/a", {})
    assert server.tokens == 1


@pytest.mark.parametrize("told", ["7", "date"])
def test_it_waits_as_long_as_the_server_asks(server, door, waits, told):
    now = datetime.now(UTC)
    headers = {"Retry-After": told}
    if told == "date":
        headers = {"Retry-After": format_datetime(now + timedelta(seconds=7), usegmt=True)}
    server.will(429, b"{}", headers)
    server.will()
    door.page("v1/a", {})
    assert waits == [pytest.approx(7, abs=1.5)]


def test_a_wait_that_is_too_long_is_left_to_a_later_run(server, door, waits):
    server.will(503, b"{}", {"Retry-After": "86400"})
    with pytest.raises(Unavailable, match="asks to wait 86400 seconds"):
        door.page("v1/a", {})
    assert waits == []


def test_a_failing_server_is_tried_later_each_time_and_not_for_ever(server, door, waits):
    for _ in range(4):
        server.will(500, b"zzbody")
    with pytest.raises(Unavailable, match=r"^v1/a answered 500, 4 times: try again later$"):
        door.page("v1/a", {"cursor": "zzquery"})
    assert len(waits) == 3
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0 <= waits[2] <= 2.0


@pytest.mark.parametrize(
    ("body", "length"), [(PAGE[:9], len(PAGE)), (PAGE[:9], None), (b"", None), (b"\xff", None), (b'{"a": NaN}', None)]
)
def test_a_body_that_was_cut_or_is_no_json_is_asked_for_again(server, door, waits, body, length):
    server.will(200, body, length=length)
    server.will()
    assert door.page("v1/a", {}) == {"items": [{"id": 1}]}
    assert len(waits) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 410, 422])
def test_what_is_refused_is_not_asked_again(server, door, waits, status):
    server.will(status, b"zzbody")
    with pytest.raises(PageRefused) as refused:
        door.page("v1/a", {"cursor": "zzquery"})
    assert (refused.value.status, waits) == (status, [])
    assert str(refused.value) == f"v1/a answered {status} and will answer it again"


def test_it_goes_nowhere_else(server, door):
    server.will(302, b"", {"Location": "http://elsewhere.example/v1/a"})
    with pytest.raises(PageRefused, match="only the connection says where a source is"):
        door.page("v1/a", {})


def test_no_answer_in_time_is_a_reason_to_come_back(server, waits):
    connection = Connection("http", server.url, login="client", password="x")
    patience = Patience(attempts=2, read_seconds=0.1, sleep=waits.append)
    server.will(200, PAGE[:3], length=len(PAGE) + 100)

    class Slow(list):
        def pop(self, place):
            time.sleep(0.5)
            return super().pop(place)

    server.answers = Slow([(200, {}, PAGE, len(PAGE))] * 4)
    with RestDoor(connection, patience) as door, pytest.raises(Unavailable, match="did not answer in time, 2 times"):
        door.page("v1/a", {})


def test_a_server_that_is_away_is_a_reason_to_come_back(server, waits):
    connection = Connection("http", "http://127.0.0.1:9", login="client", password="zzsecret")
    with RestDoor(connection, Patience(attempts=2, sleep=waits.append)) as door:
        with pytest.raises(Unavailable) as away:
            door.page("v1/a", {"cursor": "zzquery"})
    assert "zz" not in str(away.value)
    assert "127.0.0.1" not in str(away.value)
    assert away.value.__context__ is None


def test_numbers_stay_as_they_are_written(server, door):
    body = b'{"a":1.10,"b":123456789012345678901234567890,"c":-7,"d":1e2}'
    server.will(200, body)
    assert orjson.dumps(door.page("v1/a", {})) == body


DEEP = b'{"id":2,"x":' + b"[" * 3000 + b"]" * 3000 + b"}"


@pytest.mark.parametrize(
    "item",
    [
        rb'{"id":2,"x":"a\ud800"}',
        b'{"id":2,"x":NaN}',
        b'{"id":2,"x":1,"x":2}',
        DEEP,
        DEEP.replace(b"[" * 2700, b"").replace(b"]" * 2700, b""),
        b'{"id":2,"x":' + b"9" * 5000 + b"}",
        b'{"id":2,"x":"\xff, ]"}',
    ],
)
def test_an_item_that_cannot_be_kept_stays_its_own_text_and_its_neighbours_are_read(server, door, waits, item):
    server.will(200, b'{"n":[[1]],"page":{"items":[{"id":1,"y":[1,2]}, ' + item + b' ,{"id":3}],"next":null}}')

    page = door.page("v1/a", {}, ["page", "items"])

    assert [b'{"id":1,"y":[1,2]}', item, b'{"id":3}'] == [orjson.dumps(one) for one in page["page"]["items"]]
    assert (page["n"], page["page"]["next"], waits) == ([[1]], None, [])


def test_a_page_that_says_one_name_twice_is_refused(server, door):
    server.will(200, b'{"items":[{"id":1}],"next":null,"next":"zz"}')
    with pytest.raises(RefusedForGood, match="v1/a sent a page in which one name stands twice") as refused_page:
        door.page("v1/a", {}, ["items"])
    assert "zz" not in str(refused_page.value)


def test_a_page_that_was_cut_behind_an_odd_item_is_asked_for_again(server, door, waits):
    server.will(200, b'{"items":[{"id":NaN},{"id":1}')
    server.will()
    assert door.page("v1/a", {}, ["items"]) == {"items": [{"id": 1}]}
    assert len(waits) == 1


def test_a_page_without_end_is_refused(server, door, monkeypatch):
    monkeypatch.setattr("passerelle.doors.http.MOST_BYTES", 10)
    server.will()
    with pytest.raises(RefusedForGood, match="larger than 10 bytes"):
        door.page("v1/a", {})


@pytest.mark.parametrize(
    ("connection", "base"),
    [
        (Connection("http", "api.example"), "https://api.example"),
        (Connection("http", "api.example", 8443, "http"), "http://api.example:8443"),
        (Connection("http", "http://api.example/base/"), "http://api.example/base"),
        (Connection("http", "https://api.example", 8443), "https://api.example:8443"),
        (Connection("http", "https://api.example/base", 8443), "https://api.example:8443/base"),
    ],
)
def test_only_the_connection_may_say_plain_http(connection, base):
    with RestDoor(connection) as door:
        assert door._base == base


@pytest.mark.parametrize(
    "connection",
    [
        Connection("file"),
        Connection("http"),
        Connection("http", "ftp://api.example"),
        Connection("http", "https://zzlogin:zz@api.example"),
    ],
)
def test_an_address_that_is_none_is_refused(connection):
    with pytest.raises(UsageError) as refused:
        RestDoor(connection)
    assert "zz" not in str(refused.value)


def test_logins_of_the_environment_are_not_used(server, door, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login x password y\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.will()
    door.page("v1/a", {})
    assert server.seen[0][1] == "Bearer t1"
