"""The simulated region, landed: what the simulator wrote down is what land says of it."""

import json
from collections import Counter

import pytest
from landing_builders import Door, file_connection, folder_of, stores_of

from passerelle.stores.ledger import Ledger

MOMENT = {"type": "datetime", "format": "%d/%m/%Y %H:%M:%S"}
MESSAGES = {
    "format": "hl7v2",
    "files": "adt/*.er7",
    "complete": {"marker": ".ok"},
    "messages": {"events": ["A01", "A03", "A04", "A05", "A08", "A11", "A13"]},
    "order": {"message": True},
    "columns": {"event": {"path": "MSH-9.2"}, "patient": {"path": "PID-3.1"}, "unit": {"path": "ZBE-7.10"}},
    "folds": {"patient": {"key": ["patient"]}},
}


def header(folder):
    first = min(folder.glob("*.csv"))
    return first.read_bytes().split(b"\n")[0].decode().strip()


def delimited(territory, source, table):
    """A contract that takes every column as text, with the first as key and the cursor as order."""
    folder = territory / "sources" / source / table
    raw = header(folder)
    names = raw.split(";")
    cursor = names[-1]
    columns = {name: {} for name in names}
    columns[cursor] = MOMENT
    return {
        "format": "delimited",
        "files": f"{table}/*.csv",
        "complete": {"marker": ".ok"},
        "key": [names[0]],
        "order": {"column": cursor},
        "columns": columns,
    }


@pytest.fixture
def land(territory, sqlite_url, data, keys):
    ledger = Ledger.open(sqlite_url)

    def land(source, table, contract, units=()):
        door = Door(
            stores_of(ledger, data, keys),
            folder_of({table: contract}, name=source, units=units),
            file_connection(territory / "sources" / source),
            table,
        )
        (batch,) = door.land()
        return door, batch

    yield land
    ledger.close()


def told(territory, source, table):
    counts = json.loads((territory / "manifest/counts.json").read_text())
    dirt = [json.loads(line) for line in (territory / "manifest/dirt.ndjson").read_text().splitlines()]
    stopped = [one for one in dirt if one["stage"] == "land" and (one["source"], one["table"]) == (source, table)]
    return counts["records"][f"{source}.{table}"], stopped


def test_every_contact_of_the_csapa_stands_in_the_state_that_was_written_down(land, territory):
    records, stopped = told(territory, "csapa", "contacts")
    door, batch = land("csapa", "contacts", delimited(territory, "csapa", "contacts"))
    assert batch.records == records
    assert Counter((state, reason) for _, state, reason, _ in door.items(batch)) == Counter(
        (one["state"], one["reason"]) for one in stopped
    )
    assert {"quarantined", "duplicate"} <= {one["state"] for one in stopped}
    assert door.land() == []
    assert door.discrepancies() == []


def test_bytes_that_are_no_text_stop_one_contact_of_the_caarud(land, territory):
    records, stopped = told(territory, "caarud", "contacts")
    contract = delimited(territory, "caarud", "contacts")
    contract["columns"]["saisi_le"] = {"type": "datetime"}
    door, batch = land("caarud", "contacts", contract)
    assert batch.records == records
    assert [reason for _, _, reason, _ in door.items(batch)] == [one["reason"] for one in stopped]


def test_foreign_units_are_dropped_and_messages_that_are_none_are_kept(land, territory):
    records, stopped = told(territory, "ch", "adt")
    foreign = {one["key"] for one in stopped if one["state"] == "out-of-scope"}
    units = _units(territory, "ch", foreign)
    contract = {**MESSAGES, "scope": {"column": "unit", "units": True, "missing": "in"}}
    door, batch = land("ch", "adt", contract, units)
    assert batch.records == records
    found = Counter((state, reason) for _, state, reason, _ in door.items(batch))
    assert found == Counter((one["state"], one["reason"]) for one in stopped)
    places = {place for _, state, _, place in door.items(batch) if state == "out-of-scope"}
    assert places == {one["place"] for one in stopped if one["state"] == "out-of-scope"} == {"ZBE-7.10"}
    assert door.discrepancies() == []


def _units(territory, source, foreign):
    """The units of every message but those that were written down as foreign."""
    from passerelle.contracts.source import Table
    from passerelle.reading import Unreadable, reader_for, split_file

    table = Table.model_validate(MESSAGES)
    reader = reader_for(table, zone="Europe/Paris")
    units = set()
    for path in sorted((territory / "sources" / source / "adt").glob("*.er7")):
        with path.open("rb") as file:
            for raw in split_file(table, file):
                if any(key.encode() in raw for key in foreign):
                    continue
                try:
                    units.add(reader.parse(raw)[2])
                except Unreadable:
                    continue
    return tuple(sorted(unit for unit in units if unit))
