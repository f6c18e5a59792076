"""The shared suites on records as the field writes them: good ones pass, planted faults are found."""

import re
from pathlib import Path

import pytest
from asked_tables import LENIENT, TODAY, table
from ruamel.yaml import YAML

from passerelle.checking import check_partition, compile_expectations, judge_batch
from passerelle.contracts.source import Column
from passerelle.contracts.suite import Suite

ROOT = Path(__file__).parents[2]
SUITES, SOURCES = ROOT / "validation" / "suites", ROOT / "mappings" / "sources"
GOOD = {
    "ins": ({"ins": Column()}, [["255081416802538"], ["284052A32102552"], [None]]),
    "addresses": ({"code_postal": Column()}, [["75018"], [None]]),
}


def shared() -> dict[str, Suite]:
    read = YAML(typ="safe")
    return {
        path.stem: Suite.model_validate(read.load(path.read_text(encoding="utf-8"))) for path in SUITES.glob("*.yaml")
    }


def judged(name: str, rows: list[list[str | None]]):
    columns = GOOD[name][0]
    asked = compile_expectations(table(columns, use=[name]), shared())
    verdict = check_partition(list(enumerate(rows)), columns, asked, TODAY)
    return verdict, judge_batch([verdict], LENIENT, asked)


def test_every_shared_suite_is_shown_here():
    assert set(GOOD) == set(shared())


@pytest.mark.parametrize("name", sorted(GOOD))
def test_good_records_pass(name):
    verdict, batch = judged(name, GOOD[name][1] * 7)

    assert ((), (), False) == (verdict.stops, batch.findings, batch.stopped)


def test_every_shared_suite_is_used_by_a_source():
    used = {
        name
        for path in SOURCES.glob("*/source.yaml")
        for name in re.findall(r"use: \[([a-z]+)\]", path.read_text("utf-8"))
    }

    assert set(shared()) == used


def test_a_number_that_stands_for_nobody_stops_its_record():
    verdict, _ = judged("ins", [*GOOD["ins"][1], ["000000000000000"]])

    assert [(3, "ins#2 ins")] == [(stop.row, stop.place) for stop in verdict.stops]


def test_a_number_that_is_written_otherwise_is_noticed_and_stops_nothing():
    verdict, batch = judged("ins", [*GOOD["ins"][1], ["2 55 08 14 168 025 38"]])

    assert ((), False) == (verdict.stops, batch.stopped)
    assert [("ins#1 ins", 3)] == [(found.place, found.row) for found in batch.findings]


def test_postal_codes_that_lost_their_zero_stop_the_batch():
    _, batch = judged("addresses", [*GOOD["addresses"][1], *[["1000"]] * 10])

    assert "addresses#1 code_postal" in [breach.place for breach in batch.breaches]
