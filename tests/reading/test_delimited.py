"""Lines of delimited text: what is read, and the exact reason and column of what is not."""

import csv
from contextlib import suppress
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_tables import ZONE, delimited, read, refused, split

from passerelle.reading import Unreadable, reader_for

TABLE = delimited("num", "lieu", "note")


def parse(line: bytes, table=TABLE):
    return reader_for(table, zone=ZONE).parse(line)


def test_a_line_gives_the_texts_of_its_columns_and_none_for_what_is_empty():
    assert ["17", None, "à jeun"] == parse("17;;à jeun".encode())


def test_texts_that_mean_nothing_are_none():
    table = delimited("num", "lieu", "note", null=["NULL", "-"])

    assert ["17", None, None] == parse(b"17;NULL;-", table)


@pytest.mark.parametrize("charset", ["utf-8", "iso8859-1", "iso8859-15"])
@pytest.mark.parametrize("cell", ["l\x92eau", '"l\x92eau"', '"l\x85;eau"'])
def test_bytes_of_windows_that_are_read_as_controls_stop_their_line(charset, cell):
    table = delimited("num", "lieu", "note", charset=charset)

    assert ("forbidden-character", "lieu") == refused(parse, f"17;{cell};x".encode(charset), table)


@pytest.mark.parametrize("charset", ["utf-8", "cp1252"])
def test_signs_beside_the_controls_are_text(charset):
    table = delimited("num", "lieu", "note", charset=charset)

    assert ["17", "l’eau «\xa0n°\xa01\xa0»", "€"] == parse("17;l’eau «\xa0n°\xa01\xa0»;€".encode(charset), table)


def test_quotes_hold_delimiters_quotes_and_line_ends():
    assert ["17", "a;b", 'dit "oui"\r\npuis non'] == parse(b'17;"a;b";"dit ""oui""\r\npuis non"')


def test_nothing_is_trimmed():
    assert ["17", " x ", "\t"] == parse(b"17; x ;\t")


@pytest.mark.parametrize(
    ("line", "reason", "place"),
    [
        (b"17;x", "wrong-column-count", ""),
        (b"17;x;y;z", "wrong-column-count", ""),
        (b"", "wrong-column-count", ""),
        (b"17;ANT\xe9;x", "undecodable-bytes", "lieu"),
        (b'17;"a;b\xe9";x', "undecodable-bytes", "lieu"),
        (b'17;"a;b";\xe9', "undecodable-bytes", "note"),
        (b"17;x;y;z\xe9", "undecodable-bytes", ""),
        (b'17;"open;x', "broken-quoting", ""),
        (b'17;"a"b;x', "broken-quoting", "lieu"),
        (b'17;2" pipe;x', "broken-quoting", "lieu"),
        (b"17;x\x07;y", "forbidden-character", "lieu"),
        (b"17;x;y\x00", "forbidden-character", "note"),
        (b"17;x;y\rz", "forbidden-character", "note"),
        (b'17;"x\x1b";y', "forbidden-character", "lieu"),
        (b'17;"x\ry";z', "forbidden-character", "lieu"),
        (b'17;"x";a\nb', "forbidden-character", "note"),
        (b"17;" + b"x" * 40_000 + b";y", "field-too-long", "lieu"),
    ],
)
def test_what_breaks_the_dialect_is_refused_with_its_reason_and_column(line, reason, place):
    assert (reason, place) == refused(parse, line)


def test_a_declared_charset_is_the_only_one():
    latin = delimited("num", "lieu", "note", charset="latin-1")

    assert ["17", "Ã©", None] == parse("17;é;".encode(), latin)


def test_columns_are_found_by_name_under_another_header():
    raw = b"note;num;extra;lieu\nx;17;?;ici\n"

    assert [["17", "ici", "x"]] == read(TABLE, raw)


def test_values_of_columns_that_nobody_declared_are_counted():
    reader = reader_for(TABLE, zone=ZONE)
    for record in split(TABLE, b"note;num;extra;lieu\nx;17;?;ici\nx;18;;ici\n"):
        reader.parse(record)

    assert {"extra": 1} == reader.unread


def test_a_record_with_its_header_in_front_is_read_alone():
    (record,) = split(TABLE, b"lieu;num;note\nici;17;x\n")

    assert b"\x1elieu;num;note\x1eici;17;x" == record
    assert ("missing-column", "note") == refused(parse, b"\x1elieu;num\x1eici;17")


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('";\n\t'), max_size=12)


@given(st.lists(st.tuples(CELLS.filter(bool), CELLS, CELLS), min_size=1, max_size=5))
def test_what_the_csv_module_writes_is_read_back(rows):
    written = StringIO(newline="")
    csv.writer(written, delimiter=";", lineterminator="\r\n").writerows([("num", "lieu", "note"), *rows])

    assert [[cell or None for cell in row] for row in rows] == read(TABLE, written.getvalue().encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_a_row_or_a_reason(raw):
    reader = reader_for(TABLE, zone=ZONE)
    with suppress(Unreadable):
        assert 3 == len(reader.parse(raw))
