"""What tests of several folders share: a ledger on each database, keys, a data folder."""

import shutil

import postgres
import pytest
from hypothesis import settings

from passerelle.stores.keys import KeyRing
from passerelle.stores.ledger import Ledger

# The machine is shared: how long one example takes says nothing.
settings.register_profile("passerelle", deadline=None, max_examples=40)
settings.load_profile("passerelle")


@pytest.fixture(scope="session")
def postgres_server():
    """The URL of a PostgreSQL server."""
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server):
    """The URL of a migrated database that others are copied from."""
    with postgres.database(postgres_server) as url:
        ledger = Ledger.open(url)
        ledger.migrate()
        ledger.close()
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory):
    """A migrated SQLite file that others are copied from."""
    path = tmp_path_factory.mktemp("ledger") / "template.sqlite"
    ledger = Ledger.open(f"sqlite:///{path}")
    ledger.migrate()
    ledger.close()
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite, tmp_path):
    """The URL of a migrated ledger in SQLite."""
    path = tmp_path / "ledger.sqlite"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server, migrated_postgres):
    """The URL of a migrated ledger in PostgreSQL."""
    with postgres.database(postgres_server, template=migrated_postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request):
    """The URL of a migrated ledger: every test that takes it runs on both databases."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def ledger(ledger_url):
    """A migrated ledger: every test that takes it runs on both databases."""
    opened = Ledger.open(ledger_url)
    yield opened
    opened.close()


@pytest.fixture
def keys():
    """The published keys: tests have no secrets."""
    return KeyRing.demo()


@pytest.fixture
def data(tmp_path):
    """An empty data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder
