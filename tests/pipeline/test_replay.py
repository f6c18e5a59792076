"""Stopped records are tried again under a corrected contract: they stand as if it had been right from the beginning."""

import shutil

import pytest
import region as regions
from house_builder import change
from shop import Shop, corrected, record

from passerelle.contracts.house import load_house
from passerelle.pipeline.replaying import Replayed, replay
from passerelle.pipeline.unchanged import differences, state_of
from passerelle.records import Reason, Stage, State
from passerelle.stores import sums
from passerelle.stores.ledger import batches, items


@pytest.fixture(scope="module")
def shop(migrated_sqlite, tmp_path_factory):
    return Shop(tmp_path_factory.mktemp("shop"), migrated_sqlite)


@pytest.fixture
def opened(shop):
    opened = shop.open()
    yield opened
    opened.close()


def require(instance):
    sums.require(instance.stores.ledger, instance.stores.vault, instance.stores.lake)


def changed_by(instance, act):
    """What the act changes in the stores, and what it gives."""
    before = state_of(instance, instance.settings.data / "nothing")
    told = act()
    require(instance)
    return differences(before, state_of(instance, instance.settings.data / "nothing")), told


def assert_settled(instance, source):
    """Trying again what is still stopped changes nothing."""
    changed, told = changed_by(instance, lambda: replay(instance, source))
    assert (changed, told.passed) == ([], 0)


def close(instance, batch_name, row):
    """A person closes the record, as the command line does."""

    def act(tx):
        batch = batches.by_name(tx, batch_name)
        (item,) = [one for one in items.found(tx, batch_id=batch.id) if one.row == row]
        items.move(tx, batch.id, item.stage, row, State.REJECTED, expected=item.state, by="a nurse", detail="wrong")

    instance.stores.ledger.in_transaction(act)


# The shop -----------------------------------------------------------------------------------------------------------


def fresh(shop, house, *deliveries):
    """What stands when the contract was right from the beginning."""
    opened = shop.open().under(house).deliver(*deliveries)
    try:
        return opened.view()
    finally:
        opened.close()


def test_a_record_of_a_code_that_is_listed_now_passes(shop, opened, tmp_path):
    records = [record("people", "1", "Z", changed=1), record("files", "1", "1", "a", changed=1)]
    opened.deliver(records)
    assert sorted(opened.verdicts().values()) == [
        "map pending waits-for-parent person",
        "map quarantined unknown-code sex",
    ]
    assert_settled(opened.instance, "ward")
    house = corrected(shop.house, tmp_path / "home")
    codes = house.root / "mappings" / "codes" / "gender.csv"
    codes.write_text(codes.read_text("utf-8") + "Z,other,,,\n", encoding="utf-8")
    house = load_house(house.root)
    opened.under(house)
    assert replay(opened.instance, "ward", reason=Reason.UNKNOWN_CODE) == Replayed(tried=1, passed=1)
    assert set(opened.verdicts().values()) == {"passed"}
    assert regions.compared(fresh(shop, house, records), opened.view()) == []
    assert_settled(opened.instance, "ward")


def test_a_record_of_another_charset_that_is_declared_now_passes_land_and_what_follows(shop, opened, tmp_path):
    opened.drop_bytes("files", b"1;1;\xe9t\xe9;;1", b"2;1;autre;;1")
    opened.drop([record("people", "1", "F", changed=1)])
    opened.run()
    assert sorted(opened.verdicts().values()) == ["land quarantined undecodable-bytes label", "passed", "passed"]
    house = corrected(
        shop.house, tmp_path / "home", "files: files/*.csv", "files: files/*.csv\n    dialect: {charset: latin-1}"
    )
    assert_settled(opened.instance, "ward")
    opened.under(house)
    assert replay(opened.instance, "ward") == Replayed(tried=1, passed=1)
    require(opened.instance)
    assert [name for name, *_ in opened.view()] == ["EpisodeOfCare", "EpisodeOfCare", "Patient"]
    tallies = regions.sums_of(opened.instance, ["ward"])
    assert tallies["ward-files-000001", "land", "passed"] == 2
    assert tallies["ward-files-000001", "map", "passed"] == 2
    assert_settled(opened.instance, "ward")


def test_a_record_that_land_can_read_now_may_contradict_one_that_passed(shop, opened, tmp_path):
    opened.drop_bytes("files", b"1;1;\xe9t\xe9;;1", b"1;1;autre;;1")
    opened.deliver([record("people", "1", "F", changed=1)])
    house = corrected(
        shop.house, tmp_path / "home", "files: files/*.csv", "files: files/*.csv\n    dialect: {charset: latin-1}"
    )
    opened.under(house)
    assert replay(opened.instance, "ward") == Replayed(tried=1, passed=0)
    require(opened.instance)
    assert sorted(opened.verdicts().values()) == [*["map quarantined conflicting-version "] * 2, "passed"]
    assert_settled(opened.instance, "ward")


def test_versions_that_contradict_each_other_do_not_pass_by_trying_again(opened):
    opened.deliver([record("people", "1", sex, changed=1) for sex in "FM"])
    assert_settled(opened.instance, "ward")
    assert opened.view() == []


def test_a_person_settles_two_versions_by_closing_one(opened):
    opened.deliver([record("people", "1", sex, changed=1) for sex in "FM"])
    close(opened.instance, "ward-people-000001", 0)
    require(opened.instance)
    assert replay(opened.instance, "ward") == Replayed(tried=1, passed=1)
    require(opened.instance)
    assert ['"gender":"male"' in body for *_, body in opened.view()] == [True]
    assert_settled(opened.instance, "ward")


def test_a_record_that_a_person_closed_stays_closed_and_counted(shop, opened, tmp_path):
    opened.deliver([record("people", "1", "Z", changed=1)])
    close(opened.instance, "ward-people-000001", 0)
    house = corrected(shop.house, tmp_path / "home")
    codes = house.root / "mappings" / "codes" / "gender.csv"
    codes.write_text(codes.read_text("utf-8") + "Z,other,,,\n", encoding="utf-8")
    opened.under(load_house(house.root))
    assert replay(opened.instance, "ward") == Replayed(tried=0, passed=0)
    require(opened.instance)
    assert regions.sums_of(opened.instance, ["ward"])["ward-people-000001", "map", "rejected"] == 1


def test_a_batch_that_was_stopped_as_a_whole_runs_again_when_its_limits_are_corrected(shop, opened, tmp_path):
    strict = corrected(
        shop.house, tmp_path / "strict", "files: people/*.csv", "files: people/*.csv\n    limits: {most_records: 1}"
    )
    records = [record("people", key, "F", changed=1) for key in "12"]
    opened.under(strict)
    opened.drop(records)
    assert opened.run().stopped == ["ward-people-000001"]
    require(opened.instance)
    opened.under(shop.house)
    assert replay(opened.instance, "ward") == Replayed(tried=2, passed=2)
    require(opened.instance)
    assert regions.compared(fresh(shop, shop.house, records), opened.view()) == []
    assert_settled(opened.instance, "ward")


# The region ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path):
    """The house of this project, to be corrected."""
    root = tmp_path / "home"
    for name in ("mappings", "fhir", "validation"):
        shutil.copytree(regions.HOME / name, root / name)
    return root


def open_items(instance, source):
    with instance.stores.ledger.read() as tx:
        return items.found(tx, source=source, states=[State.QUARANTINED, State.PENDING])


def test_acts_that_nobody_had_coded_pass_when_they_are_listed(undisturbed, home, tmp_path):
    codes = home / "mappings/sources/csapa/codes/act_type.csv"
    codes.write_text(
        codes.read_text("utf-8") + "XX9,social,https://passerelle.example/fhir/CodeSystem/act-kind,Other,\n", "utf-8"
    )
    instance = regions.copy_of(undisturbed, tmp_path / "copy", load_house(home))
    before = open_items(instance, "csapa")
    freed = [one for one in before if one.reason is Reason.UNKNOWN_CODE and one.place == "type_acte"]
    assert len(freed) >= 2
    assert replay(instance, "csapa") == Replayed(len(before), len(freed))
    require(instance)
    assert [one for one in open_items(instance, "csapa") if one.place == "type_acte"] == []
    new = {
        name for name, *_ in set(regions.view_of(instance, ["csapa"])) - set(regions.view_of(undisturbed, ["csapa"]))
    }
    assert new == {"Appointment", "Encounter"}
    assert_settled(instance, "csapa")
    instance.close()


def test_people_whose_birth_was_refused_pass_when_the_expectation_is_corrected(undisturbed, home, tmp_path):
    change(
        home,
        "mappings/sources/csapa/source.yaml",
        'min: "1900-01-01"\n          max: today',
        'min: "1900-01-01"\n          max: "2040-01-01"',
    )
    instance = regions.copy_of(undisturbed, tmp_path / "copy", load_house(home))
    before = [one for one in open_items(instance, "csapa") if one.stage is Stage.CHECK]
    freed = [one for one in before if one.place == "own#1 date_naissance"]
    assert len(freed) >= 2
    told = replay(instance, "csapa", reason=Reason.EXPECTATION)
    assert told == Replayed(len(before), len(freed))
    require(instance)
    assert_settled(instance, "csapa")
    instance.close()


@pytest.mark.parametrize("source", ["caarud", "ch", "chu", "siao", "usmp"])
def test_trying_everything_again_without_a_correction_changes_nothing(undisturbed, tmp_path, source):
    instance = regions.copy_of(undisturbed, tmp_path / "copy")
    assert len(open_items(instance, source)) > 0
    assert_settled(instance, source)
    instance.close()
