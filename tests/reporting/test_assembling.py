"""The figures of a cut, and the page that shows them."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from link_builders import TODAY, World

from passerelle.records import Reason, Stage, State, Stop
from passerelle.reporting.assembling import summarise
from passerelle.reporting.page import render_page
from passerelle.reporting.summary import StageSums, Unused
from passerelle.stores.ledger import batches, cuts, items, tallies

NUMBER = "185040012345678"
SAYS = {
    "chu": ("CHU de Valmorge", "CHU de Valmorge"),
    "hospital_discharge": ("Sortie d'hospitalisation", "Discharge"),
    "csapa_contact": ("Premier contact honoré", "First attended contact"),
}

UNUSED = {
    "chu": Unused(
        unread=[("adt", "quartier", 41)],
        undeclared=[("adt", "extra", 42)],
        unlisted=[("gender", "Z", 43), ("gender", "", 44)],
        never_met={"gender": [f"N{number:02}" for number in range(12)]},
    )
}


@pytest.fixture
def world(ledger, data, keys):
    return World(ledger, data, keys)


def summary_of(world, **changed):
    linked = world.link()
    with world.stores.ledger.read() as tx:
        cut = cuts.last(tx)
    delivery = SimpleNamespace(recipient="COORD", delivered={"Patient": 2}, withheld={"no-ground": 5})
    told = {"as_of": TODAY, "balanced": True} | changed
    return summarise(world.stores, world.house, cut, linked, delivery, **told)


def left(world, *, came: str | None = None, died: str = ""):
    world.patient("chu", "h", ins=NUMBER, died=died)
    world.patient("csapa", "c", ins=NUMBER)
    world.consent("chu", "k", "h")
    world.stay("chu", "s", "h", "2025-06-01", "2025-06-10")
    world.contact("late", "c", "2025-12-20")
    if came:
        world.contact("first", "c", came)


def test_every_event_is_in_one_share_of_each_window(world):
    left(world, came="2025-06-20")

    shares = {(one.door, one.follow_up, one.window): one for one in summary_of(world).shares}

    assert shares["chu", "csapa_contact", "d7"].missed == 1
    assert shares["chu", "csapa_contact", "d21"].found == 1
    night = shares["chu", "housing_first_night", "d1"]
    assert (night.not_observable, night.blind, night.events) == (1, {"no-common-key": 1}, 1)


def test_who_was_seen_late_is_not_overdue(world):
    left(world, came="2025-06-20")

    assert summary_of(world).overdue == []


def test_who_was_never_seen_is_overdue_once_for_the_longest_window_that_is_over(world):
    left(world)

    (one,) = summary_of(world).overdue

    assert (one.follow_up, one.window, one.since, one.days) == ("csapa_contact", "d30", "2025-06-10", 204)
    assert re.fullmatch(r"[0-9a-f]{8}", one.pseudonym)


def test_the_dead_are_not_waited_for(world):
    left(world, died="2025-07-01")

    assert summary_of(world).overdue == []


def test_a_death_that_the_other_door_knows_of_ends_the_waiting_too(world):
    left(world)
    world.patient("csapa", "c", ins=NUMBER, died="2025-07-01")

    assert summary_of(world).overdue == []


def test_sums_are_those_of_the_ledger_by_source_and_stage_and_cut(world):
    left(world)
    world.publish()
    with world.stores.ledger.write() as tx:
        batch = batches.found(tx, source="chu")[0]
        tallies.add_many(tx, batch.id, {(Stage.LAND, State.PASSED): 8, (Stage.CHECK, State.PASSED): 7})
        items.put(tx, batch.id, [Stop(3, Stage.CHECK, State.QUARANTINED, Reason.EXPECTATION, "sexe")])

    told = summary_of(world)

    by_key = {(one.source, one.stage): one for one in told.sums}
    assert by_key["chu", "check"].received == 8
    assert by_key["chu", "check"].states["quarantined"] == 1
    assert by_key["hospital_discharge.csapa_contact.d7", "link"].received == 1
    quality = next(one for one in told.quality if one.source == "chu")
    assert quality.reasons == [("expectation", "sexe", 1)]


def test_links_are_counted_by_kind(world):
    left(world)

    assert summary_of(world).links == {"ins": 1, "orientation-slip": 0, "orientation-number": 0}


def page(world, **changed):
    left(world)
    return render_page(summary_of(world, unused=UNUSED, **changed), SAYS)


def test_the_page_speaks_both_languages_and_fetches_nothing(world):
    text = page(world)

    assert "Continuité par porte" in text
    assert "Continuity by door" in text
    assert not re.findall(r"""(?:src|href|url\()\s*=?\s*["']?https?:""", text)
    assert "<script" not in text


def test_the_page_says_that_it_is_not_for_publication(world):
    assert "pas une publication" in page(world)


def test_the_page_shouts_when_the_sums_do_not_balance(world):
    assert "LES SOMMES NE TOMBENT PAS JUSTE" in page(world, balanced=False)
    assert "LES SOMMES NE TOMBENT PAS JUSTE" not in page(world, balanced=True)


def test_no_value_of_a_person_is_on_the_page(world):
    text = page(world)

    for value in ("Durand", "Alix", NUMBER, "number of h", "1985-04-03"):
        assert value not in text


def test_the_same_stores_give_the_same_page(world):
    text = page(world)

    assert render_page(summary_of(world, unused=UNUSED), SAYS) == text


def test_the_page_tells_all_that_was_left_aside_with_how_often(world):
    left(world)
    summary = summary_of(world, unused=UNUSED)
    text = render_page(replace(summary, sums=[StageSums("chu", "land", "record", 1, {"passed": 1})]), SAYS)

    assert '<td class="n">41</td><td>adt</td><td><code>quartier</code></td>' in text
    assert '<td class="n">42</td><td>adt</td><td><code>extra</code></td>' in text
    assert '<td class="n">43</td><td>gender</td><td><code>Z</code></td>' in text
    assert '<td class="n">44</td><td>gender</td><td><span lang="fr">(écrits autrement)</span>' in text
    assert "N00, N01, N02, N03, N04, N05, N06, N07, N08, N09, N10, N11" in text


def test_every_tag_that_is_opened_is_closed(world):
    from html.parser import HTMLParser

    text = page(world)
    void = {"meta", "input", "link", "br", "rect", "path"}

    class Balance(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag not in void:
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    checked = Balance()
    checked.feed(text)
    assert checked.open == []
