"""Organisations and units as resources, under the ids that references compute."""

from mapping_builders import KEYS, built, emitting

from passerelle.ids import resource_id
from passerelle.mapping.directory import directory_resources

UNITS = (
    "4110,Addictology,ward,2020-01-01,2024-12-31\n4110,Addictology and psychiatry,ward,2025-01-01,\n4120,Emergency,,,\n"
)
FIELDS = ("{to: Patient.managingOrganization, refers: organisation}",)


def resources(units=UNITS):
    plans = built({}, emitting("Patient", *FIELDS), units=units)
    return plans, {one.tree["name"]: one for one in directory_resources(plans.house, KEYS)}


def test_an_organisation_of_the_directory():
    _, found = resources()

    chu = found["Le CHU"]
    assert {
        "resourceType": "Organization",
        "id": resource_id(chu.id),
        "identifier": [
            {"system": "https://passerelle.example/fhir/NamingSystem/directory", "value": "CHU"},
            {
                "type": {
                    "coding": [{"system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203", "code": "FINEG"}]
                },
                "system": "https://finess.esante.gouv.fr",
                "value": "000100016",
            },
        ],
        "active": True,
        "type": [
            {"coding": [{"system": "https://passerelle.example/fhir/CodeSystem/organisation-kind", "code": "hospital"}]}
        ],
        "name": "Le CHU",
    } == chu.tree


def test_the_source_refers_to_its_own_organisation():
    plans, found = resources()

    (patient,) = plans.evaluate({})

    assert (found["Les Tilleuls"].id,) == patient.refs


def test_a_unit_tells_the_days_it_exists_under_its_last_name():
    _, found = resources()

    unit = found["Addictology and psychiatry"]
    assert [{"start": "2020-01-01", "end": "2024-12-31"}, {"start": "2025-01-01"}] == [
        one["valuePeriod"] for one in unit.tree["extension"]
    ]
    assert {"reference": f"Organization/{found['Les Tilleuls'].tree['id']}"} == unit.tree["managingOrganization"]
    assert "extension" not in found["Emergency"].tree


def test_the_directory_is_sorted_and_the_same_each_time():
    plans, _ = resources()

    once, again = (directory_resources(plans.house, KEYS) for _ in range(2))

    assert once == again
    assert [(one.type, one.id) for one in once] == sorted((one.type, one.id) for one in once)
