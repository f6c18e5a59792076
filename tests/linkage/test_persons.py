"""Who is one person: the pure core, over small sets of records."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.linkage.persons import Known, Link, LinkKind, LinkState, links_by_ins, persons_of
from passerelle.linkage.traits import Concordance, Traits, compare_traits

NUMBER, OTHER = "185040012345678", "285040012345678"
ALIX = Traits("Durand", "Alix", "1985-04-03", "female", "75056")


def key(name):
    return name.encode().ljust(16, b".")


def known(name, source, ins=NUMBER, traits=ALIX, order="1"):
    return Known(key(name), source, order, ins, (), traits)


def link(left, right, state=LinkState.ACTIVE):
    ends = sorted((key(left), key(right)))
    return Link(LinkKind.INS, *ends, state, "same")


def members(persons):
    return sorted(sorted(name.decode().strip(".") for name in person.members) for person in persons)


def yes(_one, _other):
    return True


def test_the_same_number_and_traits_at_two_sources_are_one_person():
    (found,) = links_by_ins([known("a", "chu"), known("b", "csapa")], yes)

    assert (found.state, found.because) == (LinkState.ACTIVE, "same-qualified-ins-traits-concordant")


def test_two_records_of_one_source_are_not_linked_by_us():
    assert list(links_by_ins([known("a", "chu"), known("b", "chu")], yes)) == []


def test_the_number_of_a_relative_is_a_question():
    sister = Traits("Durand", "Camille", "1985-04-03", "female", "75056")

    (found,) = links_by_ins([known("a", "chu"), known("b", "csapa", traits=sister)], yes)

    assert (found.state, found.because) == (LinkState.REVIEW, "same-qualified-ins-traits-discordant")


def test_a_pair_that_nobody_permitted_is_never_formed():
    assert list(links_by_ins([known("a", "chu"), known("b", "csapa")], lambda _one, _other: False)) == []


def test_spelling_does_not_part_a_person():
    one = Traits("D'Émile-Lœuvre", "Zoë", "1985-04-03", "female")
    other = Traits("DEMILE LOEUVRE", "ZOE", "1985-04-03", "female", "75056")

    assert compare_traits(one, other) is Concordance.CONCORDANT


def test_without_a_birth_date_nothing_certain_is_said():
    assert compare_traits(ALIX, Traits("Durand", "Alix", "", "female")) is Concordance.INCOMPARABLE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Traits("გელაშვილი", "გიორგი", "1985-04-03", "male"), Traits("ბერიძე", "ლევან", "1985-04-03", "male")),
        (Traits("-", "-", "1985-04-03", "male"), Traits("?", ".", "1985-04-03", "male")),
    ],
)
def test_names_without_a_latin_letter_say_nothing_certain(one, other):
    assert compare_traits(one, other) is Concordance.INCOMPARABLE
    assert compare_traits(one, one) is Concordance.INCOMPARABLE


def test_each_door_with_each_other_makes_one_person_of_three():
    records = [known(name, name) for name in "abc"]

    persons, refused = persons_of(records, [link("a", "b"), link("b", "c"), link("a", "c")])

    assert (members(persons), refused) == ([["a", "b", "c"]], [])


def test_two_doors_that_both_know_a_third_are_not_told_of_each_other():
    records = [known(name, name) for name in "abc"]

    persons, _ = persons_of(records, [link("a", "b"), link("b", "c")])

    assert members(persons) == [["a", "b"], ["b", "c"]]
    assert len({person.survivor for person in persons}) == 2


def test_two_current_numbers_never_become_one_person():
    records = [known("a", "chu"), known("b", "csapa", OTHER)]

    persons, refused = persons_of(records, [link("a", "b")])

    assert members(persons) == [["a"], ["b"]]
    assert refused == [link("a", "b")]


def test_a_question_links_nobody_yet():
    persons, _ = persons_of([known("a", "chu"), known("b", "csapa")], [link("a", "b", LinkState.REVIEW)])

    assert members(persons) == [["a"], ["b"]]


def test_the_record_that_came_first_names_the_person():
    persons, _ = persons_of(
        [known("a", "chu", order="2025-06"), known("b", "csapa", order="2025-01")], [link("a", "b")]
    )

    assert persons[0].survivor == key("b")


NAMES = "abcdef"
pairs = st.sets(st.sampled_from([(one, other) for one in NAMES for other in NAMES if one < other]))


@settings(max_examples=200, deadline=None)
@given(pairs)
def test_in_every_group_each_is_linked_with_each_and_no_link_of_a_group_is_lost(linked):
    persons, _ = persons_of([known(name, name) for name in NAMES], [link(*pair) for pair in linked])

    inside = {
        tuple(sorted((one.decode().strip("."), other.decode().strip("."))))
        for person in persons
        for one in person.members
        for other in person.members
        if one < other
    }
    assert inside <= linked
    assert len({person.survivor for person in persons}) == len(persons)


@settings(max_examples=50, deadline=None)
@given(pairs, st.randoms())
def test_the_order_of_records_and_links_makes_no_difference(linked, random):
    records, links = [known(name, name) for name in NAMES], [link(*pair) for pair in sorted(linked)]
    expected = persons_of(records, links)
    random.shuffle(records)
    random.shuffle(links)

    assert persons_of(records, links) == expected


def test_every_order_of_three_links_gives_the_same_two_persons():
    records = [known(name, name) for name in "abcd"]
    links = [link("a", "b"), link("b", "c"), link("c", "d")]

    assert len({str(persons_of(records, order)) for order in permutations(links)}) == 1
