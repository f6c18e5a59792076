"""What the command line answers when it is asked for something that is not there: what was wanted, and an exit code."""

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


def test_an_empty_table_says_that_it_is_empty(capsys):
    print_table("Quarantine", ("batch", "row"), [])

    assert "Quarantine\n  none\n" == capsys.readouterr().out


def test_things_are_counted_in_words():
    assert ["0 problems", "1 problem", "2 problems"] == [count_of(number, "problem") for number in range(3)]
    assert ["1 story", "2 stories"] == [count_of(number, "story", "stories") for number in (1, 2)]
