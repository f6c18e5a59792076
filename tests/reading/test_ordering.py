"""Orders: texts whose bytes compare as the versions do."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pam_messages import ADT, message, row_of
from reading_tables import ZONE, refused

from passerelle.contracts.source import Table
from passerelle.reading import order_reader


def by_column(**column):
    table = Table.model_validate(
        {
            "format": "delimited",
            "dialect": {"decimal": ","},
            "order": {"column": "maj"},
            "columns": {"num": {}, "maj": column},
        }
    )
    order = order_reader(table, zone=ZONE)
    return lambda text: order(["1", text], "")


FRENCH = by_column(type="datetime", format="%d/%m/%Y %H:%M:%S")
by_message = order_reader(ADT, zone=ZONE)


def of_message(text: str) -> str:
    return by_message(row_of(text), "")


def test_local_moments_are_ordered_as_instants():
    assert "2025-03-01T09:00:00.000000Z" == FRENCH("01/03/2025 10:00:00")
    assert "2025-07-01T08:00:00.000000Z" == FRENCH("01/07/2025 10:00:00")


def test_offsets_are_believed():
    order = by_column(type="datetime")

    assert "2025-10-26T00:30:00.000000Z" == order("2025-10-26T02:30:00+02:00")
    assert "2025-10-26T01:30:00.000000Z" == order("2025-10-26T02:30:00+01:00")


@pytest.mark.parametrize("text", ["26/10/2025 02:30:00", "30/03/2025 02:30:00"])
def test_an_hour_that_occurs_twice_or_never_orders_nothing(text):
    assert ("ambiguous-time", "maj") == refused(FRENCH, text)


def test_the_hours_around_the_change_of_clocks_are_plain():
    texts = ["26/10/2025 01:59:59", "26/10/2025 03:00:00"]

    assert ["2025-10-25T23:59:59.000000Z", "2025-10-26T02:00:00.000000Z"] == [FRENCH(text) for text in texts]


@pytest.mark.parametrize("text", ["hier soir", "31/02/2025 10:00:00", "2025-03-01", None, ""])
def test_what_does_not_read_as_an_order_is_refused(text):
    assert ("bad-order", "maj") == refused(FRENCH, text)


@given(st.lists(st.integers(-(10**30), 10**30), min_size=2))
def test_integers_are_ordered_as_numbers(numbers):
    order = by_column(type="integer")

    assert sorted(numbers) == sorted(numbers, key=lambda number: order(str(number)))


@given(st.lists(st.decimals(-10_000, 10_000, places=3), min_size=2))
def test_decimals_are_ordered_as_numbers(numbers):
    order = by_column(type="decimal")

    assert sorted(numbers) == sorted(numbers, key=lambda number: order(f"{number:f}".replace(".", ",")))


@given(st.lists(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28)), min_size=2))
def test_moments_are_ordered_as_instants(moments):
    order = by_column(type="datetime")
    aware = [moment.replace(tzinfo=UTC) for moment in moments]

    assert sorted(aware) == sorted(aware, key=lambda moment: order(moment.isoformat()))


def test_a_snapshot_is_the_order_of_all_its_rows():
    table = Table.model_validate({"format": "delimited", "order": {"snapshot": True}, "columns": {"num": {}}})
    order = order_reader(table, zone=ZONE)

    assert "20250301" == order(["1"], "20250301")
    assert ("bad-order", "") == refused(order, ["1"], "")


def test_a_message_is_ordered_by_its_event_then_its_emission_then_its_number():
    texts = [
        message("A31", emitted="20250301100000"),
        message("A31", emitted="20250301100000", msh={13: "9"}),
        message("A31", emitted="20250301100000", msh={13: "10"}),
        message("A31", emitted="20250301100000", msh={7: "20250301100001"}),
        message("A31", emitted="20250301100001"),
    ]

    orders = [of_message(text) for text in texts]

    assert orders == sorted(orders)
    assert 5 == len(set(orders))


def test_a_message_that_says_no_time_is_not_ordered():
    assert ("bad-order", "EVN-2") == refused(
        of_message, message("A31", msh={7: ""}).replace("EVN||20250301100000", "EVN")
    )


def test_a_message_of_the_doubled_hour_is_not_ordered_unless_it_says_its_offset():
    assert ("ambiguous-time", "EVN-2") == refused(of_message, message("A31", emitted="20251026023000"))
    assert of_message(message("A31", emitted="20251026023000+0200")).startswith("2025-10-26T00:30:00")
