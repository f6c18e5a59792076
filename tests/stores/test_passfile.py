"""The password of the ledger comes from a passfile and stands in no address, as docker/compose.yaml has it."""

from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
import yaml

from passerelle.errors import Unavailable
from passerelle.stores.ledger import Ledger

DOCKER = Path(__file__).parents[2] / "docker"
USER, PASSWORD = "passerelle_asked", "four-doors"


def environment():
    lines = (DOCKER / "env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_engine_is_given_the_passfile_that_its_environment_names():
    told = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
    name = Path(environment()["PGPASSFILE"])

    assert Path("/run/secrets") == name.parent
    assert name.name in told["services"]["passerelle"]["secrets"]
    assert name.name in told["secrets"]
    assert sa.make_url(environment()["PASSERELLE_LEDGER"]).password is None


@pytest.fixture
def asking(postgres_server, migrated_postgres):
    """The URL of a ledger on a server that asks for a password, without it."""
    url = sa.make_url(migrated_postgres)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        (rules,) = connection.execute("SHOW hba_file").fetchone()
        connection.execute(f"DROP ROLE IF EXISTS {USER}")
        connection.execute(f"CREATE ROLE {USER} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
        path = Path(rules)
        if not path.is_file():
            pytest.skip("the rules of this server are not ours to change")
        before = path.read_text("utf-8")
        path.write_text(f"local all {USER} scram-sha-256\n{before}", "utf-8")
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield url.set(username=USER)
        finally:
            path.write_text(before, "utf-8")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"DROP ROLE {USER}")


def opened(url):
    Ledger.open(url.render_as_string(hide_password=False)).close()


def test_a_ledger_that_asks_for_a_password_is_opened_with_that_of_the_passfile(asking, tmp_path, monkeypatch):
    passfile = tmp_path / "ledger_passfile"
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    with pytest.raises(Unavailable):
        opened(asking)

    passfile.write_text(f"*:*:*:{USER}:{PASSWORD}\n", encoding="utf-8")
    passfile.chmod(0o600)
    opened(asking)
