"""One value, one key text: however a source writes it."""

import pytest
from reading_tables import ZONE, refused

from passerelle.contracts.source import Column
from passerelle.reading import canonicalizer


def canonical(text: str, **column) -> str:
    return canonicalizer(Column(**column), zone=ZONE, decimal=",", name="num")(text)


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ({}, " e\u0301 ", " é "),
        ({"type": "integer"}, "007", "7"),
        ({"type": "integer"}, "-0", "0"),
        ({"type": "integer"}, "+12", "12"),
        ({"type": "decimal"}, "1,50", "1.5"),
        ({"type": "decimal"}, "-0,0", "0"),
        ({"type": "decimal"}, "100", "100"),
        ({"type": "boolean", "true": ("O",), "false": ("N",)}, "N", "false"),
        ({"type": "date"}, "2025-03-01", "2025-03-01"),
        ({"type": "date"}, "2025-03", "2025-03"),
        ({"type": "date", "format": "%d/%m/%Y"}, "01/03/2025", "2025-03-01"),
        ({"type": "date", "format": "hl7"}, "20250301", "2025-03-01"),
        ({"type": "datetime"}, "2025-03-01 10:00", "2025-03-01T10:00:00"),
        ({"type": "datetime"}, "2025-03-01T09:00:00Z", "2025-03-01T10:00:00"),
        ({"type": "datetime", "format": "hl7"}, "20250301100000.25", "2025-03-01T10:00:00.250000"),
        ({"type": "datetime"}, "2025-10-26T00:30:00Z", "2025-10-26T02:30:00+02:00"),
        ({"type": "time"}, "10:00", "10:00:00"),
    ],
)
def test_a_key_has_one_text(column, text, expected):
    assert expected == canonical(text, **column)


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ({"type": "integer"}, "1.0", "not-a-number"),
        ({"type": "integer"}, "١", "not-a-number"),
        ({"type": "decimal"}, "1.5", "not-a-number"),
        ({"type": "boolean", "true": ("O",), "false": ("N",)}, "X", "not-a-boolean"),
        ({"type": "date", "format": "%d/%m/%Y"}, "31/02/2025", "not-a-date"),
        ({"type": "datetime"}, "hier soir", "not-a-datetime"),
    ],
)
def test_a_text_that_is_not_of_its_type_is_refused_by_name(column, text, reason):
    assert (reason, "num") == refused(lambda: canonical(text, **column))
