"""Rules between two resources of one source: noticed at the batch that breaks them, and nothing stops."""

import hashlib

import orjson
import pytest

from passerelle.contracts.across_rules import AcrossRule, read_across_rules
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


def broken(data, *, patient: str = "ada", start: str = "2025-03-02", asked_of: int = 2) -> dict:
    """What one contact of batch 2 breaks against the episode of batch 1, which is Ada's and begins on 1 March."""
    lake = Lake(data)
    episode = {
        "resourceType": "EpisodeOfCare",
        "patient": reference("Patient", "ada"),
        "period": {"start": "2025-03-01"},
    }
    contact = {
        "resourceType": "Encounter",
        "subject": reference("Patient", patient),
        "episodeOfCare": [reference("EpisodeOfCare", "episode")],
        "period": {"start": start},
    }
    files = []
    for number, (name, tree, refs) in enumerate(
        [("episode", episode, ()), ("contact", contact, (id16("episode"),))], start=1
    ):
        body = orjson.dumps({**tree, "id": resource_id(id16(name))})
        with lake.writer(f"b{number}/map-p0") as writer:
            writer.add(id16(name), tree["resourceType"], id16(name), "1", 0, refs, id16("d"), body)
            files.append(ViewFile(writer.close().name, number, number))
    with lake.view(files) as view:
        return dict(broken_rules(view, asked_of, [SAME, AFTER]))


def test_what_agrees_breaks_nothing(data):
    assert {} == broken(data)


def test_two_patients_of_one_course_are_noticed(data):
    assert {"one-patient Encounter.episodeOfCare": 1} == broken(data, patient="grace")


def test_a_contact_before_its_course_is_noticed(data):
    assert {"after-start Encounter.episodeOfCare": 1} == broken(data, start="2025-02-27")


def test_only_what_the_batch_brings_is_asked_about(data):
    assert {} == broken(data, patient="grace", asked_of=1)


def test_a_rule_that_compares_nothing_is_refused_with_its_line(tmp_path):
    folder = tmp_path / "validation"
    folder.mkdir()
    (folder / "across.yaml").write_text(
        "rules:\n  - {rule: empty, says: Nothing., resource: Encounter, through: subject, target: Patient}\n"
    )

    with pytest.raises(ContractError, match=r"validation/across.yaml:2"):
        read_across_rules(tmp_path)
