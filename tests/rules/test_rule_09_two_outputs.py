"""Rule 9. A transmission to the authority and a publication are two outputs; neither is what deliver and report write."""

import re

import pytest
from attacked_region import text_of
from carried_region import ROOT
from link_builders import TODAY, World, target
from typer.testing import CliRunner

from passerelle.cli.application import app
from passerelle.delivery import deliver
from passerelle.errors import UsageError
from passerelle.stores.ledger import Ledger, cuts


def test_the_page_says_of_itself_that_it_is_no_publication_in_both_languages(first):
    (notice,) = re.findall(r"<[^>]*class=.?notice.*?</(?:p|div)>", first.page, re.DOTALL)

    assert "publication" in notice
    assert 'lang="fr"' in notice
    assert 'lang="en"' in notice
    assert re.search(r"(not|no) .{0,40}publi", notice)
    assert re.search(r"(pas|ni|ne) .{0,60}publi", notice)


def test_the_page_reaches_for_nothing_and_cannot_be_fetched_by_a_search_engine_by_mistake(first):
    assert "<script" not in first.page
    assert not re.findall(r'(?:src|href)="https?://', first.page)


@pytest.fixture
def world(sqlite_url, data, keys):
    ledger = Ledger.open(sqlite_url)
    yield World(ledger, data, keys)
    ledger.close()


def test_a_target_of_statistics_gets_no_persons_through_deliver(world, tmp_path):
    world.patient("csapa", "c")
    world.consent("csapa", "k", "c", to=None)
    linked = world.link()
    with world.stores.ledger.read() as tx:
        cut = cuts.last(tx)
    feed = target().model_copy(update={"purpose": "statistics"})

    with pytest.raises(UsageError) as refused:
        deliver(
            world.stores,
            world.house,
            cut,
            linked,
            lease=world.lease,
            as_of=TODAY,
            out_folder=tmp_path / "out",
            target=feed,
        )

    assert "statistics" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_counting_stops_for_anonymity_and_opposition_and_wants_no_other_ground(first):
    steps = [one for one in first.region.instance.house.gate.steps if "statistics" in one.purposes]

    assert ["jurisdiction", "forbidden-recipient", "anonymity", "opposition", "statistics"] == [
        one.rule for one in steps
    ]
    assert {"stop"} == {one.does for one in steps[:-1]}


def test_no_target_of_the_house_is_both(first):
    targets = first.region.instance.house.targets.values()

    assert {"deliver"} == {one.purpose for one in targets}
    assert not [one for one in targets if {"Measure", "MeasureReport"} & set(one.elements)]


def test_there_is_no_command_that_publishes_before_there_is_a_publication():
    told = CliRunner().invoke(app, ["--help"]).output

    assert not re.search(r"\b(publish|feed|transmit)\b", told)
    assert not (ROOT / "mappings" / "feeds").exists()


def test_what_leaves_for_the_coordination_team_holds_no_table_of_counts(first):
    assert not {"Measure", "MeasureReport"} & {one["resourceType"] for one in first.exported.values()}
    assert "suppressed" not in "".join(map(text_of, first.exported.values()))
