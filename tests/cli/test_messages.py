"""What the command line answers when it is asked for something that is not there: what was wanted, and an exit code."""

import json
import sys

import pytest
from house_builder import ROOT

from passerelle.cli import main
from passerelle.cli.output import count_of, print_table


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


def test_an_empty_table_says_that_it_is_empty(capsys):
    print_table("Quarantine", ("batch", "row"), [])

    assert "Quarantine\n  none\n" == capsys.readouterr().out


def test_things_are_counted_in_words():
    assert ["0 problems", "1 problem", "2 problems"] == [count_of(number, "problem") for number in range(3)]
    assert ["1 story", "2 stories"] == [count_of(number, "story", "stories") for number in (1, 2)]
