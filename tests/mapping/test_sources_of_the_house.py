"""Every source of the house compiles, and every column is read or declared unread."""

from pathlib import Path

import pytest

from passerelle.contracts.house import load_house
from passerelle.mapping.compiling import compile_source
from passerelle.mapping.directory import directory_resources
from passerelle.stores.keys import KeyRing
from passerelle.structure import structure

ROOT = Path(__file__).parents[2]
SOURCES = sorted(one.parent.name for one in (ROOT / "mappings/sources").glob("*/source.yaml"))


@pytest.fixture(scope="module")
def house():
    return load_house(ROOT)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_compiles(house, name):
    folder = (dict(house.sources) | dict(house.linted))[name]

    plans = compile_source(folder, house, KeyRing.demo())

    assert {emit.as_ for mapping in folder.mappings for emit in mapping.emits} == set(plans.labels)


def test_the_directory_is_valid_fhir(house):
    made = directory_resources(house, KeyRing.demo())

    assert [] == [structure().check(one.tree) for one in made if structure().check(one.tree)]
