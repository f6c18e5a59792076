"""Rules between two resources of one source: noticed at the batch that breaks them, and nothing stops."""

import hashlib

import orjson
import pytest

from passerelle.contracts.across_rules import AcrossRule, TwoValues, read_across_rules
from passerelle.errors import ContractError
from passerelle.ids import resource_id
from passerelle.stores.files import ViewFile
from passerelle.stores.lake import Lake
from passerelle.validation.across import broken_rules

SAME = AcrossRule.model_validate(
    {
        "rule": "one-patient",
        "says": "Both are of one patient.",
        "resource": "Encounter",
        "through": "episodeOfCare",
        "target": "EpisodeOfCare",
        "same": {"ours": "subject.reference", "theirs": "patient.reference"},
    }
)
AFTER = AcrossRule.model_validate(
    {
        "rule": "after-start",
        "says": "A contact is not earlier than its course of care.",
        "resource": "Encounter",
        "through": "episodeOfCare",
        "target": "EpisodeOfCare",
        "not_before": {"ours": "period.start", "theirs": "period.start"},
    }
)


def id16(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()


def reference(kind: str, name: str) -> dict:
    return {"reference": f"{kind}/{resource_id(id16(name))}"}


EPISODE = {
    "resourceType": "EpisodeOfCare",
    "patient": reference("Patient", "ada"),
    "period": {"start": "2025-03-01"},
}
"""Ada's, begun on 1 March."""


def contact(patient: str = "ada", start: str = "2025-03-02", **other) -> dict:
    return {
        "resourceType": "Encounter",
        "subject": reference("Patient", patient),
        "episodeOfCare": [reference("EpisodeOfCare", "episode")],
        "period": {"start": start},
        **other,
    }


def broken(data, *batches: dict[str, dict], asked_of: tuple[int, ...] = (2,), rules=(SAME, AFTER)) -> dict:
    """What these batches (from the second on, below the one with the episode) break, by batch and rule."""
    lake = Lake(data)
    files = []
    for number, resources in enumerate([{"episode": EPISODE}, *batches], start=1):
        with lake.writer(f"b{number}/map-p0") as writer:
            for row, (name, tree) in enumerate(resources.items()):
                body = orjson.dumps({**tree, "id": resource_id(id16(name))})
                refs = [id16(other) for other in ("episode", "second")] if tree is not EPISODE else ()
                writer.add(id16(name), tree["resourceType"], id16(name), f"{number}", row, refs, id16("d"), body)
            files.append(ViewFile(writer.close().name, number, number))
    with lake.view(files) as view:
        return dict(broken_rules(view, asked_of, rules))


def test_what_agrees_breaks_nothing(data):
    assert {} == broken(data, {"contact": contact()})


def test_two_patients_of_one_course_are_noticed(data):
    assert {(2, "one-patient Encounter.episodeOfCare"): 1} == broken(data, {"contact": contact("grace")})


def test_a_contact_before_its_course_is_noticed(data):
    told = broken(data, {"contact": contact(start="2025-02-27T09:00:00+01:00")})

    assert {(2, "after-start Encounter.episodeOfCare"): 1} == told


def test_a_contact_on_the_first_day_of_its_course_breaks_nothing(data):
    assert {} == broken(data, {"contact": contact(start="2025-03-01T00:00:00+01:00")})


def test_a_day_of_which_only_the_month_is_known_is_earlier_than_the_days_of_the_month(data):
    assert {(2, "after-start Encounter.episodeOfCare"): 1} == broken(data, {"contact": contact(start="2025-03")})


def test_only_what_the_batch_brings_is_asked_about(data):
    assert {} == broken(data, {"contact": contact("grace")}, asked_of=(1,))


def test_of_two_batches_each_has_its_own_count(data):
    first = {"one": contact("grace"), "two": contact("grace"), "three": contact()}

    told = broken(data, first, {"four": contact("grace", start="2025-02-27")}, asked_of=(2, 3))

    assert told == {
        (2, "one-patient Encounter.episodeOfCare"): 2,
        (3, "one-patient Encounter.episodeOfCare"): 1,
        (3, "after-start Encounter.episodeOfCare"): 1,
    }


def test_what_a_later_version_replaced_is_not_asked_about(data):
    told = broken(data, {"contact": contact("grace")}, {"contact": contact()}, asked_of=(2, 3))

    assert {} == told


def test_a_contact_of_two_courses_counts_once(data):
    both = [reference("EpisodeOfCare", "episode"), reference("EpisodeOfCare", "second")]

    told = broken(data, {"second": dict(EPISODE), "contact": contact("grace", episodeOfCare=both)})

    assert {(2, "one-patient Encounter.episodeOfCare"): 1} == told


def test_a_reference_that_is_not_in_a_list_is_followed_too(data):
    alone = reference("EpisodeOfCare", "episode")

    assert {(2, "one-patient Encounter.episodeOfCare"): 1} == broken(
        data, {"contact": contact("grace", episodeOfCare=alone)}
    )


@pytest.mark.parametrize(
    "other",
    [
        {"episodeOfCare": [reference("EpisodeOfCare", "of nobody")]},
        {"episodeOfCare": [reference("Encounter", "episode")]},
        {"episodeOfCare": [{"display": "a course of care"}]},
        {"episodeOfCare": []},
        {"subject": {"display": "somebody"}},
        {"subject": [reference("Patient", "grace")]},
        {"subject": {"reference": None}},
    ],
)
def test_where_there_is_nothing_to_compare_nothing_is_broken(data, other):
    assert {} == broken(data, {"contact": contact("grace") | other})


def test_values_that_are_written_otherwise_and_say_the_same_agree(data):
    whole = SAME.model_copy(update={"same": TwoValues(ours="subject", theirs="patient")})
    named = {"display": "Ada", **reference("Patient", "ada")}
    renamed = dict(reversed(named.items()))
    second = {"second": {**EPISODE, "patient": named}}
    to_second = [reference("EpisodeOfCare", "second")]

    agreeing = contact(episodeOfCare=to_second, subject=renamed)
    differing = contact(episodeOfCare=to_second, subject={**renamed, "display": "Grâce"})

    assert {} == broken(data, {**second, "contact": agreeing}, rules=[whole])
    assert {(2, "one-patient Encounter.episodeOfCare"): 1} == broken(
        data, {**second, "contact": differing}, rules=[whole]
    )


def test_shares_of_what_is_large_add_up(data, monkeypatch):
    monkeypatch.setattr("passerelle.stores.lake._SHARE_ROWS", 7)

    told = broken(data, {f"contact {number}": contact("grace") for number in range(40)})

    assert {(2, "one-patient Encounter.episodeOfCare"): 40} == told


def test_a_rule_that_compares_nothing_is_refused_with_its_line(tmp_path):
    folder = tmp_path / "validation"
    folder.mkdir()
    (folder / "across.yaml").write_text(
        "rules:\n  - {rule: empty, says: Nothing., resource: Encounter, through: subject, target: Patient}\n"
    )

    with pytest.raises(ContractError, match=r"validation/across.yaml:2"):
        read_across_rules(tmp_path)
