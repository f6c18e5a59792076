"""Cursors are compared as moments or numbers, and made earlier without changing how they are written."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from passerelle.contracts.source import Column
from passerelle.landing import cursors
from passerelle.landing.cursors import Cursors, is_later

PARIS = ZoneInfo("Europe/Paris")


def known(**column):
    return Cursors(Column.model_validate({"type": "datetime", **column}), PARIS, datetime(2025, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    ("value", "written", "before"),
    [
        ("2025-03-01 12:00:00", None, "2025-03-01 11:00:00"),
        ("2025-03-01T00:30:00+01:00", None, "2025-02-28T23:30:00+01:00"),
        ("2025-03-01", None, "2025-02-28"),
        ("01/03/2025 12:00", "%d/%m/%Y %H:%M", "01/03/2025 11:00"),
        (datetime(2025, 3, 1, 12), None, datetime(2025, 3, 1, 11)),
        (date(2025, 3, 1), None, date(2025, 2, 28)),
        (5000, None, 1400),
        (Decimal("3600.5"), None, Decimal("0.5")),
        ("nothing", None, "nothing"),
    ],
)
def test_an_hour_before_is_written_the_same_way(value, written, before):
    assert known(format=written).earlier(value, 3600) == before


@pytest.mark.parametrize(
    "value", ["nothing", "", None, True, b"x", "2026-01-01 00:00:00", datetime(2030, 1, 1), float("nan")]
)
def test_what_is_no_moment_or_lies_in_the_future_is_no_place_for_a_mark(value):
    assert known().place_of(value) is None


def test_moments_are_compared_in_the_zone_of_the_source():
    places = known()
    assert is_later(places.place_of("2025-07-01 12:00:00"), places.place_of("2025-07-01T09:59:00+00:00"))
    assert not is_later(places.place_of("2025-07-01 12:00:00"), places.place_of("2025-07-01T10:00:00Z"))


def test_a_number_and_a_moment_are_never_compared():
    places = known()
    assert not is_later(places.place_of(5), places.place_of("2025-07-01"))
    assert is_later(places.place_of(5), None)
    assert not is_later(None, places.place_of(5))


@pytest.mark.parametrize(
    ("text", "example", "value"),
    [
        ("2025-03-01", datetime(2025, 1, 1), datetime(2025, 3, 1)),
        ("2025-03-01", datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=PARIS)),
        ("2025-03-01 08:00:00", date(2025, 1, 1), date(2025, 3, 1)),
        ("2025-03-01 23:59:59", "2025-01-01T08:00:00", "2025-03-01T23:59:59"),
        ("2025-03-01 23:59:59", "2025-01-01", "2025-03-01"),
        ("500", 3, Decimal(500)),
    ],
)
def test_a_bound_that_was_typed_is_compared_with_what_the_source_has(text, example, value):
    assert known().like(text, example) == value


@pytest.mark.parametrize(
    "value",
    [None, "x", 5, 1.5, datetime(2025, 3, 1, 12, tzinfo=UTC), date(2025, 3, 1), Decimal("1.50"), UUID(int=5), b"\xff"],
)
def test_a_cursor_that_was_written_down_is_read_with_its_type(value):
    again = cursors.read(cursors.written(value))
    assert (type(again), again) == (type(value), value)
