"""HL7 v2 messages: values by path, escapes, delimiters, charsets, and what is no message. python-hl7 is the oracle."""

from contextlib import suppress

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pam_messages import ADMISSION, AUTHORITY, adt_table, message
from reading_tables import ZONE, refused

from passerelle.reading import Unreadable, hl7v2, reader_for
from passerelle.reading.hl7v2 import Delimiters, message_from, parse_path, unescaped


def reader(**paths):
    table = adt_table(columns={name: {"path": path} for name, path in paths.items()}, repeats={}, folds={})
    return reader_for(table, zone=ZONE)


def value(text: str, path: str):
    return reader(one=path).parse(text.encode())[0]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("MSH-9.2", "A01"),
        ("MSH-10", "4101"),
        ("PID-3", "000009"),
        ("PID-3.4.2", "000100214"),
        ("PID-5.1", "EXEMPLE"),
        ("PID-5.2", "INÈS"),
        ("PID-11.5", "00100"),
        ("PV1-2", "I"),
        ("PV1-3.4", "ETAB-EXEMPLE"),
        ("ZBE-7.10", "6201"),
        ("PID-6", None),
        ("PID-99.9.9", None),
        ("NK1-2.1", None),
    ],
)
def test_a_path_names_one_value_of_a_message(path, expected):
    assert expected == value(ADMISSION, path)


def test_a_path_that_is_none_is_refused_when_the_table_is_read():
    with pytest.raises(ValueError, match="wanted: segment, field, component"):
        parse_path("PID.5.1")
    with pytest.raises(ValueError, match="declares the delimiters"):
        parse_path("MSH-2")


def test_delimiters_are_those_of_the_header():
    text = "MSH$*%?@$GAM$$$$20250101$$ADT*A31$1$P$2.5\rPID$1$$7*$$A@B*C\rPID$2"

    assert "C" == message_from(text.encode(), "utf-8").text("PID", 5, 2)
    assert "B" == message_from(text.encode(), "utf-8").text("PID", 5, 1, 2)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segments_may_end_in_any_way(end):
    text = message("A31").replace("\r", end)

    assert "MARTEAU" == value(text, "PID-5.1")


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
        (r"ligne\.br\suite", "ligne\nsuite"),
        (r"\XC3A9\t\X0D0A\fin", "ét\r\nfin"),
        (r"\H\gras\N\ ", "gras "),
        (r"\Zxx\ reste", r"\Zxx\ reste"),
        (r"un\seul", r"un\seul"),
        (r"\XE9\ n'est pas UTF-8", r"\XE9\ n'est pas UTF-8"),
        (r"\E\F\E\ ", r"\F\ "),
    ],
)
def test_escapes_are_read_once(escaped, plain):
    assert plain == value(message("A31", pid={5: escaped}), "PID-5.1")


SIGNS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
ESCAPES = {
    "\\": r"\E\ ".strip(),
    "|": r"\F\ ".strip(),
    "^": r"\S\ ".strip(),
    "&": r"\T\ ".strip(),
    "~": r"\R\ ".strip(),
}


def escaped(text: str) -> str:
    return "".join(ESCAPES.get(sign, sign) for sign in text)


@given(SIGNS)
def test_what_was_escaped_reads_as_it_was(text):
    assert text == unescaped(escaped(text), Delimiters("|"))


@given(st.lists(st.lists(st.lists(SIGNS, min_size=1, max_size=3), min_size=1, max_size=4), min_size=1, max_size=3))
def test_every_leaf_is_what_the_oracle_reads(repetitions):
    field = "~".join("^".join("&".join(map(escaped, leaves)) for leaves in parts) for parts in repetitions)
    text = message("A31", pid={5: field})
    oracle = hl7.parse(text)
    read = message_from(text.encode(), "utf-8")

    for component, leaves in enumerate(repetitions[0], start=1):
        for subcomponent in range(1, len(leaves) + 1):
            raw = oracle.extract_field("PID", 1, 5, 1, component, subcomponent) if field else ""
            plain = leaves[subcomponent - 1]
            assert (None if plain in {"", '""'} else plain) == read.text("PID", 5, component, subcomponent)
            assert plain == unescaped(escaped(plain), Delimiters("|"))
            assert raw == oracle.unescape(escaped(plain))


@pytest.mark.parametrize(
    ("declared", "codec"), [("8859/1", "latin-1"), ("8859/15", "iso8859-15"), ("UNICODE UTF-8", "utf-8"), ("", "utf-8")]
)
def test_the_header_names_the_charset(declared, codec):
    raw = message("A31", pid={5: "LEFÈVRE^ANDRÉ"}, msh={18: declared}).encode(codec)

    assert ["LEFÈVRE"] == reader(nom="PID-5.1").parse(raw)[:1]


def test_the_euro_sign_tells_the_two_latin_charsets_apart():
    raw = message("A31", pid={5: "\xa4"}, msh={18: "8859/15"}).encode("latin-1")

    assert "€" == reader(nom="PID-5.1").parse(raw)[0]


BARE = r"MSH|^~\&|GAM||||20250101||ADT^A31|1|P|2.5"


@pytest.mark.parametrize(
    ("raw", "reason", "place"),
    [
        (b"", "not-a-record", ""),
        (b"PID|1", "not-a-record", ""),
        (rb"MSH|^~\&|GAM|CHU" + b"\rZZZ|x", "not-a-record", ""),
        (BARE.replace("ADT^A31", "").encode() + b"\rPID|1", "not-a-record", ""),
        (BARE.replace("|1|P", "||P").encode() + b"\rPID|1", "not-a-record", ""),
        (BARE.encode() + b"\rEVN||20250101", "not-a-record", ""),
        (BARE.replace("^~\\&", "^^\\&").encode() + b"\rPID|1", "not-a-record", "MSH-2"),
        (BARE.encode() + b"\rPID|1||7^^^A^PI||\xc9", "undecodable-bytes", ""),
        (message("A31", msh={18: "EBCDIC"}).encode(), "undecodable-bytes", "MSH-18"),
        (message("A31", pid={11: "rue\x07"}).encode(), "forbidden-character", "PID-11"),
        (message("A31", msh={6: "\x01"}).encode(), "forbidden-character", "MSH-6"),
        (message("A31", pid={5: r"a\X00\b"}).encode(), "forbidden-character", "PID-5.1"),
        (message("A31", pid={3: f"1^^^{AUTHORITY}^XX"}).encode(), "not-a-record", "PID-3"),
        (message("A31", msh={6: r"\X00\\"}).encode(), "forbidden-character", "MSH-6"),
        (message("A31", pid={5: "\x85"}).encode(), "forbidden-character", "PID-5"),
        (message("A31", pid={5: "\x92"}, msh={18: "8859/1"}).encode("latin-1"), "forbidden-character", "PID-5"),
        (message("A31", pid={5: r"\XC285\\"}).encode(), "forbidden-character", "PID-5.1"),
        (message("A31", pid={11: "rue\rDupont-Durand\x07"}).encode(), "not-a-record", "PID"),
        (message("A31", more="PID|2").encode(), "not-a-record", "PID"),
        (message("A31").encode() + b" " * hl7v2.MOST_BYTES, "not-a-record", ""),
    ],
)
def test_what_is_no_message_is_refused_with_its_reason_and_place(raw, reason, place):
    assert (reason, place) == refused(reader(nom="PID-5.1", code="MSH-6").parse, raw)


@pytest.mark.parametrize("start", [" MSH", "\tMSH", "\ufeffMSH", "msh", "PID|MSH"])
def test_a_second_message_that_does_not_begin_its_line_stops_both(start):
    first, second = message("A31"), message("A31").replace("MSH", start, 1)

    assert "not-a-record" == refused(reader(nom="PID-5.1").parse, f"{first}\r{second}".encode())[0]


def test_a_second_message_without_a_line_end_before_it_stops_both():
    assert ("not-a-record", "PV1") == refused(reader(nom="PID-5.1").parse, (message("A31") * 2).encode())


def test_a_text_may_hold_the_name_of_a_header_and_signs():
    assert "MSH" == value(message("A31", pid={5: "MSH|^^|« n° »"}), "PID-5.1")


def test_an_explicit_nothing_is_no_value():
    assert value(message("A31", pid={5: '""'}), "PID-5.1") is None


def test_repetitions_of_a_field_and_of_a_segment_are_lists_of_rows():
    table = adt_table(
        columns={"nom": {"path": "PID-5.1"}},
        repeats={
            "names": {"path": "PID-5", "fields": {"family": "1", "type": "7"}},
            "diagnoses": {
                "path": "DG1",
                "fields": {"code": "3.1", "day": "5"},
                "repeats": {"doctors": {"path": "DG1-16", "fields": {"number": "1"}}},
            },
        },
        folds={},
    )
    text = message("A31", pid={5: "A^^^^^^L~B^^^^^^D"}, more="DG1|1||F112^x||20250301|||||||||||1^a~2^b\rDG1|2||F102")

    row = reader_for(table, zone=ZONE).parse(text.encode())

    assert ["A", [["A", "L"], ["B", "D"]], [["F112", "20250301", [["1"], ["2"]]], ["F102", None, []]]] == row


@given(st.binary(max_size=80))
def test_any_bytes_after_a_header_are_a_row_or_a_reason(raw):
    with suppress(Unreadable):
        assert 1 == len(reader(nom="PID-5.1").parse(BARE.encode() + b"\rPID|1||7^^^A^PI||" + raw))
