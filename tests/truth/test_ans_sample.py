"""The two public sample messages of the French digital health agency, through a source of the test environment."""

import os
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from carried_region import ROOT

from passerelle.doors.connections import Connection
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.running import run_source
from passerelle.records import Reason
from passerelle.settings import Settings
from passerelle.stores import sums
from passerelle.stores.ledger import batches, findings, items, stored
from passerelle.structure import structure

FOLDER = Path(os.environ.get("PASSERELLE_SHARED", ROOT.parent / "shared")) / "real" / "ans-pam-fr"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir() and os.environ.get("CI") != "true",
    reason="real/ans-pam-fr with admission.er7 and sortie.er7 was wanted, in PASSERELLE_SHARED or ../shared",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("ans")
    keys = root / "keys.json"
    keys.write_text('{"id": "demo"}')
    keys.chmod(0o600)
    settings = replace(
        Settings.from_environment({}),
        keys=keys,
        home=ROOT,
        data=root / "data",
        ledger=f"sqlite:///{root / 'ledger.sqlite'}",
    )
    instance = Instance.open(settings)
    drop = root / "drop"
    drop.mkdir()
    for one in FOLDER.glob("*.er7"):
        (drop / one.name).write_bytes(one.read_bytes())
    time.sleep(1.1)  # a file is whole when it did not change for the declared second
    run_source(instance, "ans_sample", {"ans_files": Connection("file", extra={"path": str(drop)})})
    yield instance
    instance.close()


@pytest.fixture(scope="module")
def resources(run):
    stores = run.stores
    with stores.ledger.read() as tx:
        files = stored.view_files(tx)
        excluded = items.excluded(tx)
        (batch,) = batches.found(tx)
        identity = stored.of_batch(tx, batch.id, stored.FileKind.IDENTITY)
    key = stores.vault.open_data_key(batch.wrapped_key)
    identities = {(one.id, one.row): one.body for file in identity for one in stores.vault.read_identities(file, key)}
    with stores.lake.view(files, excluded) as view:
        rows = view.rows().read_all().to_pylist()
    return [
        run.splitter.join(orjson.loads(row["body"]), orjson.loads(identities.get((row["id"], row["row"]), b"null")))
        for row in rows
    ]


def _moment_of(name: str) -> datetime:
    """When the movement of this sample took place: its ZBE-2, on the clock of France."""
    (movement,) = [one for one in (FOLDER / name).read_text("utf-8").splitlines() if one.startswith("ZBE|")]
    return datetime.strptime(movement.split("|")[2], "%Y%m%d%H%M%S").replace(tzinfo=ZoneInfo("Europe/Paris"))


def test_they_give_one_patient_and_one_encounter(resources):
    assert ["Encounter", "Patient"] == sorted(one["resourceType"] for one in resources)
    assert [None, None] == [structure().check(one) for one in resources]


def test_the_patient_has_a_national_identifier_of_the_test_kind(resources):
    (patient,) = [one for one in resources if one["resourceType"] == "Patient"]

    systems = [one.get("system") for one in patient["identifier"]]
    assert "urn:oid:1.2.250.1.213.1.4.10" in systems
    assert not {"urn:oid:1.2.250.1.213.1.4.8", "urn:oid:1.2.250.1.213.1.4.13"} & set(systems)


def test_the_stay_is_finished_and_no_end_is_invented(resources):
    (stay,) = [one for one in resources if one["resourceType"] == "Encounter"]

    assert "finished" == stay["status"]
    assert _moment_of("admission.er7") == datetime.fromisoformat(stay["period"]["start"])
    assert "end" not in stay["period"]


def test_their_deviations_are_findings_and_nothing_stops(run):
    with run.stores.ledger.read() as tx:
        (batch,) = batches.found(tx)
        noticed = {reason for _, reason, _ in findings.of(tx, batch.id)}
        assert [] == items.found(tx)

    assert {
        Reason.MOVEMENT_SHIFTED,
        Reason.DOUBTFUL_TIMES,
        Reason.FORBIDDEN_FIELD,
        Reason.STAY_KEY_FROM_FILE,
    } <= noticed
    assert [] == sums.recount(run.stores.ledger, run.stores.vault, run.stores.lake)
