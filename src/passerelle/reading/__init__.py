"""Raw bytes into rows: strictly, by the contract, with an exact reason for what cannot be read."""

from passerelle.contracts.source import Table
from passerelle.reading.canonical import canonicalizer
from passerelle.reading.delimited import DelimitedReader
from passerelle.reading.hl7v2 import Message, MessageRow, message_of
from passerelle.reading.json_records import JsonReader
from passerelle.reading.ordering import order_reader
from passerelle.reading.pam_fr import PamMessage, pam_reader
from passerelle.reading.splitting import split_file
from passerelle.reading.unreadable import Reader, Row, Unreadable

__all__ = [
    "Message",
    "MessageRow",
    "PamMessage",
    "Reader",
    "Row",
    "Unreadable",
    "canonicalizer",
    "message_of",
    "order_reader",
    "reader_for",
    "split_file",
]


def reader_for(table: Table, *, zone: str) -> Reader:  # noqa: ARG001 - readers give texts; their moments are read later
    """The reader of a table's raw records, by its format.

    Raises:
        ValueError: a declared path is none.
    """
    if table.format == "hl7v2":
        return pam_reader(table)
    if table.format == "delimited":
        return DelimitedReader(table)
    return JsonReader(table)
