"""JSON Schemas and reference pages come from the models: nothing in them can be stale, nothing is left without a word."""

import jsonschema_rs
import pytest
from house_builder import FILES as HOUSE
from house_builder import ROOT

from passerelle.contracts.across_tables import OF_MESSAGE
from passerelle.contracts.directory import DirectoryOrganisation, Unit
from passerelle.contracts.gate_table import Region
from passerelle.contracts.modelled import keys_of
from passerelle.contracts.naming import NamingSystem
from passerelle.contracts.pages import models_of, reference_pages
from passerelle.contracts.problems import Problems
from passerelle.contracts.schemas import FILES, schemas
from passerelle.contracts.yaml_file import read_yaml

WRITTEN = [
    ("source", "mappings/sources/ward/source.yaml"),
    ("standard", "mappings/standards/norm/standard.yaml"),
    ("mapping", "mappings/sources/ward/people.yaml"),
    ("mapping", "mappings/sources/ward/stays.yaml"),
    ("mapping", "mappings/standards/norm/stays.yaml"),
    ("story", "mappings/sources/ward/examples/stories.yaml"),
    ("pathway", "mappings/pathways/discharge.yaml"),
    ("target", "fhir/targets/desk.yaml"),
    ("suite", "validation/suites/named.yaml"),
    ("naming_systems", "fhir/naming_systems.yaml"),
]
REAL = [
    (name, path.relative_to(ROOT).as_posix())
    for name, (_, globs) in FILES.items()
    for glob in globs.split(", ")
    for path in sorted(ROOT.glob(glob))
    if name != "mapping" or path.name not in {"source.yaml", "standard.yaml"}
]


def documents(body: bytes) -> list:
    return [node.plain() for node in read_yaml(body, "a.yaml", Problems())]


@pytest.mark.parametrize(("name", "path"), WRITTEN)
def test_an_editor_accepts_every_file_of_the_small_house(name, path):
    validator = jsonschema_rs.validator_for(schemas()[name])

    for document in documents(HOUSE[path].encode()):
        assert [] == [str(error.message) for error in validator.iter_errors(document)]


@pytest.mark.parametrize(("name", "path"), REAL)
def test_an_editor_accepts_every_file_of_this_repository(name, path):
    validator = jsonschema_rs.validator_for(schemas()[name])

    for document in documents((ROOT / path).read_bytes()):
        assert [] == [str(error.message) for error in validator.iter_errors(document)]


def test_an_editor_accepts_that_an_empty_value_drops_what_a_standard_gives():
    document = {"source": "ward", "tables": {"a": None, "b": {"columns": {"x": None}}}}

    told = [str(error.message) for error in jsonschema_rs.validator_for(schemas()["source"]).iter_errors(document)]

    assert all("is a required property" in one for one in told), told


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("source", {"source": "ward", "ownr": "x"}),
        ("source", {"source": "ward", "tables": {"a": {"colums": {}}}}),
        ("standard", {"tables": {"a": {"columns": {"x": {"typ": "date"}}}}}),
        ("mapping", {"mapping": "a", "version": 1, "emits": [{"resource": "Patient"}]}),
        ("mapping", {"mapping": "a", "version": 1, "emits": [{"as": "x", "fields": [{"column": "x"}]}]}),
        ("naming_systems", {"ins": "x"}),
    ],
)
def test_an_editor_marks_what_is_written_wrongly(name, document):
    assert not jsonschema_rs.validator_for(schemas()[name]).is_valid(document)


def test_every_key_of_every_file_has_a_meaning():
    models = [one for model, _ in FILES.values() for one in models_of(model)]
    models += [Unit, DirectoryOrganisation, NamingSystem, Region]

    silent = {
        (one.__name__, name) for one in models for name, field in one.model_fields.items() if not field.description
    }
    assert set() == silent
    assert set() == {one.__name__ for one in models if not one.__doc__}


def test_there_is_a_page_for_every_kind_of_file():
    assert {*(f"{name}.md" for name in FILES), "lists.md", "expectations.md"} == set(reference_pages())


@pytest.mark.parametrize("name", FILES)
def test_a_page_names_every_key_of_its_file(name):
    model, _ = FILES[name]
    page = reference_pages()[f"{name}.md"]

    missing = [key for one in models_of(model) for key in keys_of(one) if f"| `{key}` |" not in page]
    assert [] == missing


def test_a_page_says_for_whom_it_is_before_anything_else():
    page = reference_pages()["mapping.md"].split("\n\n")

    assert "# mappings/sources/\\*/\\*.yaml, mappings/standards/\\*/\\*.yaml" == page[0]
    assert "For whoever says what a table means." == page[2]


def test_a_row_of_a_page_says_kind_default_and_meaning():
    page = reference_pages()["mapping.md"]

    assert (
        "| `to` | text | required | FHIR path: Patient.identifier[ins].value. The bracket is a label, never an index. |"
        in page
    )
    assert "| `missing` | `stop` or `omit` or `absent-reason` | `stop` | What a missing value does. |" in page
    assert (
        "| `fields` | list of [FieldLine](#fieldline) | required | Its elements, in the order they are written. |"
        in page
    )


def test_the_same_models_give_the_same_pages():
    assert reference_pages() == reference_pages()


def test_the_columns_that_a_profile_fills_are_those_that_lint_knows():
    from passerelle.reading.pam_fr import _VIRTUAL

    assert set(_VIRTUAL) == set(OF_MESSAGE)
