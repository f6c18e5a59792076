"""Every command that prints a table prints one JSON document instead when it is asked to, and cuts no list in silence."""

import inspect
import json
import re
import sys

import pytest
import region as regions
import typer.main
from shop import Shop, record

from passerelle.cli import main
from passerelle.cli.application import app

PRINTS = re.compile(r"\b(print_table|_print_tables|_show)\(")


def commands(group, *words):
    """Every command below the group: its words and the command."""
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            if one.invoke_without_command:
                yield (*words, name), one
            yield from commands(one, *words, name)
        else:
            yield (*words, name), one


PRINTING = {
    " ".join(words): one
    for words, one in commands(typer.main.get_command(app))
    if one.callback is not None and PRINTS.search(inspect.getsource(one.callback))
}


@pytest.fixture
def typed(monkeypatch, capsys):
    """Types a command and gives what stdout and stderr show; it must end well."""

    def answer(*words):
        monkeypatch.setattr(sys, "argv", ["passerelle", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert ended.value.code in {0, None}, shown.err
        return shown.out, shown.err

    return answer


@pytest.fixture
def ward(tmp_path, migrated_sqlite, monkeypatch):
    """A ward of which three persons have a code of which nobody knows."""
    shop = Shop(tmp_path / "shop", migrated_sqlite)
    opened = shop.open()
    opened.deliver([record("people", str(number), "Z", changed=1) for number in (1, 2, 3)])
    settings = opened.place.settings
    opened.close()
    monkeypatch.setenv("PASSERELLE_HOME", str(shop.house.root))
    for name in ("keys", "data", "ledger", "connections"):
        monkeypatch.setenv(f"PASSERELLE_{name.upper()}", str(getattr(settings, name)))
    return opened


@pytest.mark.parametrize("words", PRINTING)
def test_every_command_that_prints_a_table_may_be_asked_for_json(words):
    assert "--json" in {option for parameter in PRINTING[words].params for option in parameter.opts}


def test_commands_that_print_tables_are_found_by_what_they_call():
    assert {"run", "ledger", "test", "demo", "simulate", "export", "quarantine list", "quarantine replay"} <= set(
        PRINTING
    )


def test_a_simulation_is_told_as_one_document(typed, tmp_path):
    told, _ = typed("simulate", "--out", str(tmp_path / "region"), "--persons", "5", "--json")

    assert 5 == json.loads(told)["persons"]


def test_stories_are_told_as_one_document(typed, monkeypatch):
    monkeypatch.setenv("PASSERELLE_HOME", str(regions.HOME))
    told, _ = typed("test", "caarud", "--coverage", "--json")

    assert {"stories", "problems", "gaps"} == json.loads(told).keys()
    assert "caarud" == json.loads(told)["stories"][0]["source"]


def test_a_run_is_told_as_one_document(typed, ward):
    told = json.loads(typed("run", "ward", "--json")[0])

    assert [{"source": "ward", "landed": 0, "stopped": 0, "published": 0}] == told["batches"]
    assert {"ward"} == told["left_aside"].keys()


def test_a_replay_is_told_as_one_document(typed, ward):
    told, _ = typed("quarantine", "replay", "ward", "--json")

    assert [{"tried": 3, "passed": 0, "still stopped": 3}] == json.loads(told)


@pytest.mark.parametrize(("limit", "said"), [("1", "2 more are not shown; --limit 3 shows all"), ("3", ""), ("9", "")])
def test_a_list_says_how_much_of_it_is_not_shown(typed, ward, limit, said):
    told, heard = typed("quarantine", "list", "--limit", limit, "--json")

    assert min(3, int(limit)) == len(json.loads(told))
    assert said == heard.strip()
