"""What a run tells of that it left aside: columns nobody reads, codes nobody listed, each with how often it came."""

import region as regions
from shop import Shop, corrected

from passerelle.pipeline.leaving import unused_of

SIGNS = "sign: {}, person: {}, label: {}, "
PEOPLE = b"number;sex;gone;changed;shoe\n"


def with_mood(tmp_path, migrated_sqlite):
    """A shop whose signs have a mood that no mapping reads."""
    shop = Shop(tmp_path / "shop", migrated_sqlite)
    house = corrected(shop.house, tmp_path / "other", SIGNS, SIGNS + "mood: {}, ")
    return shop.open().under(house)


def drop(opened, table, body):
    regions.drop(opened._inbox / table / f"{table}_{len(body)}.csv", body)


def test_columns_and_codes_that_were_left_aside_are_told_with_how_many_records_had_them(tmp_path, migrated_sqlite):
    opened = with_mood(tmp_path, migrated_sqlite)
    drop(opened, "signs", b"sign;person;label;mood;gone;changed\ns1;1;a;good;;1\ns2;1;a;;;1\ns3;1;a;bad;;1\n")
    drop(opened, "people", PEOPLE + b"1;F;;1;38\n2;Z;;1;41\n3;Z;;1;\n4;DUPONT;;1;40\n")

    first = opened.run()
    told = unused_of(opened.instance, "ward", first.handled)

    assert [("signs", "mood", 2)] == told.unread
    assert [("people", "shoe", 3)] == told.undeclared
    assert [("gender", "", 1), ("gender", "Z", 2)] == told.unlisted
    assert "F" not in told.never_met["gender"]
    assert {"a", "b"} == set(told.never_met["roles"])


def test_a_run_tells_of_its_own_batches_and_the_source_of_all(tmp_path, migrated_sqlite):
    opened = with_mood(tmp_path, migrated_sqlite)
    drop(opened, "people", PEOPLE + b"1;Z;;1;38\n")
    opened.run()
    drop(opened, "people", PEOPLE + b"20;Z;;1;380\n")
    second = opened.run()

    assert [("people", "shoe", 1)] == unused_of(opened.instance, "ward", second.handled).undeclared
    assert [("gender", "Z", 1)] == unused_of(opened.instance, "ward", second.handled).unlisted
    assert [("people", "shoe", 2)] == unused_of(opened.instance, "ward").undeclared
    assert [("gender", "Z", 2)] == unused_of(opened.instance, "ward").unlisted


def test_nothing_is_told_of_a_run_that_had_nothing_in_hand(tmp_path, migrated_sqlite):
    opened = with_mood(tmp_path, migrated_sqlite)

    told = unused_of(opened.instance, "ward", opened.run().handled)

    assert ([], [], [], {}) == (told.unread, told.undeclared, told.unlisted, told.never_met)
