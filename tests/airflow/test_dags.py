"""What Airflow reads out of dags/: one DAG per folder of the instance's country, and one for the territory.

Nothing is started here: the files are read in a fresh interpreter, and functions of tasks are called.
"""

import re
import shutil
import traceback

import dag_reading
import pytest
from region import secret

from passerelle.contracts.schedule import list_source_names, read_schedule
from passerelle.errors import Unavailable
from passerelle.pipeline.scheduled import Final, _classified
from passerelle.stores.ledger import Ledger, leases
from passerelle.stores.ledger.holders import this_holder

HEAVY = {"great_expectations", "fhir", "pandas", "numpy", "duckdb", "pyarrow", "requests", "alembic"}
ENGINE = {
    "passerelle",
    "passerelle.contracts",
    "passerelle.contracts.problems",
    "passerelle.contracts.schedule",
    "passerelle.contracts.yaml_file",
    "passerelle.errors",
    "passerelle.settings",
}
BROKEN = {
    "torn": "source: torn\ntables: [\n",
    "empty": None,
    "other_cron": "source: other_cron\nschedule: at dawn\njurisdiction: fr\ntables:\n  one: {}\n",
    "no_country": 'source: no_country\nschedule: "0 4 * * *"\njurisdiction: xx\ntables:\n  one: {}\n',
    "a name with blanks": "nothing: here\n",
}


def house_with(root, folders):
    """A copy of the house with more source folders: by name, the text of source.yaml, or None for no such file."""
    house = root / "house"
    for part in ("mappings", "fhir", "validation"):
        shutil.copytree(dag_reading.ROOT / part, house / part)
    for name, text in folders.items():
        folder = house / "mappings" / "sources" / name
        folder.mkdir()
        if text is not None:
            (folder / "source.yaml").write_text(text, encoding="utf-8")
    return house


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """What one interpreter said of everything that is read here: it takes seconds to start."""
    root = tmp_path_factory.mktemp("dags")
    one_more = house_with(root / "more", {})
    sources = one_more / "mappings" / "sources"
    shutil.copytree(sources / "usmp", sources / "usmp_north")
    belgian = (sources / "usmp" / "source.yaml").read_text("utf-8").replace("jurisdiction: fr", "jurisdiction: be")
    houses = {
        "own": dag_reading.ROOT,
        "one more": one_more,
        "broken": house_with(root / "broken", BROKEN),
        "belgian": house_with(root / "belgian", {"prison_be": belgian}),
    }
    imported, *bags = dag_reading.ask(root, ("imports",), *(("bag", str(house)) for house in houses.values()))
    return {"imports": imported, **dict(zip(houses, bags, strict=True))}


def test_each_source_folder_has_one_dag_and_the_territory_has_one(asked):
    assert asked["own"]["errors"] == {}
    names = list_source_names(dag_reading.ROOT)
    assert sorted(asked["own"]["dags"]) == [*(f"source_{name}" for name in names), "territory"]


def test_a_source_is_landed_checked_mapped_and_validated_in_this_order_one_run_at_a_time(asked):
    for name in list_source_names(dag_reading.ROOT):
        dag = asked["own"]["dags"][f"source_{name}"]
        assert dag["tasks"] == {"land": ["check"], "check": ["map"], "map": ["validate"], "validate": []}
        assert dag["at once"] == 1
        assert dag["catchup"] is False
        assert dag["params"] == ["as_of", "mode", "since", "until"]
        assert dag["gives"] == [f"passerelle://published/{name}"]


def test_a_source_runs_when_its_contract_says_so(asked):
    for name in list_source_names(dag_reading.ROOT):
        told = read_schedule(dag_reading.ROOT, name)
        dag = asked["own"]["dags"][f"source_{name}"]
        assert (dag["cron"], dag["description"]) == (told.schedule, told.says)


def test_the_territory_runs_when_any_source_was_published(asked):
    territory = asked["own"]["dags"]["territory"]
    assert territory["takes"] == [f"passerelle://published/{name}" for name in list_source_names(dag_reading.ROOT)]
    assert list(territory["tasks"]) == ["link_deliver_report"]
    assert territory["at once"] == 1


def test_what_is_unavailable_is_tried_again_after_seconds_at_first(asked):
    for dag in asked["own"]["dags"].values():
        assert (dag["retries"], dag["first wait"]) == ([8], [10.0])


def test_reading_the_dags_imports_nothing_heavy(asked):
    imported = set(asked["imports"])
    assert HEAVY & {name.partition(".")[0] for name in imported} == set()
    assert {name for name in imported if name.partition(".")[0] == "passerelle"} == ENGINE


def test_one_more_folder_is_one_more_dag_and_nothing_else_changes(asked):
    more = asked["one more"]["dags"]
    assert sorted(more.keys() - asked["own"]["dags"].keys()) == ["source_usmp_north"]
    without = {name: dag for name, dag in more.items() if name not in {"source_usmp_north", "territory"}}
    assert without == {name: dag for name, dag in asked["own"]["dags"].items() if name != "territory"}
    assert "passerelle://published/usmp_north" in more["territory"]["takes"]


def test_broken_folders_leave_all_other_dags_as_they_are(asked):
    told = asked["broken"]
    assert told["errors"] == {}
    before = {name: dag for name, dag in asked["own"]["dags"].items() if name != "territory"}
    assert {name: told["dags"][name] for name in before} == before


def test_a_broken_folder_has_a_dag_that_no_clock_starts(asked):
    names = {"torn", "empty", "other_cron", "no_country", "a_name_with_blanks"}
    told = asked["broken"]["dags"]
    assert {name for name in told if name not in asked["own"]["dags"]} == {f"source_{name}" for name in names}
    assert {name: told[f"source_{name}"]["cron"] for name in names} == {
        "torn": None,
        "empty": None,
        "other_cron": None,
        "no_country": "0 4 * * *",  # it can be read, so it runs, and its first task fails
        "a_name_with_blanks": None,
    }
    assert told["source_torn"]["order"] == ["land", "check", "map", "validate"]


def test_a_folder_of_another_country_has_no_dag(asked):
    assert sorted(asked["belgian"]["dags"]) == sorted(asked["own"]["dags"])


# What goes wrong in a task ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """An instance of which nothing was run, whose house has broken folders: the environment of its tasks."""
    root = tmp_path_factory.mktemp("instance")
    return {
        "PASSERELLE_HOME": str(house_with(root, BROKEN)),
        "PASSERELLE_KEYS": str(secret(root / "keys.json", {"id": "demo"})),
        "PASSERELLE_DATA": str(root / "data"),
        "PASSERELLE_LEDGER": f"sqlite:///{root / 'ledger.sqlite'}",
        "PASSERELLE_AS_OF": "2025-12-31",
    }


@pytest.fixture(scope="module")
def called(instance, tmp_path_factory):
    """What tasks raised, by what was wrong."""
    root = tmp_path_factory.mktemp("called")
    bad = {"PASSERELLE_CONNECTIONS": str(secret(root / "bad.json", {"caarud_files": {"conn_type": "pigeon"}}))}
    away = {"host": "http://127.0.0.1:9", "login": "passerelle", "password": "x", "extra": {"token_path": "/token"}}
    gone = {"PASSERELLE_CONNECTIONS": str(secret(root / "gone.json", {"siao_api": {"conn_type": "http", **away}}))}
    ledger = Ledger.open(instance["PASSERELLE_LEDGER"])
    ledger.migrate()
    held = ledger.in_transaction(lambda tx: leases.take(tx, "run:usmp", this_holder(), 600))
    calls = {
        "torn": ("source_torn", "land", instance),
        "cron": ("source_other_cron", "land", instance),
        "country": ("source_no_country", "land", instance),
        "connection unknown": ("source_caarud", "land", instance),
        "connection wrong": ("source_caarud", "land", {**instance, **bad}),
        "setting": ("source_caarud", "land", {**instance, "PASSERELLE_COLOUR": "red"}),
        "source away": ("source_siao", "land", {**instance, **gone}),
        "source busy": ("source_usmp", "check", instance),
        "healthy": ("source_csapa", "check", instance),
        "territory": ("territory", "link_deliver_report", instance),
    }
    try:
        told = dag_reading.ask(root, *(("call", *one) for one in calls.values()))
    finally:
        ledger.in_transaction(lambda tx: leases.release(tx, held))
        ledger.close()
    return dict(zip(calls, told, strict=True))


def test_the_first_task_of_a_broken_folder_fails_at_once_with_the_problems_of_its_contract(called):
    kind, text = called["torn"]
    assert kind == "AirflowFailException"
    assert text.startswith("exit code 3: ")
    assert "mappings/sources/torn/source.yaml:" in text
    kind, text = called["country"]
    assert (kind, "mappings/sources/no_country/source.yaml:3: " in text) == ("AirflowFailException", True)


def test_a_schedule_that_is_no_cron_is_a_problem_of_the_contract(called):
    kind, text = called["cron"]
    assert (kind, text[:13]) == ("AirflowFailException", "exit code 3: ")


def test_a_broken_folder_does_not_stop_the_tasks_of_another_source(called):
    assert called["healthy"] == ["", ""]


def test_the_territory_does_not_run_without_a_source_that_cannot_be_read(called):
    kind, text = called["territory"]
    assert (kind, text[:12]) == ("AirflowFailException", "exit code 3:")


def test_what_a_person_must_mend_fails_at_once(called):
    assert called["connection unknown"] == [
        "AirflowFailException",
        "exit code 2: the scheduler has no connection of the name 'caarud_files'",
    ]
    for wrong in ("connection wrong", "setting"):
        kind, text = called[wrong]
        assert (kind, text[:12]) == ("AirflowFailException", "exit code 2:")


def test_what_may_go_through_later_is_raised_as_unavailable_which_airflow_tries_again(called):
    assert called["source away"][0] == "Unavailable"
    assert "cannot be reached" in called["source away"][1]
    assert called["source busy"][0] == "Unavailable"
    assert called["source busy"][1].startswith("another run of usmp is under way (host ")


def test_an_error_that_nobody_expected_tells_its_kind_and_place_and_never_its_text():
    with pytest.raises(Final) as told, _classified():
        int("Zzcanari07")
    assert re.fullmatch(r"exit code 5: ValueError was not expected, at .*test_dags\.py:\d+", str(told.value))
    assert "Zzcanari07" not in "".join(traceback.format_exception(told.value))


def test_a_cause_that_quotes_a_value_does_not_come_with_what_is_unavailable():
    with pytest.raises(Unavailable) as told, _classified():
        raise Unavailable("the source is away") from ValueError("Zzcanari07")
    assert "Zzcanari07" not in "".join(traceback.format_exception(told.value))
