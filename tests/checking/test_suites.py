"""The shared suites on records as the field writes them: good ones pass, planted faults are found."""

from pathlib import Path

import pytest
from asked_tables import LENIENT, TODAY, table
from ruamel.yaml import YAML

from passerelle.checking import check_partition, compile_expectations, judge_batch
from passerelle.contracts.source import Column
from passerelle.contracts.suite import Suite

SUITES = Path(__file__).parents[2] / "validation" / "suites"
DAY = Column(type="date", format="%d/%m/%Y")
PATIENT = {"date_naissance": DAY, "sexe": Column(), "nom_naissance": Column()}
STAY = {"date_entree": DAY, "date_sortie": DAY}
GOOD = {
    "patients": (
        PATIENT,
        [["28/02/1980", "F", "SYNTHETIQUE"], ["01/01/1900", "M", "D'EXEMPLE"], ["31/12/1999", "I", None]],
    ),
    "stays": (STAY, [["30/03/2026", "31/03/2026"], ["31/03/2026", None], ["31/03/2026", "31/03/2026"]]),
    "ins": ({"ins": Column()}, [["255081416802538"], ["284052A32102552"], [None]]),
    "structures": ({"finess": Column()}, [["750712184"], ["2A0000154"]]),
    "addresses": ({"code_postal": Column()}, [["75018"], [None]]),
    "deliveries": ({"anything": Column()}, [["1"]]),
}
STOPPED = [
    ("patients", ["01/04/2026", "F", "SYNTHETIQUE"], "patients#1 date_naissance"),
    ("patients", ["31/12/1899", "F", "SYNTHETIQUE"], "patients#1 date_naissance"),
    ("patients", ["31/02/1980", "F", "SYNTHETIQUE"], "columns#type date_naissance"),
    ("stays", [None, "31/03/2026"], "stays#1 date_entree"),
    ("stays", ["01/04/2026", None], "stays#2 date_entree"),
    ("stays", ["30/03/2026", "01/04/2026"], "stays#3 date_sortie"),
    ("stays", ["31/03/2026", "30/03/2026"], "stays#4 date_sortie+date_entree"),
    ("ins", ["000000000000000"], "ins#2 ins"),
    ("structures", ["75071218"], "structures#1 finess"),
]
BATCHES = [
    ("patients", [None, "F", "SYNTHETIQUE"], "patients#2 date_naissance"),
    ("patients", ["28/02/1980", "SYNTHETIQUE", "F"], "patients#3 sexe"),
    ("ins", ["2 55 08 14 168 025 38"], "ins#1 ins"),
    ("addresses", ["1000"], "addresses#1 code_postal"),
]


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


@pytest.mark.parametrize(("name", "row", "place"), STOPPED)
def test_a_planted_fault_stops_its_record(name, row, place):
    verdict, _ = judged(name, [*GOOD[name][1], row])

    assert [(len(GOOD[name][1]), place)] == [(stop.row, stop.place) for stop in verdict.stops]


@pytest.mark.parametrize(("name", "row", "place"), BATCHES)
def test_a_fault_of_a_whole_delivery_stops_the_batch(name, row, place):
    _, batch = judged(name, [*GOOD[name][1], *[row] * 10])

    assert place in [breach.place for breach in batch.breaches]


def test_a_delivery_without_records_stops():
    asked = compile_expectations(table({"anything": Column()}, use=["deliveries"]), shared())

    assert "deliveries#1" == judge_batch([], LENIENT, asked).rule
