"""Connections are read from one file that nobody else may read, and show nothing of themselves."""

import json

import pytest

from passerelle.doors.connections import Connection, connection_of, read_connections
from passerelle.errors import UsageError


@pytest.fixture
def write(tmp_path):
    def write(told, mode=0o600):
        path = tmp_path / "connections.json"
        path.write_text(told if isinstance(told, str) else json.dumps(told))
        path.chmod(mode)
        return path

    return write


def test_a_connection_is_an_object_or_a_uri(write):
    path = write(
        {
            "csapa": {"conn_type": "file", "extra": {"path": "/drop"}},
            "usmp": {
                "conn_type": "postgres",
                "host": "db",
                "login": "reader",
                "password": "secret",
                "schema": "usmp",
                "port": "5433",
                "extra": '{"sslmode": "require"}',
            },
            "siao": "https://passerelle:s%3Ecret@siao.example:8443?token_path=%2Ftoken",
        }
    )
    assert read_connections(path) == {
        "csapa": Connection("file", extra={"path": "/drop"}),
        "usmp": Connection("postgres", "db", 5433, "usmp", "reader", "secret", {"sslmode": "require"}),
        "siao": Connection("http", "https://siao.example", 8443, "", "passerelle", "s>cret", {"token_path": "/token"}),
    }


@pytest.mark.parametrize(
    ("uri", "connection"),
    [
        ("file:///?path=%2Fdrop", Connection("file", extra={"path": "/drop"})),
        (
            "sqlite://?__extra__=%7B%22path%22%3A+%22%2Fx.sqlite%22%7D",
            Connection("sqlite", extra={"path": "/x.sqlite"}),
        ),
        ("postgresql://reader@db/usmp", Connection("postgres", "db", None, "usmp", "reader")),
        ("http://127.0.0.1:8080", Connection("http", "http://127.0.0.1", 8080)),
        ("http://https%3A%2F%2Fsiao.example", Connection("http", "https://siao.example")),
    ],
)
def test_the_text_of_a_uri_is_airflows(uri, connection):
    assert connection_of("it", uri) == connection


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_may_read_is_refused(write, mode):
    with pytest.raises(UsageError, match="0600"):
        read_connections(write({}, mode))


def test_a_file_that_is_missing_is_said(tmp_path):
    with pytest.raises(UsageError, match="PASSERELLE_CONNECTIONS"):
        read_connections(tmp_path / "none.json")


@pytest.mark.parametrize(
    "told",
    [
        "zzsecret",
        '["zzsecret"]',
        {"it": "zzsecret"},
        {"it": 5},
        {"it": {"conn_type": "zzsecret"}},
        {"it": {"conn_type": "http", "passwort": "zzsecret"}},
        {"it": {"conn_type": "http", "password": ["zzsecret"]}},
        {"it": {"conn_type": "http", "port": "zzsecret"}},
        {"it": {"conn_type": "http", "extra": "zzsecret"}},
        {"it": "http://host:zzsecret/"},
        {"it": {"conn_type": "http", "zzsecret": 1}},
    ],
)
def test_what_is_wrong_is_said_without_quoting_it(write, told):
    with pytest.raises(UsageError) as refused:
        read_connections(write(told))
    assert "zzsecret" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_connection_shows_its_kind_and_nothing_else():
    shown = Connection("http", "https://zz", 1, "zz", "zz", "zz", {"zz": "zz"})
    assert repr(shown) == str(shown) == "Connection(kind='http')"
