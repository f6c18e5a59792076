"""A record is shown in the charset that its table declares, whatever is wrong with it."""

import codecs

import pytest
from mapping_builders import source_folder, table

from passerelle.reading.showing import shown

MESSAGE = "MSH|^~\\&|A|B|C|D|20250101||ADT^A01|1|P|2.5||||||{charset}\rPID|1||1||LEFÈVRE"


def table_of(**more):
    return source_folder({"t": table({"name": {}}, **more)}, []).source.tables["t"]


LATIN = {"format": "delimited", "files": "*.csv", "complete": {"marker": ".ok"}, "sql": None}


@pytest.mark.parametrize(
    ("dialect", "raw", "text"),
    [
        ({"charset": "latin-1"}, "1;LEFÈVRE".encode("latin-1"), "1;LEFÈVRE"),
        ({"charset": "utf-8"}, "1;LEFÈVRE".encode(), "1;LEFÈVRE"),
        ({"charset": "utf-8"}, "1;LEFÈVRE".encode("latin-1"), "1;LEF\\xc8VRE"),
    ],
)
def test_a_line_is_shown_in_the_charset_of_its_dialect(dialect, raw, text):
    assert (text, codecs.lookup(dialect["charset"]).name) == shown(raw, table_of(**LATIN, dialect=dialect))


@pytest.mark.parametrize(("declared", "codec"), [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8")])
def test_a_message_is_shown_in_the_charset_of_its_msh_18(declared, codec):
    hl7 = table_of(**{**LATIN, "format": "hl7v2"})
    text = MESSAGE.format(charset=declared)

    assert text == shown(text.encode(codec), hl7)[0]


def test_what_is_no_message_is_shown_all_the_same():
    hl7 = table_of(**{**LATIN, "format": "hl7v2"})

    assert ("MSH|\\xc8", "utf-8") == shown(b"MSH|\xc8", hl7)


def test_a_record_of_a_table_that_is_no_more_is_shown_all_the_same():
    assert ("LEF\\xc8VRE", "utf-8") == shown("LEFÈVRE".encode("latin-1"), None)
