"""Rule 8. No value of a person in a log, an error, a name or the ledger: not even of a record that is wrong all over."""

import csv
import json
import os
import sqlite3
import subprocess
import sys

import orjson
import pytest
from attacked_region import Somebody, Sources
from canaries import Canaries
from carried_region import ROOT

from passerelle.cli import application
from passerelle.contracts.house import load_house
from passerelle.pipeline import scheduled
from passerelle.pipeline.demonstrating import Places
from passerelle.simulator import serve, simulate
from passerelle.simulator.serving import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH

SECRET = "QZcanari"
SOURCES = ("caarud", "chu", "csapa", "siao", "usmp")


class Needles(Canaries):
    """Every canary of these tests, and nothing else."""

    def __init__(self):
        self.names = [SECRET.casefold()]
        self.needles = [SECRET.casefold()]
        self._bytes = [SECRET.casefold().encode()]


NEEDLES = Needles()


class Mess:
    """A territory in which every column of every table holds a canary once, in a record that is right otherwise."""

    def __init__(self, root):
        self.places = Places(root)
        self.places.clear()
        simulate(60, 23, self.places.territory)
        self.folder = self.places.territory / "sources"
        self.written = 0
        for source, charset, mark in (("csapa", "latin-1", ";"), ("chu", "utf-8", ","), ("caarud", "utf-8", ";")):
            for table in sorted(one.name for one in (self.folder / source).iterdir() if one.name != "adt"):
                self._delimited(source, table, charset, mark)
        self._database()
        self._messages()
        self._service()

    def canary(self):
        self.written += 1
        return f"{SECRET}{self.written}"

    def _delimited(self, source, table, charset, mark):
        folder = self.folder / source / table
        (first, *_) = sorted(folder.glob("*.csv")) or [None]
        if first is None:
            return
        with first.open(encoding=charset, newline="") as lines:
            reader = csv.DictReader(lines, delimiter=mark)
            row, names = next(iter(reader)), list(reader.fieldnames)
        path = folder / f"{table}_zz_canaries.csv"
        with path.open("w", encoding=charset, newline="") as out:
            writer = csv.DictWriter(out, names, delimiter=mark, lineterminator="\r\n")
            writer.writeheader()
            for column in names:
                writer.writerow({**row, names[0]: f"Z{self.written}", column: self.canary()})
            out.write(f"{self.canary()}{mark}{self.canary()}\r\n")  # too few columns
            out.write(f'"{self.canary()}{mark}\r\n')  # a quotation that never ends
        path.with_name(f"{path.name}.ok").touch()
        strange = folder / f"{table}_{SECRET}.csv"
        strange.write_text(f"{self.canary()}{mark}{self.canary()}\r\n{self.canary()}{mark}x\r\n", encoding=charset)
        strange.with_name(f"{strange.name}.ok").touch()

    def _database(self):
        with sqlite3.connect(self.folder / "usmp" / "usmp.sqlite") as base:
            for (table,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                names = [one[1] for one in base.execute(f"PRAGMA table_info({table})")]
                first = base.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
                for number in range(1, len(names) if first else 0):
                    row = [990000 + self.written, *first[1:]]
                    row[number] = self.canary()
                    marks = ", ".join("?" * len(row))
                    base.execute(f"INSERT INTO {table} VALUES ({marks})", row)
        base.close()

    def _messages(self):
        sources = Sources(self.folder)
        somebody = Somebody(1, f"{SECRET}nom")
        for number in (3, 5, 7, 8, 11, 13, 16, 18, 29, 30, 32):
            sources.message(somebody, "A01", "20250601110000", stay=f"Z{number}", pid={number: self.canary()})
        for number in (2, 4, 7, 14, 19, 21, 36, 37):
            sources.message(somebody, "A01", "20250601110000", stay=f"Y{number}", pv1={number: self.canary()})
        for number in (1, 2, 4, 5, 6, 7, 9):
            sources.message(somebody, "A03", "20250610110000", stay=f"X{number}", zbe={number: self.canary()})
        for number in (7, 9, 10, 12, 18):
            sources.message(somebody, "A03", "20250610110000", stay=f"W{number}", msh={number: self.canary()})
        sources.write("zz_canaries")
        path = self.folder / "chu" / "adt" / f"adt_{SECRET}.er7"
        path.write_bytes(f"{self.canary()}|no message at all\r\nMSH|{self.canary()}\r\n".encode())
        path.with_name(f"{path.name}.ok").touch()

    def _service(self):
        for name in ("demandes", "placements", "fins"):
            path = self.folder / "siao" / f"{name}.ndjson"
            lines = path.read_text("utf-8").splitlines()
            if not lines:
                continue
            first = json.loads(lines[0])
            for number, (key, value) in enumerate(first.items()):
                row = {**first, "id": 990000 + number, "modifie_le": first.get("modifie_le")}
                row[key] = {**value, next(iter(value)): self.canary()} if isinstance(value, dict) else self.canary()
                if key not in {"id", "modifie_le"}:
                    lines.append(json.dumps(row, ensure_ascii=False))
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def environment(self):
        told = self.places.settings(ROOT)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PASSERELLE_")}
        return {
            **kept,
            "PASSERELLE_KEYS": str(told.keys),
            "PASSERELLE_HOME": str(told.home),
            "PASSERELLE_DATA": str(told.data),
            "PASSERELLE_LEDGER": told.ledger,
            "PASSERELLE_CONNECTIONS": str(told.connections),
            "PASSERELLE_AS_OF": told.as_of.isoformat(),
            "PASSERELLE_JURISDICTION": told.jurisdiction,
        }


@pytest.fixture(scope="module")
def mess(tmp_path_factory):
    """The territory, run by the command line; what every command said, and how it ended."""
    made = Mess(tmp_path_factory.mktemp("mess") / "demo")
    made.said = {}

    def command(*arguments, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "passerelle", *arguments],
            env={**made.environment(), **environment},
            capture_output=True,
            check=False,
        )
        made.said[arguments] = done.returncode, (done.stdout + done.stderr).decode()
        return done.returncode

    made.command = command
    with serve(made.places.territory) as server:
        made.places.write_keys()
        made.places.write_connections(server.url, (CLIENT_ID, CLIENT_SECRET), TOKEN_PATH)
        command("run", *SOURCES)
    return made


def test_a_run_over_records_that_are_wrong_all_over_says_no_value(mess):
    code, text = mess.said["run", *SOURCES]

    assert mess.written > 200
    assert code in {0, 1}, text
    assert "batches of this run" in text.casefold()
    assert set() == NEEDLES.in_text(text)


def test_the_ledger_and_the_lake_hold_no_value_of_them(mess):
    assert {} == NEEDLES.in_ledger(mess.environment()["PASSERELLE_LEDGER"])
    assert {} == NEEDLES.in_parquet(mess.places.root / "data")


def test_no_file_of_ours_has_a_name_from_outside(mess):
    assert {} == NEEDLES.in_names(mess.places.root / "data")
    sealed = list((mess.places.root / "data").rglob("*.sealed"))
    assert sealed
    assert {} == NEEDLES.in_files(*sealed, mess.places.root / "ledger.sqlite")


def in_process(mess, monkeypatch, capfd, *arguments):
    """What `main` says and how it ends, in this process."""
    for name, value in mess.environment().items():
        if name.startswith("PASSERELLE_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["passerelle", *arguments])
    code = 0
    try:
        application.main()
    except SystemExit as ended:
        code = ended.code or 0
    told = capfd.readouterr()
    return code, told.out + told.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("ledger",),
        ("ledger", "--json"),
        ("quarantine", "list", "--limit", "100000"),
        ("quarantine", "list", "--json", "--language", "fr", "--limit", "100000"),
        ("quarantine", "replay", "csapa"),
        ("quarantine", "replay", "chu"),
        ("quarantine", "show", "csapa-patients-000001", "999999"),
        ("explain", "csapa", "Patient.name"),
        ("explain", "00000000-0000-8000-8000-000000000000", "Patient.name"),
    ],
    ids=" ".join,
)
def test_no_command_over_them_says_a_value(mess, monkeypatch, capfd, arguments):
    code, text = in_process(mess, monkeypatch, capfd, *arguments)

    assert code in {0, 1, 2}, text
    assert text.strip()
    assert set() == NEEDLES.in_text(text)


def test_what_leaves_of_them_and_the_page_hold_none_either(mess, monkeypatch, capfd):
    out, page = mess.places.root / "out", mess.places.root / "page.html"

    code, text = in_process(mess, monkeypatch, capfd, "territory", "run", "--out", str(out), "--page", str(page))

    assert 0 == code, text
    assert set() == NEEDLES.in_text(text + page.read_text("utf-8"))
    assert {} == NEEDLES.in_names(out)


def test_a_stopped_record_is_shown_to_whoever_asks_for_it_and_the_look_is_kept(mess, monkeypatch, capfd):
    """The one command that opens a record does so for one record, and says so in the audit."""
    _, text = in_process(mess, monkeypatch, capfd, "quarantine", "list", "--json", "--limit", "100000")
    listed = json.loads(text[text.index("[") : text.rindex("]") + 1])
    at = next(one for one in listed if one["reason"] == "unknown-code" and one["batch"].startswith("csapa-"))

    code, text = in_process(mess, monkeypatch, capfd, "quarantine", "show", at["batch"], str(at["row"]))

    assert 0 == code
    assert NEEDLES.in_text(text)
    with sqlite3.connect(mess.places.root / "ledger.sqlite") as base:
        (kept,) = base.execute("SELECT count(*) FROM audit WHERE action = 'quarantine show'").fetchone()
    base.close()
    assert 1 == kept


# Files from outside --------------------------------------------------------------------------------------------------


def test_a_file_that_is_no_fhir_is_told_by_place_and_not_by_value(mess, monkeypatch, capfd, tmp_path):
    wrong = {
        "resourceType": "Patient",
        "id": f"{SECRET} with spaces",
        "name": [{"family": {"of": SECRET}}],
        "gender": SECRET,
        "birthDate": SECRET,
        "identifier": [{"system": "urn:oid:1.2.250.1.213.1.4.8", "value": 7}],
        "telecom": [{"system": SECRET, "value": SECRET}],
    }
    lines = [orjson.dumps(wrong), b'{"resourceType": "' + SECRET.encode() + b'"}', b'{"' + SECRET.encode() + b'": 1']
    path = tmp_path / "in.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")

    for more in ((), ("--json",), ("--language", "fr")):
        code, text = in_process(mess, monkeypatch, capfd, "validate", str(path), *more)
        assert 1 == code
        assert set() == NEEDLES.in_text(text), [line for line in text.splitlines() if NEEDLES.in_text(line)]


def test_a_source_that_is_begun_from_a_sample_keeps_no_value_of_it(mess, monkeypatch, capfd, tmp_path):
    home = tmp_path / "home"
    (home / "mappings" / "sources").mkdir(parents=True)
    sample = tmp_path / "sample.csv"
    rows = [f"{number};{SECRET}{number};{SECRET};2025-01-01 10:00" for number in range(20)]
    sample.write_text("\n".join(["id;nom;statut;modifie", *rows]) + "\n", encoding="utf-8")
    for name, value in mess.environment().items():
        if name.startswith("PASSERELLE_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("PASSERELLE_HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["passerelle", "new-source", "shop", "--from", str(sample)])

    with pytest.raises(SystemExit) as ended:
        application.main()

    assert not ended.value.code
    told = capfd.readouterr()
    written = "".join(path.read_text("utf-8") for path in (home / "mappings").rglob("*.*"))
    assert "statut" in written
    assert set() == NEEDLES.in_text(told.out + told.err + written)


# What nobody expected ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "passerelle.pipeline.running.land",
        "passerelle.pipeline.running.check_batch",
        "passerelle.pipeline.running.map_batch",
        "passerelle.pipeline.running.publish",
        "passerelle.stores.ledger.batches.found",
    ],
)
def test_an_error_that_nobody_expected_is_told_by_kind_and_place(mess, monkeypatch, capfd, place):
    def fail(*_args, **_kwargs):
        try:
            raise KeyError(f"{SECRET} as a key")
        except KeyError as first:
            raise ValueError(f"could not read {SECRET}") from first

    monkeypatch.setattr(place, fail)
    sources = Sources(mess.folder)
    sources.message(Somebody(3, "ZZNEUF"), "A01", "20250601110000", stay=f"V{len(place)}")
    sources.write(f"zz_{len(place)}")

    code, text = in_process(mess, monkeypatch, capfd, "run", "chu")

    assert 5 == code, text
    assert "ValueError" in text
    assert set() == NEEDLES.in_text(text)


NOISY = f"""
import logging, sys, threading, warnings
from passerelle.cli import main
from passerelle.pipeline import running

class Fails:
    def __del__(self):
        raise ValueError("{SECRET}")

def fail():
    raise ValueError("{SECRET}")

def noisy(*_args, **_kwargs):
    logging.getLogger("some.library").error("cannot read %s", "{SECRET}")
    logging.getLogger().warning("{SECRET}")
    warnings.warn("strange value {SECRET}")
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    Fails()
    return []

running.land = noisy
sys.argv = ["passerelle", "run", "caarud", "--stage", "land"]
main()
"""


def test_a_library_that_logs_warns_or_fails_aside_says_nothing_of_anybody(mess):
    done = subprocess.run([sys.executable, "-c", NOISY], env=mess.environment(), capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode()

    assert 0 == done.returncode, text
    assert set() == NEEDLES.in_text(text)
    for told in ("some.library", "UserWarning", "ValueError in a thread", "ValueError in a finalizer"):
        assert told in text


def test_a_task_of_the_scheduler_fails_without_a_value_cause_or_context(mess, monkeypatch):
    def fail(*_args, **_kwargs):
        raise ValueError(f"could not read {SECRET}")

    monkeypatch.setattr(scheduled, "run_source", fail)
    monkeypatch.setattr(scheduled, "run_territory", fail)
    for name, value in mess.environment().items():
        if name.startswith("PASSERELLE_"):
            monkeypatch.setenv(name, value)
    for act in (
        lambda: scheduled.run_source_stage("chu", "map", {"params": {}}, lambda name: None),
        lambda: scheduled.run_territory_once({"params": {}}),
    ):
        with pytest.raises(scheduled.Final) as failed:
            act()
        assert set() == NEEDLES.in_text(str(failed.value))
        assert failed.value.__cause__ is None
        assert failed.value.__suppress_context__


def test_between_tasks_only_names_travel():
    for path in sorted((ROOT / "dags").glob("*.py")):
        body = path.read_text("utf-8")
        assert "xcom_push" not in body
        assert "return " not in body.split("def run_stage", 1)[-1].split("step = ")[0]


def test_every_source_declares_what_identifies_somebody():
    """What the other tests look for is what contracts call identity; a name that is not called so would be missed."""
    telling = {"nom", "prenom", "telephone", "adresse", "commune", "ins", "matricule_ins", "num_ecrou", "ddn"}
    told = []
    for name, folder in load_house(ROOT).sources.items():
        for table, one in folder.source.tables.items():
            told += [
                (name, table, column)
                for column, declared in one.columns.items()
                if column.removesuffix("_naissance") in telling and not declared.identity and not declared.unread
            ]
    assert [] == told
