"""`lint` tells all that is wrong at once: what keeps a folder from being read hides nothing of another."""

import shutil

import pytest
from house_builder import ROOT, change, write_house

from passerelle.pipeline.linting import lint_house

SIAO, USMP, CSAPA = (f"mappings/sources/{name}/source.yaml" for name in ("siao", "usmp", "csapa"))


@pytest.fixture
def house(tmp_path):
    for room in ("mappings", "fhir", "validation"):
        shutil.copytree(ROOT / room, tmp_path / room)
    return tmp_path


def mapping_with(root, folder, text):
    return next(
        path.relative_to(root).as_posix()
        for path in sorted((root / "mappings" / "sources" / folder).glob("*.yaml"))
        if path.read_text("utf-8").count(text) == 1
    )


def test_a_contract_an_expectation_and_a_path_that_are_wrong_are_told_in_one_go(house):
    change(house, SIAO, "\nowner:", "\nownr:")
    usmp = (house / USMP).read_text("utf-8")
    (house / USMP).write_text(usmp.replace("expect_column_values_to", "expect_colum_values_to", 1), "utf-8")
    contact = mapping_with(house, "csapa", "to: Encounter.status,")
    change(house, contact, "to: Encounter.status,", "to: Encounter.statuss,")

    told = lint_house(house, "fr")

    for wrong in ("ownr", "expect_colum_values_to", "Encounter.statuss"):
        assert any(wrong in one for one in told.problems), (wrong, told.problems)
    assert {"csapa", "siao", "usmp"}.isdisjoint(one.name for one in told.right)
    assert "caarud" in {one.name for one in told.right}


def test_a_name_that_is_wrong_is_told_of_once(tmp_path):
    write_house(tmp_path)
    change(tmp_path, "mappings/sources/ward/people.yaml", "codes: gender", "codes: gendre")

    (told,) = lint_house(tmp_path, "fr").problems

    assert "code list 'gendre' does not exist; did you mean 'gender'?" in told


def test_a_zone_that_there_is_not_is_told_and_nothing_breaks(tmp_path):
    write_house(tmp_path)
    change(tmp_path, "mappings/sources/ward/source.yaml", "\nlegal:", "\ntime_zone: Europe/Lutetia\nlegal:")

    (told,) = lint_house(tmp_path, "fr").problems

    assert "Europe/Lutetia" in told


def test_the_house_of_this_repository_has_nothing_wrong():
    assert [] == list(lint_house(ROOT, "fr").problems)
