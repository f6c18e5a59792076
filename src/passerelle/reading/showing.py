"""A raw record as a person reads it, also when it could not be read: what is no text is shown as its bytes."""

from passerelle.contracts.source import Dialect, Table
from passerelle.reading.hl7v2 import charset_of
from passerelle.reading.unreadable import Unreadable


def shown(raw: bytes, table: Table | None) -> tuple[str, str]:
    r"""The record as text, and the charset that its table, or its MSH-18, declares; bytes outside it as `\xNN`."""
    charset = _declared(raw, table)
    return raw.decode(charset, "backslashreplace"), charset


def _declared(raw: bytes, table: Table | None) -> str:
    if table is None:  # the contract has no such table any more
        return "utf-8"
    if table.format == "delimited":
        return (table.dialect or Dialect.model_validate({})).charset
    if table.format != "hl7v2":
        return "utf-8"
    default = table.messages.charset if table.messages else "utf-8"
    try:
        return charset_of(raw, default)
    except Unreadable:
        return default
