"""Small delimited tables for the tests of reading."""

from io import BytesIO

from passerelle.contracts.source import Table
from passerelle.reading import Unreadable, reader_for, split_file

ZONE = "Europe/Paris"


def delimited(*names: str, **dialect) -> Table:
    return Table.model_validate(
        {
            "format": "delimited",
            "key": [names[0]],
            "order": {"snapshot": True},
            "dialect": dialect,
            "columns": {name: {} for name in names},
        }
    )


def split(table: Table, raw: bytes) -> list[bytes]:
    return list(split_file(table, BytesIO(raw)))


def read(table: Table, raw: bytes) -> list:
    reader = reader_for(table, zone=ZONE)
    return [reader.parse(record) for record in split(table, raw)]


def refused(read, *arguments) -> tuple[str, str]:
    """The reason and place with which the call refuses."""
    try:
        got = read(*arguments)
    except Unreadable as stopped:
        return stopped.reason.value, stopped.place
    raise AssertionError(f"it was read: {got!r}")
