"""A simulated region, read whole: what was spoiled on purpose is refused as it must be, and nothing else is."""

import json

import pytest
from pam_messages import adt_table

from passerelle.contracts.source import Table
from passerelle.reading import Unreadable, order_reader, reader_for, split_file
from passerelle.simulator import csapa, simulate

ZONE = "Europe/Paris"
FRENCH = {"type": "datetime", "format": "%d/%m/%Y %H:%M:%S"}


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    folder = tmp_path_factory.mktemp("region") / "one"
    simulate(60, 11, folder)
    return folder


def refusals(region, source: str, name: str, table: Table) -> dict:
    reader, order = reader_for(table, zone=ZONE), order_reader(table, zone=ZONE)
    found = {}
    for path in sorted((region / "sources" / source / name).glob(f"{name}_*")):
        if path.suffix != ".ok":
            with path.open("rb") as file:
                for row, raw in enumerate(split_file(table, file)):
                    try:
                        order(reader.parse(raw), "")
                    except Unreadable as stopped:
                        found[path.relative_to(region).as_posix(), row] = (stopped.reason.value, stopped.place)
    return found


def spoiled(region, source: str, name: str) -> dict:
    """What the manifest says of records that land must stop before it looks at keys."""
    lines = (region / "manifest" / "dirt.ndjson").read_text().splitlines()
    dirt = [one for one in map(json.loads, lines) if (one["source"], one["table"]) == (source, name)]
    return {
        (one["file"], one["row"]): (one["reason"], one["place"])
        for one in dirt
        if one["stage"] == "land" and one["state"] == "quarantined" and one["reason"] != "missing-key"
    }


@pytest.mark.parametrize("name", ["patients", "contacts"])
def test_lines_of_the_addiction_centre(region, name):
    columns = {column: {} for column in csapa.COLUMNS[name].split()} | {"modifie_le": FRENCH}
    table = Table.model_validate(
        {
            "format": "delimited",
            "dialect": {"charset": "latin-1", "delimiter": ";", "decimal": ","},
            "order": {"column": "modifie_le"},
            "columns": columns,
        }
    )

    assert spoiled(region, "csapa", name) == refusals(region, "csapa", name, table)


@pytest.mark.parametrize("source", ["chu", "ch"])
def test_messages_of_the_hospitals(region, source):
    assert spoiled(region, source, "adt") == refusals(region, source, "adt", adt_table())
