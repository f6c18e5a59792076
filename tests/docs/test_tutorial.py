"""The tutorial, typed: its commands are run one after the other in a copy of the house, as a sixth source is added."""

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from house_builder import ROOT

from passerelle.contracts.house import load_house
from passerelle.contracts.schedule import list_source_names, read_schedule

TUTORIAL = (ROOT / "docs/tutorial.md").read_text("utf-8")
ROOMS = ("mappings", "fhir", "validation")
SIXTH = "tests/docs/sixth_source"
HEADER = (
    "ref_accueil;patronyme;premier_prenom;ne_le;etat_civil;installe_le;depart;issue;"
    "accord_partage_le;accord_retire_le;accord_pour;derniere_saisie"
)
ROWS = (
    "H-0001;FERRAND;MAELLE;14/05/1985;Mme;03/02/2025;;;10/02/2025;;COORDINATION;10/02/2025 09:15",
    "H-0002;OKAFOR;DAVID;02/11/1978;M;12/01/2025;30/05/2025;FIN;12/01/2025;;COORDINATION;30/05/2025 17:40",
    "H-0003;LEBRUN;ANNE;23/07/1991;Mme;18/03/2025;02/06/2025;REL;;;;02/06/2025 11:05",
    "H-0004;MARTY;KARIM;09/09/1969;M;01/04/2025;20/06/2025;HOP;01/04/2025;05/05/2025;COORDINATION;20/06/2025 10:30",
)
SAMPLE = "\n".join([HEADER, *ROWS]) + "\n"


def blocks(kind):
    """The fenced blocks of this kind, in their order."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", TUTORIAL, re.DOTALL | re.MULTILINE)


def differences(one, other, at=""):
    """Paths below which two folders are not the same."""
    compared = filecmp.dircmp(one, other)
    told = [f"{at}{name}" for name in (*compared.left_only, *compared.right_only, *compared.diff_files)]
    for name in compared.common_dirs:
        told += differences(one / name, other / name, f"{at}{name}/")
    return sorted(told)


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """The folder in which the tutorial was typed, and what the terminal showed of each command."""
    folder = tmp_path_factory.mktemp("tutorial")
    for room in (*ROOMS, SIXTH):
        shutil.copytree(ROOT / room, folder / room)
        shutil.copytree(folder / room, folder / "untouched" / room)
    incoming = folder / "var/tutorial/incoming"
    incoming.mkdir(parents=True)
    (incoming / "residents_2025-06-30.csv").write_text(SAMPLE, encoding="utf-8")
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/activate").write_text(f'PATH="{Path(sys.executable).parent}:$PATH"\n', encoding="utf-8")
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    script = "\n".join(["set -euo pipefail", *(f"echo '$ {line.replace(chr(39), '')}'\n{line}" for line in lines)])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PASSERELLE_")}
    told = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert 0 == told.returncode, told.stdout
    return folder, told.stdout


def shown_after(typed, command):
    """What the terminal showed after a command that begins so, the last time it was typed."""
    _, shown = typed
    return shown.split(f"$ {command}")[-1].split("\n$ ", 1)[0]


def exported(typed, name):
    folder, _ = typed
    text = (folder / f"var/tutorial/export/export/{name}.ndjson").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_sample_that_is_shown_is_the_sample_that_is_used():
    assert SAMPLE in blocks("csv")


def test_no_column_of_the_sample_has_the_name_of_another_source_s_column():
    house = load_house(ROOT)

    known = {
        column
        for folder in house.sources.values()
        for table in folder.source.tables.values()
        for column in table.columns
    }
    assert set() == known & set(HEADER.split(";"))


@pytest.mark.parametrize("file", sorted(one for one in (ROOT / SIXTH).rglob("*") if one.is_file()), ids=str)
def test_every_file_is_shown_as_it_is(file):
    path = file.relative_to(ROOT).as_posix()
    kind = file.suffix.removeprefix(".")

    assert f"<!-- {path} -->\n```{kind}\n{file.read_text('utf-8')}```" in TUTORIAL


def test_lint_asks_for_what_only_a_person_can_say(typed):
    _, shown = typed
    told = shown.split("$ passerelle lint || ")[1].split("\n$ ", 1)[0]

    assert "exit code 3" in told
    for line in next(block for block in blocks("text") if "exit code 3" in block).splitlines():
        assert line.strip() == "..." or line.strip() in told


def test_the_stories_leave_no_gap(typed):
    told = shown_after(typed, "passerelle test halte --coverage")

    assert re.search(r"│ halte +│ +5 │ +0 │", told), told
    assert told.rstrip().endswith("What no story exercises\n  none")


def test_explain_answers_what_the_tutorial_shows(typed):
    wanted = next(block for block in blocks("text") if "from column" in block)

    assert wanted.strip() in shown_after(typed, "passerelle explain")


def test_four_records_are_accounted_for_at_every_stage(typed):
    wanted = next(block for block in blocks("text") if "received" in block)

    assert wanted.strip() in shown_after(typed, "passerelle ledger\n")


def test_the_uncoded_end_of_stay_stops_its_record_and_goes_on_once_it_is_coded(typed):
    assert "unknown-code" in shown_after(typed, "passerelle quarantine list")
    assert re.search(r"│ +1 │ +1 │ +0 │", shown_after(typed, "passerelle quarantine replay halte"))
    assert "the sums add up" in shown_after(typed, "passerelle ledger verify")


def test_what_leaves_is_what_was_agreed_to(typed):
    assert ["FERRAND", "OKAFOR"] == sorted(one["name"][0]["family"] for one in exported(typed, "Patient"))
    assert ["active", "finished"] == sorted(one["status"] for one in exported(typed, "EpisodeOfCare"))
    assert ["active", "active"] == [one["status"] for one in exported(typed, "Consent")]
    assert re.search(r"no-ground +│ +5 │", shown_after(typed, "passerelle export"))


def test_a_second_run_finds_nothing_new(typed):
    assert re.search(r"│ halte +│ +0 │ +0 │ +0 │", shown_after(typed, "passerelle run halte"))


def test_only_the_folder_of_the_source_was_touched(typed):
    folder, _ = typed

    assert ["mappings/sources/halte"] == [
        path for room in ROOMS for path in differences(folder / "untouched" / room, folder / room, f"{room}/")
    ]


def test_the_scheduler_sees_one_source_more(typed):
    folder, _ = typed

    assert {"halte"} == set(list_source_names(folder)) - set(list_source_names(folder / "untouched"))
    assert "0 5 * * *" == read_schedule(folder, "halte").schedule


def test_what_is_begun_holds_no_value_of_the_sample(typed):
    folder, _ = typed
    again = folder / "again"
    (again / "mappings/sources").mkdir(parents=True)
    from passerelle.pipeline.beginning import begin_source

    written = begin_source(again, "halte", folder / "var/tutorial/incoming/residents_2025-06-30.csv")

    texts = "".join(path.read_text("utf-8") for path in written)
    values = {cell for row in ROWS for cell in row.split(";") if len(cell) > 2}
    assert [] == sorted(value for value in values if re.search(rf"\b{re.escape(value)}\b", texts))
