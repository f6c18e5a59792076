"""People whose names nobody else has went through every source: they are met in the vault, and nowhere else."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import region as regions
from canaries import Canaries
from typer.testing import CliRunner

from passerelle.cli.application import app
from passerelle.ids import resource_id
from passerelle.stores.ledger import run_log

SOURCES = ("caarud", "ch", "csapa")
"""Sources with names, with messages, with a file whose name is a canary, and with records that stop."""


@pytest.fixture(scope="module")
def canaries(region):
    return Canaries(region)


@pytest.fixture(scope="module")
def told(region, postgres_server, migrated_postgres, tmp_path_factory):
    """An instance on PostgreSQL that commands were run in, and what they said."""
    import postgres

    with postgres.database(postgres_server, template=migrated_postgres) as url:
        place = regions.Place(tmp_path_factory.mktemp("told"), ledger=url, sources=region / "sources")
        command = [sys.executable, "-m", "passerelle", "run", *SOURCES]
        done = subprocess.run(command, env=place.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said = {"run": done.stdout + done.stderr}
        for arguments in (
            ["ledger", "--json"],
            ["ledger", "verify"],
            ["quarantine", "list", "--json", "--limit", "100000"],
            ["quarantine", "list", "--language", "fr"],
            ["quarantine", "replay", "csapa"],
            ["run", *SOURCES, "--stage", "land"],
            ["export", "--out", str(place.root / "export")],
        ):
            result = CliRunner().invoke(app, arguments, env=place.environment())
            said[" ".join(arguments[:3])] = f"{result.output}{result.stderr}{result.exception or ''}"
            assert result.exit_code == 0, result.output
        yield place, said


# Each scanner finds what is planted ---------------------------------------------------------------------------------


def test_the_values_are_those_of_fifty_people(canaries):
    assert len(canaries.names) == 50
    assert canaries.in_text(f"{canaries.names[3].upper()} est là") != set()


def test_a_canary_in_another_dress_is_one_all_the_same(canaries, region):
    values = json.loads((region / "manifest" / "canaries.json").read_text("utf-8"))["values"]
    phone = next(one for one in values if one.isdigit() and len(one) == 10)
    assert canaries.in_text(f"tel:+33{phone[1:]}") != set()
    assert canaries.in_text("ZZCANÀRI00") != set()


def test_a_canary_planted_in_a_column_of_parquet_is_found(canaries, tmp_path):
    body = pa.array([json.dumps({"name": [{"family": canaries.names[0].title()}]}).encode()])
    pq.write_table(pa.table({"id": [b"0"], "body": body}), tmp_path / "a.parquet")
    assert ("a.parquet", "body") in canaries.in_parquet(tmp_path)


def planted_in(ledger, text):
    ledger.in_transaction(lambda tx: run_log.note(tx, "test", detail=text))


def test_a_canary_planted_in_a_ledger_of_sqlite_is_found(canaries, undisturbed, tmp_path):
    copy = regions.copy_of(undisturbed, tmp_path)
    planted_in(copy.stores.ledger, f'{{"who": "{canaries.names[1].upper()}"}}')
    assert list(canaries.in_ledger(copy.settings.ledger)) == [("run_log", "detail")]
    copy.close()


def test_a_canary_planted_in_a_ledger_of_postgresql_is_found(canaries, ledger_url):
    from passerelle.stores.ledger import Ledger

    ledger = Ledger.open(ledger_url)
    planted_in(ledger, canaries.names[2].title())
    assert list(canaries.in_ledger(ledger_url)) == [("run_log", "detail")]
    ledger.close()


def test_a_canary_planted_in_bytes_or_a_name_is_found(canaries, tmp_path):
    path = tmp_path / "vault" / f"{canaries.names[4]}.sealed"
    path.parent.mkdir()
    path.write_bytes(b"\x00\x01" + canaries.names[5].upper().encode() + b"\xff")
    assert list(canaries.in_files(path)) == [path.name]
    assert list(canaries.in_names(tmp_path)) == [f"vault/{path.name}"]


def test_people_went_through_and_lie_in_the_vault(canaries, undisturbed):
    met = canaries.in_vault(undisturbed)
    assert sum(name in met for name in canaries.names) >= 40


# And finds nothing where nothing may be -----------------------------------------------------------------------------


def test_the_lake_holds_no_canary(canaries, undisturbed, told):
    place, _ = told
    for data in (undisturbed.settings.data, place.settings.data):
        assert len(list(data.rglob("*.parquet"))) > 0
        assert canaries.in_parquet(data) == {}


def test_the_sealed_files_show_no_canary(canaries, undisturbed):
    sealed = list(undisturbed.settings.data.rglob("*.sealed"))
    assert len(sealed) > 0
    assert canaries.in_files(*sealed) == {}


def test_no_name_of_a_file_is_a_canary(canaries, undisturbed, told):
    place, _ = told
    assert canaries.in_names(undisturbed.settings.data.parent) == {}
    assert canaries.in_names(place.root) == {}


def test_the_ledger_holds_no_canary(canaries, undisturbed, exported, told):
    place, _ = told
    for url in (undisturbed.settings.ledger, exported.settings.ledger, place.settings.ledger):
        assert canaries.in_ledger(url) == {}
    databases = [one.settings.data.parent.glob("ledger.sqlite*") for one in (undisturbed, exported)]
    assert canaries.in_files(*(path for found in databases for path in found)) == {}


def test_no_command_says_a_canary(canaries, told):
    _, said = told
    assert {name: met for name, text in said.items() if (met := canaries.in_text(text))} == {}
    assert all(text.strip() for text in said.values())


def test_the_page_shows_no_canary(canaries, exported):
    page = (exported.settings.data.parent / "page.html").read_text("utf-8")
    assert canaries.in_text(page) == set()


def test_explaining_a_canary_does_not_name_it(canaries, told):
    place, _ = told
    instance = place.open()
    stores = instance.stores
    from passerelle.stores.ledger import batches, stored
    from passerelle.stores.ledger.stored import FileKind

    with stores.ledger.read() as tx:
        batch = batches.by_name(tx, "csapa-patients-000001")
        (file,) = stored.of_batch(tx, batch.id, FileKind.IDENTITY)
    key = stores.vault.open_data_key(batch.wrapped_key)
    person = next(one for one in stores.vault.read_identities(file, key) if canaries.in_bytes(one.body))
    instance.close()
    for element in ("Patient.name.family", "Patient.telecom.value", "Patient.identifier.value"):
        result = CliRunner().invoke(app, ["explain", resource_id(person.id), element], env=place.environment())
        assert result.exit_code == 0, result.output
        assert canaries.in_text(result.output + result.stderr) == set()
