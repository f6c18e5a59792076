"""Files into records: where a record begins and ends, and what stops a whole file."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pam_messages import ADT, READER
from reading_tables import ZONE, delimited, refused, split

from passerelle.reading import reader_for, split_file

TABLE = delimited("num", "note")


def test_lines_are_records_without_their_ends_and_without_the_header():
    assert [b"1;a", b"2;b"] == split(TABLE, b"num;note\r\n1;a\r\n2;b")


def test_empty_lines_are_no_records():
    assert [b"1;a"] == split(TABLE, b"num;note\n\n1;a\n\r\n\n")


def test_a_header_alone_is_an_empty_file():
    assert [] == split(TABLE, b"num;note\n")


def test_a_quoted_line_end_belongs_to_its_record():
    assert [b'1;"a\nb"', b"2;c"] == split(TABLE, b'num;note\n1;"a\nb"\n2;c\n')


def test_a_quote_that_is_never_closed_makes_the_rest_of_the_file_one_record():
    records = split(TABLE, b'num;note\n1;a\n2;"b\n3;c\n4;d\n')

    assert [b"1;a", b'2;"b\n3;c\n4;d'] == records


def test_a_quote_in_the_middle_of_a_field_opens_nothing():
    assert [b'1;2" pipe', b"2;b"] == split(TABLE, b'num;note\n1;2" pipe\n2;b\n')


def test_a_missing_column_stops_the_file():
    assert ("missing-column", "note") == refused(split, TABLE, b"num;autre\n1;a\n")


def test_an_empty_file_is_said_to_be_empty():
    assert ("empty-file", "num") == refused(split, TABLE, b"")
    assert ("empty-file", "num") == refused(split, TABLE, b"\r\n\n")


def test_a_first_line_that_the_delimiter_does_not_separate_is_told_as_such():
    assert ("wrong-delimiter", '`delimiter: ";"`') == refused(split, TABLE, b"num,note\n1,a\n")


def test_a_first_line_of_one_declared_column_lacks_the_other():
    assert ("missing-column", "note") == refused(split, TABLE, b"num\n1\n")


def test_a_column_that_stands_there_twice_stops_the_file():
    assert ("column-twice", "note") == refused(split, TABLE, b"num;note;note\n1;a;b\n")


def test_a_byte_order_mark_is_refused_unless_the_dialect_strips_it():
    raw = b"\xef\xbb\xbfnum;note\n1;a\n"

    assert ("byte-order-mark", "num") == refused(split, TABLE, raw)
    assert [b"1;a"] == split(delimited("num", "note", byte_order_mark="strip"), raw)


def test_a_header_in_another_order_travels_with_every_record():
    assert [b"\x1enote;num\x1ea;1", b"\x1enote;num\x1eb;2"] == split(TABLE, b"note;num\na;1\nb;2\n")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"\x1enote;num\x1ea;1", ("wrong-column-count", "")),
        (b"\x1enum;note\x1e1", ("forbidden-character", "num")),
        (b"\x1e1;2", ("forbidden-character", "num")),
    ],
)
def test_a_line_brings_no_header_of_its_own(line, why):
    (record,) = split(TABLE, b"num;note\n" + line + b"\n")

    assert why == refused(reader_for(TABLE, zone=ZONE).parse, record)


@pytest.mark.parametrize("head", [b"num;note", b"note;num", b'"num";note'])
def test_the_header_of_a_second_file_behind_the_first_is_no_row(head):
    records = split(TABLE, head + b"\n1;2\n" + head + b"\n")

    assert ("not-a-record", "") == refused(reader_for(TABLE, zone=ZONE).parse, records[1])


def test_only_files_are_split():
    table = TABLE.model_copy(update={"format": "rest"})

    with pytest.raises(ValueError, match="rest"):
        split(table, b"")


@given(st.lists(st.text('ab;"\n', max_size=8), max_size=6))
def test_no_byte_of_a_file_is_lost(cells):
    line = b";".join(cell.encode() for cell in cells)
    records = split(TABLE, b"num;note\n" + line + b"\n")

    assert line.replace(b"\n", b"") == b"".join(records).replace(b"\n", b"")


MSH = b"MSH|^~\\&|GAM|A|B|C|20250101||ADT^A01|1|P|2.5"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_messages_begin_with_msh_at_the_start_of_a_line(end):
    first, second = MSH + end + b"PID|1||MSH|x", MSH + end + b"PID|2"

    assert [first, second] == split(ADT, first + end + second + end)


def test_frames_and_batch_envelopes_belong_to_no_message():
    raw = b"FHS|^~\\&|x\rBHS|^~\\&|x\r\x0b" + MSH + b"\rPID|1\r\x1c\r\x0b" + MSH + b"\rPID|2\r\x1c\rBTS|2\rFTS|1\r"

    assert [MSH + b"\rPID|1", MSH + b"\rPID|2"] == split(ADT, raw)


def test_what_is_no_message_is_a_record_too():
    assert [b"garbage", MSH + b"\rPID|1"] == split(ADT, b"garbage\r\n" + MSH + b"\rPID|1\r\n")


@given(st.integers(1, 40))
def test_messages_are_split_alike_however_few_bytes_come_at_once(size):
    class Slow(BytesIO):
        def read(self, _=-1):
            return super().read(size)

    raw = (MSH + b"\rPID|1\r\n") * 3

    assert [MSH + b"\rPID|1"] * 3 == list(split_file(ADT, Slow(raw)))


def test_a_cut_frame_keeps_the_sign_with_which_it_was_opened():
    cut = b"\x0b" + MSH + b"\rPID|1"

    assert [MSH + b"\rPID|1", cut, MSH + b"\rPID|2"] == split(
        ADT, cut + b"\r\x1c\r" + cut + b"\r\x0b" + MSH + b"\rPID|2\r\x1c\r"
    )
    assert ("not-a-record", "") == refused(READER.parse, cut)


@pytest.mark.parametrize("count", [b"1", b"3", b"x"])
def test_a_trailer_that_counts_other_messages_stops_the_file(count):
    raw = b"BHS|^~\\&|x\r" + (MSH + b"\rPID|1\r") * 2 + b"BTS|" + count + b"\r"

    assert ("not-a-record", "BTS-1") == refused(split, ADT, raw)


def test_each_batch_of_a_file_is_counted_for_itself():
    batch = b"BHS|^~\\&|x\r" + (MSH + b"\rPID|1\r") * 2 + b"BTS|02\r"

    assert [MSH + b"\rPID|1"] * 4 == split(ADT, batch * 2)


def test_what_never_comes_to_a_message_is_not_kept_in_memory_for_ever(monkeypatch):
    monkeypatch.setattr("passerelle.reading.splitting._MOST_WAITING", 1000)

    assert ("not-a-record", "MSH") == refused(split, ADT, b"x" * 1001)
