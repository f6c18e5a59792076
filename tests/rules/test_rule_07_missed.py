"""Rule 7. Found, missed or not observable; only missed is overdue; what could not be seen is never called missed."""

import re
from collections import defaultdict
from dataclasses import replace
from datetime import date

import pytest
from carried_region import ROOT
from link_builders import World, house

from passerelle.contracts.house import load_house
from passerelle.stores.ledger import Ledger

NUMBER = "185040012345678"


def said(task):
    return task["businessStatus"]["coding"][0]["code"]


def test_every_statement_is_one_of_the_outcomes_and_says_why_where_it_was_not_seen(first):
    tasks = [one for one in first.tasks if "businessStatus" in one]

    assert len(tasks) > 200
    assert {said(one) for one in tasks} <= {"found", "missed", "not-observable", "open", "undone"}
    for one in tasks:
        if said(one) == "not-observable":
            reason = one["statusReason"]["coding"][0]["code"]
            assert reason in {"no-common-key", "no-coverage", "no-event-time", "not-permitted"}
            assert "on-hold" == one["status"]
        assert ("output" in one) == (said(one) == "found")


def test_only_what_was_missed_is_overdue(first):
    by_event = defaultdict(list)
    for one in first.tasks:
        if "businessStatus" in one:
            by_event[one["reasonReference"]["reference"], one["code"]["coding"][0]["code"]].append(one)
    missed = {key for key, listed in by_event.items() if any(said(one) == "missed" for one in listed)}
    found = {key for key, listed in by_event.items() if any(said(one) == "found" for one in listed)}
    dead = {
        key
        for key, one in first.standing.items()
        if one["resourceType"] == "Patient" and ("deceasedDateTime" in one or one.get("deceasedBoolean"))
    }
    waited = {key for key in missed - found if by_event[key][0]["for"]["reference"].rpartition("/")[2] not in dead}

    assert len(waited) > 5
    assert len(waited) == len(first.told.summary.overdue)


def test_every_rate_shows_its_three_shares_and_they_make_the_whole(first):
    shares = [one for one in first.told.summary.shares if one.events]

    assert len(shares) >= 6
    for one in shares:
        assert one.events == one.found + one.missed + one.not_observable
        assert one.not_observable == sum(one.blind.values())
    percents = re.findall(r'<td class="n">\d+ \(([\d\u202f,.]+)\u202f?[ ]?%\)</td>' * 3, first.page)
    assert len(percents) >= len(shares)


def test_no_rate_on_the_page_stands_alone(first):
    rows = [row for row in first.page.split("<tr>") if "class=bar" in row]

    assert rows
    for row in rows:
        assert 3 == row.count("%)</td>"), "found, missed and not observable stand beside each other"


# In small ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def world_of(sqlite_url, data, keys):
    opened = []

    def build(told=None):
        ledger = Ledger.open(sqlite_url)
        opened.append(ledger)
        return World(ledger, data, keys, told)

    yield build
    for one in opened:
        one.close()


def left(world, end="2025-06-10"):
    world.patient("chu", "h", ins=NUMBER)
    world.consent("chu", "k", "h", to=None)
    world.stay("chu", "s", "h", "2025-06-01", end)
    world.patient("csapa", "c", ins=NUMBER)


def as_committed():
    """The small house, with what the committed contracts say of who covers what, and how long a silence means something."""
    real, small = load_house(ROOT).sources, house().sources
    return house(
        sources={
            name: replace(one, source=one.source.model_copy(update={"coverage": real[name].source.coverage}))
            for name, one in small.items()
        }
    )


def test_between_two_monthly_extracts_nobody_is_overdue_for_what_the_next_one_may_bring(world_of):
    world = world_of(as_committed())
    left(world, "2025-06-02")
    world.contact("of another", "c", "2025-05-30")  # the last day that the last extract tells of
    world._orders = iter([-2, -1, 0])

    told = world.tasks(world.link(as_of=date(2025, 6, 20)))

    assert {"d7": "no-coverage", "d21": "open", "d30": "open"} == told


def test_once_the_next_extract_has_come_a_silence_counts(world_of):
    world = world_of(as_committed())
    left(world, "2025-06-02")
    world.contact("of another", "c", "2025-05-30")
    world.contact("late", "c", "2025-07-20")
    world._orders = iter([-2, -1, 0])

    assert {"missed"} == set(world.tasks(world.link(as_of=date(2025, 7, 21))).values())


def test_a_source_that_never_told_anything_is_held_against_nobody(world_of):
    world = world_of()
    left(world)
    world.waiting.pop("csapa")

    assert {"no-coverage"} == set(world.tasks(world.link()).values())


def test_before_the_source_covers_anybody_nobody_is_missed(world_of):
    world = world_of()
    left(world, end="2025-01-20")
    world.contact("late", "c", "2025-12-20")

    assert {"no-coverage"} == set(world.tasks(world.link()).values())


def test_elsewhere_than_the_source_covers_nobody_is_missed(world_of):
    told = house()
    csapa = told.sources["csapa"].source
    elsewhere = csapa.model_copy(
        update={"coverage": tuple(one.model_copy(update={"where": ("974",)}) for one in csapa.coverage)}
    )
    world = world_of(house(sources={**told.sources, "csapa": replace(told.sources["csapa"], source=elsewhere)}))
    left(world)
    world.contact("late", "c", "2025-12-20")

    assert {"no-coverage"} == set(world.tasks(world.link()).values())


def test_a_source_that_does_not_say_whom_it_covers_misses_nobody(world_of):
    told = house()
    silent = told.sources["csapa"].source.model_copy(update={"coverage": ()})
    world = world_of(house(sources={**told.sources, "csapa": replace(told.sources["csapa"], source=silent)}))
    left(world)
    world.contact("late", "c", "2025-12-20")

    assert {"no-coverage"} == set(world.tasks(world.link()).values())
