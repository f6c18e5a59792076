"""The current view is the same whatever the order in which records came, and however they were put together."""

import os
import random
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import region as regions
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from pam_messages import message
from shop import Shop, record

from passerelle.pipeline.territory import run_territory
from passerelle.records import Reason, Stage
from passerelle.simulator.serving import serve
from passerelle.simulator.territory import simulate
from passerelle.stores import sums
from passerelle.stores.ledger import batches, consents, findings


@pytest.fixture(scope="module")
def shop(migrated_sqlite, tmp_path_factory):
    """The shop, in memory where the system offers it: many instances are made, and none must survive."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield Shop(tmp_path_factory.mktemp("shop"), migrated_sqlite)
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="passerelle-shop-") as folder:
        yield Shop(Path(folder), migrated_sqlite)


def told(shop, deliveries):
    """What stands and what became of each record after these deliveries; the sums hold."""
    opened = shop.open()
    try:
        opened.deliver(*deliveries)
        stores = opened.instance.stores
        sums.require(stores.ledger, stores.vault, stores.lake)
        return opened.view(), opened.verdicts()
    finally:
        opened.close()


def assert_same(shop, *arrangements):
    first, *others = [told(shop, deliveries) for deliveries in arrangements]
    for view, verdicts in others:
        assert regions.compared(first[0], view) == []
        assert {key: (said, verdicts.get(key)) for key, said in first[1].items() if said != verdicts.get(key)} == {}


KEYS = st.sampled_from(["1", "2"])
SIGNS = st.sampled_from(["a", "b", ""])
CHANGED = st.integers(1, 3)
GONE = st.sampled_from(["", "", "", "O"])
RECORDS = st.one_of(
    st.builds(lambda key, sex, gone, at: record("people", key, sex, gone=gone, changed=at), KEYS, st.sampled_from("FM?Z"), GONE, CHANGED),
    st.builds(lambda key, person, label, gone, at: record("files", key, person, label, gone=gone, changed=at), KEYS, KEYS, st.sampled_from(["fr", "en", "", "f r"]), GONE, CHANGED),
    st.builds(lambda key, file, kind, gone, at: record("acts", key, file, kind, gone=gone, changed=at), KEYS, KEYS, SIGNS, GONE, CHANGED),
    st.builds(lambda key, person, label, gone, at: record("teams", key, person, label, gone=gone, changed=at), KEYS, KEYS, SIGNS, GONE, CHANGED),
    st.builds(lambda key, team, rank, role, gone, at: record("members", key, team, rank, role, gone=gone, changed=at), KEYS, KEYS, KEYS, st.sampled_from(["a", "b", "c", ""]), GONE, CHANGED),
    st.builds(lambda key, team, role, word, gone, at: record("notes", key, team, role, word, gone=gone, changed=at), KEYS, KEYS, st.sampled_from(["a", "c", ""]), st.sampled_from(["a", "c", ""]), GONE, CHANGED),
    st.builds(lambda key, person, label, gone, at: record("signs", key, person, label, gone=gone, changed=at), KEYS, KEYS, SIGNS, GONE, CHANGED),
)  # fmt: skip


@st.composite
def arranged(draw, most):
    """Records that differ, and two ways to deliver them: all at once, and in pieces of any order."""
    records = draw(st.lists(RECORDS, min_size=2, max_size=most, unique=True))
    pieces = draw(st.lists(st.integers(0, 3), min_size=len(records), max_size=len(records)))
    deliveries = [[one for one, piece in zip(records, pieces, strict=True) if piece == number] for number in range(4)]
    return records, [delivery for delivery in deliveries if delivery]


def examined(shop, arrangement):
    records, deliveries = arrangement
    for delivery in deliveries:
        note(" + ".join(f"{one.table} {one.line.strip()}" for one in delivery))
    assert_same(shop, [records], deliveries)


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=8, derandomize=True, suppress_health_check=QUIET)
@given(arrangement=arranged(8))
def test_any_arrangement_gives_the_same_view_and_the_same_verdicts(shop, arrangement):
    examined(shop, arrangement)


@pytest.mark.heavy
@settings(max_examples=200, suppress_health_check=QUIET)
@given(arrangement=arranged(14))
def test_many_arrangements_give_the_same_view_and_the_same_verdicts(shop, arrangement):
    examined(shop, arrangement)


# Published together, or one by one -----------------------------------------------------------------------------------


ALONE, TOGETHER = 0, 500_000
"""At most so many records are published at once; a batch that has more by itself is published alone."""


def published(shop, deliveries, most):
    """What stands, what became of each record, and the sums, when all deliveries waited to be published."""
    opened = shop.open()
    try:
        for records in deliveries:
            opened.drop(records)
            opened.run(stages=[Stage.LAND, Stage.CHECK, Stage.MAP])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("passerelle.pipeline.ordering.MOST_RECORDS", most)
            opened.run(stages=[Stage.VALIDATE])
        stores = opened.instance.stores
        sums.require(stores.ledger, stores.vault, stores.lake)
        return opened.view(), opened.verdicts(), regions.sums_of(opened.instance, ["ward"])
    finally:
        opened.close()


@settings(max_examples=6, derandomize=True, suppress_health_check=QUIET)
@given(arrangement=arranged(8))
def test_batches_published_together_are_what_they_are_one_by_one(shop, arrangement):
    _, deliveries = arrangement
    assert published(shop, deliveries, TOGETHER) == published(shop, deliveries, ALONE)


@pytest.mark.heavy
@settings(max_examples=100, suppress_health_check=QUIET)
@given(arrangement=arranged(14))
def test_many_arrangements_published_together_are_what_they_are_one_by_one(shop, arrangement):
    records, deliveries = arrangement
    view, verdicts, counted = published(shop, deliveries, TOGETHER)
    assert (view, verdicts, counted) == published(shop, deliveries, ALONE)
    assert (view, verdicts) == told(shop, [records])


# What must come out, case by case -----------------------------------------------------------------------------------


PERSON = record("people", "1", "F", changed=1)
FILE = record("files", "1", "1", "fr", changed=1)
ACT = record("acts", "1", "1", "a", changed=1)


def types(view):
    return sorted(name for name, *_ in view)


def test_children_before_their_parents_wait_and_then_stand(shop):
    opened = shop.open().deliver([ACT], [FILE])
    assert types(opened.view()) == []
    assert opened.verdicts()["acts", ACT.line.strip()].startswith("map pending waits-for-parent")
    assert types(opened.deliver([PERSON]).view()) == ["Encounter", "EpisodeOfCare", "Location", "Patient"]
    opened.close()
    assert_same(shop, [[PERSON, FILE, ACT]], [[ACT], [FILE], [PERSON]], [[FILE], [ACT, PERSON]])


def test_two_versions_of_equal_order_stop_each_other_and_the_one_below_stands(shop):
    below, one, other = (record("people", "1", sex, changed=at) for sex, at in (("F", 1), ("M", 2), ("?", 2)))
    opened = shop.open().deliver([below], [one])
    assert '"gender":"male"' in opened.view()[0][3]
    opened.deliver([other])
    assert '"gender":"female"' in opened.view()[0][3]
    assert [said for said in opened.verdicts().values() if "conflicting-version" in said] == [
        "map quarantined conflicting-version "
    ] * 2
    opened.close()
    assert_same(shop, [[below, one, other]], [[other], [one], [below]], [[one], [below, other]])


def test_a_higher_order_ends_a_conflict(shop):
    one, other, above = (record("people", "1", sex, changed=at) for sex, at in (("F", 1), ("M", 1), ("?", 2)))
    assert_same(shop, [[one, other, above]], [[above], [one], [other]], [[one], [other], [above]])


def test_a_table_that_declares_ties_chooses_among_equal_orders_and_says_so(shop):
    signs = [record("signs", "1", "1", label, changed=at) for label, at in (("a", 1), ("b", 2), ("c", 2), ("d", 2))]
    below, *equal = signs
    opened = shop.open().deliver([PERSON, below], [equal[0]], [equal[1]], [equal[2]])
    with opened.instance.stores.ledger.read() as tx:
        noticed = [findings.of(tx, batch.id) for batch in batches.found(tx)]
    told = opened.verdicts()
    opened.close()

    wanted = (Stage.MAP, Reason.AMBIGUOUS_ORDER, "changed")
    assert [counted[wanted] for counted in noticed if wanted in counted] == [1, 1]
    assert [said for said in told.values() if "conflicting-version" in said] == []
    assert_same(
        shop,
        [[PERSON, *signs]],
        [[equal[2]], [equal[1]], [below], [equal[0]], [PERSON]],
        [[equal[1], equal[0]], [PERSON], [equal[2], below]],
    )


def test_a_version_that_waits_is_contradicted_all_the_same(shop):
    one, other = (record("files", "1", "1", label, changed=1) for label in ("fr", "en"))
    assert_same(shop, [[PERSON, one, other]], [[one], [other], [PERSON]], [[one], [PERSON], [other]])


def test_a_version_that_map_refuses_is_contradicted_all_the_same(shop):
    one, other = (record("people", "1", sex, changed=1) for sex in "ZF")
    assert_same(shop, [[one, other]], [[one], [other]], [[other], [one]])


def test_a_tombstone_withdraws_whatever_came_before_or_comes_after(shop):
    gone = record("people", "1", "F", gone="O", changed=2)
    sign = record("signs", "1", "1", "a", changed=1)
    opened = shop.open().deliver([PERSON, FILE, ACT, sign], [gone])
    assert types(opened.view()) == []
    opened.close()
    assert_same(shop, [[PERSON, FILE, ACT, sign, gone]], [[gone], [sign], [ACT], [FILE], [PERSON]])


def test_what_a_grandparent_says_reaches_down(shop):
    later = record("people", "1", "M", changed=2)
    assert_same(shop, [[PERSON, later, FILE, ACT]], [[PERSON, FILE, ACT], [later]], [[later], [ACT], [FILE, PERSON]])


def test_what_a_parent_says_may_make_a_record_something_that_is_not_fhir_and_right_again(shop):
    labels = [record("files", "1", "1", label, changed=at) for at, label in enumerate(["", "f r", "fr"], start=1)]
    opened = shop.open().deliver([PERSON, ACT, labels[0]], [labels[1]])
    assert types(opened.view()) == ["EpisodeOfCare", "Patient"]
    assert opened.verdicts()["acts", ACT.line.strip()] == "validate quarantined not-fhir Encounter.language"
    opened.deliver([labels[2]])
    assert types(opened.view()) == ["Encounter", "EpisodeOfCare", "Location", "Patient"]
    opened.close()
    assert_same(shop, [[PERSON, ACT, *labels[:2]]], [[PERSON, ACT, labels[0]], [labels[1]]])
    assert_same(
        shop,
        [[PERSON, ACT, *labels]],
        [[PERSON, ACT, labels[0]], [labels[1]], [labels[2]]],
        [[labels[2]], [labels[1], ACT], [PERSON, labels[0]]],
    )


def test_a_member_that_moves_leaves_its_team(shop):
    teams = [record("teams", key, "1", "", changed=1) for key in "12"]
    before, after = (record("members", "1", team, "1", "a", changed=at) for team, at in (("1", 1), ("2", 2)))
    assert_same(
        shop, [[PERSON, *teams, before, after]], [[PERSON, *teams, before], [after]], [[after, PERSON], teams, [before]]
    )


def test_a_member_may_stop_its_team_and_waits_for_it(shop):
    team, member = record("teams", "1", "1", "", changed=1), record("members", "1", "1", "1", "c", changed=1)
    opened = shop.open().deliver([PERSON, team], [member])
    assert types(opened.view()) == ["Patient"]
    opened.close()
    assert_same(shop, [[PERSON, team, member]], [[PERSON, team], [member]], [[member], [team], [PERSON]])


def test_a_member_that_moves_to_a_team_not_yet_here_is_in_no_other(shop):
    """Else a team would stand or not by what is known of another, and that one by what is known of it."""
    teams = [record("teams", key, "1", "", changed=1) for key in "12"]
    before, after = record("members", "1", "1", "1", "c", changed=1), record("members", "1", "2", "1", "a", changed=2)
    opened = shop.open().deliver([PERSON, teams[0], before])
    assert types(opened.view()) == ["Patient"]
    opened.deliver([after])
    assert types(opened.view()) == ["CareTeam", "Patient"]
    assert opened.verdicts()["members", after.line.strip()].startswith("map pending waits-for-parent")
    opened.close()
    assert_same(shop, [[PERSON, teams[0], before, after]], [[after], [before], [teams[0], PERSON]])
    assert_same(shop, [[PERSON, *teams, before, after]], [[after], [teams[1]], [before, teams[0]], [PERSON]])


def test_two_members_that_change_places_leave_both_teams_standing_in_any_order(shop):
    """Were a team listed by what is known of the other team, both would stand, or neither, by who came first."""
    teams = [record("teams", key, "1", "", changed=1) for key in "12"]
    before = [record("members", one, one, "1", "c", changed=1) for one in "12"]
    after = [record("members", one, other, "1", "a", changed=2) for one, other in ("12", "21")]
    whole = [PERSON, *teams, *before, *after]
    assert types(shop.open().deliver(whole).view()) == ["CareTeam", "CareTeam", "Patient"]
    assert_same(shop, [whole], [before, teams, [PERSON], after], [[after[0]], [PERSON, *teams], before, [after[1]]])


def test_a_note_that_says_what_stops_its_team_waits_for_it_and_one_that_stops_for_itself_does_not_stop_it(shop):
    team = record("teams", "1", "1", "", changed=1)
    stopping, stopped = (record("notes", "1", "1", role, word, changed=1) for role, word in ("ca", "cc"))
    opened = shop.open().deliver([PERSON, team, stopping])
    assert types(opened.view()) == ["Patient"]
    assert opened.verdicts()["notes", stopping.line.strip()].startswith("map pending waits-for-parent")
    opened.close()
    opened = shop.open().deliver([PERSON, team, stopped])
    assert types(opened.view()) == ["CareTeam", "Patient"]
    opened.close()
    for said in (stopping, stopped):
        assert_same(shop, [[PERSON, team, said]], [[said], [team], [PERSON]], [[team], [said, PERSON]])


def test_a_file_that_comes_twice_adds_nothing(shop):
    opened = shop.open().deliver([PERSON, FILE])
    before = regions.sums_of(opened.instance, ["ward"]), opened.view()
    opened.deliver([PERSON, FILE])
    assert (regions.sums_of(opened.instance, ["ward"]), opened.view()) == before
    opened.deliver([PERSON, ACT])
    assert types(opened.view()) == ["Encounter", "EpisodeOfCare", "Location", "Patient"]
    opened.close()


# Any order of what a small region drops, and the export ---------------------------------------------------------------


@dataclass(frozen=True)
class Few:
    """A small region: where its files lie, the housing desk, and its export when everything comes at once, in order."""

    sources: Path
    url: str
    files: tuple[str, ...]
    export: dict[str, str]


DROPPING = ("caarud", "ch", "chu", "csapa")
STEPS = (*DROPPING, "siao", "usmp")


@pytest.fixture(scope="module")
def few(migrated_sqlite, tmp_path_factory):
    root = tmp_path_factory.mktemp("few")
    simulate(20, 7, root / "territory", dirt=0.08)
    sources = root / "territory" / "sources"
    with serve(root / "territory") as server:
        place = regions.Place(root / "whole", template=migrated_sqlite, sources=sources, url=server.url)
        instance = place.open()
        regions.run_with(instance, place)
        run_territory(instance, root / "export")
        instance.close()
        files = [
            path.relative_to(sources).as_posix()
            for name in DROPPING
            for path in (sources / name).glob("*/*")
            if path.suffix in {".csv", ".er7"}
        ]
        yield Few(sources, server.url, tuple(sorted(files)), regions.hashes_below(root / "export"))


@st.composite
def dropped_in_any_order(draw, files):
    """Files in any order, some a second time, in two deliveries; after each the sources are run in any order."""
    again = draw(st.lists(st.sampled_from(files), max_size=6))
    listed = draw(st.permutations([*files, *again]))
    first = draw(st.integers(0, len(listed)))
    return [(piece, draw(st.permutations(STEPS))) for piece in (listed[:first], listed[first:]) if piece]


def exported_after(few, deliveries, template, root):
    """The hashes of the export after these deliveries. A file that came before comes again under another name."""
    place = regions.Place(root, template=template, url=few.url)
    shutil.copytree(few.sources / "usmp", root / "sources" / "usmp")
    for name in DROPPING:
        (root / "sources" / name).mkdir()
    instance = place.open()
    came = Counter()
    for piece, order in deliveries:
        for name in piece:
            came[name] += 1
            path = root / "sources" / name
            stem = path.stem if came[name] == 1 else f"{path.stem}_{came[name]}"
            regions.drop(path.with_name(stem + path.suffix), (few.sources / name).read_bytes())
        regions.run_with(instance, place, order)
    run_territory(instance, root / "export")
    stores = instance.stores
    sums.require(stores.ledger, stores.vault, stores.lake)
    instance.close()
    return regions.hashes_below(root / "export")


def assert_same_export(few, data, template):
    deliveries = data.draw(dropped_in_any_order(few.files))
    with tempfile.TemporaryDirectory(prefix="passerelle-order-") as folder:
        assert len(few.export) > 5
        assert exported_after(few, deliveries, template, Path(folder)) == few.export


@settings(max_examples=4, derandomize=True, suppress_health_check=QUIET, phases=[Phase.generate])
@given(data=st.data())
def test_files_dropped_in_any_order_and_twice_give_the_same_export(few, migrated_sqlite, data):
    assert_same_export(few, data, migrated_sqlite)


@pytest.mark.heavy
@settings(max_examples=40, suppress_health_check=QUIET)
@given(data=st.data())
def test_files_dropped_in_many_orders_and_twice_give_the_same_export(few, migrated_sqlite, data):
    assert_same_export(few, data, migrated_sqlite)


# The region, delivered otherwise ------------------------------------------------------------------------------------


@pytest.fixture
def place(migrated_sqlite, tmp_path):
    """An instance whose sources have dropped nothing yet."""
    return regions.Place(tmp_path / "instance", template=migrated_sqlite)


def assert_like(undisturbed, source, instance):
    assert regions.compared(regions.view_of(undisturbed, [source]), regions.view_of(instance, [source])) == []
    first, other = regions.verdicts_of(undisturbed, [source]), regions.verdicts_of(instance, [source])
    assert {key: (said, other.get(key)) for key, said in first.items() if said != other.get(key)} == {}
    stores = instance.stores
    sums.require(stores.ledger, stores.vault, stores.lake)


def deliver_centre(region, place, instance, deliveries):
    """The centre's files, each delivery being (tables, months) whose files come together and are run."""
    files = regions.dropped(region / "sources" / "csapa", ".csv")
    for tables, months in deliveries:
        for table in tables:
            for path in files[table]:
                if int(path.stem.split("_")[1][4:6]) in months:
                    regions.drop(place.root / "sources" / "csapa" / table / path.name, path.read_bytes())
        (told,) = regions.run_with(instance, place, ["csapa"]).values()
        assert told.stopped == []


YEAR, FIRST, SECOND = range(1, 13), range(1, 8), range(8, 13)
BELOW = ("contacts", "produits", "membres", "consentements", "oppositions")
ABOVE = ("episodes", "equipes", "patients")


def test_a_region_that_came_backwards_gives_the_same_view_and_the_same_export(
    region, desk, undisturbed, exported, migrated_sqlite, tmp_path
):
    """Children before parents, the end of the year before its beginning, and the sources in another order."""
    place = regions.Place(tmp_path / "instance", template=migrated_sqlite, url=desk)
    (place.root / "sources").mkdir()
    for source in set(regions.SOURCES) - {"csapa", "siao"}:
        (place.root / "sources" / source).symlink_to(region / "sources" / source)
    instance = place.open()
    regions.run_with(instance, place, ["usmp", "siao"])
    deliver_centre(region, place, instance, [(BELOW, SECOND), (ABOVE, SECOND), (ABOVE, FIRST), (BELOW, FIRST)])
    assert_like(undisturbed, "csapa", instance)
    regions.run_with(instance, place, ["chu", "ch", "caarud"])
    run_territory(instance, tmp_path / "export")
    export = exported.settings.data.parent / "export"
    assert len(regions.hashes_below(export)) > 5
    assert regions.hashes_below(tmp_path / "export") == regions.hashes_below(export)
    instance.close()


@pytest.mark.heavy
@pytest.mark.parametrize("table", ABOVE + BELOW)
def test_the_centre_without_one_table_until_last_gives_the_same_view(region, undisturbed, place, table):
    others = [name for name in ABOVE + BELOW if name != table]
    instance = place.open()
    deliver_centre(region, place, instance, [(others, YEAR), ([table], SECOND), ([table], FIRST)])
    assert_like(undisturbed, "csapa", instance)
    instance.close()


def noticed_in(instance, source):
    """Batch -> findings; and what the source's patients agreed to, refused, and who cares for them, by batch."""
    with instance.stores.ledger.read() as tx:
        names = {batch.id: batch.name for batch in batches.found(tx, source=source)}
        said = [*consents.consents_of(tx, source), *consents.care_teams_of(tx, source)]
        noticed = {name: findings.of(tx, number) for number, name in names.items()}
    return noticed, [(names[one.batch_id], replace(one, batch_id=0)) for one in said]


def test_the_centre_published_batch_by_batch_is_what_it_is_at_once(region, undisturbed, place, monkeypatch):
    monkeypatch.setattr("passerelle.pipeline.ordering.MOST_RECORDS", ALONE)
    instance = place.open()
    deliver_centre(region, place, instance, [(ABOVE + BELOW, YEAR)])
    assert_like(undisturbed, "csapa", instance)
    assert regions.sums_of(instance, ["csapa"]) == regions.sums_of(undisturbed, ["csapa"])
    assert noticed_in(instance, "csapa") == noticed_in(undisturbed, "csapa")
    instance.close()


def messages_of(path):
    """The messages of a file, in its order."""
    parts = path.read_bytes().split(b"MSH|")
    return [b"MSH|" + part for part in parts[1:]]


def deliver_messages(region, undisturbed, place, source, seed, pieces):
    """The messages of a hospital in any order, in so many files that each come alone."""
    files = regions.dropped(region / "sources" / source, ".er7")["adt"]
    messages = [message for path in files for message in messages_of(path)]
    random.Random(seed).shuffle(messages)
    inbox = place.root / "sources" / source
    for table, paths in regions.dropped(region / "sources" / source, ".csv").items():
        for path in paths:
            regions.drop(inbox / table / path.name, path.read_bytes())
    instance = place.open()
    for number in range(pieces):
        regions.drop(inbox / "adt" / f"adt_{number}.er7", b"".join(messages[number::pieces]))
        (told,) = regions.run_with(instance, place, [source]).values()
        assert told.stopped == []
    assert_like(undisturbed, source, instance)
    instance.close()


@pytest.mark.parametrize(("seed", "pieces"), [(1, 2), (2, 4)])
def test_messages_of_a_hospital_in_any_order_give_the_same_view(region, undisturbed, place, seed, pieces):
    deliver_messages(region, undisturbed, place, "ch", seed, pieces)


def test_of_two_messages_of_one_moment_the_same_counts_whichever_came_first(migrated_sqlite, tmp_path):
    """Two identities of one person, an entry and an exit, all with the same times."""
    moment = "20250301100000"
    texts = [
        message("A31", moment, pid={5: "PREMIER^LÉA^LÉA^^^^L"}),
        message("A31", moment, pid={5: "SECOND^LÉA^LÉA^^^^L"}),
        message("A04", moment, patient_class="O", movement="1"),
        message("A03", moment, patient_class="O", movement="2"),
    ]
    views = []
    for number, deliveries in enumerate([[(0, 1, 2, 3)], [(3, 1), (2, 0)], [(0, 2), (1, 3)]]):
        place = regions.Place(tmp_path / str(number), template=migrated_sqlite)
        instance = place.open()
        for piece, chosen in enumerate(deliveries):
            path = place.root / "sources" / "chu" / "adt" / f"adt_{piece}.er7"
            regions.drop(path, b"".join(texts[one].encode() + b"\r\n" for one in chosen))
            regions.run_with(instance, place, ["chu"])
        views.append(regions.view_of(instance, ["chu"]))
        stores = instance.stores
        sums.require(stores.ledger, stores.vault, stores.lake)
        instance.close()
    assert types(views[0]) == ["Encounter", "Patient"]
    assert [regions.compared(views[0], view) for view in views[1:]] == [[], []]


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(6))
def test_messages_of_the_larger_hospital_in_any_order_give_the_same_view(region, undisturbed, place, seed):
    deliver_messages(region, undisturbed, place, "chu", seed, 2 + seed)
