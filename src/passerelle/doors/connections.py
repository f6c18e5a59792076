"""Addresses and logins of the sources, by name, in Airflow's connection format. The only place that has them.

A file of mode 0600 holds one JSON object: a name, and either an object with `conn_type`, `host`, `login`, `password`,
`schema`, `port` and `extra`, or a URI. Contracts name connections and never an address.
"""

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from passerelle.errors import UsageError

Kind = Literal["file", "sqlite", "postgres", "http"]
_KINDS: dict[str, Kind] = {
    "file": "file",
    "fs": "file",
    "sqlite": "sqlite",
    "postgres": "postgres",
    "postgresql": "postgres",
    "http": "http",
    "https": "http",
}
_FIELDS = ("host", "login", "password", "schema")
_KNOWN = frozenset({"conn_type", *_FIELDS, "port", "extra", "extra_dejson", "description", "conn_id"})


@dataclass(frozen=True, slots=True)
class Connection:
    """How one source is reached. Its text shows the kind and nothing else."""

    kind: Kind
    host: str = field(default="", repr=False)
    port: int | None = field(default=None, repr=False)
    schema: str = field(default="", repr=False)
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


def read_connections(path: Path) -> dict[str, Connection]:
    """Every connection of the file, by name.

    Raises:
        UsageError: the file is missing, readable by others, or an entry is none; the sentence holds no entry's content.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "it is not UTF-8"
        raise UsageError(
            f"the connections file {path} cannot be read ({why}); PASSERELLE_CONNECTIONS names it"
        ) from None
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise UsageError(f"the connections file {path} may be read by others: set its mode to 0600")
    try:
        told = json.loads(text)
    except ValueError:
        told = None  # the error would quote the file
    if not isinstance(told, dict):
        raise UsageError("the connections file wants one JSON object: names, and a connection for each")
    return {str(name): connection_of(str(name), entry) for name, entry in told.items()}


def connection_of(name: str, entry: object) -> Connection:
    """The connection that an entry of the file writes, as an object or as URI text.

    Raises:
        UsageError: the entry is neither, or of a kind that passerelle does not read.
    """
    if isinstance(entry, str):
        return _from_uri(name, entry)
    if not isinstance(entry, Mapping):
        raise UsageError(f"connection {name} wants an object or the text of a URI")
    strange = sorted(str(key) for key in entry if key not in _KNOWN)
    if strange:
        raise UsageError(f"connection {name} has unknown keys; known are {', '.join(sorted(_KNOWN))}")
    texts = {key: entry.get(key) or "" for key in _FIELDS}
    if not all(isinstance(text, str) for text in texts.values()):
        raise UsageError(f"connection {name}: {', '.join(_FIELDS)} want text")
    return Connection(
        _kind(name, entry.get("conn_type")),
        port=_port(name, entry.get("port")),
        extra=_extra(name, entry.get("extra", entry.get("extra_dejson"))),
        **texts,
    )


def _from_uri(name: str, text: str) -> Connection:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if not parts.scheme:
        raise UsageError(f"connection {name} is not a URI with a scheme")
    query: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = query.pop("__extra__", None)
    host = unquote(parts.hostname or "")
    if parts.scheme in ("http", "https") and "://" not in host:
        host = f"{parts.scheme}://{host}"
    return Connection(
        _kind(name, parts.scheme),
        host=host,
        port=port,
        schema=unquote(parts.path.removeprefix("/")),
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        extra={**query, **_extra(name, extra)},
    )


def _kind(name: str, told: object) -> Kind:
    kind = _KINDS.get(str(told).lower())
    if kind is None:
        raise UsageError(f"connection {name} has a conn_type that is not known; known are {', '.join(_KINDS)}")
    return kind


def _port(name: str, told: object) -> int | None:
    if told in (None, ""):
        return None
    try:
        port = int(str(told))
    except ValueError:
        port = 0
    if not 0 < port < 65_536:
        raise UsageError(f"connection {name} has a port that is no number of a port")
    return port


def _extra(name: str, told: object) -> dict[str, Any]:
    if told in (None, ""):
        return {}
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except ValueError:
            told = None
    if not isinstance(told, dict):
        raise UsageError(f"connection {name}: extra wants a JSON object")
    return told
