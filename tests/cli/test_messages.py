"""What the command line answers when it is asked for something that is not there: what was wanted, and an exit code."""

import errno
import json
import re
import sys
from types import SimpleNamespace

import pytest
from house_builder import ROOT

from passerelle.cli import main
from passerelle.cli.output import count_of, print_table
from passerelle.contracts.house import load_house
from passerelle.errors import RefusedForGood, Unavailable
from passerelle.mapping.compiling import compile_source
from passerelle.pipeline.coverage import Coverage
from passerelle.stores.files import clear_errors
from passerelle.stores.keys import KeyRing
from passerelle.stores.ledger import Ledger, leases


def typed(words, monkeypatch, capsys):
    """The exit code, and what stderr shows."""
    monkeypatch.setattr(sys, "argv", ["passerelle", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr().err


@pytest.fixture
def house(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASSERELLE_HOME", str(ROOT))
    monkeypatch.setenv("PASSERELLE_KEYS", str(tmp_path / "keys.json"))
    monkeypatch.delenv("PASSERELLE_CONNECTIONS", raising=False)
    (tmp_path / "keys.json").write_text('{"id": "demo"}', encoding="utf-8")
    (tmp_path / "keys.json").chmod(0o600)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["run", "--since", "yesterday"], "--since wants an ISO day or moment"),
        (["run", "--since", "2025-07-01", "--until", "2025-01-01"], "--until is before --since"),
        (["run", "--stage", "maps"], "stages are land, check, map, validate"),
        (["quarantine", "list", "--reason", "unknown-cod"], "did you mean 'unknown-code'?"),
        (["quarantine", "list", "--state", "lost"], "known are passed, quarantined"),
        (["quarantine", "list", "--language", "de"], "languages are en, fr"),
        (["quarantine", "list", "--source", "csap"], "sources are ans_sample"),
        (["quarantine", "list", "--limit", "-1"], "Invalid value for '--limit'"),
        (["ledger", "--source", "csap"], "did you mean 'csapa'?"),
        (["run", "--as-of", ""], "--as-of wants an ISO date"),
    ],
)
def test_a_word_that_is_not_known_is_answered_with_those_that_are(house, words, wanted, monkeypatch, capsys):
    code, said = typed(words, monkeypatch, capsys)

    assert 2 == code
    assert wanted in said


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["explain", "csap", "Encounter.type"], "there is no source 'csap'; sources are ans_sample"),
        (["explain", "caarud", "Encounter.typ"], "a path begins with a type it emits: Encounter"),
        (["preview", "caarud", "--table", "rounds"], "tables are contacts, bons"),
        (["preview", "caarud", "--story", "99"], "stories, numbered from 1"),
        (["run", "caarud", "--batch", "caarud-contacts-000009"], "the ledger has no batch"),
        (["run", "caarud"], "wants the connection 'caarud_files'"),
        (["explain", "caarud", "Encounter.statut"], "did you mean 'Encounter.status'?"),
        (["new-source", "north", "--from", "nowhere/north.csv"], "the sample nowhere/north.csv cannot be read"),
    ],
)
def test_a_thing_that_is_not_there_is_named_with_its_neighbours(house, words, wanted, monkeypatch, capsys):
    code, said = typed(words, monkeypatch, capsys)

    assert 2 == code
    assert wanted in said


@pytest.fixture
def outreach(house, monkeypatch, tmp_path):
    """The folder into which the outreach team's files are dropped."""
    folder = tmp_path / "dropped" / "contacts"
    folder.mkdir(parents=True)
    told = {"caarud_files": {"conn_type": "file", "extra": {"path": str(folder.parent)}}}
    connections = tmp_path / "connections.json"
    connections.write_text(json.dumps(told), encoding="utf-8")
    connections.chmod(0o600)
    monkeypatch.setenv("PASSERELLE_CONNECTIONS", str(connections))
    monkeypatch.setenv("PASSERELLE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PASSERELLE_LEDGER", f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    return folder


def test_a_delivery_of_which_nothing_can_be_read_is_no_success(outreach, monkeypatch, capsys):
    (outreach / "contacts_20250301.csv").write_text("num_contact,date_contact\n1,2025-03-01\n", encoding="utf-8")
    (outreach / "contacts_20250301.csv.ok").touch()

    code, said = typed(["run", "caarud"], monkeypatch, capsys)

    assert 1 == code
    assert "caarud contacts: 1 file that cannot be split into records, quarantined whole" in said
    assert "caarud-contacts-000001; `passerelle quarantine list` says why" in said
    assert 0 == typed(["run", "caarud"], monkeypatch, capsys)[0]


def test_what_is_dropped_and_not_landed_is_said(outreach, monkeypatch, capsys):
    (outreach / "contacts_20250301.csv").write_text("x\n", encoding="utf-8")
    (outreach / "contacts_20250302.csv.ok").touch()

    code, said = typed(["run", "caarud"], monkeypatch, capsys)

    assert 0 == code
    assert "caarud contacts: 1 file left for later, not whole yet" in said
    assert "caarud contacts: 1 file said to be whole and not there: a marker stands alone" in said


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("PASSERELLE_HOME", "/nowhere", "with mappings/, fhir/ and validation/; /nowhere is not there"),
        ("PASSERELLE_AS_OF", "yesterday", "PASSERELLE_AS_OF wants an ISO date"),
        (
            "PASSERELLE_CONNECTIONS",
            "/nowhere/here.json",
            "the connections file /nowhere/here.json cannot be read (No such",
        ),
        ("PASSERELLE_JURISDICTION", "be", "caarud is of jurisdiction fr, this instance runs be"),
        ("PASSERELLE_LEDGER", "sqlite:////dev/null/l.sqlite", "the folder of the ledger, /dev/null, cannot be made"),
    ],
)
def test_a_setting_that_leads_nowhere_is_named_with_what_it_holds(house, variable, value, wanted, monkeypatch, capsys):
    monkeypatch.setenv(variable, value)
    code, said = typed(["run", "caarud"], monkeypatch, capsys)

    assert 2 == code
    assert wanted in said


def with_connections(told, tmp_path, monkeypatch):
    path = tmp_path / "connections.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("PASSERELLE_CONNECTIONS", str(path))


def test_a_connection_that_is_not_there_is_told_with_those_that_are(house, tmp_path, monkeypatch, capsys):
    with_connections({"caarud_file": {"conn_type": "file"}}, tmp_path, monkeypatch)
    code, said = typed(["run", "caarud"], monkeypatch, capsys)

    assert 2 == code
    assert "which has caarud_file; did you mean 'caarud_file'?" in said


def test_a_folder_that_is_not_there_is_told_with_source_connection_and_path(house, tmp_path, monkeypatch, capsys):
    with_connections({"caarud_files": {"conn_type": "file", "extra": {"path": "/nowhere"}}}, tmp_path, monkeypatch)
    code, said = typed(["run", "caarud"], monkeypatch, capsys)

    assert 4 == code
    assert "caarud, connection caarud_files: the folder /nowhere is not there" in said


def test_a_connection_without_a_folder_is_told_with_its_source(house, tmp_path, monkeypatch, capsys):
    with_connections({"caarud_files": {"conn_type": "file"}}, tmp_path, monkeypatch)
    code, said = typed(["run", "caarud"], monkeypatch, capsys)

    assert 2 == code
    assert "connection caarud_files of caarud is of kind file and wants extra.path" in said


def test_a_file_that_this_user_may_not_write_is_named_whole_and_not_tried_again():
    with pytest.raises(RefusedForGood, match=r"^/data/lake/a may not be written or read by this user"):
        with clear_errors("a"):
            raise PermissionError(errno.EACCES, "Permission denied", "/data/lake/a")


def test_a_ledger_that_this_user_may_not_write_is_named_and_nothing_was_committed(tmp_path):
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(RefusedForGood, match=r"ledger\.sqlite cannot be opened or written .*nothing was committed"):
        Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite")


def test_a_lease_that_another_has_says_which_work_and_who(tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger.migrate()
    ledger.in_transaction(lambda tx: leases.take(tx, "run:north", "far:12:345", 3600))
    with pytest.raises(Unavailable, match=r"^another run of north is under way \(host far, pid 12\)"):
        ledger.in_transaction(lambda tx: leases.take(tx, "run:north", "near:1:2", 3600))
    ledger.close()


@pytest.mark.parametrize(
    ("language", "wanted"),
    [("en", "1 file, 1 resource: 0 errors, 0 warnings"), ("fr", "1 fichier, 1 ressource : 0 erreur, 0 avertissement")],
)
def test_the_totals_of_validate_are_told_in_the_language(language, wanted, house, tmp_path, monkeypatch, capsys):
    (tmp_path / "a.json").write_text('{"resourceType": "Patient", "active": true}', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["passerelle", "validate", "--language", language, str(tmp_path / "a.json")])
    with pytest.raises(SystemExit):
        main()

    assert wanted in capsys.readouterr().err


def test_a_gap_is_told_with_its_line_and_what_the_missing_story_wants():
    house = load_house(ROOT)
    folder = house.sources["caarud"]
    covered = Coverage(folder, compile_source(folder, house, KeyRing.demo()))
    label = folder.mappings[0].emits[0].as_
    place = r"mappings/sources/caarud/\w+\.yaml:\d+: "

    assert re.match(
        rf"{place}'{label}' is emitted by no story; write one whose rows of '\w+' become it$", covered.gaps()[0]
    )

    covered.see(SimpleNamespace(resources=[(label, {})]))
    wanted = (
        rf"{place}'{label}' [\w.\[\]]+ has a value in no story; write one with a row of '\w+' in which '.+' is filled$"
    )
    assert re.match(wanted, covered.gaps()[0])


def test_an_empty_table_says_that_it_is_empty(capsys):
    print_table("Quarantine", ("batch", "row"), [])

    assert "Quarantine\n  none\n" == capsys.readouterr().out


def test_things_are_counted_in_words():
    assert ["0 problems", "1 problem", "2 problems"] == [count_of(number, "problem") for number in range(3)]
    assert ["1 story", "2 stories"] == [count_of(number, "story", "stories") for number in (1, 2)]
