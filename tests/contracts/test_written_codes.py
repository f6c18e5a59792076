"""Codes, formats and establishments that look right and are not: lint refuses them before any record stops."""

import pytest
from house_builder import CODES, SOURCE, WARD, change, problems_of, write_house

from passerelle.contracts.house import load_house
from passerelle.contracts.terminology import strange_systems

BASE = "https://passerelle.example/fhir/CodeSystem"
KINDS = f"""\
code_system: stay-kind
url: {BASE}/stay-kind
version: 1
says: Kinds of stays.
concepts:
  - {{code: overnight, fr: Nuit, en: Night}}
  - {{code: daily, fr: Jour, en: Day}}
"""
LIST = "mappings/sources/ward/codes/stay_kind.csv"
STAYS = "mappings/sources/ward/stays.yaml"


@pytest.fixture
def root(tmp_path):
    return write_house(
        tmp_path, **{"fhir/terminology/stay_kind.yaml": KINDS, LIST: f"{CODES}1,daily,{BASE}/stay-kind,,\n"}
    )


def test_codes_of_the_house_are_right(root):
    assert problems_of(root) == []


def test_a_code_that_its_system_does_not_have_is_refused_with_the_nearest(root):
    change(root, LIST, "1,daily", "1,dayly")
    assert problems_of(root) == [
        f"{LIST}:2: 'dayly' is not a code of fhir/terminology/stay_kind.yaml; did you mean 'daily'?"
    ]


def test_a_code_that_is_near_none_is_refused_with_all_there_are(root):
    change(root, LIST, "1,daily", "1,abandon")
    assert problems_of(root) == [
        f"{LIST}:2: 'abandon' is not a code of fhir/terminology/stay_kind.yaml; its codes are overnight, daily"
    ]


def test_a_system_below_the_address_of_the_house_is_one_of_its_files(root):
    change(root, LIST, f"{BASE}/stay-kind", f"{BASE}/stay-kinds")
    assert problems_of(root) == [
        f"{LIST}:2: system '{BASE}/stay-kinds' is not the `url` of a file of fhir/terminology; did you mean 'stay-kind'?"
    ]


def test_a_constant_is_held_to_its_system_as_well(root):
    constant = f'constant: {{system: "{BASE}/stay-kind", code: nightly}}'
    change(root, STAYS, "column: kind, codes: stay_kind", constant)
    (told,) = problems_of(root)
    assert told.startswith(f"{STAYS}:9: 'nightly' is not a code of fhir/terminology/stay_kind.yaml")


def test_a_system_that_nobody_is_known_to_publish_is_told_and_not_refused(root):
    change(root, LIST, f"{BASE}/stay-kind", "https://invented.example/kinds")
    house = load_house(root)
    (told,) = strange_systems(house.sources["ward"], house.naming)
    assert told.startswith(f"{LIST}:2: system 'https://invented.example/kinds' is neither in fhir/terminology")


def test_published_systems_are_not_told(root):
    house = load_house(root)
    assert strange_systems(house.sources["ward"], house.naming) == []


@pytest.mark.parametrize(
    ("kind", "written", "wanted"),
    [
        ("date", "dd/mm/yyyy", 'year, month and day; strptime\'s directives do: "%d/%m/%Y"'),
        ("date", "%d/%m", 'year, month and day; strptime\'s directives do: "%d/%m/%Y"'),
        ("date", "%d/%M/%Y", 'year, month and day; strptime\'s directives do: "%d/%m/%Y"'),
        ("datetime", "%H:%M", 'year, month and day; strptime\'s directives do: "%d/%m/%Y %H:%M"'),
        ("datetime", "%d/%m/%Q", 'year, month and day; strptime\'s directives do: "%d/%m/%Y %H:%M"'),
        ("time", "hh:mm", 'an hour; strptime\'s directives do: "%H:%M"'),
    ],
)
def test_a_format_that_gives_no_whole_day_is_refused(root, kind, written, wanted):
    change(root, WARD, "born: {type: date, ", f'born: {{type: {kind}, format: "{written}", ')
    assert problems_of(root) == [f"{WARD}:25: `format: {written}` of column 'born' does not give {wanted}"]


@pytest.mark.parametrize("written", ["%d/%m/%Y", "%d%m%y", "%Y-%j", "%Y-%m-%dT%H:%M:%S%z", "hl7"])
def test_a_format_that_gives_a_whole_day_is_right(root, written):
    change(root, WARD, "born: {type: date, ", f'born: {{type: datetime, format: "{written}", ')
    assert problems_of(root) == []


def test_two_sources_are_two_establishments(root):
    other = (
        SOURCE.replace("source: ward", "source: annex").replace("extends: [norm]\n", "").replace("ward-file", "annex")
    )
    other = other[: other.index("  stays:")]
    folder = root / "mappings/sources/annex"
    folder.mkdir()
    (folder / "source.yaml").write_text(other)
    (told,) = problems_of(root)
    assert told == (
        f"{WARD}:7: `finess: 000100016` is already that of mappings/sources/annex/source.yaml:7; "
        "source 'ward' wants the number of its own establishment"
    )
