"""Settings: the environment, read once into a frozen object that is passed in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from passerelle.errors import UsageError

KNOWN = {
    "PASSERELLE_KEYS": "file with the vault key, id keys and token keys (mode 0600)",
    "PASSERELLE_HOME": "folder with mappings/, fhir/ and validation/",
    "PASSERELLE_DATA": "folder for lake and vault",
    "PASSERELLE_LEDGER": "SQLAlchemy URL of the ledger",
    "PASSERELLE_CONNECTIONS": "JSON file of connections (mode 0600)",
    "PASSERELLE_AS_OF": "the only clock that reaches data (ISO instant or date)",
    "PASSERELLE_JURISDICTION": "fr or be",
}
UNREAD = ("PASSERELLE_SHARED", "PASSERELLE_TEST_")
JURISDICTIONS = ("fr", "be")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything lies and which clock counts. Paths are absolute; `as_of` is UTC."""

    keys: Path
    home: Path
    data: Path
    ledger: str
    connections: Path | None
    as_of: datetime
    jurisdiction: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Settings read from `PASSERELLE_*`, with defaults below the current folder.

        Raises:
            UsageError: a `PASSERELLE_` variable is unknown, or a value cannot be read.
        """
        for name in environment:
            if name.startswith("PASSERELLE_") and name not in KNOWN and not name.startswith(UNREAD):
                known = ", ".join(sorted(KNOWN))
                raise UsageError(f"environment variable {name} is not known; known are {known}")
        data = Path(environment.get("PASSERELLE_DATA", "var/data")).absolute()
        connections = environment.get("PASSERELLE_CONNECTIONS")
        jurisdiction = environment.get("PASSERELLE_JURISDICTION", "fr")
        if jurisdiction not in JURISDICTIONS:
            raise UsageError("PASSERELLE_JURISDICTION must be fr or be")
        return cls(
            keys=Path(environment.get("PASSERELLE_KEYS", data.parent / "keys.json")).absolute(),
            home=Path(environment.get("PASSERELLE_HOME", ".")).absolute(),
            data=data,
            ledger=environment.get("PASSERELLE_LEDGER", f"sqlite:///{data.parent / 'ledger.sqlite'}"),
            connections=Path(connections).absolute() if connections else None,
            as_of=parse_as_of(environment.get("PASSERELLE_AS_OF") or None, "PASSERELLE_AS_OF"),
            jurisdiction=jurisdiction,
        )


def parse_as_of(text: str | None, name: str = "--as-of") -> datetime:
    """The instant meant by `--as-of`, or by what `name` says: now without text, the end of the day for a bare date.

    Raises:
        UsageError: the text is neither an ISO date nor an ISO instant with an offset.
    """
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise UsageError(f"{name} wants an ISO date (2026-03-31) or instant (2026-03-31T12:00:00+02:00)") from wrong
    if "T" not in text and " " not in text:
        return moment.replace(hour=23, minute=59, second=59, tzinfo=UTC)
    if moment.tzinfo is None:
        raise UsageError(f"{name} wants an offset after the time, for example 2026-03-31T12:00:00+02:00")
    return moment.astimezone(UTC)
