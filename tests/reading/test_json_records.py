"""Rows of databases and interfaces."""

import pytest
from reading_tables import ZONE, refused

from passerelle.contracts.source import Table
from passerelle.reading import reader_for

REST = Table.model_validate(
    {
        "format": "rest",
        "key": ["id"],
        "order": {"snapshot": True},
        "columns": {"id": {}, "nom": {"path": "personne.nom"}, "animaux": {}, "dose": {}},
        "repeats": {
            "voeux": {
                "path": "detail.voeux",
                "fields": {"rang": "rang", "commune": "lieu.commune"},
                "repeats": {"mots": {"path": "mots", "fields": {"mot": "."}}},
            }
        },
    }
)
SQL = Table.model_validate(
    {"format": "sql", "key": ["id"], "order": {"snapshot": True}, "columns": {"id": {}, "nom": {}}}
)


def parse(raw: bytes, table=REST):
    return reader_for(table, zone=ZONE).parse(raw)


def test_values_are_the_texts_that_json_writes():
    raw = b'{"id":17,"personne":{"nom":"Zo\xc3\xa9"},"animaux":true,"dose":8.0}'

    assert ["17", "Zoé", "true", "8.0", []] == parse(raw)


@pytest.mark.parametrize("number", ["123456789012345678901", "123456789012345678902", "82.500", "1E5", "0.10"])
def test_a_number_is_its_digits(number):
    assert [number, None] == parse(b'{"id":%s,"nom":null}' % number.encode(), SQL)
    assert [number, "x", None, None, []] == parse(b'{"id":%s,"personne":{"nom":"x"}}' % number.encode())


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":1,"id":2}',
        b'{"id" :1,"id":2}',
        b'{"id":1,"personne":{"nom":"A","nom":"B"}}',
        b'{"id":1,"x":' + b'[{"a":' * 2000 + b"1" + b"}]" * 2000 + b"}",
        rb'{"id":1,"x":"\ud800"}',
        b'{"id":1,"x":' + b"9" * 5000 + b"}",
    ],
)
def test_an_object_of_which_nobody_knows_what_it_says_is_refused(raw):
    assert ("not-a-record", "") == refused(parse, raw)


def test_a_text_may_look_like_a_name():
    assert ['a":"b" : c', None] == parse(rb'{"id":"a\":\"b\" : c","nom":null}', SQL)


def test_what_is_null_empty_or_not_there_is_none():
    assert ["17", None, None, None, []] == parse(b'{"id":17,"personne":null,"dose":""}')


def test_lists_are_occurrences_in_their_order_and_may_hold_more():
    raw = b'{"id":1,"detail":{"voeux":[{"rang":1,"lieu":{"commune":"X"},"mots":["a","b"]},{"rang":2}]}}'

    assert [["1", "X", [["a"], ["b"]]], ["2", None, []]] == parse(raw)[-1]


@pytest.mark.parametrize(
    ("raw", "reason", "place"),
    [
        (b"", "not-a-record", ""),
        (b'{"id":1', "not-a-record", ""),
        (b"[1]", "not-a-record", ""),
        (b'{"id":{"x":1}}', "not-a-record", "id"),
        (b'{"id":1,"detail":{"voeux":7}}', "not-a-record", "voeux"),
        (b'{"id":"a\\u0000"}', "forbidden-character", "id"),
        (b'{"id":"a\\u0092"}', "forbidden-character", "id"),
        (b'{"id":"\xe9"}', "not-a-record", ""),
    ],
)
def test_what_is_no_record_is_refused_with_its_reason_and_column(raw, reason, place):
    assert (reason, place) == refused(parse, raw)


def test_a_column_of_a_database_must_be_there():
    assert ["1", None] == parse(b'{"id":1,"nom":null}', SQL)
    assert ("missing-column", "nom") == refused(parse, b'{"id":1}', SQL)
