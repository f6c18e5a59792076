"""`airflow standalone` over a simulated region: the same export as the command line's, and nothing of a person.

One Airflow is started for all tests of this file and stopped within eight minutes. What it did is looked at afterwards.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import region as regions
from airflow_leaks import Scan
from airflow_running import ROOT, Airflow, Deadline

from passerelle.doors.connections import read_connections
from passerelle.pipeline.demonstrating import Places
from passerelle.pipeline.instance import Instance
from passerelle.stores.ledger import Ledger, batches, cuts, leases
from passerelle.stores.ledger.holders import this_holder

pytestmark = pytest.mark.airflow

PERSONS, SEED = 100, 7
SECONDS, TO_STOP = 480, 70
SOURCES = regions.SOURCES
HELD = "caarud"
BROKEN = "source: torn\ntables: [\n"


@dataclass
class Observed:
    """What was seen while Airflow ran, in plain values, and what it left."""

    airflow: Airflow
    places: Places
    by_hand: Path
    seen: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)


def house_of(root):
    """A copy of the house, which may be changed while Airflow runs."""
    for part in ("mappings", "fhir", "validation"):
        shutil.copytree(ROOT / part, root / part)
    return root


def environment(settings):
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PASSERELLE_")},
        "PASSERELLE_KEYS": str(settings.keys),
        "PASSERELLE_HOME": str(settings.home),
        "PASSERELLE_DATA": str(settings.data),
        "PASSERELLE_LEDGER": settings.ledger,
        "PASSERELLE_CONNECTIONS": str(settings.connections),
        "PASSERELLE_AS_OF": settings.as_of.isoformat(),
        "PASSERELLE_JURISDICTION": settings.jurisdiction,
    }


def run_by_hand(settings):
    """The same sources of the same region, through the command line."""
    command = [sys.executable, "-m", "passerelle"]
    export = settings.data.parent / "export"
    for rest in (["run", *SOURCES], ["territory", "run", "--out", str(export)]):
        told = subprocess.run(
            [*command, *rest], env=environment(settings), capture_output=True, text=True, timeout=300, check=False
        )
        assert told.returncode == 0, told.stderr


def batches_of(settings):
    """(batch, state) of every batch in the ledger of these settings."""
    ledger = Ledger.open(settings.ledger)
    try:
        with ledger.read() as tx:
            return {(one.name, one.state.value) for name in SOURCES for one in batches.found(tx, source=name)}, _is_cut(
                tx
            )
    finally:
        ledger.close()


def _is_cut(tx):
    """True if the newest cut has everything that is published, from whatever source."""
    last = cuts.last(tx)
    published = {batch for name in SOURCES for batch in _published(tx, name)}
    return last is not None and published <= {batch for batch, _ in last.members}


def _published(tx, source):
    return {one.id for one in batches.found(tx, source=source) if one.state.value == "published"}


def files_in(folder):
    """File name -> hash, of everything below the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sums_in(settings):
    instance = Instance.open(settings)
    try:
        return regions.sums_of(instance, SOURCES)
    finally:
        instance.close()


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """Airflow ran every source and the territory, met a new and a broken folder, and was stopped."""
    root = tmp_path_factory.mktemp("standalone")
    deadline = Deadline(SECONDS - TO_STOP)
    house = house_of(root / "house")
    airflow = Airflow(root / "out", house, deadline, persons=PERSONS, seed=SEED)
    told = Observed(airflow, Places(root / "out" / "demo"), root / "by_hand")
    try:
        watch(told, house, deadline)
    finally:
        airflow.stop()
    told.seconds["all"] = deadline.spent
    summarise(told)
    return told


def summarise(told):
    """What `make test-airflow` shows of the run."""
    runs = Counter((dag.partition("_")[0], state) for (dag, _), state in told.seen["runs"].items())
    print("\nAirflow, seconds from the start: " + ", ".join(f"{name} {at:.0f}" for name, at in told.seconds.items()))
    print("runs: " + ", ".join(f"{count} of {dag} {state}" for (dag, state), count in sorted(runs.items())))
    print(f"{told.seen['batches']} batches; {len(told.seen['export'])} files exported; PSS {told.seen['megabytes']} MB")


def watch(told, house, deadline):
    airflow = told.airflow
    told.seen["address"] = airflow.ready()
    told.seconds["ready"] = deadline.spent
    deadline.until("the DAGs to appear", lambda: len(airflow.dags()) >= len(SOURCES) + 2)
    told.seen["dags"] = airflow.dags()
    settings = told.places.settings(house)
    ledger = Ledger.open(settings.ledger)
    ledger.migrate()
    held = ledger.in_transaction(lambda tx: leases.take(tx, f"run:{HELD}", this_holder(), SECONDS))
    try:
        for dag in ("territory", *(f"source_{name}" for name in SOURCES)):
            airflow.switch_on(dag)
        for name in SOURCES:
            airflow.trigger(f"source_{name}", "by-hand")
        by_hand = settings_by_hand(told, settings)
        run_by_hand(by_hand)
        told.seconds["command line"] = deadline.spent
        deadline.until(
            "a task that met the held lease",
            lambda: "up_for_retry" in {state for state, _ in airflow.tasks(f"source_{HELD}").values()},
        )
    finally:
        ledger.in_transaction(lambda tx: leases.release(tx, held))
        ledger.close()
    wanted, _ = batches_of(by_hand)
    told.seen["batches"] = len(wanted)
    deadline.until("the ledger to hold what the command line's holds", lambda: batches_of(settings) == (wanted, True))
    told.seconds["ledger"] = deadline.spent
    deadline.until("the runs to end", airflow.quiet)
    told.seconds["runs"] = deadline.spent
    told.seen["runs"] = airflow.runs()
    told.seen["export"] = files_in(told.places.export)
    told.seen["sums"] = sums_in(settings)
    told.seen["sums by hand"] = sums_in(by_hand)
    told.seen["tries"] = sorted(airflow.tasks(f"source_{HELD}").values())
    told.seen["listening"] = airflow.listening()
    told.seen["megabytes"] = round(airflow.memory())
    more_folders(told, house, deadline)


def settings_by_hand(told, settings):
    """The settings of an instance beside Airflow's, on the same region and with the same clock."""
    told.by_hand.mkdir()
    return replace(
        settings,
        data=told.by_hand / "data",
        ledger=f"sqlite:///{told.by_hand / 'ledger.sqlite'}",
        connections=told.places.connections,
    )


def more_folders(told, house, deadline):
    """One folder more, then one that is broken, whose first task is started; then a healthy source once more."""
    airflow = told.airflow
    sources = house / "mappings" / "sources"
    shutil.copytree(sources / "usmp", sources / "usmp_north")
    deadline.until("the DAG of a new folder", lambda: "source_usmp_north" in airflow.dags())
    told.seen["dags with one more"] = airflow.dags()
    (sources / "torn").mkdir()
    (sources / "torn" / "source.yaml").write_text(BROKEN, encoding="utf-8")
    deadline.until("the DAG of a broken folder", lambda: "source_torn" in airflow.dags())
    airflow.switch_on("source_torn")
    airflow.trigger("source_torn", "by-hand")
    airflow.trigger("source_usmp", "once-more")
    deadline.until(
        "a broken and a healthy source to end",
        lambda: (
            {airflow.runs()["source_torn", "by-hand"], airflow.runs()["source_usmp", "once-more"]}
            <= {"success", "failed"}
        ),
    )
    told.seen["dags with a broken one"] = airflow.dags()
    told.seen["errors"] = airflow.errors()
    told.seen["healthy"] = airflow.runs()["source_usmp", "once-more"]
    told.seen["torn"] = airflow.tasks("source_torn", "by-hand")
    told.seconds["folders"] = deadline.spent


def test_airflow_was_started_and_stopped_within_eight_minutes(observed):
    assert observed.seconds["all"] < SECONDS


def test_the_script_says_where_to_look(observed):
    heard = observed.airflow.heard
    for wanted in (observed.seen["address"], str(observed.places.export), str(observed.airflow.home / "logs")):
        assert wanted in heard
    assert observed.seen["address"].startswith("http://127.0.0.1:")


def test_nothing_listens_on_an_address_that_other_machines_reach(observed):
    assert observed.seen["listening"] == {"127.0.0.1"}


def test_airflow_shows_one_dag_per_source_and_one_for_the_territory(observed):
    assert observed.seen["dags"] == ["source_ans_sample", *(f"source_{name}" for name in SOURCES), "territory"]


def test_every_run_of_every_source_and_of_the_territory_went_through(observed):
    runs = observed.seen["runs"]
    assert {(f"source_{name}", "by-hand") for name in SOURCES} <= runs.keys()
    assert "territory" in {dag for dag, _ in runs}
    assert {run: state for run, state in runs.items() if state != "success"} == {}


def test_the_exports_of_airflow_and_of_the_command_line_are_the_same_byte_for_byte(observed):
    by_hand = files_in(observed.by_hand / "export")
    assert len(by_hand) > 5
    assert observed.seen["export"] == by_hand


def test_both_ledgers_hold_the_same_batches_and_sums(observed):
    assert observed.seen["sums"] == observed.seen["sums by hand"]


def test_what_is_unavailable_is_tried_again_until_it_goes_through(observed):
    tries = observed.seen["tries"]
    runs = [run for dag, run in observed.seen["runs"] if dag == f"source_{HELD}"]
    assert {state for state, _ in tries} == {"success"}
    assert max(number for _, number in tries) >= 2
    log = "".join(observed.airflow.log_of(f"source_{HELD}", run, "check") for run in runs)
    assert f"another run of {HELD} is under way (host " in log


def test_one_more_folder_is_one_more_dag(observed):
    assert set(observed.seen["dags with one more"]) - set(observed.seen["dags"]) == {"source_usmp_north"}


def test_a_broken_folder_leaves_all_other_dags_and_their_tasks(observed):
    assert observed.seen["errors"] == []
    assert set(observed.seen["dags with a broken one"]) == {*observed.seen["dags with one more"], "source_torn"}
    assert observed.seen["healthy"] == "success"


def test_the_first_task_of_a_broken_folder_fails_at_its_first_try_and_says_why(observed):
    assert observed.seen["torn"]["by-hand", "land"] == ("failed", 1)
    assert observed.seen["torn"]["by-hand", "check"][0] == "upstream_failed"
    log = observed.airflow.log_of("source_torn", "by-hand", "land")
    assert "exit code 3: 1 problem in the contracts" in log
    assert "mappings/sources/torn/source.yaml:3" in log


def test_no_process_is_left(observed):
    assert observed.airflow.processes() == []
    assert observed.airflow.script.returncode == 0


# Nothing of a person ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def canaries(observed):
    """Values of simulated persons that occur nowhere else: names, streets, phones, numbers, a file name."""
    told = json.loads((observed.places.territory / "manifest" / "canaries.json").read_text("utf-8"))
    return [*told["values"], *told["files"]]


@pytest.fixture(scope="module")
def scan(canaries):
    return Scan(canaries)


def test_the_scan_finds_a_value_planted_in_airflows_database_and_one_in_a_log(observed, canaries, scan, tmp_path):
    planted = tmp_path / "home"
    shutil.copytree(observed.airflow.home, planted)
    name = next(value for value in canaries if value.startswith("Zzcanari"))
    log = next(planted.glob("logs/dag_id=source_chu/run_id=*/task_id=land/attempt=1.log"))
    with log.open("a", encoding="utf-8") as out:
        out.write(json.dumps({"event": f"PID|1||x||{name.upper()}^"}) + "\n")
    with closing(sqlite3.connect(planted / "airflow.db")) as database, database:
        database.execute("UPDATE rendered_task_instance_fields SET rendered_fields = ?", (json.dumps({"a": name}),))
    found, _ = scan.found_in(planted)
    cell = "airflow.db: rendered_task_instance_fields.rendered_fields"
    assert {cell, log.relative_to(planted).as_posix()} <= set(found)
    assert all(place.startswith("airflow.db") for place in set(found) - {log.relative_to(planted).as_posix()})


def test_nothing_of_a_person_is_in_airflows_database_or_logs(observed, scan):
    found, looked = scan.found_in(observed.airflow.home)
    assert looked > 1000
    assert found == []


def test_the_values_looked_for_are_those_of_the_region_that_airflow_read(observed, scan):
    found, _ = scan.found_in(observed.places.territory / "sources")
    assert any(place.startswith("chu/") for place in found)


def test_nothing_at_all_travels_between_tasks(observed):
    with closing(sqlite3.connect(f"file:{observed.airflow.home / 'airflow.db'}?mode=ro", uri=True)) as database:
        assert database.execute("SELECT count(*) FROM task_instance").fetchone()[0] > 4 * len(SOURCES)
        assert database.execute("SELECT key, value FROM xcom").fetchall() == []
        given = {row[0] for row in database.execute("SELECT rendered_fields FROM rendered_task_instance_fields")}
    stages = ("land", "check", "map", "validate")
    assert {tuple(json.loads(one)["op_args"]) for one in given} == {(), *((stage,) for stage in stages)}


def test_no_connection_is_in_airflows_database(observed):
    with closing(sqlite3.connect(f"file:{observed.airflow.home / 'airflow.db'}?mode=ro", uri=True)) as database:
        assert database.execute("SELECT count(*) FROM connection").fetchone() == (0,)
    assert set(read_connections(observed.places.connections)) >= {"siao_api", "usmp_db"}
