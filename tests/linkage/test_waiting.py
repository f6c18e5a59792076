"""Did it come, and in time? Dates in, one outcome per window out."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.contracts.pathway import Window
from passerelle.linkage.waiting import Blind, Contact, Event, Outcome, Seen, Start, assign_contacts, goes_on, judge

LEFT = date(2025, 6, 10)
TODAY = date(2025, 12, 31)
WEEK = Window(name="d7", first=1, last=7)
NIGHT = Window(name="d1", first=0, last=1)
EVENT = Event(b"e" * 16, b"p" * 16, LEFT)


def after(days, name="c", at=""):
    return Contact(name.encode().ljust(16, b"."), b"q" * 16, LEFT + timedelta(days=days), at)


def said(seen, window=WEEK, event=EVENT, as_of=TODAY):
    (judgement,) = judge(event, [window], seen, as_of)
    return judgement.blind or judgement.outcome


@pytest.mark.parametrize(
    ("days", "window", "expected"),
    [
        (0, WEEK, Outcome.MISSED),
        (1, WEEK, Outcome.FOUND),
        (7, WEEK, Outcome.FOUND),
        (8, WEEK, Outcome.MISSED),
        (0, NIGHT, Outcome.FOUND),
        (1, NIGHT, Outcome.FOUND),
        (2, NIGHT, Outcome.MISSED),
    ],
)
def test_only_the_days_of_the_window_count(days, window, expected):
    assert said(Seen(contact=after(days)), window) == expected


def test_a_contact_after_the_return_is_not_of_this_event():
    assert said(Seen(contact=after(5), back=LEFT + timedelta(days=4))) == Outcome.MISSED
    assert said(Seen(contact=after(4), back=LEFT + timedelta(days=4))) == Outcome.FOUND


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen(), Outcome.OPEN),
        (Seen(back=LEFT + timedelta(days=2)), Outcome.OPEN),
        (Seen(death=LEFT + timedelta(days=2)), Outcome.OPEN),
        (Seen(blind=Blind.NOT_PERMITTED), Blind.NOT_PERMITTED),
    ],
)
def test_on_the_last_day_of_the_window_it_is_open_even_if_nobody_can_come(seen, expected):
    assert said(seen, as_of=LEFT + timedelta(days=7)) == expected


@pytest.mark.parametrize("seen", [Seen(), Seen(back=LEFT + timedelta(days=2)), Seen(death=LEFT + timedelta(days=2))])
def test_the_day_after_the_window_it_is_missed(seen):
    assert said(seen, as_of=LEFT + timedelta(days=8)) == Outcome.MISSED


def test_a_contact_after_the_death_is_nobodys():
    assert said(Seen(contact=after(3), death=LEFT + timedelta(days=2))) == Outcome.MISSED
    assert said(Seen(contact=after(2), death=LEFT + timedelta(days=2))) == Outcome.FOUND


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        (LEFT, "2025-06-10T14:00:00+02:00", True),
        (LEFT, "2025-06-10T08:00:00+02:00", False),
        (LEFT, "2025-06-10", False),
        (LEFT + timedelta(days=1), "2025-06-11", True),
        (LEFT + timedelta(days=2), "2025-06-12", False),
        (LEFT - timedelta(days=1), "2025-06-09", False),
    ],
)
def test_an_event_goes_on_where_another_stay_surely_began_after_it_within_a_day(day, at, expected):
    event = replace(EVENT, at="2025-06-10T11:00:00+02:00")

    assert goes_on(event, [Start(b"s" * 16, day, at)], 1) is expected
    assert goes_on(event, [Start(event.id, day, at)], 1) is False
    assert goes_on(event, [Start(b"s" * 16, day, at)], None) is False


def test_of_two_stays_of_one_moment_only_one_goes_on():
    at = "2025-06-10T11:00:00+02:00"
    starts = [Start(b"a" * 16, LEFT, at), Start(b"b" * 16, LEFT, at)]

    assert [goes_on(replace(EVENT, id=one.id, at=at), starts, 1) for one in starts] == [True, False]


def test_nobody_is_waited_for_after_what_went_on():
    assert said(Seen(contact=after(3)), event=replace(EVENT, goes_on=True)) == Outcome.EXCLUDED


def test_the_reasons_come_in_their_order():
    everything = Seen(contact=after(3), death=LEFT, blind=Blind.NO_COMMON_KEY)

    assert said(everything, event=Event(EVENT.id, EVENT.patient, LEFT, undone=True)) == Outcome.UNDONE
    assert said(everything, event=Event(EVENT.id, EVENT.patient, None)) == Blind.NO_EVENT_TIME
    assert said(everything) == Outcome.EXCLUDED
    assert said(Seen(contact=after(3), blind=Blind.NO_COMMON_KEY)) == Blind.NO_COMMON_KEY


def test_what_a_stale_source_does_not_say_is_not_missed():
    assert said(Seen(fresh_until=LEFT + timedelta(days=6))) == Blind.NO_COVERAGE
    assert said(Seen(fresh_until=LEFT + timedelta(days=7))) == Outcome.MISSED
    assert said(Seen(contact=after(2), fresh_until=LEFT + timedelta(days=3))) == Outcome.FOUND


def test_a_source_need_be_fresh_only_up_to_the_end_of_the_wait():
    assert said(Seen(back=LEFT + timedelta(days=2), fresh_until=LEFT + timedelta(days=2))) == Outcome.MISSED
    assert said(Seen(back=LEFT + timedelta(days=2), fresh_until=LEFT + timedelta(days=1))) == Blind.NO_COVERAGE


def test_of_two_contacts_on_one_day_the_earlier_hour_is_the_first():
    found = assign_contacts([EVENT], [after(3, "late", "2025-06-13T16:00"), after(3, "soon", "2025-06-13T09:00")], 1)

    assert found[EVENT.id].id.startswith(b"soon")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 40), unique=True), st.sampled_from([0, 1]))
def test_each_contact_goes_to_the_nearest_event_before_it_and_to_no_other(left, came, first_day):
    events = [Event(bytes([day]) * 16, b"p" * 16, LEFT + timedelta(days=day)) for day in left]
    contacts = [Contact(bytes([100 + day]) * 16, b"q" * 16, LEFT + timedelta(days=day)) for day in came]

    found = assign_contacts(events, contacts, first_day)

    assert len({one.id for one in found.values()}) == len(found)
    for event in events:
        before = [day for day in left if LEFT + timedelta(days=day) == event.day]
        own = [
            day
            for day in came
            if day - before[0] >= first_day and not any(before[0] < other <= day - first_day for other in left)
        ]
        if own:
            assert found[event.id].day == LEFT + timedelta(days=min(own))
        else:
            assert event.id not in found
